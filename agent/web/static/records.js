// The agent's records as a list that grows: turns, sounds over the agent, the first words.

import { label, text } from "./i18n.js";
import { milliseconds, spanOf, waterfall } from "./waterfall.js";

const KINDS = ["turn", "overlap", "first_words"];

export class Records {
  #list;
  #seek;
  #turns = [];

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
  }

  /**
   * @param {object} record As the agent sent it, with `at` and `heard` where they are known.
   * @param {boolean} [replayed] There is sound to play from where it began.
   */
  add(record, replayed = false) {
    if (!KINDS.includes(record.kind)) return; // of a newer agent
    const atEnd = this.#list.scrollHeight - this.#list.scrollTop - this.#list.clientHeight < 48;
    const item = document.createElement("li");
    item.dataset.kind = record.kind;
    item.append(this.#heading(record, replayed));
    if (record.kind === "turn") this.#describe(item, record);
    else if (record.kind === "overlap") item.append(facts(overlap(record)));
    else item.append(facts([["after", milliseconds(record.seconds)]]));
    this.#list.append(item);
    if (atEnd) this.#list.scrollTop = this.#list.scrollHeight;
  }

  #heading(record, replayed) {
    const heading = document.createElement("h3");
    const words = document.createElement("span");
    label(words, "details", record.kind);
    heading.append(words);
    const number = /-(\d+)$/.exec(record.id);
    if (record.kind === "turn" && number) heading.append(` ${number[1]}`);
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

function reasons({ decision, stop, answered, waited, tools }) {
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
  return told;
}

function overlap({ verdict, turn, ducked, decided }) {
  return [
    ["verdict", ["verdicts", verdict]],
    ["ducked", ducked === null ? ["never"] : milliseconds(ducked)],
    ["decided", milliseconds(decided)],
    ["then", [turn ? "stops" : "goesOn"]],
  ];
}

/** Pairs of a name and what it is: keys of i18n's "details", or words of their own. */
function facts(pairs) {
  const list = document.createElement("dl");
  for (const [name, what] of pairs) {
    const pair = document.createElement("div");
    const term = document.createElement("dt");
    label(term, "details", name);
    const value = document.createElement("dd");
    // What a newer agent may say has no words here.
    if (typeof what === "string") value.textContent = what;
    else if (typeof text("details", ...what) === "string") label(value, "details", ...what);
    else value.textContent = what.at(-1);
    pair.append(term, value);
    list.append(pair);
  }
  return list;
}
