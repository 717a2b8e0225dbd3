import { balancedAssignment } from './balanced.ts';
import { HbnnError } from './error.ts';
import { type MapPer, parseMapPer, type Units, unitsOf } from './granularity.ts';
import type { Layout } from './layout.ts';
import { allocate, type Mix, maxBitwidth } from './mix.ts';
import { checkSeed, permutation, random } from './random.ts';
import { assignByRank, rankWorkspace } from './select/rank.ts';
import { assignUnequal, orderByKey } from './select/unequalUnits.ts';
import {
  checkFloatTensor,
  checkShape,
  elementCount,
  type FloatTensor,
  shapeText,
} from './tensor.ts';

/** How elements are ranked for few bits (§3.2 of the paper). */
export type Heuristic = 'middle-out' | 'top-down' | 'bottom-up' | 'random';

export const heuristics: readonly Heuristic[] = ['middle-out', 'top-down', 'bottom-up', 'random'];

/** How a bit map is chosen: by a heuristic, by what each plane is worth, or together with signs and scales. */
export type Select = Heuristic | 'gain' | 'optimal';

/** A bitwidth for every element of a tensor, whatever the granularity it was chosen at. */
export interface BitMap {
  readonly shape: readonly number[];
  /** Bits per element, 0 … 8, row-major. */
  readonly bits: Uint8Array;
  /** What shares one bitwidth, where that is known; it is what the map costs to store. */
  readonly mapPer?: MapPer;
  /** Inputs per group of a balanced map, where it is one; it makes the map cheaper to store. */
  readonly balance?: number;
}

/**
 * Make a checked bit map around bitwidths (not copied).
 *
 * @throws HbnnError when the shape does not fit, or a bitwidth is above 8
 */
export function bitMapFrom(bits: Uint8Array, shape: readonly number[]): BitMap {
  checkShape(shape, 'bit map');
  const count = elementCount(shape);
  if (bits.length !== count)
    throw new HbnnError(
      `bit map: expected ${count} bitwidths for shape ${shapeText(shape)}, got ${bits.length}; give one per element`,
    );
  const bad = bits.findIndex((value) => value > maxBitwidth);
  if (bad >= 0)
    throw new HbnnError(
      `bit map: expected bitwidths from 0 to ${maxBitwidth}, got ${bits[bad]} at index ${bad}; lower it`,
    );
  return { shape: [...shape], bits };
}

/** Count the elements of each bitwidth, as `{"1": 700, "2": 300}`; a bitwidth without elements is left out. */
export function bitCounts(map: BitMap): Record<string, number> {
  const counts = countBits(map.bits);
  const found: Record<string, number> = {};
  counts.forEach((count, bits) => {
    if (count > 0) found[String(bits)] = count;
  });
  return found;
}

/** Elements by bitwidth, index 0 … 8. */
export function countBits(bits: Uint8Array): number[] {
  const counts = new Float64Array(256);
  for (let i = 0; i < bits.length; i++) counts[bits[i]]++;
  return Array.from(counts.subarray(0, maxBitwidth + 1));
}

/** Mean of |x|: summed in index order in float64, not rounded. */
export function meanMagnitude(x: Float32Array | Float64Array): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += Math.abs(x[i]);
  return sum / x.length;
}

/** Everything a heuristic needs to choose maps of one size again and again. */
export interface Selector {
  /** The most bits that it hands out. */
  readonly widest: number;
  /** Choose bitwidths for x into bits, both in the tensor's order. */
  select(x: Float32Array | Float64Array, bits: Uint8Array): void;
}

/**
 * Prepare a heuristic for tensors of one shape; the memory it needs is kept between calls.
 *
 * @throws HbnnError when the shape has no such units, or the heuristic is unknown
 */
export function selector(o: {
  shape: readonly number[];
  mix: Mix;
  select: Heuristic;
  mapPer?: MapPer;
  layout?: Layout;
  seed?: number;
  balance?: number;
}): Selector {
  const { shape, mix, select, layout = 'outputs-first', seed = 0 } = o;
  const mapPer = parseMapPer(o.mapPer ?? 'element');
  checkShape(shape, 'selectBits');
  checkSeed('selectBits', o.seed);
  if (!heuristics.includes(select))
    throw new HbnnError(
      `selectBits: expected ${heuristics.join(', ')}, got '${String(select)}'; pass one of these`,
    );
  if (o.balance !== undefined) {
    if (mapPer !== 'element')
      throw new HbnnError(
        `selectBits: expected a map per element for balanced maps, got one per ${mapPer}; leave mapPer or balance out`,
      );
    return balancedSelector({ shape, mix, select, layout, seed, balance: o.balance });
  }
  const units = mapPer === 'element' ? undefined : unitsOf(shape, layout, mapPer);
  const count = units?.count ?? elementCount(shape);
  const equal = !units || units.sizes.every((size) => size === units.sizes[0]);
  const shares = equal ? allocate(mix, count) : undefined;
  const widest = (shares ?? mix.fractions).reduce((max, share) => Math.max(max, share.bits), 0);
  if (select === 'random') return randomSelector({ mix, shares, units, count, widest, seed });
  const workspace = rankWorkspace();
  const order = (centre: number) => ({ centre, descending: select === 'top-down' });
  const centreOf = (x: Float32Array | Float64Array) =>
    select === 'middle-out' ? meanMagnitude(x) : 0;
  if (!units && shares)
    return {
      widest,
      select(x, bits) {
        assignByRank(x, order(centreOf(x)), shares, bits, workspace);
      },
    };
  if (!units) throw new Error('selector: elements have equal sizes');
  const keys = new Float64Array(count);
  const unitBits = new Uint8Array(count);
  return {
    widest,
    select(x, bits) {
      meanKeys(x, centreOf(x), units, keys);
      if (shares) assignByRank(keys, order(0), shares, unitBits, workspace);
      else assignUnequal(orderByKey(keys, select === 'top-down'), units, mix, unitBits);
      for (let i = 0; i < bits.length; i++) bits[i] = unitBits[units.of[i]];
    },
  };
}

