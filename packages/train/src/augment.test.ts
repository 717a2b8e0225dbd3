import type { BatchSource } from '@hbnn/core';
import { describe, expect, it } from 'vitest';
import { augmentationDraw, augmented } from './augment.ts';

/** Images of 3×4 pixels and two channels: pixel (y, x) of image i is 100 i + 10 y + x + 1, and its negative. */
function counted(count: number): BatchSource {
  const image = (i: number): number[] =>
    Array.from({ length: 12 }, (_, p) => 100 * i + 10 * Math.floor(p / 4) + (p % 4) + 1).flatMap(
      (v) => [v, -v],
    );
  return {
    name: 'counted',
    shape: [3, 4, 2],
    classes: ['only'],
    count,
    async *batches({ batch, from = 0 }) {
      for (let start = from * batch; start < count; start += batch) {
        const indices = Array.from(
          { length: Math.min(batch, count - start) },
          // Against the order, so that place and index differ.
          (_, k) => count - 1 - start - k,
        );
        const images = Float32Array.from(indices.flatMap(image));
        yield { images, labels: new Int32Array(indices.length), count: indices.length, indices };
      }
    },
  };
}

async function collect(
  source: BatchSource,
  o: { batch: number; epoch?: number; from?: number },
): Promise<number[][]> {
  const images: number[][] = [];
  for await (const batch of source.batches({ shuffle: true, seed: 5, epoch: 0, ...o })) {
    for (let i = 0; i < batch.count; i++) images.push([...batch.images.slice(24 * i, 24 * i + 24)]);
  }
  return images;
}

describe('augmentation', () => {
  it('cuts the window and mirrors as the draw says, with 0 beyond the image', async () => {
    const count = 40;
    const source = augmented(counted(count), { crop: 2, flip: true });
    const images = await collect(source, { batch: 7 });
    const seen = new Set<string>();
    images.forEach((image, place) => {
      const index = count - 1 - place;
      const draw = augmentationDraw({ crop: 2, flip: true }, { seed: 5, epoch: 0, index });
      seen.add(JSON.stringify(draw));
      for (let y = 0; y < 3; y++) {
        for (let x = 0; x < 4; x++) {
          const fromY = y + draw.top - 2;
          const fromX = (draw.flip ? 3 - x : x) + draw.left - 2;
          const inside = fromY >= 0 && fromY < 3 && fromX >= 0 && fromX < 4;
          const expected = inside ? 100 * index + 10 * fromY + fromX + 1 : 0;
          expect(image[2 * (4 * y + x)]).toBe(expected);
          expect(image[2 * (4 * y + x) + 1] + 0).toBe(0 - expected);
        }
      }
    });
    expect(seen.size).toBeGreaterThan(20);
  });

  it('has known draws', () => {
    const draws = [0, 1, 2].map((index) =>
      augmentationDraw({ crop: 4, flip: true }, { seed: 1, epoch: 3, index }),
    );
    expect(draws).toEqual([
      { top: 0, left: 6, flip: true },
      { top: 5, left: 8, flip: false },
      { top: 3, left: 8, flip: false },
    ]);
  });

  it('draws windows and flips evenly, and a flip more moves no window', () => {
    const n = 4000;
    const at = (index: number) => ({ seed: 2, epoch: 1, index });
    const draws = Array.from({ length: n }, (_, i) =>
      augmentationDraw({ crop: 1, flip: true }, at(i)),
    );
    // Five standard deviations of a share of n draws.
    const close = (share: number): number => 5 * Math.sqrt((share * (1 - share)) / n);
    for (const place of [0, 1, 2]) {
      const tops = draws.filter(({ top }) => top === place).length / n;
      const lefts = draws.filter(({ left }) => left === place).length / n;
      expect(Math.abs(tops - 1 / 3)).toBeLessThan(close(1 / 3));
      expect(Math.abs(lefts - 1 / 3)).toBeLessThan(close(1 / 3));
    }
    const flips = draws.filter(({ flip }) => flip).length / n;
    expect(Math.abs(flips - 1 / 2)).toBeLessThan(close(1 / 2));
    const unflipped = draws.map((_, i) => augmentationDraw({ crop: 1 }, at(i)));
    expect(unflipped).toEqual(draws.map((draw) => ({ ...draw, flip: false })));
  });

  it('depends on seed, epoch and index, not on batch size or where a pass begins', async () => {
    const source = augmented(counted(20), { crop: 1, flip: true });
    const whole = await collect(source, { batch: 20 });
    expect(await collect(source, { batch: 3 })).toEqual(whole);
    expect(await collect(source, { batch: 4, from: 2 })).toEqual(whole.slice(8));
    expect(await collect(source, { batch: 20, epoch: 1 })).not.toEqual(whole);
  });

  it('refuses paddings of the image’s size and batches without indices', async () => {
    expect(() => augmented(counted(2), { crop: 3 })).toThrow(
      /^augment: expected crop:N with N below \d+, .* got crop:3, /,
    );
    expect(() => augmented(counted(2), { crop: 3 }, '--augment')).toThrow(/^--augment: /);
    const plain: BatchSource = {
      ...counted(2),
      async *batches(pass) {
        for await (const { images, labels, count } of counted(2).batches(pass)) {
          yield { images, labels, count };
        }
      },
    };
    const pass = collect(augmented(plain, { flip: true }), { batch: 2 });
    await expect(pass).rejects.toThrow("give them 'indices'");
  });
});
