import { type ThresholdLayer, weightValues } from '@hbnn/core';
import {
  type MapLayout,
  mapLayout,
  type NibblePlane,
  nibbleLayout,
  roundUp,
} from './featureMap.ts';
import { productOnce } from './productOnce.ts';
import type { Planned, Step } from './step.ts';
import { gatheredBytes, type PlannedProduct } from './valueSteps.ts';
import { macsOf, shapeWords, type Window, windowOf } from './window.ts';

/** Planes that assembly/model/nibbles.ts knows. */
const mostPlanes = 3;

/** The largest magnitude of an entry and of a run's sum (int8), of a plane's sum and of a factor (int16). */
const mostEntry = 127;
const mostInt16 = 32767;

/** How the weights that meet one plane of the inputs are summed. */
interface PlaneSums {
  readonly plane: NibblePlane;
  /** Tables of one output. */
  readonly places: number;
  /** [outputs][runCount] tables whose sums together stay within int8. */
  readonly runs: Int32Array;
  readonly runCount: number;
  /** 2 k_n and the divisor of each output's weights. */
  readonly factors: Int32Array;
}

/** Table lookup of a product: whole, or undefined where weights or planes are too many for it. */
export interface LookupPlan {
  readonly planes: readonly PlaneSums[];
}

/** Plan table lookup for a product behind thresholds. */
export function planLookup(
  plan: PlannedProduct,
  before: Planned<ThresholdLayer>,
): LookupPlan | undefined {
  if (before.layer.multiples.length > mostPlanes) return undefined;
  const { planes = [] } = nibbleLayout(before, 1);
  const values = weightValues(plan.layer.weights);
  const divisors = divisorsOf(values, plan.layer.weights.shape[0]);
  const sums: PlaneSums[] = [];
  for (const plane of planes) {
    if (plane.rows === 0) continue;
    const found = planeSums(plan, values, divisors, plane);
    if (found === undefined) return undefined;
    sums.push(found);
  }
  return { planes: sums };
}

/** The greatest common divisor of each output's weights; 1 where all are 0. */
function divisorsOf(values: Int16Array, outputs: number): number[] {
  const row = values.length / outputs;
  return Array.from({ length: outputs }, (_, o) => {
    let divisor = 0;
    for (let i = o * row; i < (o + 1) * row && divisor !== 1; i++) {
      let rest = Math.abs(values[i]);
      while (rest !== 0) [divisor, rest] = [rest, divisor % rest];
    }
    return divisor || 1;
  });
}

/** Where the weights of a plane's table begin, and its first slot. */
function tableAt(plan: PlannedProduct, plane: NibblePlane, o: number, k: number): [number, number] {
  const [kernelH, kernelW] = windowOf(plan.layer, plan.input).kernel;
  const position = Math.floor(k / plane.rows);
  const base = (o * kernelH * kernelW + position) * plan.input[2];
  return [base, (k % plane.rows) * 4];
}

function planeSums(
  plan: PlannedProduct,
  values: Int16Array,
  divisors: readonly number[],
  plane: NibblePlane,
): PlaneSums | undefined {
  const [kernelH, kernelW] = windowOf(plan.layer, plan.input).kernel;
  const places = kernelH * kernelW * plane.rows;
  const factors = Int32Array.from(divisors, (divisor) => 2 * plane.multiple * divisor);
  if (factors.some((factor) => factor > mostInt16)) return undefined;
  const lengths: number[][] = [];
  for (const [o, divisor] of divisors.entries()) {
    const runs = [0];
    let run = 0;
    let whole = 0;
    for (let k = 0; k < places; k++) {
      const [base, slot] = tableAt(plan, plane, o, k);
      let negative = 0;
      let positive = 0;
      for (const c of plane.channels.subarray(slot, slot + 4)) {
        const w = values[base + c];
        if (w < 0) negative -= w;
        else positive += w;
      }
      const most = Math.max(negative, positive) / divisor;
      whole += most;
      if (most > mostEntry || whole > mostInt16) return undefined;
      if (run + most > mostEntry) {
        runs.push(0);
        run = 0;
      }
      run += most;
      runs[runs.length - 1]++;
    }
    lengths.push(runs);
  }
  const runCount = lengths.reduce((most, runs) => Math.max(most, runs.length), 0);
  const runs = new Int32Array(lengths.length * runCount);
  lengths.forEach((list, o) => {
    runs.set(list, o * runCount);
  });
  return { plane, places, runs, runCount, factors };
}

