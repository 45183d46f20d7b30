// Both sides' words as a conversation, while they are being spoken.

import { text } from "./i18n.js";

/** A log of utterances in the order in which each began. */
export class Captions {
  #list;
  #empty;
  #items = new Map();

  constructor(list, empty) {
    this.#list = list;
    this.#empty = empty;
  }

  get isEmpty() {
    return this.#items.size === 0;
  }

  clear() {
    this.#items.clear();
    this.#list.replaceChildren();
    this.#empty.hidden = false;
  }

  /**
   * Show an utterance as it stands now.
   * @param {{id: string, role: "user" | "agent" | "guest", name?: string, text: string,
   *   final: boolean, time?: string}} caption
   *   The whole text so far; an interim one is replaced by the next of the same id.
   */
  show({ id, role, name, text: words, final, time }) {
    if (!words.trim() && !this.#items.has(id)) return;
    const atEnd = this.#isAtEnd();
    const item = this.#items.get(id) ?? this.#add(id, role, name, time);
    item.dataset.final = String(final);
    this.#write(item.lastElementChild, words);
    if (atEnd) this.#list.scrollTop = this.#list.scrollHeight;
  }

  #add(id, role, name, time) {
    const item = document.createElement("li");
    item.dataset.role = role;
    item.dataset.segment = id;
    const who = document.createElement("span");
    who.className = "who";
    if (name) {
      who.textContent = name;
    } else {
      who.dataset.text = { user: "you", agent: "parley", guest: "guest" }[role];
      who.textContent = text(who.dataset.text);
    }
    const words = document.createElement("p");
    words.dir = "auto";
    const when = document.createElement("span");
    when.className = "time";
    when.textContent = time;
    item.append(who, ...(time ? [when] : []), words);
    this.#items.set(id, item);
    this.#list.append(item);
    this.#empty.hidden = true;
    return item;
  }

  // Words that were already there stay as they are, so that only the new ones fade in.
  #write(element, words) {
    const shown = element.textContent;
    if (words === shown) return;
    if (!words.startsWith(shown)) element.replaceChildren();
    const added = document.createElement("span");
    added.textContent = words.slice(element.textContent.length);
    element.append(added);
  }

  #isAtEnd() {
    const { scrollTop, clientHeight, scrollHeight } = this.#list;
    return scrollHeight - scrollTop - clientHeight < 48;
  }
}
