import { describe, expect, it } from 'vitest';
import { arrangementBits, balancedMapBits } from './balanced.ts';
import { binarizer } from './binarizer.ts';
import { type Heuristic, heuristics, meanMagnitude, selectBits } from './bitMap.ts';
import { HbnnError } from './error.ts';
import { geometry, type Layout } from './layout.ts';
import { allocate, distFromAverage, parseMix } from './mix.ts';
import { random } from './random.ts';
import { approximate, binarize } from './residual.ts';
import { storedBits } from './storedBits.ts';
import { elementCount } from './tensor.ts';

function weights(shape: number[], seed: number): Float32Array {
  const rng = random(seed, 'balanced test');
  // Few different values, so that keys tie.
  return Float32Array.from(
    { length: elementCount(shape) },
    () => Math.round(20 * (rng.uniform() - 0.5)) / 8,
  );
}

/** A balanced map written from its definition: groups as lists, sorted by key and place. */
function expected(
  t: Float32Array,
  shape: number[],
  layout: Layout,
  select: Heuristic,
  balance: number,
): Uint8Array {
  const { outputs, positions, inputs, outputStride, restStride } = geometry(shape, layout);
  const mean = meanMagnitude(t);
  const keyOf = (x: number): number =>
    select === 'middle-out'
      ? Math.abs(Math.abs(x) - mean)
      : (select === 'top-down' ? -1 : 1) * Math.abs(x);
  const bits = new Uint8Array(t.length);
  for (let output = 0; output < outputs; output++) {
    const row = Array.from(
      { length: positions * inputs },
      (_, i) => output * outputStride + i * restStride,
    );
    while (row.length > 0) {
      const group = row.splice(0, balance);
      const order = group.map((at, place) => ({ at, place, key: keyOf(t[at]) }));
      order.sort((a, b) => a.key - b.key || a.place - b.place);
      const widths = allocate(distFromAverage(1.4), group.length).flatMap(({ bits: b, count }) =>
        new Array<number>(count).fill(b),
      );
      order.forEach(({ at }, rank) => {
        bits[at] = widths[rank];
      });
    }
  }
  return bits;
}

const shapes: [number[], Layout][] = [
  [[3, 20], 'outputs-first'],
  [[20, 3], 'outputs-last'],
  [[3, 3, 7, 5], 'outputs-last'],
  [[5, 3, 3, 7], 'outputs-first'],
  [[37], 'outputs-first'],
  [[2, 1], 'outputs-first'],
];

describe('balanced maps', () => {
  it.each(shapes)('of %j, %s are ranked within groups', (shape, layout) => {
    const t = weights(shape, 1);
    for (const select of ['middle-out', 'top-down', 'bottom-up'] as const)
      for (const balance of [2, 8, 10, 64]) {
        const mix = distFromAverage(1.4);
        const map = selectBits({ shape, data: t }, { mix, select, layout, balance });
        expect(map.bits, `${select} ${balance}`).toEqual(
          expected(t, shape, layout, select, balance),
        );
      }
  });

  it.each(heuristics)('by %s give every whole group 7, 2 and 1 of 10', (select) => {
    const shape = [4, 30];
    const map = selectBits(
      { shape, data: weights(shape, 2) },
      { mix: distFromAverage(1.4), select, balance: 10 },
    );
    for (let start = 0; start < 120; start += 10) {
      const sorted = [...map.bits.subarray(start, start + 10)].sort();
      expect(sorted).toEqual([1, 1, 1, 1, 1, 1, 1, 2, 2, 3]);
    }
  });

  it('hold pruned weights too, and are what a binarizer chooses', () => {
    const shape = [3, 3, 10, 4];
    const data = weights(shape, 3);
    const mix = parseMix('0:0.3/2:0.7');
    const options = { mix, select: 'bottom-up', layout: 'outputs-last', balance: 10 } as const;
    const map = selectBits({ shape, data }, options);
    expect([...map.bits].filter((b) => b === 0)).toHaveLength(0.3 * data.length);
    const b = binarizer({ shape, ...options });
    const out = new Float32Array(data.length);
    b.apply(data, out);
    expect(b.bits).toEqual(map.bits);
    const planes = binarize({ shape, data }, map, { layout: 'outputs-last' });
    expect(out).toEqual(approximate(planes).data);
    expect(b.result(data).map).toEqual(map);
  });

  it('are stored as the number of each group’s arrangement', () => {
    // 10! / (7! 2! 1!) = 360 arrangements.
    expect(arrangementBits([0, 7, 2, 1])).toBe(9);
    expect(arrangementBits([0, 5])).toBe(0);
    expect(arrangementBits([1, 1])).toBe(1);
    expect(arrangementBits([2, 2])).toBe(3);
    const shape = [2, 25];
    const data = weights(shape, 4);
    const map = selectBits(
      { shape, data },
      { mix: distFromAverage(1.4), select: 'middle-out', balance: 10 },
    );
    // Two whole groups per row, and 5 inputs: 5! / (3! 2!) = 10 or 5! / (4! 1!) = 5 or …, as allocated.
    const rest = allocate(distFromAverage(1.4), 5).map(({ count }) => count);
    const each = 9 + 9 + arrangementBits(rest);
    expect(balancedMapBits(map.bits, shape, 'outputs-first', 10)).toBe(2 * each);
    expect(storedBits(binarize({ shape, data }, map)).mapStored).toBe(2 * each);
  });

  it('refuse what they cannot be', () => {
    const t = { shape: [3, 20], data: weights([3, 20], 5) };
    const options = { mix: distFromAverage(1.4), select: 'middle-out' } as const;
    for (const balance of [0, 1, 2.5, Number.NaN])
      expect(() => selectBits(t, { ...options, balance })).toThrow(HbnnError);
    expect(() => selectBits(t, { ...options, balance: 10, mapPer: 'output' })).toThrow(
      'per element',
    );
    const spec = {
      shape: [3, 20],
      layout: 'outputs-first',
      select: 'optimal',
      average: 1.4,
    } as const;
    expect(() => binarizer({ ...spec, balance: 10 })).toThrow("'optimal'");
  });
});
