// Whom to speak with, where there is more than one to choose from.

const $ = (id) => document.getElementById(id);

/** Offer the agents that the server has. */
export async function listAgents() {
  let agents = [];
  try {
    const response = await fetch("/api/agents", { signal: AbortSignal.timeout(10_000) });
    if (response.ok) ({ agents } = await response.json());
  } catch {
    // The usual one answers.
  }
  $("agent").replaceChildren(...agents.map(({ name, title }) => new Option(title, name)));
  $("agents").hidden = agents.length < 2;
}

/** The name of the one that was chosen; undefined for the usual one. */
export function chosenAgent() {
  return $("agents").hidden ? undefined : $("agent").value;
}
