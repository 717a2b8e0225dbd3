import { type IntegerWeights, rowLength } from '@hbnn/model';
import { isMember, type WeightPlane, weightPlanes } from './weightPlanes.ts';

/**
 * How the bitwidths of a layer's weights lie, where lanes for all planes of the weights can be at work in one cycle.
 *
 * - `shared`: all outputs have as many planes at an input. Inputs are then dealt out so that every cycle has as many with
 *   each number of planes as any other.
 * - `balanced`: every group of inputs next to each other has as many weights of each plane. Which of them have it differs
 *   from output to output, so lanes choose their inputs.
 */
export type PlaneMap = SharedMap | BalancedMap;

interface SharedMap {
  readonly kind: 'shared';
  /** Planes that some weight has. */
  readonly planes: number;
  /** Planes of each input. */
  readonly planesOf: Uint8Array;
}

interface BalancedMap {
  readonly kind: 'balanced';
  readonly planes: number;
  /** Inputs of a group. */
  readonly size: number;
  /** Weights of each plane in a group, the first plane first: never more than the plane before has. */
  readonly counts: readonly number[];
}

/** The largest groups that are looked for. In larger ones the choice of an input would take too much logic. */
const largestGroup = 16;

/** Say how a layer's bitwidths lie; undefined where they are neither shared nor balanced, or each output has its scales. */
export function planeMap(weights: IntegerWeights): PlaneMap | undefined {
  if (weights.kind !== 'planes' || weights.scalePer !== 'tensor') return undefined;
  const rows = {
    outputs: weights.shape[0],
    inputs: rowLength(weights.shape),
    planes: weightPlanes(weights),
  };
  return sharedMap(rows) ?? balancedMap(rows);
}

interface Rows {
  readonly outputs: number;
  /** Inputs of an output. */
  readonly inputs: number;
  readonly planes: readonly WeightPlane[];
}

/** Planes of some weights that a fold of any SIMD may take at once: all of a shared map, else 1. */
export function planesAtOnce(weights: IntegerWeights): number {
  const map = planeMap(weights);
  return map?.kind === 'shared' ? map.planes : 1;
}

function sharedMap({ outputs, inputs, planes }: Rows): SharedMap | undefined {
  const planesOf = new Uint8Array(inputs);
  for (let i = 0; i < inputs; i++) {
    const own = planes.map((plane) => plane.member(0, i));
    planesOf[i] = own.filter((member) => member).length;
    // A plane of factor 0 between others leaves a gap.
    if (own.some((member, n) => member !== n < planesOf[i])) return undefined;
  }
  for (const { codes } of planes)
    for (let at = inputs; at < outputs * inputs; at++)
      if (((codes[at] ^ codes[at % inputs]) & isMember) !== 0) return undefined;
  const most = planesOf.reduce((n, own) => Math.max(n, own), 0);
  return most === 0 ? undefined : { kind: 'shared', planes: most, planesOf };
}

/** The smallest groups that all have as many weights of each plane; a row's last group may have fewer inputs and weights. */
function balancedMap(rows: Rows): BalancedMap | undefined {
  for (let size = 2; size <= Math.min(largestGroup, rows.inputs); size++) {
    const counts = countsOf(rows, size);
    if (counts !== undefined) return { kind: 'balanced', planes: counts.length, size, counts };
  }
  return undefined;
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
