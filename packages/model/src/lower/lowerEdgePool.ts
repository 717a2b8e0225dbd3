import { HbnnError } from '@hbnn/core';
import { maxSum } from '../checkModel.ts';
import type { Padding4, PlaneWeights } from '../integerModel.ts';
import type { TrainedLayer } from '../trainedModel.ts';
import {
  boundAt,
  freshName,
  type LowerPosition,
  type LowerState,
  positionOf,
  push,
  pushJoin,
  pushSigned,
} from './lowerState.ts';

type AveragePool = Extract<TrainedLayer, { kind: 'averagePool' }>;

/** How far rounded factors may move an average, as a part of it, before the pool's inputs are rounded for larger ones. */
const maxError = 2 ** -10;

/** The magnitudes that inputs are rounded to for that, the first that lets the factors be large enough. */
const levels = [32767, 16383, 8191, 4095, 2047, 1023];

/** What the sums along an axis are multiplied by, so that each becomes `whole` times its average. */
interface Factors {
  /** One for each row or column of the output. */
  readonly values: readonly number[];
  readonly whole: number;
  /** How far rounding the factors moves an average, as a part of it; 0 where they are exact. */
  readonly error: number;
}

/**
 * Average pooling whose windows hang over the edges of the map, with the places beyond left out of the average: sums of
 * windows with zeros around the map, multiplied by more where the window sees fewer values. A window that sees n values
 * gives its sum times lcm / n, so that one number divides all of them.
 *
 * All sums are multiplied by the factor of the edges; those inside are cut out, laid into a map of zeros, and what they
 * have got too much is taken off.
 *
 * @throws HbnnError for a window that sees nothing but padding
 */
export function lowerEdgePool(s: LowerState, layer: AveragePool, padding: Padding4): void {
  const { name, size, strides } = layer;
  const seen = [0, 1].map((axis) =>
    seenAlong(name, s.shape[axis], size[axis], strides[axis], [padding[axis], padding[axis + 2]]),
  );
  const factors = factorsWithinSums(s, layer, seen);
  const areMany = factors.map(({ values }) => values.some((factor) => factor !== values[0]));
  const sums = areMany.includes(true) ? freshName(s, `${name}_sum`) : name;
  const weights = hot([s.shape[2], ...size, 1], () => true);
  push(s, { kind: 'depthwise', name: sums, strides, padding, weights });
  if (areMany[0]) weigh(s, areMany[1] ? freshName(s, `${name}_rows`) : name, factors[0].values, 0);
  if (areMany[1]) weigh(s, name, factors[1].values, 1);
  const divisor = factors.reduce(
    (product, { values, whole }, axis) => product * (areMany[axis] ? whole : whole / values[0]),
    1,
  );
  const { slopes, offsets } = s.meaning;
  s.meaning = { slopes: slopes.map((slope) => slope / divisor), offsets };
  s.rounded = false;
  s.weighted = true;
  const error = factors[0].error + factors[1].error;
  if (error > 0) s.report.push({ name, what: 'branch scales', error });
}

/** How many values the window of each row or column sees. */
function seenAlong(
  name: string,
  length: number,
  size: number,
  stride: number,
  [before, after]: readonly [number, number],
): number[] {
  const outputs = Math.max(0, Math.floor((length + before + after - size) / stride) + 1);
  const seen = Array.from({ length: outputs }, (_, i) => {
    const from = i * stride - before;
    return Math.min(length, from + size) - Math.max(0, from);
  });
  if (seen.every((n) => n >= 1)) return seen;
  throw new HbnnError(
    `layer '${name}': expected windows that see a value each, got one that lies wholly beyond a map of ${length}; make the padding less than the window, which is ${size}`,
  );
}

