import type { RawKernels } from '../webAssembly.ts';
import { type BinaryInputs, rowsFor, startMap } from './binaryInputs.ts';
import { type MapLayout, mapLayout, type NibblePlane } from './featureMap.ts';
import { type PlaneRuns, planeRuns } from './lookupRuns.ts';
import { type ProductWeights, quadsOf } from './productWeights.ts';
import { Regions, roundUp } from './regions.ts';
import {
  ConstantList,
  lookupGatheredBytes,
  type Places,
  type RunStep,
  type Step,
  scratchOverrunBytes,
} from './step.ts';
import type { PlannedProduct } from './valueSteps.ts';
import { macsOf, shapeWords, type Window, windowOf } from './window.ts';

/** Pixels of a tile. */
const tile = 64;
/** Bytes of the sums of a tile, which lie after the tables: two outputs of 64 pixels, and their widened sums. */
const sumBytes = 256;

/** The masks of assembly/inference/lookup.ts: entry i of mask j is j where bit j of i is set, else 255. */
const tableMasks = Uint8Array.from({ length: 64 }, (_, i) => {
  const mask = i >> 4;
  return ((i & 15) >> mask) & 1 ? mask : 255;
});

/** A product laid out for table lookup. */
export interface LookupProduct {
  readonly inputs: BinaryInputs;
  readonly weights: ProductWeights;
  readonly planes: readonly PlaneRuns[];
}

