// A conversation as one file: a ZIP of its sound and of a text about it. Whoever gets it can play
// the one and read the other with what every system has; this page and `make report` show both.

import { Loudness } from "./loudness.js";
import { samplesOf } from "./recording.js";
import { unzip, zip } from "./zip.js";

const SOUND = "conversation.wav";
const WORDS = "conversation.json";
const VERSION = 1;
const LARGEST = { [SOUND]: 175_000_000, [WORDS]: 10_000_000 }; // bytes; 30 minutes are 172.8 MB

/** The file is not a saved conversation. */
export class NotSaved extends Error {}

/**
 * @typedef {object} Told What was shown of a conversation; times in seconds of its sound.
 * @property {string} started Date and time.
 * @property {{role: string, name?: string, text: string, at: number, until: number,
 *   cut?: boolean}[]} captions
 * @property {object[]} records As the agent sent them, each with `at`, when it came, and turns with
 *   `heard`, as Loudness.answer gives it.
 */

/** @param {Blob} wav @param {Told} told */
export function pack(wav, told) {
  const words = JSON.stringify({ parley: VERSION, ...told }, null, 1);
  return zip({ [SOUND]: wav, [WORDS]: new Blob([words]) });
}

/**
 * @param {Blob} file
 * @returns {Promise<Told & {wav: Blob, loudness: Loudness}>}
 * @throws {NotSaved}
 */
export async function unpack(file) {
  try {
    const files = await unzip(file);
    for (const [name, largest] of Object.entries(LARGEST)) {
      if (files.get(name).size > largest) throw new RangeError(`${name} is too large`);
    }
    const { parley, started, captions, records } = JSON.parse(await files.get(WORDS).text());
    if (parley !== VERSION) throw new RangeError("another version");
    const wav = files.get(SOUND).slice(0, files.get(SOUND).size, "audio/wav");
    const loudness = new Loudness();
    loudness.add(await samplesOf(wav));
    new Date(started).toISOString(); // these throw where something is not what it must be
    captions.forEach(({ text, at }) => [text.trim(), at.toFixed()]);
    records.forEach(({ at }) => at.toFixed());
    return { started, captions, records, wav, loudness };
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError || error instanceof SyntaxError) {
      throw new NotSaved(error.message);
    }
    throw error;
  }
}
