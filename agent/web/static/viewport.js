// What a phone's keyboard leaves of the page. Some browsers make the page smaller, others only lay
// the keyboard over it and tell nobody but the visual viewport.

const LOW = 480; // px; less than any phone has upright without a keyboard
const NARROW = 640; // px; a window that is wider has the layout of a phone on its side

/** Keep the page within what can be seen; body's data-low says that this is little. */
export function fitViewport() {
  const seen = window.visualViewport;
  if (!seen) return;
  const fit = () => {
    const { body } = document;
    // Whoever zooms in sees a part of the page, and is to see it as it was.
    const covered = seen.scale < 1.01 && seen.height < window.innerHeight - 1;
    if (covered) body.style.setProperty("--seen", `${seen.height}px`);
    else body.style.removeProperty("--seen");
    body.dataset.covered = String(covered);
    const height = covered ? seen.height : window.innerHeight;
    body.dataset.low = String(height < LOW && window.innerWidth < NARROW);
    // It was scrolled up for the keyboard, as it did not fit yet.
    if (covered && seen.offsetTop > 0) window.scrollTo(0, 0);
  };
  seen.addEventListener("resize", fit);
  seen.addEventListener("scroll", fit);
  fit();
}
