// What is found of a picture's file that ends too early; it needs no browser.
import { describe, expect, it } from 'vitest';
import { cutPicture } from '../components/classify/cutPictures.ts';

describe('classify: a picture that is cut off', () => {
  const chunk = (name: string, length: number): number[] => [
    0,
    0,
    length >> 8,
    length & 255,
    ...bytesOf(name),
    ...new Array(length + 4).fill(7),
  ];
  const box = (name: string, length: number): number[] => [
    0,
    0,
    0,
    length + 8,
    ...bytesOf(name),
    ...new Array(length).fill(7),
  ];
  const small = [0xff, 0xe1, 0, 6, 0xff, 0xd8, 0xff, 0xd9];
  const frame = [0x2c, 0, 0, 0, 0, 2, 0, 2, 0, 0, 2, 3, 0x3b, 0x3b, 1, 0];
  const pictures: Readonly<Record<string, readonly number[]>> = {
    PNG: [
      ...bytesOf('\x89PNG\r\n\x1a\n'),
      ...chunk('IHDR', 13),
      ...chunk('IDAT', 300),
      ...chunk('IEND', 0),
    ],
    // Within it is a small picture that is whole.
    JPEG: [0xff, 0xd8, ...small, 0xff, 0xda, 0, 4, 1, 2, 7, 0xff, 0, 9, 0xff, 0xd9],
    GIF: [...bytesOf('GIF89a'), 2, 0, 2, 0, 0x80, 0, 0, 1, 2, 3, 4, 5, 6, ...frame, 0x3b],
    WebP: [...bytesOf('RIFF'), 20, 0, 0, 0, ...bytesOf('WEBPVP8 '), ...new Array(12).fill(7)],
    BMP: [...bytesOf('BM'), 60, 0, 0, 0, ...new Array(54).fill(7)],
  };

  it.each(Object.keys(pictures))(
    'is found wherever a %s is cut, and a whole one is not',
    (kind) => {
      const whole = pictures[kind];
      expect(cutPicture(Uint8Array.from(whole))).toBe(undefined);
      expect(cutPicture(Uint8Array.from([...whole, 1, 2, 3]))).toBe(undefined);
      for (let length = 14; length < whole.length; length++)
        expect(cutPicture(Uint8Array.from(whole.slice(0, length))), `${length} bytes`).toBe(kind);
    },
  );

  it('is found wherever an AVIF is cut but between its boxes', () => {
    const whole = [...box('ftyp', 0).slice(0, 8), ...bytesOf('avif'), ...box('mdat', 90)];
    whole[3] = 12;
    expect(cutPicture(Uint8Array.from(whole))).toBe(undefined);
    for (let length = 13; length < whole.length; length++)
      expect(cutPicture(Uint8Array.from(whole.slice(0, length))), `${length} bytes`).toBe('AVIF');
  });

  it('is not looked for in other files', () => {
    expect(cutPicture(new TextEncoder().encode('<svg xmlns="…"/>'))).toBe(undefined);
    expect(cutPicture(new Uint8Array(0))).toBe(undefined);
  });
});

function bytesOf(text: string): number[] {
  return [...text].map((letter) => letter.charCodeAt(0));
}
