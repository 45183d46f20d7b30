// What an answer waited for: the stages of a turn one after the other on one axis of time.

import { label } from "./i18n.js";

const STAGES = ["end_of_turn", "llm", "text", "tts", "playout"];
const SPANS = [0.5, 1, 1.5, 2, 3, 5, 10, 20, 60]; // s; axes for people to read

/**
 * Seconds by stage, in order. "transport" is what was heard here beyond what the agent took: the
 * way of the voice to it and of the sound back. It is there only where it could be measured.
 * @returns {[string, number][]}
 */
export function stages(turn) {
  const taken = STAGES.filter((stage) => Number.isFinite(turn.stages?.[stage])).map((stage) => [
    stage, turn.stages[stage],
  ]);
  if (!turn.heard) return taken;
  return [...taken, ["transport", turn.heard.sound - turn.heard.voice - turn.waited]];
}

/** Seconds from the user's last voice until the last stage that is known was over. */
export function total(turn) {
  return stages(turn).reduce((sum, [, seconds]) => sum + seconds, 0);
}

/** The shortest axis on which all turns fit, in seconds; the style --span of what is around them. */
export function spanOf(turns) {
  const longest = Math.max(0, ...turns.map(total));
  return SPANS.find((span) => span >= longest) ?? longest;
}

/** A table of the stages, each with a bar; null for a turn that was typed. */
export function waterfall(turn) {
  const taken = stages(turn);
  if (taken.length === 0) return null;
  const table = document.createElement("table");
  table.className = "waterfall";
  const caption = table.createCaption();
  caption.className = "sr";
  label(caption, "details", "waterfall");
  let from = 0;
  const body = table.createTBody();
  for (const [stage, seconds] of taken) {
    const row = addRow(body, ["details", "stage", stage], seconds);
    row.dataset.stage = stage;
    const bar = row.querySelector("i");
    bar.style.setProperty("--from", from);
    bar.style.setProperty("--took", seconds);
    from += seconds;
  }
  addRow(table.createTFoot(), ["details", "waited"], from).querySelector("i").remove();
  return table;
}

export function milliseconds(seconds) {
  return `${Math.round(seconds * 1000)} ms`;
}

function addRow(part, keys, seconds) {
  const row = part.insertRow();
  const name = document.createElement("th");
  name.scope = "row";
  label(name, ...keys);
  const track = document.createElement("td");
  track.className = "track";
  track.ariaHidden = "true";
  track.append(document.createElement("i"));
  const time = document.createElement("td");
  time.textContent = milliseconds(seconds);
  row.append(name, track, time);
  return row;
}