/** [outputs][places][16] partial sums of a plane's weights, less their divisors. */
function tablesOf(plan: PlannedProduct, { plane, places }: PlaneSums): Int8Array {
  const values = weightValues(plan.layer.weights);
  const [outputs] = plan.layer.weights.shape;
  const divisors = divisorsOf(values, outputs);
  const tables = new Int8Array(outputs * places * 16);
  for (let o = 0, to = 0; o < outputs; o++)
    for (let k = 0; k < places; k++, to += 16) {
      const [base, slot] = tableAt(plan, plane, o, k);
      for (let bit = 0; bit < 4 && slot + bit < plane.channels.length; bit++) {
        const w = values[base + plane.channels[slot + bit]] / divisors[o];
        const half = 1 << bit;
        for (let n = 0; n < half; n++) tables[to + half + n] = tables[to + n] + w;
      }
    }
  return tables;
}

/** Whether a window takes each pixel as it is, so that nothing need be gathered. */
const isPointwise = ({ kernel, strides, padding }: Window): boolean =>
  kernel.every((n) => n === 1) && strides.every((n) => n === 1) && padding.every((n) => n === 0);

/** A convolution or dense layer of nibbles. */
export function lookupStep(
  index: number,
  plan: PlannedProduct,
  before: ThresholdLayer,
  { planes }: LookupPlan,
  input: MapLayout,
  batch: number,
): Step {
  const [outputs] = plan.layer.weights.shape;
  const window = windowOf(plan.layer, plan.input);
  const output = mapLayout(plan.output, 'int32', batch);
  const pixels = plan.output[0] * plan.output[1];
  const pointwise = isPointwise(window);
  const places = planes.reduce((most, plane) => Math.max(most, plane.places), 1);
  const most = Math.max(64, Math.floor(gatheredBytes / places / 64) * 64);
  const width = pointwise
    ? roundUp(batch * pixels, 64)
    : Math.min(most, roundUp(batch * pixels, 16));
  return {
    ...{ layer: index, kernel: 'lookup', input, output, macs: macsOf(plan) },
    scratchBytes: pointwise ? 0 : width * places + 64,
    constants: planes.flatMap((sums) => [
      shapeWords(window, input, output, sums.plane.rows),
      tablesOf(plan, sums),
      sums.runs,
      sums.factors,
    ]),
    late: () => startSums(plan, before),
    bind: (raw, { input: from, output: to, scratch, constants }) => {
      const start = constants[4 * planes.length];
      return (images) => {
        raw.startSums(start, to, output.stride, images, pixels, outputs);
        const end = images * pixels;
        for (let first = 0; first < end; first += width) {
          const last = Math.min(end, first + width);
          const wide = roundUp(last - first, 16);
          planes.forEach(({ plane, places: k, runCount }, n) => {
            const [shape, tables, runs, factors] = constants.slice(4 * n);
            const rows = from + plane.firstRow * input.stride;
            if (!pointwise) raw.gatherNibbles(shape, rows, first, last, scratch, wide);
            raw.lookup(
              ...[pointwise ? rows + first : scratch, pointwise ? input.stride : wide, k, wide],
              ...[tables, runs, runCount, outputs, to + first * 4, output.stride, factors],
            );
          });
        }
      };
    },
  };
}

/** −C of assembly/model/lookup.ts, [outputs][pixels]. */
async function startSums(plan: PlannedProduct, before: ThresholdLayer): Promise<Int32Array> {
  const sums: number[] = [0];
  for (const multiple of before.multiples) sums.push(sums[sums.length - 1] + multiple);
  const largest = Int16Array.from(before.bits, (width) => -sums[width]);
  return productOnce(plan, largest);
}
