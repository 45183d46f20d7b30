// The sound of a conversation as a WAV file: the user on the left, the agent on the right.

export const RATE = 24_000; // Hz
const FRAME = 4; // bytes: two samples of 16 bits
const HEADER = 44; // bytes
const LONGEST = 30 * 60 * RATE; // frames; 173 MB
const PART = 10 * RATE; // frames; the browser may put a finished part on its disk

export class Recording {
  #parts = [];
  #chunks = [];
  #pending = 0;
  #frames = 0;

  /** @param {Int16Array} samples Of both sides in turn; after 30 minutes they are left out. */
  add(samples) {
    if (this.full) return;
    this.#chunks.push(samples);
    this.#pending += samples.length / 2;
    this.#frames += samples.length / 2;
    if (this.#pending < PART) return;
    this.#parts.push(new Blob(this.#chunks));
    this.#chunks = [];
    this.#pending = 0;
  }

  get seconds() {
    return this.#frames / RATE;
  }

  get full() {
    return this.#frames >= LONGEST;
  }

  wav() {
    const sound = [...this.#parts, ...this.#chunks];
    return new Blob([header(this.#frames * FRAME), ...sound], { type: "audio/wav" });
  }
}

/**
 * The samples of a file as `wav` makes it.
 * @throws {RangeError} It is another kind of file.
 */
export async function samplesOf(wav) {
  const size = wav.size - HEADER;
  const found = new Uint8Array(await wav.slice(0, HEADER).arrayBuffer());
  const wanted = new Uint8Array(header(size));
  if (size % FRAME || found.some((byte, i) => byte !== wanted[i])) throw new RangeError("not such a WAV");
  return new Int16Array(await wav.slice(HEADER).arrayBuffer());
}

function header(size) {
  const view = new DataView(new ArrayBuffer(HEADER));
  const word = (at, letters) => [...letters].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
  word(0, "RIFF");
  view.setUint32(4, HEADER - 8 + size, true);
  word(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 2, true);
  view.setUint32(24, RATE, true);
  view.setUint32(28, RATE * FRAME, true);
  view.setUint16(32, FRAME, true);
  view.setUint16(34, 16, true);
  word(36, "data");
  view.setUint32(40, size, true);
  return view.buffer;
}
