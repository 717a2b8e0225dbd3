import type { TrainedLayer } from '../trainedModel.ts';
import { pushPixels } from './lowerBranches.ts';
import {
  filled,
  freshName,
  type LowerPosition,
  type LowerState,
  positionOf,
  push,
  pushJoin,
  pushRequantized,
  spreadOut,
  stepsWithin,
  stepWithin,
} from './lowerState.ts';
import { requantized } from './requantize.ts';

type Piecewise = Extract<TrainedLayer, { kind: 'piecewise' }>;
type HardSwish = Extract<TrainedLayer, { kind: 'hardSwish' }>;

/** Values in front are rounded to as many steps on each side of 0. */
const levels = 2047;
const maxShift = 12;
/** Slopes are as near to whole multiples of one as this part of the largest. */
const tolerance = 2 ** -12;
/** What 8 bits without sign hold; values below 0 take a bit more. */
const largestByte = 255;

/**
 * Compute an activation in straight pieces.
 *
 * @param toBinarization whether everything that reads the layer compares its values, which need no rounding then
 * @returns the place in front of the rounding to 8 bits, for those readers that compare
 */
export const lowerCurve = (
  s: LowerState,
  layer: Piecewise | HardSwish,
  toBinarization: boolean,
): LowerPosition =>
  layer.kind === 'piecewise'
    ? lowerPiecewise(s, layer, toBinarization)
    : lowerHardSwish(s, layer, toBinarization);

/**
 * Compute straight pieces: y = y(0) + Σ_k slopes[k] · (clamp(x, knots[k − 1], knots[k]) − clamp(0, …)). Each piece is a
 * layer that bounds the rounded x, and a sum of whole multiples of these is y.
 */
function lowerPiecewise(s: LowerState, layer: Piecewise, toBinarization: boolean): LowerPosition {
  const { name } = layer;
  spreadOut(s);
  if (s.at === -1) pushPixels(s);
  // Pieces that meet at 0 alone are the same in whole numbers of any step.
  const isScaleFree = layer.atZero === 0 && layer.knots.every((knot) => knot === 0);
  const channels = s.shape[2];
  const steps = isScaleFree ? stepsWithin(s, levels) : filled(channels, stepWithin(s, levels));
  pushRequantized(s, freshName(s, `${name}_steps`), steps, { minimum: -levels, maximum: levels });
  const step = Math.max(...steps);
  const shift = shiftFor(layer.slopes);
  const pieces = piecesOf(layer, step, shift);
  const unit = step / 2 ** shift;
  const offset = offsetOf(layer, pieces, { step, unit });
  const fork = s.at;
  joinPieces(
    s,
    toBinarization ? name : freshName(s, `${name}_sum`),
    pieces,
    boundedBy(s, layer, pieces),
  );
  Object.assign(s, {
    meaning: {
      slopes: steps.map((each) => each / 2 ** shift),
      offsets: filled(channels, offset),
    },
    rounded: false,
    weighted: true,
    limits: undefined,
    measured: undefined,
    fork,
  });
  const exact = positionOf(s);
  if (toBinarization) return exact;
  const ends = pieces.flatMap(({ minimum, maximum }) => [minimum, maximum]);
  roundToBytes(
    s,
    layer,
    ends.map((x) => offset + unit * sumAt(pieces, x)),
  );
  return exact;
}

/** How many pieces lie between −3 and 3: the fewest that differ from the curve by half a step of 8 bits at most. */
const pieceCounts: readonly number[] = [8, 16, 32];

/**
 * Compute HardSwish in straight pieces: 0 up to −3, x from 3 on, and between as many as the range of the outputs asks for:
 * they differ from it by (6 / pieces)² / 48, which is 0.012, 0.003 or 0.0008.
 */
function lowerHardSwish(
  s: LowerState,
  { name, largest }: HardSwish,
  toBinarization: boolean,
): LowerPosition {
  const top = largest === undefined || largest === 0 ? levels * stepWithin(s, levels) : largest;
  const fits = (count: number): boolean => (6 / count) ** 2 / 48 <= top / (2 * largestByte);
  const count = pieceCounts.find(fits) ?? pieceCounts[pieceCounts.length - 1];
  const pieces = hardSwishPieces(name, count);
  return lowerPiecewise(s, largest === undefined ? pieces : { ...pieces, largest }, toBinarization);
}

function hardSwishPieces(name: string, count: number): Piecewise {
  const width = 6 / count;
  // Chords of x · (x + 3) / 6 lie above it by up to width² / 24: lowered by half of that, they differ from it by as much.
  const lowered = width ** 2 / 48;
  const knots = Array.from({ length: count + 1 }, (_, k) => -3 + k * width);
  const chords = knots.slice(1).map((knot, k) => (knots[k] + knot + 3) / 6);
  chords[0] -= lowered / width;
  chords[count - 1] += lowered / width;
  return { kind: 'piecewise', name, knots, slopes: [0, ...chords, 1], atZero: -lowered };
}

