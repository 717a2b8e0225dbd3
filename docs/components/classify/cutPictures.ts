/** The kind of a picture whose file ends too early, or undefined. Browsers show what such a file has, or black. */
export function cutPicture(bytes: Uint8Array): string | undefined {
  const found = kinds.find(({ begins }) => begins(bytes));
  return found?.isCut(bytes) ? found.kind : undefined;
}

/** Whether a file begins as a picture does. */
export const isPicture = (bytes: Uint8Array): boolean =>
  kinds.some(({ begins }) => begins(bytes)) || svgStart.test(textAt(bytes, 0, 400));

const svgStart = /^\s*(\uFEFF)?(<\?xml|<!--|<svg|<!DOCTYPE svg)/i;

const view = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const textAt = (bytes: Uint8Array, at: number, length: number): string =>
  String.fromCharCode(...bytes.subarray(at, at + length));

interface Kind {
  readonly kind: string;
  begins(bytes: Uint8Array): boolean;
  isCut(bytes: Uint8Array): boolean;
}

const kinds: readonly Kind[] = [
  {
    kind: 'PNG',
    begins: (bytes) => textAt(bytes, 0, 8) === '\x89PNG\r\n\x1a\n',
    isCut: isCutPng,
  },
  { kind: 'JPEG', begins: (bytes) => textAt(bytes, 0, 2) === '\xff\xd8', isCut: isCutJpeg },
  { kind: 'GIF', begins: (bytes) => /^GIF8[79]a/.test(textAt(bytes, 0, 6)), isCut: isCutGif },
  {
    kind: 'WebP',
    begins: (bytes) => textAt(bytes, 0, 4) === 'RIFF' && textAt(bytes, 8, 4) === 'WEBP',
    isCut: (bytes) => bytes.length < 8 + view(bytes).getUint32(4, true),
  },
  {
    kind: 'BMP',
    begins: (bytes) => textAt(bytes, 0, 2) === 'BM' && bytes.length > 6,
    isCut: (bytes) => bytes.length < view(bytes).getUint32(2, true),
  },
  {
    kind: 'AVIF',
    begins: (bytes) => /^ftypavi[fs]/.test(textAt(bytes, 4, 8)),
    isCut: isCutAvif,
  },
];

/** Whether a PNG lacks its last chunk, IEND. */
function isCutPng(bytes: Uint8Array): boolean {
  // A chunk is its length, its name, as many bytes, and a checksum: 12 bytes more than its length.
  for (let at = 8; at + 12 <= bytes.length; at += 12 + view(bytes).getUint32(at))
    if (textAt(bytes, at + 4, 4) === 'IEND') return false;
  return true;
}

/** Whether a JPEG lacks a mark of its end. */
function isCutJpeg(bytes: Uint8Array): boolean {
  const [mark, scan, end] = [0xff, 0xda, 0xd9];
  // Segments of their own lengths, which may hold a small picture with its end, stand before the picture's data.
  let at = 2;
  while (at + 4 <= bytes.length && bytes[at] === mark && bytes[at + 1] !== scan) {
    if (bytes[at + 1] === end) return false;
    at += bytes[at + 1] === mark ? 1 : 2 + bytes[at + 2] * 256 + bytes[at + 3];
  }
  for (; at + 1 < bytes.length; at++) if (bytes[at] === mark && bytes[at + 1] === end) return false;
  return true;
}

/** Whether a GIF lacks its trailer. */
function isCutGif(bytes: Uint8Array): boolean {
  const tableBytes = (flags: number): number => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);
  let at = 13 + tableBytes(bytes[10]);
  while (at < bytes.length && bytes[at] !== 0x3b) {
    // Pictures and extensions: a head, and blocks that begin with their lengths, up to an empty one.
    at += bytes[at] === 0x2c ? 11 + tableBytes(bytes[at + 9]) : 2;
    while (at < bytes.length && bytes[at] !== 0) at += 1 + bytes[at];
    at++;
  }
  return at >= bytes.length;
}

/** Whether a box of an AVIF is longer than what the file has of it. */
function isCutAvif(bytes: Uint8Array): boolean {
  let at = 0;
  while (at + 8 <= bytes.length) {
    const length = view(bytes).getUint32(at);
    // Length 0 is up to the file's end; length 1 says that a longer number follows, which no such picture needs.
    if (length < 8) return false;
    at += length;
  }
  return at !== bytes.length;
}
