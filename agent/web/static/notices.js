// What went wrong, in clear words, each with at most one thing to do about it.

import { text } from "./i18n.js";

/** A stack of notices by code; an aria-live region, so that each is read out once. */
export class Notices {
  #region;
  #shown = new Map();

  constructor(region) {
    this.#region = region;
  }

  /**
   * @param {string} code A key of i18n's "notice".
   * @param {{name: string, run: () => void}} [action] `name` is a key of i18n's "action".
   */
  show(code, action) {
    this.hide(code);
    const notice = document.createElement("div");
    notice.className = "notice";
    notice.dataset.code = code;
    const words = document.createElement("p");
    words.dataset.text = `notice.${code}`;
    words.textContent = text("notice", code);
    notice.append(words);
    if (action) {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.text = `action.${action.name}`;
      button.textContent = text("action", action.name);
      button.addEventListener("click", action.run);
      notice.append(button);
    }
    const close = document.createElement("button");
    close.type = "button";
    close.className = "close";
    close.dataset.label = "dismiss";
    close.setAttribute("aria-label", text("dismiss"));
    close.textContent = "×";
    close.addEventListener("click", () => this.hide(code));
    notice.append(close);
    this.#shown.set(code, notice);
    this.#region.append(notice);
  }

  hide(...codes) {
    for (const code of codes) {
      this.#shown.get(code)?.remove();
      this.#shown.delete(code);
    }
  }

  clear() {
    this.hide(...this.#shown.keys());
  }
}
