import { joinedShape } from '../branches.ts';
import { maxSum } from '../checkModel.ts';
import { featureCount } from '../integerModel.ts';
import { joinedLimits, limitsFrom, unlimited } from './limits.ts';
import { areSums, restoreOrder } from './lowerInput.ts';
import {
  boundAt,
  filled,
  freshName,
  type LowerPosition,
  type LowerState,
  oneEach,
  positionOf,
  push,
  pushJoin,
  pushSigned,
  rangesOf,
  spreadOut,
} from './lowerState.ts';
import { requantized } from './requantize.ts';

const maxMultiplier = 32767;
/** Multipliers that bring scales together within this of the largest output are not made larger. */
const tolerance = 2 ** -14;
/** Beyond it sums are rounded to 16 bits first, which leaves room for larger multipliers. */
const maxError = 2 ** -10;

/** Put a layer that changes nothing behind the pixels, so that several layers can read it. */
export function pushPixels(s: LowerState): void {
  const channels = s.shape[2];
  const ranges = Array.from({ length: channels }, (_, c) => rangesOf(s)(c));
  const range = {
    minimum: Math.min(...ranges.map(([least]) => least)),
    maximum: Math.max(...ranges.map(([, largest]) => largest)),
  };
  push(s, requantized(freshName(s, 'pixels'), filled(channels, 1), filled(channels, 0), range));
}

/** Put a branch's values in the network's order, with one slope and offset per channel that say what they mean. */
function settle(s: LowerState, name: string): void {
  spreadOut(s);
  restoreOrder(s);
  const [height, width] = s.shape;
  if (!s.flat || height * width === 1) return;
  const count = featureCount(s.shape);
  const [slopes, offsets] = [s.meaning.slopes, s.meaning.offsets].map((values) =>
    Float64Array.from({ length: count }, (_, i) => values[i % values.length]),
  );
  const weights = oneEach([count, count], (o) => o * count + o);
  push(s, { kind: 'dense', name: freshName(s, `${name}_flat`), weights });
  s.meaning = { slopes, offsets };
  s.limits &&= limitsFrom(s.limits, [...offsets.keys()]);
}

/** The ends of the branches that meet at a layer; the values of each are put in the network's order. */
function branchEnds(
  s: LowerState,
  name: string,
  inputs: readonly LowerPosition[],
  each: () => void = () => {},
): LowerPosition[] {
  return inputs.map((input) => {
    Object.assign(s, input);
    settle(s, name);
    each();
    return positionOf(s);
  });
}

/** Lay the channels of branches one after the other; each keeps what its whole numbers stand for. */
export function lowerConcat(s: LowerState, name: string, inputs: readonly LowerPosition[]): void {
  let rounded = true;
  const ends = branchEnds(s, name, inputs, () => {
    rounded &&= s.rounded && !areSums(s);
  });
  pushJoin(s, { kind: 'concat', name, inputs: ends.map(({ at }) => s.layers[at].name) }, ends);
  const joined = (of: 'slopes' | 'offsets'): Float64Array =>
    Float64Array.from(ends.flatMap(({ meaning }) => [...meaning[of]]));
  enter(s, { slopes: joined('slopes'), offsets: joined('offsets') }, rounded, ends);
  if (ends.some(({ limits }) => limits !== undefined))
    s.limits = joinedLimits(
      ends.map(({ limits, meaning }) => limits ?? unlimited(meaning.slopes.length)),
    );
}

