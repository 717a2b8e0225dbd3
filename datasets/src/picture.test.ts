import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { readPicture } from './picture.ts';

const folder = mkdtempSync(join(tmpdir(), 'hbnn-picture-'));
const [height, width] = [3, 5];
const colors = Uint8Array.from({ length: height * width * 3 }, (_, i) => (i * 37) % 256);
const picture = () => sharp(colors, { raw: { width, height, channels: 3 } });

describe('readPicture', () => {
  it('gives the bytes of a PNG, and grey for one channel', async () => {
    const file = join(folder, 'colors.png');
    await picture().png().toFile(file);
    expect(await readPicture(file, [height, width, 3])).toEqual(colors);
    const grey = Uint8Array.from({ length: height * width }, (_, i) => i * 17);
    const of = join(folder, 'grey.png');
    await sharp(grey, { raw: { width, height, channels: 1 } })
      .png()
      .toFile(of);
    expect(await readPicture(of, [height, width, 1])).toEqual(grey);
    const tripled = Uint8Array.from({ length: colors.length }, (_, i) => grey[Math.floor(i / 3)]);
    expect(await readPicture(of, [height, width, 3])).toEqual(tripled);
    const [r, g, b] = colors;
    const [first] = await readPicture(file, [height, width, 1]);
    expect(first).toBe(Math.round(0.299 * r + 0.587 * g + 0.114 * b));
  });

  it('reads a JPEG, lying on its side too', async () => {
    const file = join(folder, 'plain.jpg');
    const plain = { width, height, channels: 3, background: '#406080' } as const;
    await sharp({ create: plain })
      .withMetadata({ orientation: 6 })
      .jpeg({ quality: 100 })
      .toFile(file);
    const pixels = await readPicture(file, [width, height, 3]);
    const wanted = [0x40, 0x60, 0x80];
    const furthest = Math.max(...Array.from(pixels, (value, i) => Math.abs(value - wanted[i % 3])));
    expect(furthest).toBeLessThanOrEqual(3);
    await expect(readPicture(file, [height, width, 3])).rejects.toThrow('got one of 3×5');
  });

  it('says the size that is expected, and why a file cannot be read', async () => {
    const file = join(folder, 'colors.png');
    await picture().png().toFile(file);
    await expect(readPicture(file, [28, 20, 1])).rejects.toThrow(
      `${file}: expected a picture of 20×28 pixels, the model's size, got one of 5×3; resize it`,
    );
    await expect(readPicture(file, [3, 5, 2])).rejects.toThrow(
      '1 or 3 channels, got an input of 3×5×2',
    );
    await expect(readPicture(file, [15])).rejects.toThrow('got an input of 15; give its values');
    const text = join(folder, 'text.png');
    writeFileSync(text, 'no picture');
    await expect(readPicture(text, [3, 5, 3])).rejects.toThrow(
      `${text}: expected JPEG, PNG, WebP, GIF, TIFF, AVIF or SVG, got what could not be read as an image`,
    );
    await expect(readPicture(join(folder, 'none.png'), [3, 5, 3])).rejects.toThrow('no such file');
  });
});
