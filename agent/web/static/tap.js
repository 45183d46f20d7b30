// Both sides' sound on one clock, chunk by chunk. It stays in the browser.

import { audio } from "./levels.js";

const SIDES = { mic: 0, voice: 1 };

export class Tap {
  #take;
  #node = null;
  #sources = {};
  #tracks = {};
  #began = null; // on the clock of all sound, once there is some
  #closed = false;

  /** @param {(samples: Int16Array) => void} take 0.1 s each: user, agent, user, agent, … at 24 kHz. */
  constructor(take) {
    this.#take = take;
  }

  /** Begin. Without a browser that lets sound run there is none, and `take` is never called. */
  async open() {
    const context = audio();
    await context.audioWorklet.addModule("/static/tap.worklet.js");
    if (this.#closed) return;
    const shape = { numberOfInputs: 2, channelCount: 1, channelCountMode: "explicit" };
    this.#node = new AudioWorkletNode(context, "tap", shape);
    this.#node.port.onmessage = ({ data }) => {
      if (data instanceof Int16Array) this.#take(data);
      else this.#began = data.began;
    };
    this.#node.connect(context.destination); // makes it run; what it plays is silence
    for (const [side, track] of Object.entries(this.#tracks)) this.hear(side, track);
  }

  /** Seconds of sound since the first that `take` is given, which a busy machine is late with. */
  get now() {
    return this.#began === null ? 0 : audio().currentTime - this.#began;
  }

  /**
   * @param {"mic" | "voice"} side
   * @param {MediaStreamTrack | null | undefined} track What that side sounds like from now on.
   */
  hear(side, track) {
    this.#tracks[side] = track;
    if (!this.#node) return;
    this.#sources[side]?.disconnect();
    this.#sources[side] = track
      ? audio().createMediaStreamSource(new MediaStream([track]))
      : undefined;
    this.#sources[side]?.connect(this.#node, 0, SIDES[side]);
  }

  close() {
    this.#closed = true;
    for (const source of Object.values(this.#sources)) source?.disconnect();
    this.#node?.port.postMessage("end");
    this.#node?.disconnect();
  }
}
