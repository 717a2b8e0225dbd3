import { parseMapPer, parseMix, random } from '@hbnn/core';
import { type IntegerWeights, randomModel, weightValues } from '@hbnn/model';
import { describe, expect, it } from 'vitest';
import { compressForUses, compressToNumber } from '../netlist/compression.ts';
import type { AdderStyle } from '../netlist/fabrics.ts';
import { groupRows } from './rowGrouping.ts';
import { planSums } from './sumPlan.ts';
import { SumMemo } from './sumShapes.ts';

const styles: readonly AdderStyle[] = ['xc7', 'gates'];
const pick = <T>(list: readonly T[], n: number): T => list[n % list.length];

/** Σ as a plan says it, for one vector of inputs. */
function sumsOf(plan: ReturnType<typeof planSums>, inputs: readonly number[]): number[] {
  const sources = [...inputs];
  for (const { terms } of plan.classes)
    sources.push(terms.reduce((sum, { source, factor }) => sum + factor * sources[source], 0));
  const sums = new Array<number>(plan.outputs).fill(0);
  for (const { output, source, factor } of plan.additions) sums[output] += factor * sources[source];
  return sums;
}

function layerOf(seed: number): IntegerWeights {
  const rng = random('sums', seed);
  if (seed % 8 === 7) {
    const shape = [1 + rng.below(20), 1 + rng.below(60)];
    const values = Int8Array.from({ length: shape[0] * shape[1] }, () => rng.below(256) - 128);
    return { kind: 'int8', shape, values };
  }
  // Some wide enough for the larger groups, some with more outputs than are all tried, some with one input.
  const [inputs, outputs] = seed % 11 === 0 ? [520, 17] : [1 + rng.below(150), 1 + rng.below(300)];
  const model = randomModel(seed, {
    layer: `dense:${inputs}x${Math.min(outputs, Math.ceil(9000 / inputs))}`,
    mix: parseMix(pick(['1', '0/1', '0.7/0.2/0.1', '0:0.3/2:0.7', '0/0/1'], seed)),
    mapPer: parseMapPer(pick(['element', 'position', 'output'], seed)),
    scalePer: pick(['tensor', 'output'], seed),
  });
  const layer = model.layers.find((one) => 'weights' in one);
  if (layer === undefined || !('weights' in layer)) throw new Error('no weights');
  return layer.weights;
}

describe('planSums', () => {
  const seeds = Array.from({ length: 66 }, (_, seed) => seed);

  it.each(seeds)('adds up what the weights say, seed %d', (seed) => {
    const weights = layerOf(seed);
    const rng = random('inputs', seed);
    const all = weightValues(weights);
    const [outputs, row] = weights.shape;
    const from = rng.below(outputs);
    const taps = Array.from({ length: row }, (_, i) => i).filter(() => rng.below(5) > 0);
    for (const style of styles) {
      const plan = planSums(weights, { from, outputs: outputs - from, taps }, style);
      for (let n = 0; n < 3; n++) {
        const inputs = taps.map(() => rng.below(7) - 3);
        const expected = Array.from({ length: outputs - from }, (_, o) =>
          taps.reduce((sum, tap, i) => sum + all[(from + o) * row + tap] * inputs[i], 0),
        );
        expect(sumsOf(plan, inputs)).toEqual(expected);
      }
    }
  });

  it('has nothing to add up where all weights are 0', () => {
    const values = new Int8Array(6);
    for (const taps of [[], [0, 1, 2]])
      for (const style of styles) {
        const weights: IntegerWeights = { kind: 'int8', shape: [2, 3], values };
        const plan = planSums(weights, { from: 0, outputs: 2, taps }, style);
        expect(plan).toMatchObject({ classes: [], additions: [] });
      }
  });

  it('adds planes of the same inputs up before outputs take them', () => {
    const model = randomModel(1, { layer: 'dense:144x16', mix: parseMix('0/1') });
    const layer = model.layers.find((one) => 'weights' in one);
    if (layer === undefined || !('weights' in layer)) throw new Error('no weights');
    const taps = Array.from({ length: 144 }, (_, i) => i);
    for (const style of styles) {
      const { classes, additions } = planSums(layer.weights, { from: 0, outputs: 16, taps }, style);
      const multiples = new Set(
        classes.flatMap(({ terms }) => terms.map(({ factor }) => Math.abs(factor))),
      );
      expect([...multiples].sort()).toEqual([1, 2]);
      // One sum of both planes goes into an output each time, so that it takes none twice.
      expect(additions.every(({ factor }) => Math.abs(factor) === 1)).toBe(true);
    }
  });

  it('counts the bits that each class becomes', () => {
    for (const seed of seeds.slice(0, 12)) {
      const weights = layerOf(seed);
      const taps = Array.from({ length: weights.shape[1] }, (_, i) => i);
      const { classes, inputs } = planSums(
        weights,
        { from: 0, outputs: weights.shape[0], taps },
        'xc7',
      );
      classes.forEach(({ terms, uses }, c) => {
        expect(terms.length).toBeGreaterThan(1);
        expect(uses).toBeGreaterThan(0);
        for (const { source } of terms) expect(source).toBeLessThan(inputs + c);
      });
    }
  });
});

