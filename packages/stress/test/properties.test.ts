import { chooseFolds, foldedCycles } from '@hbnn/circuit';
import {
  allocate,
  approximate,
  averageBits,
  binarize,
  bitMapFrom,
  decodeNpy,
  distance,
  distFromAverage,
  encodeNpy,
  floatTensor,
  HbnnError,
  heuristics,
  mixOf,
  selectBits,
} from '@hbnn/core';
import {
  type CheckedModel,
  decodeModel,
  encodeModel,
  featureCount,
  interpreter,
  randomModel,
} from '@hbnn/model';
import { loadModel } from '@hbnn/wasm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

/** Each property is tried on as many cases as take about a second in all; a failing seed is printed. */
const holds = <T>(runs: number, cases: fc.Arbitrary<T>, check: (value: T) => void): void => {
  fc.assert(fc.property(cases, check), { numRuns: runs });
};

const weights = (min = 1) =>
  fc
    .tuple(fc.integer({ min, max: 12 }), fc.integer({ min: 1, max: 24 }))
    .chain(([outputs, inputs]) =>
      fc
        .float32Array({
          minLength: outputs * inputs,
          maxLength: outputs * inputs,
          noNaN: true,
          min: -1000,
          max: 1000,
        })
        .map((data) => floatTensor(data, [outputs, inputs])),
    );

const average = fc.integer({ min: 10, max: 40 }).map((tenths) => tenths / 10);
const heuristic = fc.constantFrom(...heuristics);
const scalePer = fc.constantFrom('tensor' as const, 'output' as const);

/** Shares of 1, 2, 3 … bits. */
const mixes = fc
  .array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 8 })
  .filter((shares) => shares.some((share) => share > 0))
  .map((shares) => {
    const sum = shares.reduce((total, share) => total + share, 0);
    return mixOf(shares.map((share) => share / sum));
  });

describe('bit maps', () => {
  it('keep the average of the mix within a bit of one element', () => {
    holds(300, fc.tuple(weights(), average, heuristic), ([tensor, bits, select]) => {
      const map = selectBits(tensor, { mix: distFromAverage(bits), select, seed: 1 });
      const sum = map.bits.reduce((total, b) => total + b, 0);
      expect(Math.abs(sum - bits * tensor.data.length)).toBeLessThanOrEqual(1 + 1e-6);
    });
  });

  it('have as many elements of each bitwidth as are allocated, whichever rule ranks them', () => {
    holds(300, fc.tuple(weights(), mixes, heuristic), ([tensor, mix, select]) => {
      const { bits } = selectBits(tensor, { mix, select, seed: 1 });
      const counts = allocate(mix, tensor.data.length);
      for (const { bits: width, count } of counts)
        expect(bits.filter((b) => b === width)).toHaveLength(count);
      expect(counts.reduce((total, { count }) => total + count, 0)).toBe(bits.length);
    });
  });

  it('of a mix have its average where there are many elements', () => {
    holds(200, mixes, (mix) => {
      const sum = allocate(mix, 10_000).reduce((total, { bits, count }) => total + bits * count, 0);
      expect(sum / 10_000).toBeCloseTo(averageBits(mix), 3);
    });
  });
});

