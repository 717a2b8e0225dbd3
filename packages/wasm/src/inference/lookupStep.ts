import type { RawKernels } from '../webAssembly.ts';
import { type BinaryInputs, rowsFor, startMap } from './binaryInputs.ts';
import { type MapLayout, mapLayout, type NibblePlane } from './featureMap.ts';
import { type PlaneRuns, planeRuns, planesTogether } from './lookupRuns.ts';
import { shortConstants } from './mapSteps.ts';
import { type ProductWeights, quadsOf } from './productWeights.ts';
import { Regions, roundUp } from './regions.ts';
import { type Share, sharedRange, whole } from './share.ts';
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

/**
 * The masks of assembly/inference/lookup.ts: lane i of four vectors takes weight 0, 1, 2 or 3 of output i >> 2 where bit 0
 * (weights 0 and 2) or 1 of i is set; then those of output o take its halves by the low and the high bits of i.
 */
const tableMasks = Uint8Array.from({ length: 192 }, (_, at) => {
  const vector = at >> 4;
  const i = at & 15;
  if (vector < 4) return (i >> (vector & 1)) & 1 ? (i & 12) + vector : 255;
  const output = (vector - 4) >> 1;
  return 4 * output + (vector & 1 ? i >> 2 : i & 3);
});

/** Bytes of a channel's constants of a requantization. */
const shortBytes = 4 * shortConstants;
/** Words of a plane in the planes of `lookup`. */
const planeWords = 6;

/** What `lookup` makes of the sums. */
const outputs = { added: 0, written: 1, requantized: 2 } as const;

/** A product laid out for table lookup. */
export interface LookupProduct {
  readonly inputs: BinaryInputs;
  readonly weights: ProductWeights;
  readonly quads: Int8Array;
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
  return { inputs, weights, quads, planes };
}

/** One plane of the inputs: its sizes, and the index of its constant. */
interface PlanePart {
  readonly plane: NibblePlane;
  readonly places: number;
  readonly shape: number;
}

/** All that a bound step needs to know: sizes, indices of constants, offsets into the scratch memory. */
interface LookupLayout {
  readonly input: MapLayout;
  readonly outStride: number;
  readonly outputs: number;
  /** Output pixels of one image. */
  readonly pixels: number;
  /** Whether a window takes each pixel as it is, so that nothing need be gathered. */
  readonly pointwise: boolean;
  /** Pixels worked on together. */
  readonly width: number;
  readonly parts: readonly PlanePart[];
  /** Places of the plane that has most, which are those of the weights. */
  readonly places: number;
  readonly planes: number;
  readonly runs: number;
  /** Bytes of the runs of a group. */
  readonly groupRuns: number;
  readonly factors: number;
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
  const { inputs, weights, planes, quads } = product;
  const window = windowOf(plan.layer, plan.input);
  const output = mapLayout(plan.output, 'int32', batch);
  const list = new ConstantList();
  const start = await startMap(plan, inputs, weights, runStarts(product));
  const pixels = plan.output[0] * plan.output[1];
  const pointwise = isPointwise(window);
  const together = planes.reduce((sum, { places }) => sum + places, 1);
  // Pixels that lie where they are read are worked on in smaller parts, which stay nearer.
  const bytes = pointwise ? lookupGatheredBytes / 3 : lookupGatheredBytes;
  const cached = Math.max(tile, Math.floor(bytes / together / tile) * tile);
  const width = Math.min(roundUp(batch * pixels, tile), cached);
  const places = inputs.order.positions * rowsFor(inputs);
  const scratch = new Regions();
  const layout: LookupLayout = {
    input,
    outStride: output.stride,
    outputs: weights.outputs,
    pixels,
    pointwise,
    width,
    parts: planes.map(({ plane, places }) => ({
      plane,
      places,
      shape: list.add(shapeWords(window, input, output, plane.rows)),
    })),
    places,
    planes: list.add(planeTable(planes, pointwise ? input.stride : undefined, width)),
    runs: list.add(groupRuns(planes, weights.outputs)),
    groupRuns: planes.reduce((sum, { runCount }) => sum + runCount * 8, 0),
    factors: list.add(factorsOf(weights)),
    weights: list.add(quads),
    masks: list.add(tableMasks),
    starts: list.add(start.values),
    startsDiffer: start.each || planes.length === 0,
    tables: scratch.place(Math.max(1, places) * 64 + sumBytes),
    line: scratch.place(width + scratchOverrunBytes),
    tiles: scratch.place(pointwise ? 1 : together * width),
  };
  return {
    layer: index,
    kernel: 'lookup',
    input,
    output,
    macs: macsOf(plan),
    scratchBytes: scratch.end,
    constants: list.constants,
    bind: (raw, at) => bindLookup({ raw, at, layout }, start.each),
    ...(writesWhole(planes, layout) && { bindWith: bindRequantized(layout) }),
  };
}

