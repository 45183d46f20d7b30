// Both sides' words as a conversation, while they are being spoken.

import { label, text } from "./i18n.js";

/** A log of utterances in the order in which each began. */
export class Captions {
  #list;
  #empty;
  #follow;
  #items = new Map();

  /** @param {import("./follow.js").Follow} follow Keeps the end of the list in sight. */
  constructor(list, empty, follow) {
    this.#list = list;
    this.#empty = empty;
    this.#follow = follow;
  }

  get isEmpty() {
    return this.#items.size === 0;
  }

  /** Begin anew. @returns {() => void} Takes that back. */
  clear() {
    const [before, shown] = [this.#items, [...this.#list.children]];
    this.#items = new Map();
    this.#list.replaceChildren();
    this.#empty.hidden = false;
    return () => {
      this.#items = before;
      this.#list.replaceChildren(...shown);
      this.#empty.hidden = before.size > 0;
      this.#follow.toEnd();
    };
  }

  /**
   * Show an utterance as it stands now.
   * @param {{id: string, role: "user" | "agent" | "guest", name?: string, text: string,
   *   final: boolean, typed?: boolean, cut?: boolean, time?: string}} caption
   *   The whole text so far; an interim one is replaced by the next of the same id.
   */
  show({ id, role, name, text: words, final, typed, cut, time }) {
    if (!words.trim() && !this.#items.has(id)) return;
    const item = this.#items.get(id) ?? this.#add(id, role, name, time);
    item.dataset.final = String(final);
    this.#write(item.querySelector("p"), words);
    if (cut) mark(item);
    // Whoever has just written wants to see that, and the answer, wherever they were reading.
    if (typed) this.#follow.toEnd();
    else this.#follow.grown();
  }

  /** The agent was cut off: what it said last is not the whole of it. */
  cut() {
    const last = [...this.#items.values()].findLast((item) => item.dataset.role === "agent");
    if (!last) return;
    mark(last);
    this.#follow.grown();
  }

  /** Nobody says more: what was still being said stays as it is. @returns {boolean} By the agent. */
  end() {
    const open = [...this.#items.values()].filter((item) => item.dataset.final === "false");
    for (const item of open) item.dataset.final = "true";
    return open.some((item) => item.dataset.role === "agent");
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
}

function mark(item) {
  if (item.dataset.cut) return;
  item.dataset.cut = "true";
  const end = document.createElement("span");
  end.className = "cut";
  label(end, "cut");
  item.append(end);
}
