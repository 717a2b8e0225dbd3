import { deflateSync, inflateSync } from 'fflate';
import { side } from './images.ts';

const size = side * side;
/** Letters of a picture that hardly shrinks, with some to spare. */
const maxLetters = 1200;

/** A picture of a visitor's as letters of an address: deflated, in base64 without signs that mean something there. */
export const pictureText = (pixels: Uint8Array): string =>
  btoa(String.fromCharCode(...deflateSync(pixels, { level: 9 })))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '');

/** The picture that an address has; undefined where the letters are none. */
export function pictureOf(text: string): Uint8Array | undefined {
  if (!/^[\w-]+$/.test(text) || text.length > maxLetters) return undefined;
  try {
    const bytes = Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (letter) =>
      letter.charCodeAt(0),
    );
    const pixels = inflateSync(bytes, { out: new Uint8Array(size + 1) });
    return pixels.length === size ? pixels : undefined;
  } catch {
    // Letters that are no base64, or no deflated bytes.
    return undefined;
  }
}
