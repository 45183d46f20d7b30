// What went on beneath a conversation, for those who ask: its turns, both levels, and its sound to
// keep. Nothing of it leaves the browser unless somebody saves it.

import { label } from "./i18n.js";
import { Loudness } from "./loudness.js";
import { Recording } from "./recording.js";
import { Records, clock } from "./records.js";
import { pack } from "./saved.js";
import { Strip } from "./strip.js";
import { Tap } from "./tap.js";
import { download } from "./transcript.js";

const $ = (id) => document.getElementById(id);

export class Details {
  #on = false;
  #live = false;
  #tracks = {};
  #tap = null;
  #recording = null;
  #loudness = null;
  #started = null;
  #captions = new Map();
  #records = [];
  #since = 0; // when the last turn was told, in seconds of the sound
  #list = new Records($("records"), (seconds) => this.#play(seconds));
  #strip = new Strip($("levels"));
  #replay = $("replay");

  constructor() {
    $("save").addEventListener("click", async ({ target }) => {
      target.disabled = true; // half an hour takes some seconds
      await this.#save().finally(() => (target.disabled = false));
    });
    $("levels").addEventListener("click", ({ offsetX, target }) => {
      if (!this.#replay.hidden) this.#play((offsetX / target.clientWidth) * this.#loudness.seconds);
    });
  }

  /** Whether they show, and the conversation is kept from then on. */
  set on(on) {
    this.#on = on;
    document.body.dataset.details = on ? "on" : "off";
    $("details").hidden = !on;
    if (on && this.#live) this.#keep();
    if (!on && this.#live) this.#drop();
  }

  /** A conversation begins. */
  begin() {
    this.#clear();
    this.#live = true;
    if (this.#on) this.#keep();
  }

  /** It is over; what was kept can still be saved. */
  end() {
    this.#live = false;
    this.#tracks = {};
    this.#tap?.close();
    this.#tap = null;
  }

  /** As Tap.hear. */
  hear(side, track) {
    if (this.#live) this.#tracks[side] = track;
    this.#tap?.hear(side, track);
  }

  /** A record of the agent's. */
  take(record) {
    const told = { ...record };
    if (this.#tap) {
      told.at = round(this.#tap.now);
      if (record.kind === "turn") {
        if (record.waited !== null) told.heard = this.#loudness.answer(record.waited, this.#since);
        this.#since = this.#loudness.seconds;
      }
      this.#records.push(told);
    }
    this.#list.add(told);
  }

  /** As Conversation's "caption". */
  caption({ id, role, name, text }) {
    if (!this.#tap) return;
    const now = round(this.#tap.now);
    const at = this.#captions.get(id)?.at ?? now;
    const cut = this.#captions.get(id)?.cut;
    this.#captions.set(id, { role, name, text, at, until: now, cut });
  }

  /** The agent was cut off: what it said last is not the whole of it. */
  cut() {
    const last = [...this.#captions.values()].findLast(({ role }) => role === "agent");
    if (last) last.cut = true;
  }

  /** Draw a frame. */
  draw() {
    if (!this.#on || !this.#loudness) return;
    const replayed = !this.#replay.hidden;
    this.#strip.draw(this.#loudness, replayed ? this.#replay.currentTime : undefined);
    if (this.#recording) $("recorded-time").textContent = clock(this.#recording.seconds);
  }

  /** Show a conversation that was saved, as `unpack` of saved.js gives it. */
  open({ wav, loudness, records }) {
    this.#clear();
    this.#loudness = loudness;
    this.#replay.src = URL.createObjectURL(wav);
    this.#replay.hidden = false;
    for (const record of records) this.#list.add(record, true);
    $("records").scrollTop = 0;
    this.#show();
  }

  #keep() {
    this.#recording = new Recording();
    this.#loudness = new Loudness();
    this.#started = new Date();
    this.#since = 0;
    this.#records = [];
    this.#captions.clear();
    const [recording, loudness] = [this.#recording, this.#loudness];
    const tap = (this.#tap = new Tap((samples) => {
      loudness.add(samples);
      const wasFull = recording.full;
      recording.add(samples);
      if (recording.full && !wasFull) label($("recorded"), "details", "full");
    }));
    for (const [side, track] of Object.entries(this.#tracks)) tap.hear(side, track);
    // A browser without worklets shows the turns all the same.
    tap.open().catch(() => tap === this.#tap && this.#drop());
    label($("recorded"), "details", "recorded");
    this.#show();
  }

  #drop() {
    this.#tap?.close();
    this.#tap = this.#recording = this.#loudness = null;
    this.#show();
  }

  #clear() {
    this.#drop();
    this.#list.clear();
    URL.revokeObjectURL(this.#replay.src);
    this.#replay.removeAttribute("src");
    this.#replay.hidden = true;
  }

  #play(seconds) {
    this.#replay.currentTime = seconds;
    void this.#replay.play();
  }

  #show() {
    $("keep").hidden = !this.#recording;
    $("levels").closest("figure").hidden = !this.#loudness;
  }

  async #save() {
    const started = this.#started.toISOString();
    const kept = ({ at }) => at <= this.#recording.seconds;
    const file = await pack(this.#recording.wav(), {
      started,
      captions: [...this.#captions.values()].filter(kept),
      records: this.#records.filter(kept),
    });
    download(file, `parley-${started.slice(0, 16).replaceAll(":", "")}.zip`);
  }
}

function round(seconds) {
  return Math.round(seconds * 1000) / 1000;
}
