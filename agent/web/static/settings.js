// The dialog for devices, captions and details.

import { text } from "./i18n.js";

const $ = (id) => document.getElementById(id);

/** Chooses among devices of the conversation that `current` returns, while there is one. */
export class Settings {
  #current;
  #onError;
  #dialog = $("settings-dialog");

  /**
   * @param {() => import("./connection.js").Conversation | null} current
   * @param {() => void} onError A device could not be used.
   * @param {(on: boolean) => void} onDetails Whether details show.
   */
  constructor(current, onError, onDetails) {
    this.#current = current;
    this.#onError = onError;
    $("settings-close").addEventListener("click", () => this.#dialog.close());
    this.#dialog.addEventListener("click", (event) => {
      if (event.target === this.#dialog) this.#dialog.close(); // the backdrop
    });
    for (const [id, kind] of [["microphone", "audioinput"], ["speaker", "audiooutput"]]) {
      $(id).addEventListener("change", async ({ target }) => {
        await this.#current()?.useDevice(kind, target.value).catch(this.#onError);
        await this.refresh();
      });
    }
    remembered($("read-captions"), (on) => {
      $("captions").setAttribute("aria-live", on ? "polite" : "off");
    });
    remembered($("show-details"), onDetails);
    // Only some browsers can choose where sound goes.
    $("speaker").closest(".field").hidden = !window.LivekitClient.supportsAudioOutputSelection();
  }

  async open() {
    await this.refresh();
    this.#dialog.showModal();
  }

  close() {
    this.#dialog.close();
  }

  /** List the devices that there are now. */
  async refresh() {
    await this.#list($("microphone"), "audioinput");
    await this.#list($("speaker"), "audiooutput");
  }

  async #list(select, kind) {
    const conversation = this.#current();
    select.closest(".field").classList.toggle("idle", !conversation); // there are none to choose
    if (!conversation || !navigator.mediaDevices) return;
    const active = conversation.activeDevice(kind);
    const devices = (await conversation.devices(kind)).filter((device) => device.deviceId);
    select.replaceChildren(
      ...devices.map((device, i) => {
        const name = device.label || `${text("unnamedDevice")} ${i + 1}`;
        return new Option(name, device.deviceId, false, device.deviceId === active);
      }),
    );
    select.disabled = devices.length === 0;
  }
}

/** A switch that is as it was left at the last visit, where the browser keeps anything. */
function remembered(checkbox, use) {
  const key = `parley.${checkbox.id}`;
  try {
    checkbox.checked = localStorage.getItem(key) === "on";
  } catch {
    // It keeps nothing.
  }
  checkbox.addEventListener("change", () => {
    use(checkbox.checked);
    try {
      localStorage.setItem(key, checkbox.checked ? "on" : "off");
    } catch {
      // So be it.
    }
  });
  use(checkbox.checked);
}