/** Add branches: whole multipliers bring their slopes together, channel by channel. */
export function lowerAdd(s: LowerState, name: string, inputs: readonly LowerPosition[]): void {
  let ends = branchEnds(s, name, inputs);
  const branches = ends.map(({ at }) => s.layers[at].name);
  joinedShape(
    { kind: 'add', name, inputs: branches },
    ends.map(({ shape }) => shape),
  );
  let scales = commonScales(ends, boundsOf(s, ends));
  if (scales.error > maxError) {
    ends = branchEnds(s, name, ends, () => {
      if (boundAt(s) > maxMultiplier) pushSigned(s, freshName(s, `${name}_scale`), maxMultiplier);
    });
    scales = commonScales(ends, boundsOf(s, ends));
  }
  const { multipliers, slopes, error } = scales;
  const names = ends.map(({ at }) => s.layers[at].name);
  pushJoin(s, { kind: 'add', name, inputs: names, multipliers }, ends);
  const offsets = slopes.map((_, c) => ends.reduce((sum, end) => sum + end.meaning.offsets[c], 0));
  enter(s, { slopes, offsets }, false, ends);
  s.report.push({ name, what: 'branch scales', error });
}

function boundsOf(s: LowerState, ends: readonly LowerPosition[]): number[] {
  return ends.map((end) => boundAt({ ...s, at: end.at }));
}

/** Take up the position behind a layer at which branches meet. */
function enter(
  s: LowerState,
  meaning: LowerState['meaning'],
  rounded: boolean,
  ends: readonly LowerPosition[],
): void {
  // The layer itself is new, so that nothing up to the forks before it is read from here.
  const forks = ends.map(({ fork }) => fork ?? -1);
  Object.assign(s, {
    meaning,
    rounded,
    weighted: true,
    flat: false,
    limits: undefined,
    measured: undefined,
    order: undefined,
    fork: Math.max(...forks),
  });
}

interface CommonScales {
  /** [inputs][channels]. */
  readonly multipliers: Int16Array[];
  /** What one of the sum's whole numbers stands for, per channel. */
  readonly slopes: Float64Array;
  /** The largest error of a branch's scale, weighted by the branch's share of the largest output. */
  readonly error: number;
}

/** Whole multipliers m_k[c] and slopes s[c] with s[c] · m_k[c] ≈ slopes_k[c] for each branch k, within int32. */
function commonScales(ends: readonly LowerPosition[], bounds: readonly number[]): CommonScales {
  const channels = ends[0].shape[2];
  const multipliers = ends.map(() => new Int16Array(channels));
  const slopes = new Float64Array(channels);
  let error = 0;
  for (let c = 0; c < channels; c++) {
    const found = commonScale(
      ends.map(({ meaning }) => meaning.slopes[c]),
      bounds,
    );
    found.multipliers.forEach((multiplier, k) => {
      multipliers[k][c] = multiplier;
    });
    slopes[c] = found.slope;
    error = Math.max(error, found.error);
  }
  return { multipliers, slopes, error };
}

interface CommonScale {
  readonly multipliers: readonly number[];
  readonly slope: number;
  readonly error: number;
}

/** The smallest multipliers within the tolerance, else the best ones whose sums stay within int32. */
function commonScale(slopes: readonly number[], bounds: readonly number[]): CommonScale {
  const largest = Math.max(...slopes.map(Math.abs));
  if (largest === 0) return { multipliers: slopes.map(() => 0), slope: 0, error: 0 };
  const outputs = slopes.map((slope, k) => Math.abs(slope) * bounds[k]);
  const maxOutput = Math.max(...outputs);
  let best: CommonScale = { multipliers: [], slope: 1, error: Number.POSITIVE_INFINITY };
  for (let n = 1; n <= maxMultiplier; n++) {
    const slope = largest / n;
    const multipliers = slopes.map((value) => Math.round(value / slope));
    const sum = multipliers.reduce((total, m, k) => total + Math.abs(m) * bounds[k], 0);
    if (sum > maxSum) break;
    const errors = slopes.map(
      (value, k) => (Math.abs(multipliers[k] * slope - value) * bounds[k]) / maxOutput,
    );
    const error = Math.max(...errors);
    if (error < best.error) best = { multipliers, slope, error };
    if (error <= tolerance) break;
  }
  return best;
}