describe('planes of residual binarization', () => {
  const mapped = fc
    .tuple(weights(), scalePer)
    .chain(([tensor, per]) =>
      fc
        .uint8Array({ minLength: tensor.data.length, maxLength: tensor.data.length, max: 8 })
        .map((bits) => ({ tensor, per, map: bitMapFrom(bits, tensor.shape) })),
    );

  it('are nested: an element of b bits is in the first b planes and in no other', () => {
    holds(200, mapped, ({ tensor, per, map }) => {
      const { planes } = binarize(tensor, map, { scalePer: per });
      planes.forEach(({ members }, n) => {
        expect(members).toEqual(map.bits.map((b) => (b > n ? 1 : 0)));
      });
    });
  });

  it('leave elements of no bits 0, and scales of planes without members', () => {
    holds(200, mapped, ({ tensor, per, map }) => {
      const binarized = binarize(tensor, map, { scalePer: per });
      const { data } = approximate(binarized);
      map.bits.forEach((b, i) => {
        if (b === 0) expect(data[i]).toBe(0);
      });
      for (const { scales, members } of binarized.planes) {
        for (const scale of scales) expect(scale).toBeGreaterThanOrEqual(0);
        if (!members.includes(1)) expect([...scales].every((scale) => scale === 0)).toBe(true);
      }
    });
  });

  it('come no farther from the tensor with every bit that all elements get', () => {
    holds(150, fc.tuple(weights(), scalePer), ([tensor, per]) => {
      if (tensor.data.every((value) => value === 0)) return;
      // Scales are rounded to float32: near 0 to multiples of its smallest number, which moves each element by as much.
      const norm = Math.hypot(...tensor.data);
      const rounding = 1e-6 + (2 ** -149 * Math.sqrt(tensor.data.length)) / norm;
      let before = 1;
      for (let bits = 1; bits <= 8; bits++) {
        const map = bitMapFrom(new Uint8Array(tensor.data.length).fill(bits), tensor.shape);
        const now = distance(tensor, approximate(binarize(tensor, map, { scalePer: per })));
        expect(now).toBeLessThanOrEqual(before + rounding);
        before = now;
      }
    });
  });

  it('do not change with the sign of the tensor, but for the signs', () => {
    holds(150, mapped, ({ tensor, per, map }) => {
      const positive = floatTensor(
        tensor.data.map((value) => Math.abs(value) + 1),
        tensor.shape,
      );
      const negative = floatTensor(
        positive.data.map((value) => -value),
        tensor.shape,
      );
      const [a, b] = [positive, negative].map((each) => binarize(each, map, { scalePer: per }));
      // A residual of 0 has the sign −1 in both.
      expect(a.planes[0]?.scales).toEqual(b.planes[0]?.scales);
    });
  });
});

describe('files', () => {
  it('.npy give back every array bit by bit', () => {
    const arrays = fc.oneof(
      fc.float32Array({ maxLength: 40 }),
      fc.float64Array({ maxLength: 40 }),
      fc.int8Array({ maxLength: 40 }),
      fc.uint16Array({ maxLength: 40 }),
      fc.int32Array({ maxLength: 40 }),
    );
    holds(300, arrays, (data) => {
      const again = decodeNpy(encodeNpy({ shape: [data.length, 1], data }), 'a.npy');
      expect(again.shape).toEqual([data.length, 1]);
      expect(again.data.constructor).toBe(data.constructor);
      expect(Buffer.from(again.data.buffer).equals(Buffer.from(data.slice().buffer))).toBe(true);
    });
  });

  const seeds = fc.integer({ min: 0, max: 1e6 });

  const pixelsOf = (model: CheckedModel): Uint8Array =>
    Uint8Array.from({ length: featureCount(model.input.shape) }, (_, i) => (i * 97) & 255);

  it('.hbnn give back every model, and its scores on each engine', async () => {
    const property = fc.asyncProperty(seeds, async (seed) => {
      const model = randomModel(seed);
      const file = encodeModel(model);
      const again = decodeModel(file, 'a.hbnn');
      expect(Buffer.from(encodeModel(again)).equals(Buffer.from(file))).toBe(true);
      const scores = interpreter(model).run(pixelsOf(model));
      expect(interpreter(again).run(pixelsOf(model))).toEqual(scores);
      const loaded = await loadModel(again);
      expect([...loaded.run(pixelsOf(model))]).toEqual([...scores]);
      loaded.dispose();
    });
    await fc.assert(property, { numRuns: 40 });
  });

  it('.hbnn with any byte changed, or cut anywhere, are refused', () => {
    const cases = fc.tuple(seeds, fc.nat(), fc.integer({ min: 1, max: 255 }), fc.boolean());
    holds(150, cases, ([seed, place, change, isCut]) => {
      const file = encodeModel(randomModel(seed));
      const at = place % file.length;
      const other = isCut ? file.slice(0, at) : file.slice();
      if (!isCut) other[at] ^= change;
      expect(() => decodeModel(other, 'a.hbnn')).toThrow(HbnnError);
    });
  });
});

describe('folds', () => {
  it('that are chosen for some cycles keep to them, or the goal is refused', () => {
    const layers = fc.tuple(
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 24 }),
      fc.integer({ min: 1, max: 400 }),
    );
    holds(50, layers, ([outputs, inputs, cycles]) => {
      const model = randomModel(1, { layer: `dense:${inputs}x${outputs}` });
      let folds: ReturnType<typeof chooseFolds>;
      try {
        folds = chooseFolds(model, { cycles });
      } catch (error) {
        expect(error).toBeInstanceOf(HbnnError);
        return;
      }
      const table = Object.fromEntries(
        Object.entries(folds).map(([name, fold]) => [
          name,
          fold === 'constant' ? { pe: outputs, simd: inputs } : fold,
        ]),
      );
      expect(foldedCycles(model, table)).toBeLessThanOrEqual(cycles);
    });
  });
});
