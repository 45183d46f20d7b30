// How loud both sides were over time, and from that what the user waited.

import { RATE } from "./recording.js";

export const STEP = 0.01; // s
const FRAMES = RATE * STEP;
const SOUND_DB = -50; // dBFS; below it is silence, as where voice to voice is measured
const OVER_NOISE_DB = 12; // a voice over the room that it is spoken in
const QUIET = 20; // steps of silence before a sound that is new
const ROOM = 1000; // steps over which the room's own noise is known, unless they are all voice

/**
 * s; more than this from the agent to the ear is not a network but a voice that was heard at one
 * end only, and then nothing has been measured.
 */
const LONGEST_WAY = 1;

export class Loudness {
  user = []; // dBFS, one each STEP
  agent = [];

  /** @param {Int16Array} samples Of both sides in turn; what is left of a step is left out. */
  add(samples) {
    for (let from = 0; from + 2 * FRAMES <= samples.length; from += 2 * FRAMES) {
      this.user.push(decibels(samples, from));
      this.agent.push(decibels(samples, from + 1));
    }
  }

  get seconds() {
    return this.user.length * STEP;
  }

  /**
   * When the user's last voice and the first sound of the answer to it were heard here.
   * @param {number} waited Seconds from one to the other, by the agent.
   * @param {number} since Seconds: where to look for it.
   * @returns {{voice: number, sound: number} | null} Seconds; null if it was not to be heard for certain.
   */
  answer(waited, since) {
    const found = [];
    let last = -1; // step in which the agent was heard last
    for (let step = Math.max(0, Math.round(since / STEP)); step < this.agent.length; step++) {
      if (this.agent[step] <= SOUND_DB) continue;
      const begins = last < 0 || step - last > QUIET;
      if (begins) {
        const earliest = Math.max(0, Math.round(step - (waited + LONGEST_WAY) / STEP));
        const voice = this.#lastVoice(step, earliest, Math.max(last, earliest));
        const way = voice === null ? -1 : (step - voice) * STEP - waited;
        if (way >= 0 && way <= LONGEST_WAY) found.push({ voice: voice * STEP, sound: step * STEP });
      }
      last = step;
    }
    return found.length === 1 ? found[0] : null;
  }

  // The step after the last one of two with a voice, or null. Whoever has spoken for long without a
  // pause has left none of the room's own noise but that while they waited, from `earliest` on.
  #lastVoice(before, earliest, after) {
    const noise = Math.min(this.#quietest(before - ROOM, before), this.#quietest(earliest, before));
    const threshold = Math.max(SOUND_DB, noise + OVER_NOISE_DB);
    for (let step = before - 1; step > Math.max(0, after); step--) {
      if (this.user[step] > threshold && this.user[step - 1] > threshold) return step + 1;
    }
    return null;
  }

  // What a tenth of the user's steps does not exceed.
  #quietest(from, until) {
    const levels = this.user.slice(Math.max(0, from), until).sort((a, b) => a - b);
    return levels[Math.floor(levels.length / 10)] ?? 0;
  }
}

function decibels(samples, from) {
  let power = 0;
  for (let i = from; i < from + 2 * FRAMES; i += 2) power += samples[i] * samples[i];
  return Math.max(-96, 10 * Math.log10(power / FRAMES / 32_768 ** 2 + 1e-12));
}