describe('compression', () => {
  /** Runs a compression on bits, and tells the value of what is left. */
  function leftOf(
    bits: readonly (readonly number[])[],
    { steps, chain, heights }: ReturnType<typeof compressToNumber>,
  ): number {
    const columns = Array.from({ length: heights.length }, (_, i) => [...(bits[i] ?? [])]);
    for (const { column, bits: size } of steps) {
      expect(columns[column].length).toBeGreaterThanOrEqual(size);
      const count = columns[column].splice(0, size).reduce((a, b) => a + b, 0);
      for (let n = 0; n < (size > 3 ? 3 : 2) && column + n < columns.length; n++)
        columns[column + n].push((count >> n) & 1);
    }
    if (chain !== undefined) {
      let carried = 0;
      for (let i = chain.first; i < chain.end; i++) {
        expect(columns[i].length).toBeLessThanOrEqual(i === chain.first ? 5 : 3);
        carried += columns[i].reduce((a, b) => a + b, 0);
        columns[i] = [carried & 1];
        carried >>= 1;
      }
      expect(carried).toBe(0);
    }
    expect(columns.map(({ length }) => length)).toEqual(heights);
    return columns.reduce((sum, column, i) => sum + 2 ** i * column.reduce((a, b) => a + b, 0), 0);
  }

  it('keeps the sum, and leaves one bit per column where a number is asked for', () => {
    for (let seed = 0; seed < 200; seed++) {
      const rng = random('heaps', seed);
      const heights = Array.from({ length: 1 + rng.below(6) }, () => rng.below(30));
      const bits = heights.map((height) => Array.from({ length: height }, () => rng.below(2)));
      const most = heights.reduce((sum, height, i) => sum + height * 2 ** i, 0);
      const width = most.toString(2).length;
      const total = bits
        .flatMap((column, i) => column.map((bit) => bit * 2 ** i))
        .reduce((a, b) => a + b, 0);
      for (const style of styles) {
        const number = compressToNumber(heights, width, style);
        expect(Math.max(...number.heights)).toBeLessThanOrEqual(1);
        const ways = [number, compressForUses(heights, width, style, 1 + rng.below(9))];
        for (const way of ways) expect(leftOf(bits, way), `seed ${seed}`).toBe(total);
      }
    }
  });

  it('leaves no number where carries would cost more than they save', () => {
    // Nine bits: a counter and an adder leave four bits, as a number has, without its carry chain.
    expect(compressForUses([9], 4, 'xc7', 4)).toMatchObject({ heights: [1, 2, 1, 0], cost: 3 });
    expect(compressForUses([9], 4, 'gates', 2).heights).toEqual([1, 2, 1, 0]);
  });
});

describe('a memo', () => {
  it('leaves every plan and every compression as they are without it, in any order', () => {
    const memo = new SumMemo();
    for (let seed = 0; seed < 30; seed++) {
      const rng = random(seed, 'memo');
      const style: AdderStyle = rng.below(2) === 0 ? 'xc7' : 'gates';
      const heights = Array.from({ length: 1 + rng.below(4) }, () => rng.below(12));
      const width = heights.length + 4;
      const { compressions } = memo;
      // A number first: a heap without uses is another end of the same heap.
      expect(compressions.toNumber(heights, width, style)).toEqual(
        compressToNumber(heights, width, style),
      );
      for (const uses of [0, 1, 3])
        expect(compressions.forUses(heights, width, style, uses)).toEqual(
          compressForUses(heights, width, style, uses),
        );
      const model = randomModel(seed, { layer: 'dense:20x6' });
      const layer = model.layers[1];
      if (layer.kind !== 'dense') throw new Error('expected a dense layer');
      const part = { from: 0, outputs: 6, taps: Array.from({ length: 20 }, (_, i) => i) };
      expect(planSums(layer.weights, part, style, memo)).toEqual(
        planSums(layer.weights, part, style),
      );
    }
  });

  it('may be shared by a search that starts within another', () => {
    const memo = new SumMemo();
    const columns = {
      inputs: 6,
      sources: Int32Array.from({ length: 6 }, (_, i) => i),
      factors: new Int32Array(6).fill(1),
    };
    const rowsOf = (signs: readonly number[]) => ({
      columns,
      rows: [0, 1].map((output) => ({
        output,
        multiple: 1,
        members: 6,
        signs: Int8Array.from(signs, (sign, i) => (output === 1 && i > 3 ? -sign : sign)),
      })),
    });
    const written = (within: () => void): unknown[] => {
      const terms: unknown[] = [];
      groupRows(rowsOf([1, 1, -1, 1, 1, -1]), 'gates', memo).write({
        class: (of) => {
          within();
          return columns.inputs + terms.push(of) - 1;
        },
        add: (addition) => terms.push(addition),
      });
      return terms;
    };
    const alone = written(() => {});
    expect(written(() => groupRows(rowsOf([-1, 1, 1, 1, -1, 1]), 'gates', memo))).toEqual(alone);
  });
});
