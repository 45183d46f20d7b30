// Both sides' levels over time: the user's upwards, the agent's downwards.

import { STEP } from "./loudness.js";

const QUIET_DB = -55; // as the meters of levels.js
const LOUD_DB = -12;
const WINDOW = 20; // s that show while a conversation lasts

export class Strip {
  #canvas;

  /** @param {HTMLCanvasElement} canvas Its CSS gives the size and the colours --user and --agent. */
  constructor(canvas) {
    this.#canvas = canvas;
  }

  /**
   * Draw the last seconds, or all of it.
   * @param {import("./loudness.js").Loudness} loudness
   * @param {number} [played] Seconds: where its sound is being played; all of it shows then.
   */
  draw(loudness, played) {
    const { clientWidth, clientHeight } = this.#canvas;
    const width = Math.round(clientWidth * devicePixelRatio);
    const height = Math.round(clientHeight * devicePixelRatio);
    if (!width || !height) return;
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    const pen = this.#canvas.getContext("2d");
    const style = getComputedStyle(this.#canvas);
    pen.clearRect(0, 0, width, height);
    const whole = played !== undefined;
    const steps = whole ? Math.max(1, loudness.user.length) : WINDOW / STEP;
    const first = whole ? 0 : loudness.user.length - steps;
    const place = { first, steps, width, height };
    pen.fillStyle = style.getPropertyValue("--user");
    this.#side(pen, loudness.user, { ...place, up: true });
    pen.fillStyle = style.getPropertyValue("--agent");
    this.#side(pen, loudness.agent, { ...place, up: false });
    pen.fillStyle = style.getPropertyValue("--line");
    pen.fillRect(0, height / 2 - 0.5, width, 1);
    if (!whole) return;
    pen.fillStyle = style.color;
    pen.fillRect((played / (steps * STEP)) * width - 1, 0, 2, height);
  }

  #side(pen, levels, { first, steps, width, height, up }) {
    const each = steps / width;
    for (let x = 0; x < width; x++) {
      const from = Math.max(0, Math.floor(first + x * each));
      const until = Math.max(from + 1, Math.floor(first + (x + 1) * each));
      let loudest = QUIET_DB;
      for (let i = from; i < until; i++) loudest = Math.max(loudest, levels[i] ?? QUIET_DB);
      const share = Math.min(1, (loudest - QUIET_DB) / (LOUD_DB - QUIET_DB));
      const reach = (share * height) / 2;
      pen.fillRect(x, up ? height / 2 - reach : height / 2, 1, reach);
    }
  }
}
