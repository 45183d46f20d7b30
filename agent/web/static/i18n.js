// Every word on the page, in the language that the user has chosen.

import { keep, kept } from "./kept.js";

const TAGS = { zh: "zh-Hans" }; // others are their own

/** The languages that there are, as the page was served with them. */
const choices = [...document.querySelectorAll("#language option")].map((option) => option.value);

/** What was chosen here before, or the first of the browser's that there is; English otherwise. */
export function preferredLanguage() {
  const browsers = navigator.languages.map((tag) => tag.toLowerCase().split("-")[0]);
  return [kept("language"), ...browsers].find((language) => choices.includes(language)) ?? "en";
}

/** Keep a choice for the next visit. */
export function rememberLanguage(language) {
  keep("language", language);
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
let agent = document.title;

/** A text of the current language, by key: text("join"), text("notice", "full"). */
export function text(...keys) {
  const found = keys.reduce((strings, key) => strings[key], current);
  return typeof found === "string" ? found.replaceAll("{agent}", () => agent) : found;
}

/** The tag of the current language. */
export function language() {
  return document.documentElement.lang;
}

/** What the agent is called from now on. */
export function setAgentName(name) {
  agent = name;
  write();
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
  write();
  return true;
}

function write() {
  for (const element of document.querySelectorAll("[data-text]")) {
    element.textContent = text(...element.dataset.text.split("."));
  }
  for (const element of document.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", text(...element.dataset.label.split(".")));
  }
}

/** Give an element a text of the current language, by key, now and when that changes. */
export function label(element, ...keys) {
  element.dataset.text = keys.join(".");
  element.textContent = text(...keys);
}