/** A piece in whole steps: what bounds x, and what the bounded x is multiplied with. */
interface Piece {
  readonly multiplier: number;
  readonly minimum: number;
  readonly maximum: number;
}

/** The pieces that are not level, within the values that come. */
function piecesOf({ knots, slopes }: Piecewise, step: number, shift: number): Piece[] {
  const pieces = slopes
    .map((slope, k) => ({
      multiplier: Math.round(slope * 2 ** shift),
      minimum: Math.max(-levels, Math.round((knots[k - 1] ?? Number.NEGATIVE_INFINITY) / step)),
      maximum: Math.min(levels, Math.round((knots[k] ?? Number.POSITIVE_INFINITY) / step)),
    }))
    .filter(({ multiplier, minimum, maximum }) => multiplier !== 0 && minimum < maximum);
  // Where no value comes to a piece that is not level, all are the same.
  return pieces.length > 0 ? pieces : [{ multiplier: 0, minimum: 0, maximum: 1 }];
}

const sumAt = (pieces: readonly Piece[], x: number): number =>
  pieces.reduce(
    (sum, { multiplier, minimum, maximum }) =>
      sum + multiplier * Math.min(Math.max(x, minimum), maximum),
    0,
  );

/**
 * What is added to the pieces' sum. Where the first piece is level, the offset makes the sum exact there: many values lie
 * on that level. If it is 0 in the network, a sum a little above 0 would give them all another sign.
 */
function offsetOf(
  layer: Piecewise,
  pieces: readonly Piece[],
  { step, unit }: { readonly step: number; readonly unit: number },
): number {
  const hasLevel = layer.slopes[0] === 0 && layer.knots[0] > -levels * step;
  if (!hasLevel) return layer.atZero - unit * sumAt(pieces, 0);
  const level = valueAt(layer, layer.knots[0]);
  // Adding up slopes can leave a little where 0 is right.
  const exact = Math.abs(level) < unit * levelSlack ? 0 : level;
  return exact - unit * sumAt(pieces, -levels);
}

/** A level is taken for 0 when it is closer to 0 than this part of a unit. */
const levelSlack = 2 ** -20;

/** The value of straight pieces at x. */
function valueAt({ knots, slopes, atZero }: Piecewise, x: number): number {
  return slopes.reduce((sum, slope, k) => {
    const [least, most] = [knots[k - 1] ?? -Infinity, knots[k] ?? Infinity];
    const cut = (value: number): number => Math.min(Math.max(value, least), most);
    return sum + slope * (cut(x) - cut(0));
  }, atZero);
}

/** A layer for each piece, all behind the same values. */
function boundedBy(s: LowerState, { name }: Piecewise, pieces: readonly Piece[]): LowerPosition[] {
  const start = { ...positionOf(s), fork: s.at };
  const [ones, zeros] = [filled(s.shape[2], 1), filled(s.shape[2], 0)];
  return pieces.map(({ minimum, maximum }) => {
    Object.assign(s, start);
    push(s, requantized(freshName(s, `${name}_piece`), ones, zeros, { minimum, maximum }));
    return positionOf(s);
  });
}

/** The fewest binary digits behind the point that hold all slopes well enough. */
function shiftFor(slopes: readonly number[]): number {
  const largest = Math.max(...slopes.map(Math.abs));
  for (let shift = 0; shift < maxShift; shift++) {
    const unit = 2 ** -shift;
    const fits = (slope: number): boolean =>
      Math.abs(Math.round(slope / unit) * unit - slope) <= tolerance * largest;
    if (slopes.every(fits)) return shift;
  }
  return maxShift;
}

/** Add the pieces up; a single one meets itself taken 0 times, since a sum has two inputs or more. */
function joinPieces(
  s: LowerState,
  name: string,
  pieces: readonly Piece[],
  ends: readonly LowerPosition[],
): void {
  const isSingle = ends.length === 1;
  const all = isSingle ? [ends[0], ends[0]] : ends;
  const inputs = all.map(({ at }) => s.layers[at].name);
  const multipliers = all.map((_, k) =>
    new Int16Array(s.shape[2]).fill(pieces[isSingle && k > 0 ? -1 : k]?.multiplier ?? 0),
  );
  pushJoin(s, { kind: 'add', name, inputs, multipliers }, all);
}

/** Round to 8 bits beside the sign, so that the largest value that sample images brought about has them all. */
function roundToBytes(s: LowerState, { name, largest }: Piecewise, ends: readonly number[]): void {
  const furthest = Math.max(...ends.map(Math.abs));
  const top = largest === undefined || largest === 0 ? furthest : Math.min(furthest, largest);
  const step = top > 0 ? top / largestByte : 1;
  const inSteps = (value: number): number =>
    Math.min(largestByte, Math.max(-largestByte, Math.round(value / step)));
  const range = {
    minimum: Math.min(0, inSteps(Math.min(...ends))),
    maximum: Math.max(1, inSteps(Math.max(...ends))),
  };
  pushRequantized(s, name, step, range);
}
