import { readPicture } from '@hbnn/datasets';
import sharp from 'sharp';
import { placed } from '../placed.ts';
import { bytesOfText, holds, type Reader } from '../reader.ts';

const side = 4;

export const reader = async (): Promise<Reader<Uint8Array>> => {
  const pixels = Uint8Array.from({ length: side * side * 3 }, (_, i) => (i * 53) & 255);
  const image = sharp(pixels, { raw: { width: side, height: side, channels: 3 } });
  return {
    form: 'bytes',
    seeds: [
      await image.clone().png().toBuffer(),
      await image.clone().jpeg().toBuffer(),
      await image.clone().webp().toBuffer(),
      await image.clone().gif().toBuffer(),
      await image.clone().tiff().toBuffer(),
      bytesOfText(
        `<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}"><rect width="2" height="2"/></svg>`,
      ),
    ],
    words: ['IHDR', 'IDAT', 'IEND', '<image href="/etc/hostname"/>', 'Exif'],
    maxSeconds: 2,
    read: (bytes) => readPicture(placed('input.png', bytes), [side, side, 3]),
    check(read) {
      holds(read.length === side * side * 3, 'as many pixels as the size says');
    },
  };
};
