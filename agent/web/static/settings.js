// The dialog: devices, volume, keys, captions and details.

import { text } from "./i18n.js";
import { keep, kept, remembered } from "./kept.js";
import { NoMicrophone, openMicrophone } from "./microphone.js";
import { tellShortcuts } from "./shortcuts.js";

const { Room, supportsAudioOutputSelection } = window.LivekitClient;
const $ = (id) => document.getElementById(id);
const DEVICES = [["microphone", "audioinput"], ["speaker", "audiooutput"]];

/** Has devices chosen for the conversation that `current` returns, or for the next one. */
export class Settings {
  #current;
  #onRefused;
  #dialog = $("settings-dialog");

  /**
   * @param {() => import("./connection.js").Conversation | null} current
   * @param {(reason: string) => void} onRefused A device could not be used, as NoMicrophone says it.
   * @param {(on: boolean) => void} onDetails Whether details show.
   */
  constructor(current, onRefused, onDetails) {
    this.#current = current;
    this.#onRefused = onRefused;
    $("settings-close").addEventListener("click", () => this.#dialog.close());
    this.#dialog.addEventListener("click", (event) => {
      if (event.target === this.#dialog) this.#dialog.close(); // the backdrop
    });
    for (const [id, kind] of DEVICES) {
      $(id).addEventListener("change", async ({ target }) => {
        keep(id, target.value);
        await this.#current()?.useDevice(kind, target.value).catch(() => onRefused("busy"));
        await this.refresh();
      });
    }
    $("ask-devices").addEventListener("click", () => this.#ask());
    $("volume").value = kept("volume") ?? "100";
    $("volume").addEventListener("input", () => {
      keep("volume", $("volume").value);
      const conversation = this.#current();
      if (conversation) conversation.volume = this.volume;
    });
    remembered($("read-captions"), (on) => {
      $("captions").setAttribute("aria-live", on ? "polite" : "off");
    });
    remembered($("show-details"), onDetails);
    remembered($("shortcuts"), tellShortcuts, true);
    // Only some browsers can choose where sound goes.
    $("speaker").closest(".field").hidden = !supportsAudioOutputSelection();
  }

  /** Of what one hears, 0 to 1. */
  get volume() {
    const share = Number($("volume").value) / 100;
    return share >= 0 && share <= 1 ? share : 1;
  }

  /** Whether keys do what buttons do. */
  get shortcuts() {
    return $("shortcuts").checked;
  }

  /** The device that was chosen for a conversation; null for the usual one. */
  chosen(id) {
    return kept(id);
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
    if (!navigator.mediaDevices) return this.#offer({ none: true });
    const listed = await Promise.all(DEVICES.map(([id, kind]) => this.#list($(id), kind)));
    this.#offer({ unknown: !listed.some(Boolean) });
  }

  // Until the microphone is allowed, a browser does not say which devices there are.
  #offer({ none = false, unknown = false }) {
    $("ask-devices").hidden = !unknown;
    for (const [id] of DEVICES) $(id).closest(".field").classList.toggle("idle", none || unknown);
  }

  async #ask() {
    try {
      const track = await openMicrophone(null);
      track.stop();
      await this.refresh();
      $("microphone").focus(); // what was pressed is gone
    } catch (error) {
      if (!(error instanceof NoMicrophone)) throw error;
      this.#dialog.close();
      this.#onRefused(error.reason);
    }
  }

  /** @returns {Promise<boolean>} Whether the browser tells of devices of the kind. */
  async #list(select, kind) {
    const devices = (await Room.getLocalDevices(kind, false)).filter((device) => device.deviceId);
    const active = this.#current()?.activeDevice(kind) ?? kept(select.id) ?? "default";
    const options = devices.map((device, i) => {
      const name = device.label || `${text("unnamedDevice")} ${i + 1}`;
      return new Option(name, device.deviceId, false, device.deviceId === active);
    });
    select.replaceChildren(...(options.length ? options : [new Option(text("noDevice"), "")]));
    select.disabled = options.length === 0;
    return options.length > 0;
  }
}
