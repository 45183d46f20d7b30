// The page as a function of its state.

import { text } from "./i18n.js";
import { isUnknown } from "./sign-in.js";

const $ = (id) => document.getElementById(id);

/**
 * @typedef {object} State
 * @property {"idle" | "joining" | "live" | "reconnecting" | "ended" | "failed" | "opened"} phase
 * @property {string} agent As Conversation's "agent" event; "none" outside a conversation.
 * @property {"off" | "asking" | "on" | "muted"} mic
 * @property {boolean} deaf Whether the agent cannot make out what is said.
 * @property {boolean} ready Whether a message can be sent.
 * @property {import("./sign-in.js").Visitor} visitor
 * @property {Date} [started] When the conversation that is "opened" was held.
 */

/**
 * Draw everything that depends on the state. Tests and styles read the same state from the
 * body's data-phase, data-agent, data-mic and data-visitor.
 * @param {State} state
 */
export function render(state) {
  const { phase, agent, mic, ready } = state;
  const visitor = drawVisitor(state.visitor);
  Object.assign(document.body.dataset, { phase, agent, mic, visitor });
  const name = text("parley");
  document.title = phase === "live" && agent !== "none" ? `${heading(state)} · ${name}` : name;
  write($("state"), heading(state));
  write($("hint"), hint(state));
  write($("join"), text({ ended: "joinAgain", failed: "tryAgain" }[phase] ?? "join"));

  const message = $("message");
  message.placeholder = text(ready ? "placeholder" : "placeholderWait");
  $("send").disabled = !ready;
  const stops = phase === "live" && ["thinking", "speaking"].includes(agent);
  if (!stops && document.activeElement === $("stop")) $("state").focus(); // not lost with it
  $("stop").hidden = !stops;

  const mute = $("mute");
  mute.disabled = phase === "joining"; // the microphone is being asked for already
  write(mute.querySelector(".name"), text({ on: "mute", muted: "unmute" }[mic] ?? "microphoneOn"));
}

function drawVisitor(visitor) {
  const unknown = isUnknown(visitor);
  $("sign-in").hidden = !unknown;
  $("join").hidden = $("join-typing").hidden = unknown;
  $("visitor").hidden = visitor.name === null;
  $("sign-out").hidden = !visitor.signIn?.leaves;
  const words = visitor.name === null ? "" : text("signedIn").replace("{name}", () => visitor.name);
  write($("visitor").querySelector("span"), words);
  return unknown ? "unknown" : visitor.name === null ? "anybody" : "known";
}

/** The orb's look. */
export function look({ phase, agent, mic }) {
  if (["idle", "ended", "opened"].includes(phase)) return "rest";
  if (mic === "asking") return "listening";
  if (phase === "failed" || phase === "reconnecting") return "away";
  if (phase === "joining") return "waiting";
  if (["absent", "left", "reconnecting"].includes(agent)) return "away";
  return ["listening", "thinking", "speaking"].includes(agent) ? agent : "waiting";
}

function heading({ phase, agent, mic, deaf }) {
  if (phase === "idle") return text("title");
  if (phase === "ended") return text("ended");
  if (phase === "opened") return text("opened");
  if (phase === "failed") return text("failed");
  if (phase === "reconnecting") return text("reconnecting");
  if (phase === "joining") return text(mic === "asking" ? "permission" : "joining");
  if (agent === "listening" && mic === "on" && deaf) return text("deaf");
  if (agent === "listening" && mic !== "on") return text(mic === "muted" ? "muted" : "ready");
  return text(agent === "none" ? "waiting" : agent);
}

function hint({ phase, agent, mic, deaf, started, visitor }) {
  if (phase === "opened") return started.toLocaleString(document.documentElement.lang);
  if (phase === "idle") return text(isUnknown(visitor) ? "hintSignIn" : "hintIdle");
  if (phase === "ended") return text("hintEnded");
  if (phase === "reconnecting") return text("hintReconnecting");
  if (phase === "joining" && mic === "asking") return text("hintPermission");
  if (phase !== "live") return "";
  if (agent === "reconnecting") return text("hintReconnecting");
  if (agent === "speaking" && mic === "on") return text("hintSpeaking");
  if (agent !== "listening") return "";
  if (mic === "on" && deaf) return text("hintDeaf");
  return text({ on: "hintListening", muted: "hintMuted" }[mic] ?? "hintReady");
}

// Only when it differs: screen readers and selections notice every write.
function write(element, words) {
  if (element.textContent !== words) element.textContent = words;
}
