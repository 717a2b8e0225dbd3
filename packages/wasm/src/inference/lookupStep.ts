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
  const vast = roundUp(batch * pixels, tile);
  const widthOf = (all: number): number =>
    pointwise
      ? vast
      : Math.min(vast, Math.max(tile, Math.floor(gatheredBytes / all / tile) * tile));
  const list = new ConstantList();
  const held = list.add(heldWeights(weights, inputs.order));
  const start = await startMap(plan, inputs, weights, takenOff(planes, outputs));
  const starts = list.add(start.values);
  const parts = planes.map((runs) => ({
    ...{ plane: runs.plane, places: runs.places, runCount: runs.runCount },
    shape: list.add(shapeWords(window, input, output, runs.plane.rows)),
    runs: list.add(runs.runs),
    factors: list.add(runs.factors),
  }));
  // The closures below live as long as the model is loaded: they must not hold its weights.
  const { packed } = weights;
  // Plane after plane, each as many pixels at a time as its own places allow; packed weights are unpacked once for all.
  const passes = (packed || parts.length === 0 ? [parts] : parts.map((part) => [part])).map(
    (together) => {
      const all = together.reduce((sum, { places }) => sum + places, 1);
      return { parts: together, width: widthOf(all), gathered: pointwise ? 0 : all * widthOf(all) };
    },
  );
  let scratchBytes = 0;
  const put = (bytes: number): number => {
    const at = scratchBytes;
    scratchBytes = roundUp(scratchBytes + bytes, 64);
    return at;
  };
  const mostOf = (values: readonly number[]): number => Math.max(1, ...values);
  const tables = put(mostOf(parts.map(({ places }) => places)) * 64 + 256);
  const unpacked = put(packed ? positions * allRows * 16 + slackBytes : 0);
  const line = put(mostOf(passes.map(({ width }) => width)) + slackBytes);
  const tiles = put(mostOf(passes.map(({ gathered }) => gathered)));
  const { each } = start;
  const startStride = each ? pixels : 1;
  return {
    ...{ layer: index, kernel: 'lookup', input, output, macs: macsOf(plan) },
    ...{ packed, scratchBytes, constants: list.constants },
    bind: (raw, { input: from, output: to, scratch, constants }) => {
      const rowsOf = (plane: NibblePlane): number => from + plane.firstRow * input.stride;
      const startGroup = (g: number, first: number, last: number): void =>
        raw.startSums(
          ...[constants[starts] + 16 * g * startStride, each ? 1 : 0],
          ...[to + 16 * g * output.stride, output.stride, first, last, pixels],
          Math.min(4, outputs - 4 * g),
        );
      /** Four outputs: their sums stay in the cache. */
      const group = (
        pass: (typeof passes)[number],
        g: number,
        first: number,
        last: number,
      ): void => {
        let quads = constants[held] + g * positions * allRows * 16;
        if (packed) {
          quads = scratch + unpacked;
          raw.unpackGroup(constants[held], g, positions * allRows, quads);
        }
        let at = scratch + tiles;
        for (const { plane, places: k, runCount, runs, factors } of pass.parts) {
          const a = pointwise ? [rowsOf(plane) + first, input.stride, tile] : [at, tile, k * tile];
          raw.lookup(
            ...[...a, Math.ceil((last - first) / 16), positions, allRows, plane.rows, quads],
            ...[scratch + tables, constants[runs] + g * runCount * 8, runCount],
            constants[factors] + 16 * g,
            ...[to + 16 * g * output.stride + first * 4, output.stride],
          );
          at += k * pass.width;
        }
      };
      return (images) => {
        for (const pass of passes)
          for (let first = 0; first < images * pixels; first += pass.width) {
            const last = Math.min(images * pixels, first + pass.width);
            let at = scratch + tiles;
            for (const { plane, shape, places: k } of pointwise ? [] : pass.parts) {
              raw.gatherNibbles(
                ...[constants[shape], rowsOf(plane), first, last, scratch + line, at],
              );
              at += k * pass.width;
            }
            for (let g = 0; g < groups; g++) {
              if (pass === passes[0]) startGroup(g, first, last);
              group(pass, g, first, last);
            }
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
