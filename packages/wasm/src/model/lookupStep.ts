import { type BinaryInputs, rowsFor, startMap } from './binaryInputs.ts';
import { type MapLayout, mapLayout, type NibblePlane, roundUp } from './featureMap.ts';
import { heldWeights } from './heldWeights.ts';
import { type PlaneRuns, planeRuns } from './lookupRuns.ts';
import type { ProductWeights } from './productWeights.ts';
import { quadsOf } from './quads.ts';
import { ConstantList, type Step } from './step.ts';
import type { PlannedProduct } from './valueSteps.ts';
import { macsOf, shapeWords, type Window, windowOf } from './window.ts';

/** Gathered windows worked on together, so that they stay in the second-level cache. */
const gatheredBytes = 3 * 2 ** 18;
/** Pixels of a tile. */
const tile = 64;
/** assembly/model/gatherNibbles.ts writes past a line's end, assembly/model/packed.ts past its quads. */
const slackBytes = 128;

/** Table lookup of a product. */
export interface LookupPlan {
  readonly inputs: BinaryInputs;
  readonly weights: ProductWeights;
  readonly planes: readonly PlaneRuns[];
}

/** Plan table lookup; undefined where weights are too large for it. */
export function planLookup(inputs: BinaryInputs, weights: ProductWeights): LookupPlan | undefined {
  if (!weights.fit) return undefined;
  const quads = quadsOf(weights, inputs.order);
  const planes: PlaneRuns[] = [];
  for (const plane of inputs.planes) {
    const runs = planeRuns(plane, weights, quads, inputs.order.positions);
    if (runs === undefined) return undefined;
    planes.push(runs);
  }
  return { inputs, weights, planes };
}

/** Whether a window takes each pixel as it is, so that nothing need be gathered. */
const isPointwise = ({ kernel, strides, padding }: Window): boolean =>
  kernel.every((n) => n === 1) && strides.every((n) => n === 1) && padding.every((n) => n === 0);

/** A convolution or dense layer of nibbles. */
export async function lookupStep(
  index: number,
  plan: PlannedProduct,
  { inputs, weights, planes }: LookupPlan,
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
  const all = planes.reduce((sum, plane) => sum + plane.places, 1);
  const most = Math.max(tile, Math.floor(gatheredBytes / all / tile) * tile);
  const width = pointwise
    ? roundUp(batch * pixels, tile)
    : Math.min(most, roundUp(batch * pixels, tile));
  const unpackedBytes = weights.packed ? positions * allRows * 16 + slackBytes : 0;
  const list = new ConstantList();
  const held = list.add(heldWeights(weights, inputs.order));
  const start = await startMap(plan, inputs, weights, takenOff(planes, outputs));
  const starts = list.add(start.values);
  let scratchBytes = 0;
  const put = (bytes: number): number => {
    const at = scratchBytes;
    scratchBytes = roundUp(scratchBytes + bytes, 64);
    return at;
  };
  const tables = put(places * 64 + 256);
  const unpacked = put(unpackedBytes);
  const line = put(width + slackBytes);
  const parts = planes.map((runs) => ({
    ...{ plane: runs.plane, places: runs.places, runCount: runs.runCount },
    shape: list.add(shapeWords(window, input, output, runs.plane.rows)),
    runs: list.add(runs.runs),
    factors: list.add(runs.factors),
    tiles: pointwise ? 0 : put(width * runs.places),
  }));
  // The closures below live as long as the model is loaded: they must not hold its weights.
  const { packed } = weights;
  const { each } = start;
  const startStride = each ? pixels : 1;
  return {
    ...{ layer: index, kernel: 'lookup', input, output, macs: macsOf(plan) },
    ...{ packed: weights.packed, scratchBytes, constants: list.constants },
    bind: (raw, { input: from, output: to, scratch, constants }) => {
      const rowsOf = (plane: NibblePlane): number => from + plane.firstRow * input.stride;
      /** Four outputs at a time, all planes of their inputs one after the other: their sums stay in the cache. */
      const group = (g: number, first: number, last: number): void => {
        const four = Math.min(4, outputs - 4 * g);
        const at = to + 16 * g * output.stride;
        raw.startSums(
          ...[constants[starts] + 16 * g * startStride, each ? 1 : 0, at, output.stride],
          ...[first, last, pixels, four],
        );
        let quads = constants[held] + g * positions * allRows * 16;
        if (packed) {
          quads = scratch + unpacked;
          raw.unpackGroup(constants[held], g, positions * allRows, quads);
        }
        for (const { plane, places: k, runCount, runs, factors, tiles } of parts) {
          const a = pointwise
            ? [rowsOf(plane) + first, input.stride, tile]
            : [scratch + tiles, tile, k * tile];
          raw.lookup(
            ...[...a, Math.ceil((last - first) / 16), positions, allRows, plane.rows, quads],
            ...[scratch + tables, constants[runs] + g * runCount * 8, runCount],
            ...[constants[factors] + 16 * g, at + first * 4, output.stride],
          );
        }
      };
      return (images) => {
        for (let first = 0; first < images * pixels; first += width) {
          const last = Math.min(images * pixels, first + width);
          for (const { plane, shape, tiles } of pointwise ? [] : parts)
            raw.gatherNibbles(
              ...[constants[shape], rowsOf(plane), first, last, scratch + line, scratch + tiles],
            );
          for (let g = 0; g < groups; g++) group(g, first, last);
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
