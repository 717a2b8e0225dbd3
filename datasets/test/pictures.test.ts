import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HbnnError, random } from '@hbnn/core';
import { readPicture } from '@hbnn/datasets';
import sharp from 'sharp';
import { afterAll, describe, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'hbnn-pictures-'));
afterAll(() => rmSync(folder, { recursive: true }));

const image = sharp(
  Uint8Array.from({ length: 48 }, (_, i) => (i * 53) & 255),
  { raw: { width: 4, height: 4, channels: 3 } },
);

describe('pictures with changed bytes', () => {
  it.each(['png', 'jpeg', 'webp', 'gif', 'tiff'] as const)(
    '%s are read whole or refused by their name',
    async (format) => {
      const bytes = await image.clone().toFormat(format).toBuffer();
      const rng = random(format, 'changed bytes');
      const file = join(folder, `picture.${format}`);
      for (let i = 0; i < 60; i++) {
        const changed = Buffer.from(bytes);
        for (let n = 1 + (i % 3); n > 0; n--) changed[rng.below(changed.length)] = rng.below(256);
        writeFileSync(file, changed);
        const result = await readPicture(file, [4, 4, 3]).catch((error: unknown) => error);
        if (result instanceof Uint8Array) expect(result).toHaveLength(48);
        else {
          expect(result, String(result)).toBeInstanceOf(HbnnError);
          expect(String(result)).toContain(file);
        }
      }
    },
  );

  it('whose first frame alone is whole are refused by their name', async () => {
    const file = join(folder, 'frames.gif');
    // The first frame can be decoded; listing the frames fails.
    const bytes =
      'R0lGODlhBAAEAIQAAExpcQA1atUKP/gtYrrvJLLnHN0SR1mOw3yx5pfMARtQhT5zqBNIfTZroJ/UCVGGu3Sp3gAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAACH5BAUAAAAALAAAAAAEAAQAAAUOYOAsBqIQx5A0AsQUTwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAACH5BAUAAAAALAAAAAAEAAQAAAUOYOAsBqIQx5A0AsQUTwgAOw==';
    writeFileSync(file, Buffer.from(bytes, 'base64'));
    await expect(readPicture(file, [4, 4, 3])).rejects.toThrow(HbnnError);
  });
});