/** The same rules within each group of inputs; middle-out's centre is the whole tensor's mean all the same. */
function balancedSelector(o: {
  shape: readonly number[];
  mix: Mix;
  select: Heuristic;
  layout: Layout;
  seed: number;
  balance: number;
}): Selector {
  const groups = balancedAssignment(o);
  const keys = new Float64Array(elementCount(o.shape));
  if (o.select === 'random') {
    permutation(keys.length, random(o.seed, 'bit map', keys.length)).forEach((element, rank) => {
      keys[element] = rank;
    });
  }
  return {
    widest: groups.widest,
    select(x, bits) {
      if (o.select !== 'random') {
        const centre = o.select === 'middle-out' ? meanMagnitude(x) : 0;
        for (let i = 0; i < keys.length; i++) keys[i] = Math.abs(Math.abs(x[i]) - centre);
      }
      groups.assign(keys, o.select === 'top-down', bits);
    },
  };
}

/** The mean key of each unit, summed in index order in float64. */
function meanKeys(
  x: Float32Array | Float64Array,
  centre: number,
  units: Units,
  keys: Float64Array,
): void {
  keys.fill(0);
  const { of, sizes } = units;
  for (let i = 0; i < x.length; i++) keys[of[i]] += Math.abs(Math.abs(x[i]) - centre);
  for (let unit = 0; unit < units.count; unit++) keys[unit] /= sizes[unit];
}

/** One permutation for a seed and a size, so the map is the same at every call. */
function randomSelector(o: {
  mix: Mix;
  shares: readonly { bits: number; count: number }[] | undefined;
  units: Units | undefined;
  count: number;
  widest: number;
  seed: number;
}): Selector {
  const { units, count, widest } = o;
  const order = permutation(count, random(o.seed, 'bit map', count));
  const unitBits = new Uint8Array(count);
  let rank = 0;
  if (o.shares) {
    for (const share of o.shares)
      for (const end = rank + share.count; rank < end; rank++) unitBits[order[rank]] = share.bits;
  } else if (units) assignUnequal(order, units, o.mix, unitBits);
  return {
    widest,
    select(_x, bits) {
      if (!units) bits.set(unitBits);
      else for (let i = 0; i < bits.length; i++) bits[i] = unitBits[units.of[i]];
    },
  };
}

/**
 * Choose a bit map by a heuristic (Algorithm 1 and Eq. 6): rank the elements for few bits, once over
 * the whole tensor, then hand out the mix's bitwidths from the lowest up, ties by index.
 *
 * - middle-out: | |T| − mean|T| | ascending; top-down: |T| descending; bottom-up: |T| ascending
 * - random: one permutation, fixed by the seed and the number of elements (or units)
 *
 * Counts are `allocate(mix, elements)`: the average is within 1/elements of the mix's. A coarse map
 * ranks units by their mean key and hands out `allocate(mix, units)`: the average is within 1/units.
 * Blocks that do not divide the inputs make units of two sizes: then classes end where the share of
 * elements is nearest, and the average over elements is within largest block · widest step between
 * bitwidths / elements.
 *
 * With `balance` G, every group of G inputs of an output has the same number of elements of each bitwidth, and elements
 * are ranked within their group (`balancedAssignment`).
 *
 * A tensor of one dimension is one output (one unit of a map per output). Few units cannot meet every
 * average: one unit gets one bitwidth, the mix's nearest to its average (1.4 bits give 1).
 *
 * @param t weights, 1 to 4 dimensions
 * @throws HbnnError when the shape has no such units, or a name is unknown
 */
export function selectBits(
  t: FloatTensor,
  o: {
    mix: Mix;
    select: Heuristic;
    mapPer?: MapPer;
    layout?: Layout;
    seed?: number;
    balance?: number;
  },
): BitMap {
  checkFloatTensor(t, 'selectBits');
  const bits = new Uint8Array(t.data.length);
  selector({ ...o, shape: t.shape }).select(t.data, bits);
  const mapPer = parseMapPer(o.mapPer ?? 'element');
  const map = { shape: [...t.shape], bits, mapPer };
  return o.balance === undefined ? map : { ...map, balance: o.balance };
}
