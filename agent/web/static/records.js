// The agent's records as a list that grows: turns, sounds over the agent, the first words, engines
// that failed and those that answered in their place.

import { label, text } from "./i18n.js";
import { milliseconds, spanOf, waterfall } from "./waterfall.js";

const KINDS = ["turn", "overlap", "first_words", "fault", "fallback"];
const ENGINES = ["stt", "llm", "tts"];

export class Records {
  #list;
  #seek;
  #turns = [];
  #last = null;
  #times = 0; // that the last of them has come, one after the other

  /**
   * @param {HTMLElement} list
   * @param {(seconds: number) => void} seek Play the sound from there.
   */
  constructor(list, seek) {
    this.#list = list;
    this.#seek = seek;
  }

  clear() {
    this.#list.replaceChildren();
    this.#turns = [];
    this.#last = null;
  }

  /**
   * @param {object} record As the agent sent it, with `at` and `heard` where they are known.
   * @param {boolean} [replayed] There is sound to play from where it began.
   */
  add(record, replayed = false) {
    if (!KINDS.includes(record.kind)) return; // of a newer agent
    if (this.#repeats(record)) return;
    const atEnd = this.#list.scrollHeight - this.#list.scrollTop - this.#list.clientHeight < 48;
    const item = document.createElement("li");
    item.dataset.kind = record.kind;
    item.append(this.#heading(record, replayed));
    if (record.kind === "turn") this.#describe(item, record);
    else if (record.kind === "overlap") item.append(facts(overlap(record)));
    else if (record.kind === "fault") item.append(facts(fault(record)));
    else if (record.kind === "fallback") item.append(facts(fallback(record)));
    else item.append(facts([["after", milliseconds(record.seconds)]]));
    this.#list.append(item);
    if (atEnd) this.#list.scrollTop = this.#list.scrollHeight;
  }

  /** Count one that says the same as the last: an engine that is gone fails at each request. */
  #repeats(record) {
    const same = ["fault", "fallback"].includes(record.kind) ? sameness(record) : null;
    this.#times = same !== null && same === this.#last ? this.#times + 1 : 1;
    this.#last = same;
    if (this.#times === 1) return false;
    const heading = this.#list.lastElementChild.querySelector("h3");
    heading.querySelector(".times").textContent = `×${this.#times}`;
    return true;
  }

  #heading(record, replayed) {
    const heading = document.createElement("h3");
    const words = document.createElement("span");
    label(words, "details", record.kind);
    heading.append(words);
    const number = /-(\d+)$/.exec(record.id);
    if (record.kind === "turn" && number) heading.append(` ${number[1]}`);
    const times = document.createElement("span");
    times.className = "times";
    heading.append(times);
    const at = record.heard?.voice ?? record.at;
    if (!Number.isFinite(at)) return heading;
    const time = document.createElement(replayed ? "button" : "span");
    time.className = "time";
    time.textContent = `${replayed ? "▶ " : ""}${clock(at)}`;
    if (replayed) {
      time.type = "button";
      time.addEventListener("click", () => this.#seek(Math.max(0, at - 2)));
    }
    heading.append(time);
    return heading;
  }

  #describe(item, turn) {
    const table = waterfall(turn);
    if (table) item.append(table);
    item.append(facts(reasons(turn)));
    this.#turns.push(turn);
    this.#list.style.setProperty("--span", spanOf(this.#turns));
  }
}

/** Seconds as minutes and seconds. */
export function clock(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function reasons({ decision, stop, answered, waited, tools, engines }) {
  const told = [];
  if (decision) {
    const { silence, clause, ending, usual } = decision;
    told.push(["silence", milliseconds(silence)]);
    told.push(["clause", clause ? ["clauses", clause] : ["unknown"]]);
    if (ending !== null) told.push(["ending", `${Math.round(ending * 100)} %`]);
    told.push(["usual", milliseconds(usual)]);
  } else if (waited === null) {
    told.push(["ended", ["typed"]]);
  }
  if (stop) {
    told.push(["stopped", ["verdicts", stop.verdict]], ["decided", milliseconds(stop.decided)]);
  }
  if (tools?.length) told.push(["tools", tools.join(", ")]);
  if (!answered) told.push(["answer", ["none"]]);
  for (const engine of ENGINES) {
    const by = engines?.[engine] ?? [];
    if (by.length) told.push([["models", engine], listed(by.map((each) => answerer(each)), ", ")]);
  }
  return told;
}

function fault({ engine, fault, by }) {
  const told = [[["models", engine], ["faults", fault]]];
  if (by) told.push(["where", answerer(by, true)]);
  return told;
}

function fallback({ engine, instead_of, by }) {
  return [
    [["models", engine], answerer(by, true)],
    ["instead", ["substitutes", instead_of]],
  ];
}

function overlap({ verdict, turn, ducked, decided }) {
  return [
    ["verdict", ["verdicts", verdict]],
    ["ducked", ducked === null ? ["never"] : milliseconds(ducked)],
    ["decided", milliseconds(decided)],
    ["then", [turn ? "stops" : "goesOn"]],
  ];
}

/** What makes two records of engines the same but for their time. */
function sameness({ kind, engine, fault, instead_of, by }) {
  return JSON.stringify([kind, engine, fault, instead_of, by]);
}

/** Who answered: its model, and which of several servers it was where that matters. */
function answerer({ model, choice, server }, numbered = false) {
  const told = [model === "unknown" ? words("details", "unknown") : model];
  if (numbered || server > 1) told.push(listed([words("details", "server"), String(server)], " "));
  if (choice === "fallback") told.push(words("details", "fallback"));
  return listed(told, " · ");
}

function listed(parts, between) {
  const list = document.createDocumentFragment();
  list.append(...parts.flatMap((part, index) => (index ? [between, part] : [part])));
  return list;
}

function words(...keys) {
  const span = document.createElement("span");
  label(span, ...keys);
  return span;
}

/**
 * Pairs of a name and what it is. A name is a key of i18n's "details" or a list of keys; what it is
 * are words of their own, a list of keys in "details", or elements.
 */
function facts(pairs) {
  const list = document.createElement("dl");
  for (const [name, what] of pairs) {
    const pair = document.createElement("div");
    const term = document.createElement("dt");
    label(term, ...(typeof name === "string" ? ["details", name] : name));
    const value = document.createElement("dd");
    // What a newer agent may say has no words here.
    if (!Array.isArray(what)) value.append(what);
    else if (typeof text("details", ...what) === "string") label(value, "details", ...what);
    else value.textContent = what.at(-1);
    pair.append(term, value);
    list.append(pair);
  }
  return list;
}
