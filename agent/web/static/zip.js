// Files in one, as every system can open it: a ZIP file without compression.

const LOCAL = 0x04034b50;
const ENTRY = 0x02014b50;
const END = 0x06054b50;
const END_SIZE = 22; // bytes, without a comment
const UTF8 = 0x0800; // names are in it

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  return rest;
});

/** @param {Record<string, Blob>} files By name; less than 4 GiB in all. */
export async function zip(files, date = new Date()) {
  const parts = [];
  const entries = [];
  let offset = 0;
  for (const [name, file] of Object.entries(files)) {
    const letters = new TextEncoder().encode(name);
    const sum = await checksum(file);
    const shared = [
      [2, 20], [2, UTF8], [2, 0], [4, dosTime(date)], [4, sum], [4, file.size], [4, file.size],
      [2, letters.length], [2, 0],
    ];
    const head = bytes([4, LOCAL], ...shared);
    entries.push(
      bytes([4, ENTRY], [2, 20], ...shared, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]), letters,
    );
    parts.push(head, letters, file);
    offset += head.length + letters.length + file.size;
  }
  const size = entries.reduce((total, entry) => total + entry.length, 0);
  const count = entries.length / 2;
  const end = bytes([4, END], [2, 0], [2, 0], [2, count], [2, count], [4, size], [4, offset], [2, 0]);
  return new Blob([...parts, ...entries, end], { type: "application/zip" });
}

/**
 * The files that `zip` put together, by name.
 * @param {Blob} archive
 * @returns {Promise<Map<string, Blob>>}
 * @throws {RangeError} It is another kind of file, or compressed.
 */
export async function unzip(archive) {
  const end = new DataView(await archive.slice(-END_SIZE).arrayBuffer());
  if (end.getUint32(0, true) !== END) throw new RangeError("not a ZIP file");
  const from = end.getUint32(16, true);
  const list = new DataView(await archive.slice(from, from + end.getUint32(12, true)).arrayBuffer());
  const files = new Map();
  for (let at = 0; at < list.byteLength; ) {
    if (list.getUint32(at, true) !== ENTRY || list.getUint16(at + 10, true) !== 0) {
      throw new RangeError("not a ZIP file without compression");
    }
    const [size, local] = [list.getUint32(at + 24, true), list.getUint32(at + 42, true)];
    const length = list.getUint16(at + 28, true);
    const name = new TextDecoder().decode(new Uint8Array(list.buffer, at + 46, length));
    const head = new DataView(await archive.slice(local, local + 30).arrayBuffer());
    const start = local + 30 + head.getUint16(26, true) + head.getUint16(28, true);
    files.set(name, archive.slice(start, start + size));
    at += 46 + length + list.getUint16(at + 30, true) + list.getUint16(at + 32, true);
  }
  return files;
}

async function checksum(file) {
  let sum = ~0;
  const reader = file.stream().getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    for (const byte of part.value) sum = TABLE[(sum ^ byte) & 0xff] ^ (sum >>> 8);
  }
  return ~sum >>> 0;
}

/** Numbers as [bytes, value], lowest byte first. */
function bytes(...numbers) {
  const view = new DataView(new ArrayBuffer(numbers.reduce((total, [size]) => total + size, 0)));
  let at = 0;
  for (const [size, value] of numbers) {
    if (size === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += size;
  }
  return new Uint8Array(view.buffer);
}

function dosTime(date) {
  const day = ((date.getFullYear() - 1980) << 9) | ((date.getMonth() + 1) << 5) | date.getDate();
  const time = (date.getHours() << 11) | (date.getMinutes() << 5) | (date.getSeconds() >> 1);
  return ((day << 16) | time) >>> 0;
}
