// How the home page looks, as a small grey picture that is compared with a committed one: fonts may differ a little
// from machine to machine, what lies where may not.
import { existsSync, writeFileSync } from 'node:fs';
import sharp from 'sharp';

/** The side, in pixels, of the square that one value of a small picture stands for. */
const square = 16;

/** A screenshot made small: one grey value per square. */
async function small(png: Buffer): Promise<{ values: Buffer; width: number; height: number }> {
  const { width = 0, height = 0 } = await sharp(png).metadata();
  const size = { width: Math.round(width / square), height: Math.round(height / square) };
  const values = await sharp(png)
    .resize({ ...size, fit: 'fill', kernel: 'lanczos3' })
    .greyscale()
    .raw()
    .toBuffer();
  return { values, ...size };
}

/** How far a screenshot is from a committed picture, from 0 (equal) to 255, on average over all squares. */
export async function distanceFrom(file: string, png: Buffer): Promise<number> {
  const { values, width, height } = await small(png);
  if (process.env.UPDATE_PICTURES === '1' || !existsSync(file)) {
    const raw = { width, height, channels: 1 } as const;
    writeFileSync(file, await sharp(values, { raw }).png({ compressionLevel: 9 }).toBuffer());
    if (process.env.UPDATE_PICTURES !== '1')
      throw new Error(`${file} was not there and is made; look at the page and commit it`);
  }
  const { data: wanted, info } = await sharp(file)
    .greyscale()
    .raw()
    .toBuffer({ resolveWithObject: true });
  if (info.width !== width || info.height !== height) return 255;
  return values.reduce((sum, value, i) => sum + Math.abs(value - wanted[i]), 0) / values.length;
}
