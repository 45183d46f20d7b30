// Which models answer whom: one line, as their servers say it.

import { chosenAgent } from "./agents.js";
import { text } from "./i18n.js";

const ENGINES = ["llm", "stt", "tts"];
const AGAIN = 10_000; // while the engines start, they do not say it yet

let models = null;
let asked = 0;

/** Ask for the models of the agent that is chosen, and show them; again until they are known. */
export async function showModels() {
  const mine = ++asked;
  const { agent } = chosenAgent();
  const query = agent ? `?${new URLSearchParams({ agent })}` : "";
  let found = null;
  try {
    const response = await fetch(`/api/models${query}`, { signal: AbortSignal.timeout(10_000) });
    if (response.ok) found = await response.json();
  } catch {
    // The page works without.
  }
  if (mine !== asked) return; // another agent was chosen meanwhile
  models = found;
  tellModels();
  if (!models?.llm) setTimeout(() => mine === asked && void showModels(), AGAIN);
}

/** Say them in the language of the page. */
export function tellModels() {
  const line = document.getElementById("models");
  const known = models ? ENGINES.filter((engine) => models[engine]) : [];
  line.hidden = known.length === 0;
  line.textContent = known
    .map((engine) => {
      const small = engine === "llm" && models.stand_in ? ` (${text("models", "standIn")})` : "";
      return `${text("models", engine)}: ${models[engine]}${small}`;
    })
    .join(" · ");
}