/** The planes as `lookup` reads them. @param stride of the input, where nothing is gathered */
function planeTable(
  planes: readonly PlaneRuns[],
  stride: number | undefined,
  width: number,
): Int32Array {
  const table = new Int32Array(planes.length * planeWords);
  const factors = planesTogether(planes);
  let gathered = 0;
  let runs = 0;
  for (const [n, { plane, places, runCount }] of planes.entries()) {
    const at = stride === undefined ? gathered : plane.firstRow * stride;
    const step = stride === undefined ? places * tile : tile;
    const { multiple, divisor } = factors[n];
    table.set([at, step, runs, runCount, multiple, divisor], n * planeWords);
    gathered += places * width;
    runs += runCount * 8;
  }
  return table;
}

/** The runs of all planes, group after group. */
function groupRuns(planes: readonly PlaneRuns[], outputs: number): Uint8Array {
  if (planes.length === 1) return planes[0].runs;
  const groups = Math.ceil(outputs / 4);
  const pitch = planes.reduce((sum, { runCount }) => sum + runCount * 8, 0);
  const all = new Uint8Array(groups * pitch);
  let first = 0;
  for (const { runs, runCount } of planes) {
    const own = runCount * 8;
    for (let g = 0, from = 0; g < groups; g++)
      for (let i = 0; i < own; i++, from++) all[g * pitch + first + i] = runs[from];
    first += own;
  }
  return all;
}

/** Twice the divisors, filled up to a multiple of four outputs. */
function factorsOf({ divisors, outputs }: ProductWeights): Int32Array {
  const factors = new Int32Array(roundUp(outputs, 4));
  factors.set(divisors.map((divisor) => 2 * divisor));
  return factors;
}

/** What the starts of the runs have added, over all planes. */
function runStarts({ planes, weights: { divisors, outputs } }: LookupProduct): Int32Array {
  const sums = new Int32Array(outputs);
  for (const { negatives, plane } of planes)
    for (let o = 0; o < outputs; o++)
      sums[o] += Math.imul(negatives[o], 2 * plane.multiple * divisors[o]);
  return sums;
}

/** Whether sums are whole, each with the same start, when `lookup` writes them. */
const writesWhole = (planes: readonly PlaneRuns[], { startsDiffer }: LookupLayout): boolean =>
  !startsDiffer && planesTogether(planes).filter(({ divisor }) => divisor > 0).length === 1;

/** A layout on the memory of a loaded model. */
interface Bound {
  readonly raw: RawKernels;
  readonly at: Places;
  readonly layout: LookupLayout;
}

/** Where sums go, and what they become. */
interface SumsTo {
  readonly at: number;
  /** Bytes of a value. */
  readonly bytes: number;
  /** What `lookup` makes of sums, the constants of a requantization, or 0, and its limits. */
  readonly how: readonly [to: number, constants: number, minimum: number, maximum: number];
}

/** Visit the pixels of some images, as many at a time as are gathered together, each share some tiles of them. */
function inParts(
  bound: Bound,
  images: number,
  share: Share,
  visit: (first: number, last: number) => void,
): void {
  const { pixels, width, pointwise } = bound.layout;
  for (let first = 0, end = images * pixels; first < end; first += width) {
    const last = Math.min(end, first + width);
    if (!pointwise) {
      if (first > 0) share.meet?.();
      const [from, to] = sharedRange(last - first, share, tile);
      if (from < to) gatherPlanes(bound, first, from, to);
      share.meet?.();
    }
    visit(first, last);
  }
}

