// How loud a track is, from 0 (silence) to 1 (close speech).

const QUIET_DB = -55; // room noise behind a headset
const LOUD_DB = -12; // speech at arm's length with automatic gain

let context;

/** Call from a click: browsers let audio start only there. */
export function wakeAudio() {
  context ??= new AudioContext();
  if (context.state === "suspended") void context.resume();
}

/** What all sound of the page goes through, once it was woken. */
export function audio() {
  return context;
}

export class LevelMeter {
  #source;
  #analyser = context.createAnalyser();
  #samples;

  /** @param {MediaStreamTrack} track Audio; the meter only listens to it. */
  constructor(track) {
    this.#analyser.fftSize = 1024; // 21 ms at 48 kHz, about one frame of the display
    this.#samples = new Float32Array(this.#analyser.fftSize);
    this.#source = context.createMediaStreamSource(new MediaStream([track]));
    this.#source.connect(this.#analyser);
  }

  read() {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let power = 0;
    for (const sample of this.#samples) power += sample * sample;
    const db = 10 * Math.log10(power / this.#samples.length + 1e-12);
    return Math.min(1, Math.max(0, (db - QUIET_DB) / (LOUD_DB - QUIET_DB)));
  }

  close() {
    this.#source.disconnect();
  }
}
