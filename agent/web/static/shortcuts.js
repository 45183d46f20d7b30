// Keys for what one does in a conversation without looking. Whoever speaks to their computer, or
// hits keys by accident, can turn them off.

const $ = (id) => document.getElementById(id);
const KEYS = { m: "mute", t: "message", Escape: "stop" };

/** @param {() => boolean} on Whether they are to work now. */
export function listenForShortcuts(on) {
  document.addEventListener("keydown", (event) => {
    if (!on() || event.defaultPrevented || event.isComposing) return;
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (document.querySelector("dialog[open]")) return;
    const typed = event.key.length === 1; // a letter, which belongs to the text where there is one
    if (typed && event.target.matches("input, select, textarea")) return;
    const id = KEYS[typed ? event.key.toLowerCase() : event.key];
    if (id) press(id, event);
  });
}

/** Say at each button which key does the same, for screen readers, while there is one. */
export function tellShortcuts(on) {
  for (const [key, id] of Object.entries(KEYS)) {
    if (on) $(id).setAttribute("aria-keyshortcuts", key);
    else $(id).removeAttribute("aria-keyshortcuts");
  }
}

function press(id, event) {
  const element = $(id);
  if (element.hidden || element.disabled) return;
  event.preventDefault();
  if (element.matches("button")) element.click();
  else element.focus();
}
