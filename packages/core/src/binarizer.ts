import { type BitMap, type Heuristic, type Select, selector } from './bitMap.ts';
import { HbnnError } from './error.ts';
import { gainSelector } from './gain.ts';
import { type MapPer, parseMapPer, type ScalePer } from './granularity.ts';
import type { Layout } from './layout.ts';
import { averageBits, distFromAverage, type Mix } from './mix.ts';
import { fillCodebook, nearestPlanes, writeNearest } from './optimal/codebook.ts';
import { optimalSolver } from './optimal/optimal.ts';
import {
  exactScales,
  type ResidualTensor,
  residualPlanes,
  scaleArrays,
  scaleGroups,
  widestOf,
} from './residual.ts';
import { formedScales, roundScales, writeGreedy } from './residualFast.ts';
import { parseScaleForm, type ScaleForm } from './scaleForm.ts';
import { elementCount, shapeText } from './tensor.ts';

/** What a binarizer binarizes, and how. Give either a mix or an average; 'gain' and 'optimal' take an average. */
export interface BinarizerSpec {
  readonly shape: readonly number[];
  readonly layout: Layout;
  readonly select: Select;
  /** Bitwidths and their shares; not for 'gain' and 'optimal', which choose them. */
  readonly mix?: Mix;
  /** Bits per element; names the default mix where no mix is given. */
  readonly average?: number;
  readonly mapPer?: MapPer;
  readonly scalePer?: ScalePer;
  /** Values the scales may take; 'free' where left out. Not for 'optimal', which fits its own. */
  readonly scaleForm?: ScaleForm;
  /** The fewest bits of an element, for 'gain' alone: 1, or 0 for an average below 1, where left out. */
  readonly minBits?: number;
  /** Inputs per group of a balanced map; see `selectBits`. Not for 'gain' and 'optimal', nor with a coarser map. */
  readonly balance?: number;
  /** For 'random'. */
  readonly seed?: number;
}

/**
 * Residual binarization of one tensor again and again, as its values change: a training loop's view
 * of `selectBits` and `binarize`. The same numbers; memory in proportion to the tensor is kept between
 * calls (but for 'optimal', whose choice of a map allocates).
 *
 * Cost at 3 planes and one scale per plane, per float32 element: `renew` reads x three times (mean,
 * count, settle) and writes bits once, 13 bytes; `apply` reads x and bits once per plane's sum and
 * once to write, 24 bytes. Sums in index order are one chain of float64 additions, 4 cycles each:
 * four such chains are the floor, about 16 cycles. `pnpm bench:core` measures it.
 *
 * Its whole state is `bits` and `scales`.
 */
export interface Binarizer {
  readonly spec: BinarizerSpec;
  /** The current map, in the tensor's element order; all 0 before the first `renew`. */
  readonly bits: Uint8Array;
  /** Scales of the last `apply` (or `renew`, for 'optimal'): per plane, 1 or outputs. */
  readonly scales: Float32Array[];
  /** Choose the map anew for x; by 'gain', each element counts with its importance, or 1 (`gainSelector`). */
  renew(x: Float32Array, importance?: Float32Array): void;
  /** Binarize x with the current map into out (which may be x). Renews first if that was never done. */
  apply(x: Float32Array, out: Float32Array): void;
  /** What `apply` computes, as planes to keep. */
  result(x: Float32Array): ResidualTensor;
  /** Take over the state of another binarizer of this spec, as after its `renew`. */
  restore(state: { bits: Uint8Array; scales: readonly Float32Array[] }): void;
}

/**
 * Make a binarizer for tensors of one shape.
 *
 * @throws HbnnError when the spec cannot be met, or has both a mix and an average, or neither
 */
export function binarizer(spec: BinarizerSpec): Binarizer {
  if (spec.mix === undefined && spec.average === undefined)
    throw new HbnnError('binarizer: expected a mix or an average, got neither; pass average: 1.4');
  if (spec.mix !== undefined && spec.average !== undefined)
    throw new HbnnError(
      `binarizer: expected a mix or an average, got both (${averageBits(spec.mix)} bits on average and ${spec.average}); leave one out`,
    );
  const { select, mix, balance, minBits } = spec;
  if (select !== 'gain' && minBits !== undefined)
    throw new HbnnError(
      `binarizer: expected minBits for 'gain' alone, got ${minBits} for '${select}'; leave it out, or give a mix`,
    );
  if (select !== 'gain' && select !== 'optimal') return heuristicBinarizer(spec, select);
  if (mix !== undefined)
    throw new HbnnError(
      `binarizer: expected an average for '${select}', which chooses its own mix, got a mix; pass average: ${averageBits(mix)}`,
    );
  if (balance !== undefined)
    throw new HbnnError(
      `binarizer: expected no balance for '${select}', which chooses its mix freely, got ${balance}; leave it out or take another rule`,
    );
  if (select === 'gain') return gainBinarizer(spec);
  if ((spec.scaleForm ?? 'free') !== 'free')
    throw new HbnnError(
      `binarizer: expected free scales for 'optimal', which fits its own, got ${spec.scaleForm}; leave scaleForm out`,
    );
  return optimalBinarizer(spec);
}

