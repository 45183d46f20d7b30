// Every word on the page, in the language that the user has chosen.

const CHOSEN = "parley.language";
const TAGS = { zh: "zh-Hans" }; // others are their own

/** The languages that there are, as the page was served with them. */
const choices = [...document.querySelectorAll("#language option")].map((option) => option.value);

/** What was chosen here before, or the first of the browser's that there is; English otherwise. */
export function preferredLanguage() {
  const browsers = navigator.languages.map((tag) => tag.toLowerCase().split("-")[0]);
  return [remembered(), ...browsers].find((language) => choices.includes(language)) ?? "en";
}

function remembered() {
  try {
    return localStorage.getItem(CHOSEN);
  } catch {
    return null; // the browser keeps nothing for this page
  }
}

/** Keep a choice for the next visit. */
export function rememberLanguage(language) {
  try {
    localStorage.setItem(CHOSEN, language);
  } catch {
    // the next visit begins with the browser's language
  }
}

const loaded = new Map();

async function load(language) {
  if (!loaded.has(language)) {
    const response = await fetch(`/languages/${language}.json`);
    if (!response.ok) throw new Error(`no words of ${language}: ${response.status}`);
    loaded.set(language, await response.json());
  }
  return loaded.get(language);
}

let current = await load(preferredLanguage());
let wanted;

/** A text of the current language, by key: text("join"), text("notice", "full"). */
export function text(...keys) {
  return keys.reduce((strings, key) => strings[key], current);
}

/**
 * Change the language of the page: marked elements now, all others when they are next drawn.
 * Rejects, and changes nothing, where its words cannot be had.
 * @returns {Promise<boolean>} Whether it is still the language that is wanted.
 */
export async function setLanguage(language) {
  wanted = language;
  const words = await load(language);
  if (wanted !== language) return false;
  current = words;
  document.documentElement.lang = TAGS[language] ?? language;
  for (const element of document.querySelectorAll("[data-text]")) {
    element.textContent = text(...element.dataset.text.split("."));
  }
  for (const element of document.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", text(...element.dataset.label.split(".")));
  }
  return true;
}

/** Give an element a text of the current language, by key, now and when that changes. */
export function label(element, ...keys) {
  element.dataset.text = keys.join(".");
  element.textContent = text(...keys);
}
