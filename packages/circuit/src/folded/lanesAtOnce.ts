import { bitLength } from '../netlist/bitHeap.ts';
import type { Fold } from './folds.ts';
import type { InputPlanes } from './inputPlanes.ts';
import type { Batch, Lane } from './packLanes.ts';
import type { PlaneMap } from './planeMaps.ts';
import type { WindowedMatrix } from './stream.ts';
import type { WeightPlane } from './weightPlanes.ts';

/**
 * Lanes for all planes of the weights. Those of the first plane work on the operand's inputs, those of any other plane
 * each on one of the inputs that the lanes of the plane before work on.
 *
 * In a balanced map a lane chooses its input. Lanes keep the order of the inputs. So lane j of n lanes that choose among
 * m inputs has only m − n + 1 to choose from: those from the j-th on.
 */
export interface LanesAtOnce {
  readonly map: PlaneMap;
  /** Inputs of an operand; an operand may have places without an input, whose bits are 0. */
  readonly entries: number;
  readonly planes: readonly (readonly PlaneLane[])[];
  /** Bits of a PE's weights. */
  readonly wordBits: number;
  /** In a shared map the inputs of an operand with 1, 2, … planes: those with most come first in it. */
  readonly classes: readonly number[];
}

/** A lane: what it may choose, and where its bits are in a PE's weights. */
interface PlaneLane {
  /** The first that it may choose: an input of the operand, or a lane of the plane before. */
  readonly first: number;
  readonly choices: number;
  /** The bit of its sign, and the first bit of its choice; a lane without a choice has none. */
  readonly sign: number;
  readonly choice: number;
}

/** Bits of a number below `choices`. */
export const choiceBits = (choices: number): number =>
  choices > 1 ? bitLength(BigInt(choices - 1)) : 0;

/**
 * The map by which a fold's lanes are for all planes at once; undefined where they take plane after plane. That is what
 * the fold says; where it says nothing, lanes of a balanced map are for all planes if SIMD is a number of whole groups.
 */
export function mapAtOnce(map: PlaneMap | undefined, { simd, planes }: Fold): PlaneMap | undefined {
  if (map === undefined) return undefined;
  const isBalanced = map.kind === 'balanced';
  if (isBalanced && simd % map.size !== 0) return undefined;
  const wanted = planes ?? (isBalanced ? map.planes : 1);
  if (wanted !== map.planes) return undefined;
  return isBalanced || wanted > 1 ? map : undefined;
}

/** Lay out lanes for a fold. In a shared map an operand may have a few inputs more than SIMD, so that no cycle is lost. */
export function lanesAtOnce(map: PlaneMap, { simd }: Fold): LanesAtOnce {
  const classes = map.kind === 'shared' ? classesOf(map.planesOf, map.planes, simd) : [];
  const entries = map.kind === 'shared' ? classes.reduce((sum, n) => sum + n, 0) : simd;
  let wordBits = 0;
  const lane = (first: number, choices: number): PlaneLane => {
    const sign = wordBits;
    wordBits += 1 + choiceBits(choices);
    return { first, choices, sign, choice: sign + 1 };
  };
  const planes = Array.from({ length: map.planes }, (_, n) => {
    if (map.kind === 'shared') {
      const lanes = classes.slice(n).reduce((sum, each) => sum + each, 0);
      return Array.from({ length: lanes }, (_, k) => lane(k, 1));
    }
    const count = map.counts[n];
    const before = map.counts[n - 1] ?? map.size;
    return Array.from({ length: (simd / map.size) * count }, (_, k) =>
      lane(Math.floor(k / count) * before + (k % count), before - count + 1),
    );
  });
  return { map, entries, planes, wordBits, classes };
}

/** Inputs with 1, 2, … planes in one operand, where all operands have as many of each. */
function classesOf(planesOf: Uint8Array, planes: number, simd: number): number[] {
  const counts = new Array<number>(planes).fill(0);
  for (const n of planesOf) if (n > 0) counts[n - 1]++;
  const operands = Math.ceil(counts.reduce((sum, n) => sum + n, 0) / simd);
  return counts.map((count) => Math.ceil(count / operands));
}

/** A place of an operand without an input. */
export const noInput = -1;

/** The cycles of a place: all inputs that have a plane, for each plane of the inputs. */
export function atOnceBatches(
  { outputs, inputs: count, channelOf }: WindowedMatrix,
  inputs: InputPlanes,
  lanes: LanesAtOnce,
): Batch[] {
  const has = (i: number, plane: number): boolean => {
    for (let o = 0; o < outputs; o++)
      if (inputs.bits(channelOf(o, i), plane).length > 0) return true;
    return false;
  };
  const all = Array.from({ length: count }, (_, i) => i);
  return inputs.weights.flatMap((_, inputPlane) => {
    const own = all.filter((i) => has(i, inputPlane));
    return operandsOf(lanes, all, own).map((operand) => ({
      weightPlane: 0,
      inputPlane,
      lanes: operand.map((input): Lane => ({ input, weightPlane: 0, inputPlane })),
    }));
  });
}

/** Shares out the inputs `own`, a part of all inputs, into operands: each input is in one operand. */
function operandsOf(
  { map, entries, classes }: LanesAtOnce,
  all: readonly number[],
  own: readonly number[],
): number[][] {
  const has = new Set(own);
  if (map.kind === 'balanced')
    return Array.from({ length: Math.ceil(all.length / entries) }, (_, k) =>
      all.slice(k * entries, (k + 1) * entries),
    ).filter((operand) => operand.some((i) => has.has(i)));
  const byClass = classes.map((_, k) => own.filter((i) => map.planesOf[i] === k + 1));
  const operands = byClass.reduce(
    (most, inputs, k) => Math.max(most, Math.ceil(inputs.length / Math.max(1, classes[k]))),
    0,
  );
  return Array.from({ length: operands }, (_, at) =>
    classes
      .map((size, k) =>
        Array.from({ length: size }, (_, n) => byClass[k][at * size + n] ?? noInput),
      )
      .reverse()
      .flat(),
  );
}

/** Signs and choices of a PE that works on output o and the inputs of a batch, the first bit lowest. */
export function atOnceWord(
  lanes: LanesAtOnce,
  planes: readonly WeightPlane[],
  batch: Batch,
  o: number,
): bigint {
  let word = 0n;
  const put = (lane: PlaneLane, isPlus: boolean, choice: number): void => {
    word |= BigInt(isPlus ? 1 : 0) << BigInt(lane.sign);
    word |= BigInt(choice) << BigInt(lane.choice);
  };
  const inputs = batch.lanes.map(({ input }) => input);
  if (lanes.map.kind === 'shared') {
    lanes.planes.forEach((own, n) => {
      own.forEach((lane, k) => {
        const input = inputs[k];
        put(lane, input === noInput || planes[n].positive(o, input), 0);
      });
    });
    return word;
  }
  const { size, counts } = lanes.map;
  for (let group = 0; group < lanes.entries / size; group++) {
    // What there is to choose from; places above have no input.
    let from = inputs.slice(group * size, (group + 1) * size);
    counts.forEach((count, n) => {
      const taken = from.flatMap((input, at) => (planes[n].member(o, input) ? [at] : []));
      for (let j = 0; j < count; j++) {
        const at = taken[j] ?? Math.max(from.length, j);
        const isPlus = j >= taken.length || planes[n].positive(o, from[at]);
        put(lanes.planes[n][group * count + j], isPlus, at - j);
      }
      from = taken.map((at) => from[at]);
    });
  }
  return word;
}
