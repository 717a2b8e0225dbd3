import { type BinaryInputs, rowsFor, startMap } from './binaryInputs.ts';
import { type MapLayout, mapLayout, roundUp } from './featureMap.ts';
import { type HeldWeights, heldWeights } from './heldWeights.ts';
import { type PlaneRuns, planeRuns } from './lookupRuns.ts';
import type { DividedWeights } from './quads.ts';
import type { Constant, Step } from './step.ts';
import type { PlannedProduct } from './valueSteps.ts';
import { macsOf, shapeWords, type Window, windowOf } from './window.ts';

/** Gathered windows worked on together, so that they stay in the second-level cache. */
const gatheredBytes = 2 ** 19;
/** Pixels of a tile. */
const tile = 64;
/** assembly/model/gatherNibbles.ts writes past a line's end, assembly/model/packed.ts past its quads. */
const slackBytes = 128;

/** Table lookup of a product. */
export interface LookupPlan {
  readonly inputs: BinaryInputs;
  readonly held: HeldWeights;
  readonly planes: readonly PlaneRuns[];
}

/** Plan table lookup; undefined where weights are too large for it. */
export function planLookup(
  plan: PlannedProduct,
  inputs: BinaryInputs,
  divided: DividedWeights,
  pack: boolean,
): LookupPlan | undefined {
  const held = heldWeights(plan.layer.weights, divided, inputs.order, pack);
  if (held === undefined) return undefined;
  const planes: PlaneRuns[] = [];
  for (const plane of inputs.planes) {
    const runs = planeRuns(plane, held.weights, held.quads, inputs.order.positions);
    if (runs === undefined) return undefined;
    planes.push(runs);
  }
  return { inputs, held, planes };
}

/** Whether a window takes each pixel as it is, so that nothing need be gathered. */
const isPointwise = ({ kernel, strides, padding }: Window): boolean =>
  kernel.every((n) => n === 1) && strides.every((n) => n === 1) && padding.every((n) => n === 0);

/** A convolution or dense layer of nibbles. */
export async function lookupStep(
  index: number,
  plan: PlannedProduct,
  { inputs, held, planes }: LookupPlan,
  input: MapLayout,
  batch: number,
): Promise<Step> {
  const [outputs] = plan.layer.weights.shape;
  const groups = Math.ceil(outputs / 4);
  const window = windowOf(plan.layer, plan.input);
  const output = mapLayout(plan.output, 'int32', batch);
  const pixels = plan.output[0] * plan.output[1];
  const pointwise = isPointwise(window);
  const { positions } = inputs.order;
  const allRows = rowsFor(inputs);
  const places = planes.reduce((most, plane) => Math.max(most, plane.places), 1);
  const most = Math.max(tile, Math.floor(gatheredBytes / places / tile) * tile);
  const width = pointwise
    ? roundUp(batch * pixels, tile)
    : Math.min(most, roundUp(batch * pixels, tile));
  const tables = places * 64 + 256 + (held.packed ? positions * allRows * 16 : 0) + slackBytes;
  const gathered = pointwise ? 0 : width * places + width + slackBytes;
  const start = await startMap(plan, inputs, held.weights, takenOff(planes, outputs));
  const shapes = planes.flatMap(({ plane, runs, factors }): Constant[] => [
    shapeWords(window, input, output, plane.rows),
    runs,
    factors,
  ]);
  return {
    ...{ layer: index, kernel: 'lookup', input, output, macs: macsOf(plan) },
    packed: held.packed,
    scratchBytes: tables + gathered,
    constants: [start.values, held.bytes, ...shapes],
    bind: (raw, { input: from, output: to, scratch, constants: [starts, weights, ...rest] }) => {
      const line = scratch + roundUp(tables, 64);
      const tiles = line + roundUp(width + slackBytes, 64);
      const ways = held.packed ? [0, weights] : [weights, 0];
      return (images) => {
        const end = images * pixels;
        for (let first = 0; first < end; first += width) {
          const last = Math.min(end, first + width);
          const out = to + first * 4;
          const where = [to, output.stride, first, last];
          raw.startSums(starts, start.each ? 1 : 0, ...where, pixels, outputs);
          planes.forEach(({ plane, places: k, runCount }, n) => {
            const [shape, runs, factors] = rest.slice(3 * n);
            const rows = from + plane.firstRow * input.stride;
            if (!pointwise) raw.gatherNibbles(shape, rows, first, last, line, tiles);
            const a = pointwise ? [rows + first, input.stride, tile] : [tiles, tile, k * tile];
            raw.lookup(
              ...[...a, Math.ceil((last - first) / 16), positions, allRows, plane.rows],
              ...[...ways, groups, scratch, runs, runCount, factors, out, output.stride],
            );
          });
        }
      };
    },
  };
}

/** What the runs' starts have added, over all planes. */
function takenOff(planes: readonly PlaneRuns[], outputs: number): Int32Array {
  const sums = new Int32Array(outputs);
  for (const { negatives, factors } of planes)
    for (let o = 0; o < outputs; o++) sums[o] += Math.imul(negatives[o], factors[o]);
  return sums;
}
