// Hands out what two tracks sound like, as the samples of one file. Runs beside the page, so that
// a busy page loses nothing.

import { Resampler } from "./resample.js";

const RATE = 24_000; // Hz, as recording.js has it
const CHUNK = RATE / 10; // frames

class Tap extends AudioWorkletProcessor {
  #sides = [new Resampler(sampleRate, RATE), new Resampler(sampleRate, RATE)];
  #chunk = new Int16Array(2 * CHUNK);
  #frames = 0;
  #began = false;
  #ended = false;

  constructor() {
    super();
    this.port.onmessage = () => (this.#ended = true);
  }

  process(inputs, outputs) {
    if (!this.#began) {
      this.#began = true;
      this.port.postMessage({ began: currentTime });
    }
    const silence = new Float32Array(outputs[0][0].length);
    const [user, agent] = this.#sides.map((side, i) => side.push(inputs[i][0] ?? silence));
    for (let i = 0; i < user.length; i++) this.#add(user[i], agent[i]);
    return !this.#ended;
  }

  #add(user, agent) {
    this.#chunk[2 * this.#frames] = toInt16(user);
    this.#chunk[2 * this.#frames + 1] = toInt16(agent);
    if (++this.#frames < CHUNK) return;
    this.port.postMessage(this.#chunk, [this.#chunk.buffer]);
    this.#chunk = new Int16Array(2 * CHUNK);
    this.#frames = 0;
  }
}

function toInt16(sample) {
  return Math.round(Math.max(-1, Math.min(1, sample)) * 32_767);
}

registerProcessor("tap", Tap);
