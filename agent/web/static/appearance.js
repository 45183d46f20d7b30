// Light or dark, and how much contrast: the device's choice, or the visitor's own.

import { keep, kept } from "./kept.js";

const $ = (id) => document.getElementById(id);
const THEMES = ["system", "light", "dark"];

export class Appearance {
  #theme = $("theme");
  #contrast = $("contrast");
  #wanted = matchMedia("(prefers-contrast: more)");
  #dark = matchMedia("(prefers-color-scheme: dark)");

  constructor() {
    const theme = kept("theme");
    this.#theme.value = THEMES.includes(theme) ? theme : "system";
    this.#theme.addEventListener("change", () => {
      keep("theme", this.#theme.value);
      this.#show();
    });
    this.#contrast.addEventListener("change", () => {
      keep("contrast", this.#contrast.checked ? "on" : "off");
      this.#show();
    });
    this.#wanted.addEventListener("change", () => this.#show());
    this.#dark.addEventListener("change", () => this.#show());
    this.#show();
  }

  #show() {
    const root = document.documentElement;
    const chosen = kept("contrast");
    const high = chosen === null ? this.#wanted.matches : chosen === "on";
    this.#contrast.checked = high;
    root.dataset.theme = this.#theme.value;
    root.dataset.contrast = high ? "more" : "usual";
    const ground = getComputedStyle(document.body).backgroundColor; // of the browser's own bar, too
    document.querySelector("meta[name=theme-color]").content = ground;
  }
}
