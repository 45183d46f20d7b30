// Sound at another sample rate.

const REACH = 16; // zero crossings of the filter on each side: what is above the new rate's half is gone

export class Resampler {
  #kernels = []; // one for each place that a new sample can have between two old ones
  #step; // old samples from one new sample to the next, in parts of 1 / #kernels.length
  #held = new Float32Array(0); // old samples that new ones still need
  #place = 0; // of the next new sample from the first held one, in the same parts

  /** Rates in Hz. */
  constructor(from, to) {
    const common = divisor(from, to);
    const places = to / common;
    this.#step = from / common;
    const narrow = Math.min(1, to / from);
    const half = Math.ceil(REACH / narrow);
    for (let place = 0; place < places; place++) {
      const kernel = Float32Array.from({ length: 2 * half }, (_, i) => {
        const at = i + 1 - half - place / places;
        // 0.92: the filter falls from there to the half of the new rate, 11 to 12 kHz of 24.
        return 0.92 * narrow * sinc(0.92 * narrow * at) * window(at / half);
      });
      const sum = kernel.reduce((total, weight) => total + weight);
      this.#kernels.push(kernel.map((weight) => weight / sum));
    }
  }

  /** The new samples that the next old ones complete. */
  push(samples) {
    const held = new Float32Array(this.#held.length + samples.length);
    held.set(this.#held);
    held.set(samples, this.#held.length);
    const places = this.#kernels.length;
    const made = [];
    let start = Math.floor(this.#place / places);
    while (start + this.#kernels[0].length <= held.length) {
      const kernel = this.#kernels[this.#place % places];
      let sum = 0;
      for (let i = 0; i < kernel.length; i++) sum += kernel[i] * held[start + i];
      made.push(sum);
      this.#place += this.#step;
      start = Math.floor(this.#place / places);
    }
    const done = Math.min(start, held.length);
    this.#held = held.slice(done);
    this.#place -= done * places;
    return made;
  }
}

function divisor(a, b) {
  return b ? divisor(b, a % b) : a;
}

function sinc(x) {
  return x ? Math.sin(Math.PI * x) / (Math.PI * x) : 1;
}

function window(x) {
  return Math.abs(x) < 1 ? 0.5 + 0.5 * Math.cos(Math.PI * x) : 0;
}
