import { type IntegerWeights, rowLength } from '@hbnn/model';
import { bitLength } from '../netlist/bitHeap.ts';
import type { InputPlanes } from './foldSchedule.ts';
import type { Fold } from './folds.ts';
import type { Batch } from './packLanes.ts';
import type { WindowedMatrix } from './stream.ts';
import { type WeightPlane, weightPlanes } from './weightPlanes.ts';

/**
 * Lanes for a balanced map, in which every group of `size` inputs has as many weights of each plane as any other. So a
 * plane has so many lanes for a group, all of them at work, and all planes are multiplied in one cycle.
 *
 * Each lane chooses its input: those of the first plane among the group's inputs, those of any other plane among what
 * the lanes of the plane before have chosen. Lanes keep the order of the inputs. So lane j of n lanes that choose among
 * m inputs has only m − n + 1 to choose from: those from the j-th on.
 */
export interface GroupLanes {
  /** Inputs of a group. */
  readonly size: number;
  /** Lanes of each plane for a group, the first plane first: never more than the plane before has. */
  readonly counts: readonly number[];
}

/** Groups of more inputs are not looked for: to choose among so many takes more logic than idle lanes do. */
const largestGroup = 16;

/**
 * Find the smallest groups of a layer's inputs that all have as many weights of each plane; the last group of a row may
 * have fewer inputs and weights. Where all weights have the same planes, a group is one input. Undefined where there are
 * no such groups, or outputs have scales of their own.
 */
export function groupLanes(weights: IntegerWeights): GroupLanes | undefined {
  if (weights.kind !== 'planes' || weights.scalePer !== 'tensor') return undefined;
  const inputs = rowLength(weights.shape);
  const planes = weightPlanes(weights);
  for (let size = 1; size <= Math.min(largestGroup, inputs); size++) {
    const counts = countsOf({ outputs: weights.shape[0], inputs, planes }, size);
    if (counts !== undefined) return { size, counts };
  }
  return undefined;
}

interface Rows {
  readonly outputs: number;
  /** Inputs of an output. */
  readonly inputs: number;
  readonly planes: readonly WeightPlane[];
}

/** The weights of each plane in a group; undefined where groups differ, or have none. */
function countsOf({ outputs, inputs, planes }: Rows, size: number): number[] | undefined {
  const counts = planes.map((plane) => membersIn(plane, 0, 0, size));
  while (counts.at(-1) === 0) counts.pop();
  if (counts.length === 0 || counts.some((count, n) => count > (counts[n - 1] ?? size)))
    return undefined;
  const rest = inputs % size;
  for (let o = 0; o < outputs; o++)
    for (let from = 0; from < inputs; from += size) {
      const own = planes.map((plane) => membersIn(plane, o, from, Math.min(from + size, inputs)));
      const fits =
        from + size <= inputs
          ? own.every((count, n) => count === (counts[n] ?? 0))
          : own.every((count, n) => isWithin(count, own[n - 1] ?? rest, counts, n, size));
      if (!fits) return undefined;
    }
  return counts;
}

function membersIn(plane: WeightPlane, o: number, from: number, to: number): number {
  let count = 0;
  for (let i = from; i < to; i++) if (plane.member(o, i)) count++;
  return count;
}

/**
 * The lanes that a fold asks for, where they are for all planes at once: by its planes, or as a balanced map is worked on
 * if SIMD is a number of its groups.
 */
export function lanesAtOnce(found: GroupLanes | undefined, fold: Fold): GroupLanes | undefined {
  if (found === undefined || fold.simd % found.size !== 0) return undefined;
  const isBalanced = found.size > 1;
  const wanted = fold.planes ?? (isBalanced ? found.counts.length : 1);
  if (wanted !== found.counts.length) return undefined;
  return isBalanced || wanted > 1 ? found : undefined;
}

/** Whether a plane of a shorter group fits on a whole group's lanes, the lanes that are left on inputs that are none. */
function isWithin(
  count: number,
  before: number,
  counts: readonly number[],
  n: number,
  size: number,
): boolean {
  const lanes = counts[n] ?? 0;
  return count <= lanes && before - count <= (counts[n - 1] ?? size) - lanes;
}

/** A lane of a group: what it may choose, and where its bits are in a PE's weights. */
export interface GroupLane {
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

/** The lanes of each plane for an operand of `simd` inputs, and the bits of a PE's weights. */
export function groupWord(
  { size, counts }: GroupLanes,
  simd: number,
): { readonly planes: readonly (readonly GroupLane[])[]; readonly bits: number } {
  let bits = 0;
  const planes = counts.map((count, n) => {
    const before = counts[n - 1] ?? size;
    const choices = before - count + 1;
    return Array.from({ length: (simd / size) * count }, (_, lane): GroupLane => {
      const first = Math.floor(lane / count) * before + (lane % count);
      const sign = bits;
      bits += 1 + choiceBits(choices);
      return { first, choices, sign, choice: sign + 1 };
    });
  });
  return { planes, bits };
}

/** The cycles of a place: every part of the inputs, for each plane of the inputs that some of them have. */
export function groupBatches(
  { outputs, inputs: count, channelOf }: WindowedMatrix,
  inputs: InputPlanes,
  simd: number,
): Batch[] {
  const all = Array.from({ length: count }, (_, i) => i);
  const parts = Array.from({ length: Math.ceil(count / simd) }, (_, k) =>
    all.slice(k * simd, (k + 1) * simd),
  );
  const has = (i: number, plane: number): boolean => {
    for (let o = 0; o < outputs; o++)
      if (inputs.bits(channelOf(o, i), plane).length > 0) return true;
    return false;
  };
  return inputs.weights.flatMap((_, inputPlane) =>
    parts
      .filter((part) => part.some((i) => has(i, inputPlane)))
      .map((part) => ({
        weightPlane: 0,
        inputPlane,
        lanes: part.map((input) => ({ input, weightPlane: 0, inputPlane })),
      })),
  );
}

/** Signs and choices of a PE that works on output o and the inputs of a batch, the first bit lowest. */
export function groupWordOf(
  lanes: GroupLanes,
  planes: readonly WeightPlane[],
  { lanes: part }: Batch,
  o: number,
  simd: number,
): bigint {
  const word = groupWord(lanes, simd);
  let value = 0n;
  const put = (number: number, at: number): void => {
    value |= BigInt(number) << BigInt(at);
  };
  for (let group = 0; group < simd / lanes.size; group++) {
    // What there is to choose from; places above are inputs that are none.
    let from = part.slice(group * lanes.size, (group + 1) * lanes.size).map(({ input }) => input);
    lanes.counts.forEach((count, n) => {
      const taken = from.flatMap((input, at) => (planes[n].member(o, input) ? [at] : []));
      for (let j = 0; j < count; j++) {
        const lane = word.planes[n][group * count + j];
        const at = taken[j] ?? Math.max(from.length, j);
        const isPlus = j >= taken.length || planes[n].positive(o, from[at]);
        put(isPlus ? 1 : 0, lane.sign);
        put(at - j, lane.choice);
      }
      from = taken.map((at) => from[at]);
    });
  }
  return value;
}
