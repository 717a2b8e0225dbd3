import { describe, expect, it } from 'vitest';
import { parseIdx } from './idx.ts';
import { labelledImages, memorySource, normalizationOf, shrink, stratified } from './images.ts';

const shape = [2, 2, 1] as const;
const pixels = Uint8Array.from({ length: 40 }, (_, i) => i * 6);
const labels = Uint8Array.of(0, 1, 2, 0, 1, 2, 0, 1, 2, 0);
const images = labelledImages(pixels, labels, shape, 3, 'test');
const source = memorySource('test', ['a', 'b', 'c'], images, normalizationOf(images));

async function collect(o: Partial<Parameters<typeof source.batches>[0]>): Promise<number[][]> {
  const batches: number[][] = [];
  const options = { batch: 4, shuffle: true, seed: 1, epoch: 0, ...o };
  for await (const batch of source.batches(options)) {
    expect(batch.images.length).toBe(batch.count * 4);
    batches.push([...batch.images]);
  }
  return batches;
}

describe('images in memory', () => {
  it('are all given once a pass, in an order of seed and epoch alone', async () => {
    const first = await collect({});
    expect(first.map((batch) => batch.length / 4)).toEqual([4, 4, 2]);
    expect(await collect({})).toEqual(first);
    expect(await collect({ epoch: 1 })).not.toEqual(first);
    expect(await collect({ seed: 2 })).not.toEqual(first);
    const sorted = first.flat().sort((a, b) => a - b);
    const plain = (await collect({ shuffle: false })).flat();
    expect(sorted).toEqual(plain);
  });

  it('go on from a batch as if they had never stopped', async () => {
    const whole = await collect({});
    expect(await collect({ from: 1 })).toEqual(whole.slice(1));
    expect(await collect({ from: 3 })).toEqual([]);
  });

  it('have mean 0 and deviation 1 after normalization', async () => {
    const values = (await collect({})).flat();
    const mean = values.reduce((a, b) => a + b) / values.length;
    const square = values.reduce((a, b) => a + b * b, 0) / values.length;
    expect(mean).toBeCloseTo(0, 6);
    expect(square).toBeCloseTo(1, 5);
  });

  it('are cut down class by class', () => {
    const few = stratified(images, 3, 4);
    expect([...few.labels]).toEqual([0, 1, 2, 0]);
    expect([...few.pixels.subarray(12)]).toEqual([...pixels.subarray(12, 16)]);
    expect(stratified(images, 3, 99)).toBe(images);
  });

  it('shrink by averaging', () => {
    const small = shrink(images, 2);
    expect(small.shape).toEqual([1, 1, 1]);
    expect([...small.pixels.subarray(0, 2)]).toEqual([9, 33]);
    expect(() => shrink(images, 3)).toThrow(
      'shrink: expected at most 2, a side of the 2×2 images, got 3',
    );
  });

  it('are checked against their labels', () => {
    expect(() => labelledImages(pixels, labels.subarray(1), shape, 3, 'x')).toThrow(
      '9 images of 2×2×1',
    );
    expect(() => labelledImages(pixels, labels, shape, 2, 'x')).toThrow(
      'labels 0 … 1, got 2 at image 2',
    );
  });
});

describe('IDX files', () => {
  const file = Uint8Array.of(0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6);
  it('give shape and values', () => {
    const { shape: read, data } = parseIdx(file, 'x');
    expect(read).toEqual([2, 3]);
    expect([...data]).toEqual([1, 2, 3, 4, 5, 6]);
  });
  it('are refused when truncated, too long or of another kind', () => {
    for (let n = 0; n < file.length; n++) {
      expect(() => parseIdx(file.subarray(0, n), 'x.idx')).toThrow('x.idx');
    }
    expect(() => parseIdx(Uint8Array.of(...file, 0), 'x')).toThrow('expected 18 bytes');
    const floats = file.slice();
    floats[2] = 13;
    expect(() => parseIdx(floats, 'x')).toThrow('expected 36 bytes');
    floats[2] = 7;
    expect(() => parseIdx(floats, 'x')).toThrow('a type from 8 to 14');
  });
});