function heuristicBinarizer(spec: BinarizerSpec, select: Heuristic): Binarizer {
  const { shape, layout, mapPer, seed, balance } = spec;
  const mix = spec.mix ?? distFromAverage(spec.average ?? Number.NaN);
  const chooser = selector({ shape, layout, mix, mapPer, seed, select, balance });
  return greedyBinarizer(spec, chooser.widest, (x, bits) => chooser.select(x, bits));
}

function gainBinarizer(spec: BinarizerSpec): Binarizer {
  const { shape, layout, minBits } = spec;
  const average = spec.average ?? Number.NaN;
  for (const [name, value, plain] of [
    ['mapPer', spec.mapPer ?? 'element', 'element'],
    ['scalePer', spec.scalePer ?? 'tensor', 'tensor'],
  ])
    if (value !== plain)
      throw new HbnnError(
        `binarizer: expected ${name} ${plain} for 'gain', got ${value}; leave it out or take another rule`,
      );
  const chooser = gainSelector({ shape, layout, average, minBits });
  return greedyBinarizer(spec, chooser.widest, (x, bits, _, importance) =>
    chooser.select(x, bits, importance),
  );
}

/** Signs and scales by Eq. 5 under the map that a rule chooses. */
function greedyBinarizer(spec: BinarizerSpec, widest: number, renew: Work['renew']): Binarizer {
  const groups = scaleGroups(spec.shape, spec.layout, spec.scalePer ?? 'tensor', 'binarizer');
  const form = parseScaleForm(spec.scaleForm ?? 'free', 'binarizer');
  const scales = scaleArrays(widest, groups);
  const exact = exactScales(widest, groups);
  const measure = (x: Float32Array, bits: Uint8Array) => {
    formedScales(x, bits, groups, form, exact);
    roundScales(exact, scales);
  };
  return build(spec, scales, {
    renew,
    apply(x, bits, out) {
      measure(x, bits);
      writeGreedy(x, bits, groups, exact, out);
    },
    planes(x, bits) {
      measure(x, bits);
      return residualPlanes(x, bits, groups, widestOf(bits), exact).planes;
    },
  });
}

function optimalBinarizer(spec: BinarizerSpec): Binarizer {
  const { shape, layout, mapPer, scalePer } = spec;
  const average = spec.average ?? Number.NaN;
  const solver = optimalSolver({ shape, layout, mapPer, scalePer, average, single: true });
  const { groups, book } = solver;
  const scales = scaleArrays(solver.planes, groups);
  return build(spec, scales, {
    renew(x, bits, warm) {
      if (warm) solver.renew(x, bits, scales);
      else solver.solve(x, bits, scales);
    },
    apply(x, bits, out) {
      fillCodebook(book, scales);
      writeNearest(x, bits, groups, book, out);
    },
    planes(x, bits) {
      fillCodebook(book, scales);
      return nearestPlanes(x, bits, groups, book, scales.slice(0, widestOf(bits)));
    },
  });
}

interface Work {
  renew(x: Float32Array, bits: Uint8Array, warm: boolean, importance?: Float32Array): void;
  apply(x: Float32Array, bits: Uint8Array, out: Float32Array): void;
  planes(x: Float32Array, bits: Uint8Array): ResidualTensor['planes'];
}

function build(spec: BinarizerSpec, scales: Float32Array[], work: Work): Binarizer {
  const { shape, layout, mapPer = 'element', scalePer = 'tensor' } = spec;
  const count = elementCount(shape);
  const bits = new Uint8Array(count);
  let chosen = false;
  const renew = (x: Float32Array, importance?: Float32Array) => {
    checkLength(x, count, shape);
    work.renew(x, bits, chosen, importance);
    chosen = true;
  };
  const prepare = (x: Float32Array) => {
    checkLength(x, count, shape);
    if (!chosen) renew(x);
  };
  return {
    spec,
    bits,
    scales,
    renew,
    apply(x, out) {
      prepare(x);
      checkLength(out, count, shape);
      work.apply(x, bits, out);
    },
    result(x) {
      prepare(x);
      const plain = { shape: [...shape], bits: bits.slice(), mapPer: parseMapPer(mapPer) };
      const { balance } = spec;
      const map: BitMap = balance === undefined ? plain : { ...plain, balance };
      return { shape: [...shape], layout, scalePer, map, planes: work.planes(x, bits) };
    },
    restore(state) {
      checkState(state, count, scales);
      bits.set(state.bits);
      scales.forEach((plane, n) => {
        plane.set(state.scales[n]);
      });
      chosen = true;
    },
  };
}

function checkLength(x: Float32Array, count: number, shape: readonly number[]): void {
  if (x.length !== count)
    throw new HbnnError(
      `binarizer: expected ${count} values for shape ${shapeText(shape)}, got ${x.length}; make a binarizer for each shape`,
    );
}

function checkState(
  state: { bits: Uint8Array; scales: readonly Float32Array[] },
  count: number,
  scales: readonly Float32Array[],
): void {
  const fits =
    state.bits.length === count &&
    state.scales.length === scales.length &&
    state.scales.every((plane, n) => plane.length === scales[n].length);
  if (!fits)
    throw new HbnnError(
      `binarizer: expected a state of ${count} bitwidths and ${scales.length} planes, got ${state.bits.length} and ${state.scales.length}; restore the state of the same spec`,
    );
}
