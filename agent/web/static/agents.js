// Whom to speak with, where there is more than one to choose from, with which voice, and how the
// page looks for that.

import { setAgentName } from "./i18n.js";
import { keep, kept } from "./kept.js";

const $ = (id) => document.getElementById(id);
const ICON = "/static/icon.svg";

/** As GET /api/agents gives them. */
let agents = [];

/** Offer the agents that the server has. */
export async function listAgents() {
  try {
    const response = await fetch("/api/agents", { signal: AbortSignal.timeout(10_000) });
    if (response.ok) ({ agents } = await response.json());
  } catch {
    // The usual one answers.
  }
  $("agent").replaceChildren(...agents.map(({ name, title }) => new Option(title, name)));
  $("agents").hidden = agents.length < 2;
  const before = kept("agent");
  if (agents.some(({ name }) => name === before)) $("agent").value = before;
  showAgent();
}

/** Somebody has chosen another agent. */
export function agentChosen() {
  keep("agent", $("agent").value);
  showAgent();
}

/** What a ticket is asked for: the names of the agent and of the voice; undefined for the usual. */
export function chosenAgent() {
  return {
    agent: $("agents").hidden ? undefined : $("agent").value,
    voice: $("voice-choice").value || undefined,
  };
}

export function voiceChosen() {
  keep("voice", $("voice-choice").value);
}

/** The agent that is chosen; undefined while there is no list of them. */
function shown() {
  return agents.find(({ name }) => name === $("agent").value);
}

function showAgent() {
  const agent = shown();
  if (!agent) return;
  const { title, logo, color, color_dark: colorDark } = agent;
  setAgentName(title);
  $("logo").src = $("icon").href = logo ?? ICON;
  dress(color, colorDark ?? color);
  offerVoices();
}

/** The language in which the agent answers whoever has chosen that of the page. */
export function answeredIn() {
  const { value, dataset } = $("language").selectedOptions[0];
  return shown()?.spoken[value] ?? dataset.spoken;
}

/** Offer the agent's voices that speak the language in which it answers. */
export function offerVoices() {
  const agent = shown();
  if (!agent) return;
  const spoken = answeredIn();
  const voices = agent.voices
    .filter(({ languages }) => languages?.includes(spoken) ?? true)
    .map(({ name }) => name);
  const [usual] = $("voice-choice").options;
  $("voice-choice").replaceChildren(usual, ...voices.map((voice) => new Option(voice, voice)));
  $("voices").hidden = voices.length === 0;
  const before = kept("voice");
  $("voice-choice").value = voices.includes(before) ? before : "";
}

/** Have the page in an agent's own colours, #rrggbb each, or its usual ones. */
function dress(light, dark) {
  const { style } = document.documentElement;
  document.documentElement.dataset.dressed = String(Boolean(light));
  if (!light) return;
  const parts = partsOf(light);
  const own = {
    "--own-light": light,
    "--own-dark": dark,
    "--on-own-light": inkOn(light),
    "--on-own-dark": inkOn(dark),
    "--own-outer": parts.join(" "),
    "--own-inner": parts.map((part) => Math.round((part + 255) / 2)).join(" "), // a lighter shade
  };
  for (const [name, value] of Object.entries(own)) style.setProperty(name, value);
}

/** Red, green and blue, 0 to 255. */
function partsOf(color) {
  return [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
}

/** Black or white, whichever is read better on a colour: 4.58 at least, by WCAG's measure. */
function inkOn(color) {
  const [red, green, blue] = partsOf(color).map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  const light = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  return 1.05 / (light + 0.05) > (light + 0.05) / 0.05 ? "#ffffff" : "#000000";
}