/** Lay a product out for table lookup; undefined where weights are too large for it. */
export function layOutLookup(
  inputs: BinaryInputs,
  weights: ProductWeights,
): LookupProduct | undefined {
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

/** One plane of the inputs: its sizes, and the indices of its constants. */
interface PlanePart {
  readonly plane: NibblePlane;
  readonly places: number;
  readonly runCount: number;
  readonly shape: number;
  readonly runs: number;
  readonly factors: number;
}

/** Planes that are worked through together, `width` pixels at a time. */
interface Pass {
  readonly parts: readonly PlanePart[];
  readonly width: number;
}

/** All that a bound step needs to know: sizes, indices of constants, offsets into the scratch memory. */
interface LookupLayout {
  readonly input: MapLayout;
  readonly outStride: number;
  readonly outputs: number;
  /** Output pixels of one image. */
  readonly pixels: number;
  readonly positions: number;
  readonly allRows: number;
  /** Whether a window takes each pixel as it is, so that nothing need be gathered. */
  readonly pointwise: boolean;
  readonly passes: readonly Pass[];
  readonly weights: number;
  readonly masks: number;
  readonly starts: number;
  /** Whether pixels start at different sums. */
  readonly startsDiffer: boolean;
  readonly tables: number;
  readonly line: number;
  readonly tiles: number;
}

const isPointwise = ({ kernel, strides, padding }: Window): boolean =>
  kernel.every((n) => n === 1) && strides.every((n) => n === 1) && padding.every((n) => n === 0);

/** A convolution or dense layer of nibbles. */
export async function lookupStep(
  index: number,
  plan: PlannedProduct,
  product: LookupProduct,
  input: MapLayout,
  batch: number,
): Promise<Step> {
  const { inputs, weights, planes } = product;
  const [outputs] = plan.layer.weights.shape;
  const window = windowOf(plan.layer, plan.input);
  const output = mapLayout(plan.output, 'int32', batch);
  const list = new ConstantList();
  const start = await startMap(plan, inputs, weights, runStarts(planes, outputs));
  const parts = planes.map(
    (runs): PlanePart => ({
      plane: runs.plane,
      places: runs.places,
      runCount: runs.runCount,
      shape: list.add(shapeWords(window, input, output, runs.plane.rows)),
      runs: list.add(runs.runs),
      factors: list.add(runs.factors),
    }),
  );
  const pixels = plan.output[0] * plan.output[1];
  const pointwise = isPointwise(window);
  const { positions } = inputs.order;
  const allRows = rowsFor(inputs);
  const passes = passesOf(parts, pointwise, roundUp(batch * pixels, tile));
  const scratch = new Regions();
  const layout: LookupLayout = {
    input,
    outStride: output.stride,
    outputs,
    pixels,
    positions,
    allRows,
    pointwise,
    passes,
    weights: list.add(quadsOf(weights, inputs.order)),
    masks: list.add(tableMasks),
    starts: list.add(start.values),
    startsDiffer: start.each,
    tables: scratch.place(Math.max(1, ...parts.map(({ places }) => places)) * 64 + sumBytes),
    line: scratch.place(Math.max(1, ...passes.map(({ width }) => width)) + scratchOverrunBytes),
    tiles: scratch.place(pointwise ? 1 : Math.max(...passes.map(gatheredOf))),
  };
  return {
    layer: index,
    kernel: 'lookup',
    input,
    output,
    macs: macsOf(plan),
    scratchBytes: scratch.end,
    constants: list.constants,
    bind: (raw, at) => bindLookup(raw, at, layout),
  };
}

/** Places of a pass, and one more. */
const placesOf = (parts: readonly PlanePart[]): number =>
  parts.reduce((sum, { places }) => sum + places, 1);

const gatheredOf = ({ parts, width }: Pass): number => placesOf(parts) * width;

/** Plane after plane, each as many pixels at a time as its own places allow. */
function passesOf(
  parts: readonly PlanePart[],
  pointwise: boolean,
  pixels: number,
): readonly Pass[] {
  const together = parts.length === 0 ? [parts] : parts.map((part) => [part]);
  return together.map((planes) => {
    const cached = Math.floor(lookupGatheredBytes / placesOf(planes) / tile) * tile;
    return { parts: planes, width: pointwise ? pixels : Math.min(pixels, Math.max(tile, cached)) };
  });
}

/** A layout on the memory of a loaded model. */
interface Bound {
  readonly raw: RawKernels;
  readonly at: Places;
  readonly layout: LookupLayout;
}

function bindLookup(raw: RawKernels, at: Places, layout: LookupLayout): RunStep {
  const bound = { raw, at, layout };
  const { passes, pixels, outputs } = layout;
  return (images) => {
    const end = images * pixels;
    for (const pass of passes)
      for (let first = 0; first < end; first += pass.width) {
        const last = Math.min(end, first + pass.width);
        if (!layout.pointwise) gatherPass(bound, pass, first, last);
        // The sums of four outputs stay in the cache.
        for (let g = 0; g < Math.ceil(outputs / 4); g++) {
          if (pass === passes[0]) startGroup(bound, g, first, last);
          lookUpGroup(bound, pass, g, first, last);
        }
      }
  };
}

/** Where a plane of the inputs begins. */
const planeAt = ({ at, layout }: Bound, plane: NibblePlane): number =>
  at.input + plane.firstRow * layout.input.stride;

/** Gather the windows of pixels first to last, plane after plane. */
function gatherPass(bound: Bound, { parts, width }: Pass, first: number, last: number): void {
  const { raw, at, layout } = bound;
  let to = at.scratch + layout.tiles;
  for (const { plane, shape, places } of parts) {
    const from = planeAt(bound, plane);
    raw.gatherNibbles(at.constants[shape], from, first, last, at.scratch + layout.line, to);
    to += places * width;
  }
}

/** Set the sums of four outputs to where they start. */
function startGroup({ raw, at, layout }: Bound, g: number, first: number, last: number): void {
  const { outStride, pixels, startsDiffer } = layout;
  const starts = at.constants[layout.starts] + 16 * g * (startsDiffer ? pixels : 1);
  const out = at.output + 16 * g * outStride;
  const outputs = Math.min(4, layout.outputs - 4 * g);
  raw.startSums(starts, startsDiffer ? 1 : 0, out, outStride, first, last, pixels, outputs);
}

/** Add to the sums of four outputs, plane after plane. */
function lookUpGroup(bound: Bound, pass: Pass, g: number, first: number, last: number): void {
  const { raw, at, layout } = bound;
  const { positions, allRows, outStride } = layout;
  const { constants, scratch } = at;
  const places = positions * allRows;
  const quads = constants[layout.weights] + g * places * 16;
  const vectors = Math.ceil((last - first) / 16);
  const out = at.output + 16 * g * outStride + first * 4;
  let gathered = scratch + layout.tiles;
  for (const part of pass.parts) {
    const source = layout.pointwise
      ? [planeAt(bound, part.plane) + first, layout.input.stride, tile]
      : [gathered, tile, part.places * tile];
    const tables = [positions, allRows, part.plane.rows, quads, scratch + layout.tables];
    const runs = [constants[part.runs] + g * part.runCount * 8, part.runCount];
    const sums = [constants[part.factors] + 16 * g, out, outStride];
    raw.lookup(...source, vectors, ...tables, ...runs, ...sums, constants[layout.masks]);
    gathered += part.places * pass.width;
  }
}

/** What the starts of the runs have added, over all planes. */
function runStarts(planes: readonly PlaneRuns[], outputs: number): Int32Array {
  const sums = new Int32Array(outputs);
  for (const { negatives, factors } of planes)
    for (let o = 0; o < outputs; o++) sums[o] += Math.imul(negatives[o], factors[o]);
  return sums;
}
