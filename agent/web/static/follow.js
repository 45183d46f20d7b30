// A list that grows at its end, and stays there unless somebody has scrolled away from it.

const NEAR = 48; // px from the end that are still taken for it

export class Follow {
  #list;
  #button;
  #atEnd = true;
  #seen = { top: 0, height: 0 }; // where the list was, and how much of it could be seen

  /**
   * @param {HTMLElement} list What scrolls.
   * @param {HTMLButtonElement} button Leads back to the end, and shows while that is out of sight.
   */
  constructor(list, button) {
    this.#list = list;
    this.#button = button;
    // Where one is, only scrolling tells: a keyboard that opens, or a turn of the phone, makes the
    // list smaller, and then its end is out of sight though nobody has left it.
    list.addEventListener("scroll", () => this.#scrolled());
    new ResizeObserver(() => this.grown()).observe(list);
    button.addEventListener("click", () => {
      this.toEnd();
      list.focus({ preventScroll: true }); // the button is gone now
    });
  }

  /** There is more in the list, or less room for it. */
  grown() {
    this.#seen.height = this.#list.clientHeight;
    if (this.#atEnd) this.toEnd();
    else this.#look();
  }

  toEnd() {
    this.#list.scrollTop = this.#list.scrollHeight;
    this.#atEnd = true;
    this.#look();
  }

  #scrolled() {
    const { scrollTop, clientHeight } = this.#list;
    // Word of a scrolling comes later, and then the list may be of another size already.
    if (clientHeight !== this.#seen.height) return;
    if (scrollTop < this.#seen.top) this.#atEnd = false;
    this.#look();
  }

  #look() {
    const { scrollTop, clientHeight, scrollHeight } = this.#list;
    this.#seen.top = scrollTop;
    if (scrollHeight - scrollTop - clientHeight < NEAR) this.#atEnd = true;
    this.#button.hidden = this.#atEnd;
  }
}
