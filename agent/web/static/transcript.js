// What both sides said, with times, as a text that anybody can read.

import { language, text } from "./i18n.js";
import { clock } from "./records.js";

export class Transcript {
  #started = new Date();
  #said = new Map(); // in the order in which each began

  /** A conversation begins, or one that was saved is shown. @returns {() => void} Takes it back. */
  begin(started = new Date()) {
    const before = [this.#started, this.#said];
    [this.#started, this.#said] = [started, new Map()];
    return () => ([this.#started, this.#said] = before);
  }

  get isEmpty() {
    return this.#said.size === 0;
  }

  /**
   * As Conversation's "caption".
   * @param {number} [at] Seconds from the beginning; now if left out.
   */
  caption({ id, role, name, text: words, cut }, at) {
    const known = this.#said.get(id);
    if (!words.trim() && !known) return;
    const since = known?.at ?? at ?? (Date.now() - this.#started) / 1000;
    this.#said.set(id, { role, name, words, at: since, cut: cut ?? known?.cut ?? false });
  }

  /** The agent was cut off; what it had said last is not the whole of it. */
  cut() {
    const last = [...this.#said.values()].findLast(({ role }) => role === "agent");
    if (last) last.cut = true;
  }

  /** The text, in the language of the page. */
  toString() {
    const when = this.#started.toLocaleString(language(), { dateStyle: "long", timeStyle: "short" });
    const lines = [...this.#said.values()].map(({ role, name, words, at, cut }) => {
      const who = name || text({ user: "you", agent: "parley", guest: "guest" }[role]);
      const end = cut ? ` [${text("cut")}]` : "";
      return `[${clock(at)}] ${who}: ${words.trim()}${end}`;
    });
    return [`${text("parley")}, ${when}`, "", ...lines, ""].join("\n");
  }

  /** When it began, as part of a file's name. */
  get stamp() {
    return this.#started.toISOString().slice(0, 16).replaceAll(":", "");
  }
}

/** Give the visitor a file. */
export function download(file, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the browser is reading it
}