/** @param each whether starts differ from pixel to pixel, not from output to output alone */
function bindLookup(bound: Bound, each: boolean): RunStep {
  const { at, layout } = bound;
  const groups = Math.ceil(layout.outputs / 4);
  const written: SumsTo = { at: at.output, bytes: 4, how: [outputs.written, 0, 0, 0] };
  const added: SumsTo = { ...written, how: [outputs.added, 0, 0, 0] };
  return (images, share = whole) => {
    const [begin, end] = sharedRange(groups, share);
    inParts(bound, images, share, (first, last) => {
      if (begin === end) return;
      if (!layout.startsDiffer) return lookUp(bound, first, last, begin, end, written);
      // The sums of four outputs stay in the cache.
      for (let g = begin; g < end; g++) {
        startGroup(bound, g, first, last, each);
        if (layout.parts.length > 0) lookUp(bound, first, last, g, g + 1, added);
      }
    });
  };
}

/** Look up and requantize at once. */
const bindRequantized =
  (layout: LookupLayout): Step['bindWith'] =>
  (raw, at, next, epilogue) => {
    if (epilogue.kind !== 'requantize') return undefined;
    const { minimum, maximum } = epilogue;
    const bound = { raw, at, layout };
    const groups = Math.ceil(layout.outputs / 4);
    const to: SumsTo = {
      at: next.output,
      bytes: 2,
      how: [outputs.requantized, next.constants[0], minimum, maximum],
    };
    return (images, share = whole) => {
      const range = sharedRange(groups, share);
      inParts(bound, images, share, (first, last) => {
        if (range[0] < range[1]) lookUp(bound, first, last, ...range, to);
      });
    };
  };

/** Where a plane of the inputs begins. */
const planeAt = ({ at, layout }: Bound, plane: NibblePlane): number =>
  at.input + plane.firstRow * layout.input.stride;

/** Gather the windows of pixels `from` to `to` behind the first one, plane after plane. */
function gatherPlanes(bound: Bound, first: number, from: number, to: number): void {
  const { raw, at, layout } = bound;
  const pixels = [first + from, first + to, at.scratch + layout.line];
  let tiles = at.common + layout.tiles;
  for (const { plane, shape, places } of layout.parts) {
    const source = planeAt(bound, plane);
    raw.gatherNibbles(at.constants[shape], source, ...pixels, tiles + from * places);
    tiles += places * layout.width;
  }
}

/** Set the sums of four outputs to where they start. */
function startGroup(
  { raw, at, layout }: Bound,
  g: number,
  first: number,
  last: number,
  each: boolean,
): void {
  const { outStride, pixels } = layout;
  const starts = at.constants[layout.starts] + 16 * g * (each ? pixels : 1);
  const out = at.output + 16 * g * outStride;
  const count = Math.min(4, layout.outputs - 4 * g);
  raw.startSums(starts, each ? 1 : 0, out, outStride, first, last, pixels, count);
}

/** Look up the sums of some groups of four outputs, plane after plane. */
function lookUp(
  { raw, at, layout }: Bound,
  first: number,
  last: number,
  firstGroup: number,
  endGroup: number,
  to: SumsTo,
): void {
  const { input, outStride, pointwise, places, groupRuns } = layout;
  const { constants, scratch } = at;
  const source = pointwise ? [at.input + first, input.stride] : [at.common + layout.tiles, tile];
  const planes = [constants[layout.planes], layout.parts.length];
  const tables = [places, constants[layout.masks]];
  const [kind, requantization, ...limits] = to.how;
  const how = [kind, requantization + firstGroup * 4 * shortBytes, ...limits];
  raw.lookup(
    ...source,
    Math.ceil((last - first) / 16),
    ...planes,
    ...tables,
    constants[layout.weights] + firstGroup * places * 16,
    constants[layout.runs] + firstGroup * groupRuns,
    groupRuns,
    constants[layout.factors] + firstGroup * 16,
    constants[layout.starts] + firstGroup * 16,
    endGroup - firstGroup,
    scratch + layout.tables,
    to.at + (firstGroup * 4 * outStride + first) * to.bytes,
    outStride * to.bytes,
    ...how,
  );
}