/** Factors whose sums stay within int32; inputs are rounded to fewer bits where that is needed for them. */
function factorsWithinSums(
  s: LowerState,
  { name, size }: AveragePool,
  seen: readonly (readonly number[])[],
): readonly Factors[] {
  const area = size[0] * size[1];
  const within = (bound: number): Factors[] => {
    // The sums of each axis grow by less than twice its largest factor.
    const largest = Math.floor(Math.sqrt(maxSum / (bound * area)) / 2);
    return seen.map((counts) => factorsOf(counts, largest));
  };
  const fits = (factors: readonly Factors[]): boolean =>
    factors.every(({ error }) => error <= maxError);
  const bound = s.at < 0 ? 255 : boundAt(s);
  const given = within(bound);
  if (fits(given)) return given;
  const fewer = levels.filter((level) => level < bound);
  const level = fewer.find((magnitude) => fits(within(magnitude))) ?? fewer.at(-1);
  if (level === undefined) return given;
  pushSigned(s, freshName(s, `${name}_scale`), level);
  return within(level);
}

/** The smallest factors that are exact, else the best ones up to a largest. */
function factorsOf(seen: readonly number[], largest: number): Factors {
  const least = Math.min(...seen);
  if (seen.every((n) => n === least)) return { values: seen.map(() => 1), whole: least, error: 0 };
  let best: Factors = { values: seen.map(() => 1), whole: least, error: Number.POSITIVE_INFINITY };
  for (let factor = 1; factor <= largest && best.error > 0; factor++) {
    const whole = factor * least;
    const values = seen.map((n) => Math.round(whole / n));
    const errors = seen.map((n, i) => Math.abs(values[i] * n - whole) / whole);
    const error = Math.max(...errors);
    if (error < best.error) best = { values, whole, error };
  }
  return best;
}

/** Multiply the sums of each row, or of each column, by its factor. */
function weigh(s: LowerState, name: string, factors: readonly number[], axis: number): void {
  const base = positionOf(s);
  const ends: LowerPosition[] = [base];
  const steps = [...new Set(factors)].sort((a, b) => b - a);
  // Windows see the fewest values at the edges, so that those of smaller factors lie side by side.
  for (const factor of steps.slice(1)) {
    Object.assign(s, base);
    const first = factors.findIndex((value) => value <= factor);
    const last = factors.findLastIndex((value) => value <= factor);
    cutOut(s, name, first, last - first + 1, axis);
    ends.push(positionOf(s));
  }
  const multipliers = steps.map((factor, k) => (k === 0 ? factor : factor - steps[k - 1]));
  const [, , channels] = s.shape;
  const join = {
    kind: 'add',
    name,
    inputs: ends.map(({ at }) => s.layers[at].name),
    multipliers: multipliers.map((factor) => new Int16Array(channels).fill(factor)),
  } as const;
  pushJoin(s, join, ends);
}

/** Some rows or columns, with zeros in the place of all others. */
function cutOut(s: LowerState, name: string, first: number, count: number, axis: number): void {
  const length = s.shape[axis];
  const [, , channels] = s.shape;
  const window = length - count + 1;
  const inside = freshName(s, `${name}_inside`);
  push(s, {
    kind: 'depthwise',
    name: inside,
    strides: [1, 1],
    padding: [0, 0, 0, 0],
    weights: hot(
      [channels, axis === 0 ? window : 1, axis === 1 ? window : 1, 1],
      (i) => i === first,
    ),
  });
  const after = length - first - count;
  push(s, {
    kind: 'depthwise',
    name: freshName(s, `${inside}_laid`),
    strides: [1, 1],
    padding: axis === 0 ? [first, 0, after, 0] : [0, first, 0, after],
    weights: hot([channels, 1, 1, 1], () => true),
  });
}

/** Depthwise weights of 1 at some places of the window, and 0 at the others. */
function hot(shape: readonly number[], isHot: (place: number) => boolean): PlaneWeights {
  const places = shape[1] * shape[2];
  const bits = Uint8Array.from({ length: shape[0] * places }, (_, i) => Number(isHot(i % places)));
  return {
    kind: 'planes',
    shape,
    bits,
    signs: bits.slice(),
    multiples: [Uint8Array.of(1)],
    scalePer: 'tensor',
    mapPer: 'element',
  };
}
