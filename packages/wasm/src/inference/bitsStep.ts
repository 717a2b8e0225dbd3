import type { PlaneWeights } from '@hbnn/model';
import type { RawKernels } from '../webAssembly.ts';
import { type BinaryInputs, startMap } from './binaryInputs.ts';
import { type MapLayout, mapLayout, type NibblePlane, rowsRepeat } from './featureMap.ts';
import type { LoadingKernels } from './loadingKernels.ts';
import type { ProductWeights } from './productWeights.ts';
import { roundUp } from './regions.ts';
import { sharedRange, whole } from './share.ts';
import { ConstantList, gatheredBytes, type Places, type RunStep, type Step } from './step.ts';
import type { PlannedProduct } from './valueSteps.ts';
import { macsOf, shapeWords, windowOf } from './window.ts';

/** One plane of the weights, as bits in the order of a plane of the inputs. */
interface WeightPlane {
  /** [outputs][rowBytes]. */
  readonly signs: Uint8Array;
  /** [rowBytes], or [outputs][rowBytes]. */
  readonly members: Uint8Array;
  readonly shared: boolean;
  /** k_m of each output. */
  readonly multiples: Int32Array;
}

/** One plane of the inputs with all planes of the weights. */
interface PlanePairs {
  readonly plane: NibblePlane;
  readonly places: number;
  readonly rowBytes: number;
  readonly weights: readonly WeightPlane[];
}

/** A product laid out for counting bits. */
export interface BitsProduct {
  readonly inputs: BinaryInputs;
  readonly planes: readonly PlanePairs[];
  readonly weights: ProductWeights;
}

/** Lay out the bits of weights for those of inputs. */
export function layOutBits(
  weights: PlaneWeights,
  inputs: BinaryInputs,
  loops: LoadingKernels,
): readonly PlanePairs[] {
  // Planes of the inputs that take the same channels share their weights.
  const byRows = new Map<number, readonly WeightPlane[]>();
  return inputs.planes.map((plane): PlanePairs => {
    const places = inputs.order.positions * plane.rows;
    const rowBytes = roundUp(Math.ceil(places / 2), 16);
    const planes = byRows.get(plane.rows) ?? weightPlanes(weights, inputs, plane, rowBytes, loops);
    byRows.set(plane.rows, planes);
    return { plane, places, rowBytes, weights: planes };
  });
}

function weightPlanes(
  weights: PlaneWeights,
  { order }: BinaryInputs,
  plane: NibblePlane,
  rowBytes: number,
  loops: LoadingKernels,
): WeightPlane[] {
  const { multiples, shape } = weights;
  const [outputs] = shape;
  // Channels of the plane's last group that are no members of it are never set in its bits.
  const channels = order.channels.subarray(0, 4 * plane.rows);
  return multiples.flatMap((list, m): WeightPlane[] => {
    if (list.every((k) => k === 0)) return [];
    const own = { positions: order.positions, channels };
    const { members, positives } = loops.planeBits(weights, own, m, rowBytes);
    const shared = rowsRepeat(members, rowBytes);
    return [
      {
        signs: positives,
        members: shared ? members.slice(0, rowBytes) : members,
        shared,
        multiples: Int32Array.from({ length: outputs }, (_, o) => list[list.length === 1 ? 0 : o]),
      },
    ];
  });
}

/** One plane of the weights: the indices of its constants. */
interface WeightPart {
  readonly signs: number;
  readonly members: number;
  readonly shared: boolean;
  readonly factors: number;
}

/** One plane of the inputs: its sizes, and the index of its shape among the constants. */
interface PlanePart {
  readonly plane: NibblePlane;
  readonly rowBytes: number;
  readonly places: number;
  readonly shape: number;
  readonly weights: readonly WeightPart[];
}

/** All that a bound step needs to know: sizes, indices of constants, offsets into the scratch memory. */
interface BitsLayout {
  readonly inStride: number;
  readonly outStride: number;
  readonly outputs: number;
  /** Output pixels of one image. */
  readonly pixels: number;
  /** Pixels worked on together. */
  readonly width: number;
  readonly parts: readonly PlanePart[];
  readonly starts: number;
  /** Whether pixels start at different sums. */
  readonly startsDiffer: boolean;
  readonly nibbles: number;
  readonly counts: number;
}

/** A convolution or dense layer of nibbles, by counting bits. */
export async function bitsStep(
  index: number,
  plan: PlannedProduct,
  { inputs, planes, weights }: BitsProduct,
  input: MapLayout,
  batch: number,
): Promise<Step> {
  const { outputs } = weights;
  const output = mapLayout(plan.output, 'int32', batch);
  const window = windowOf(plan.layer, plan.input);
  const pixels = plan.output[0] * plan.output[1];
  const maxRowBytes = planes.reduce((largest, { rowBytes }) => Math.max(largest, rowBytes), 16);
  const maxPlaces = planes.reduce((largest, { places }) => Math.max(largest, places), 1);
  const width = Math.max(1, Math.min(batch * pixels, Math.floor(gatheredBytes / maxRowBytes)));
  const start = await startMap(plan, inputs, weights, new Int32Array(outputs));
  const list = new ConstantList();
  const parts = planes.map((pairs): PlanePart => {
    const shape = list.add(shapeWords(window, input, output, pairs.plane.rows));
    return { ...sizesOf(pairs), shape, weights: pairs.weights.map(partOf(list, pairs.plane)) };
  });
  const nibbles = roundUp(width * maxRowBytes, 64);
  const counts = nibbles + roundUp(width * maxPlaces, 64);
  const layout: BitsLayout = {
    inStride: input.stride,
    outStride: output.stride,
    outputs,
    pixels,
    width,
    parts,
    starts: list.add(start.values),
    startsDiffer: start.each,
    nibbles,
    counts,
  };
  return {
    layer: index,
    kernel: 'bits',
    input,
    output,
    macs: macsOf(plan),
    scratchBytes: counts + width * 4,
    constants: list.constants,
    bind: (raw, at) => bindBits(raw, at, layout),
  };
}

const sizesOf = ({ plane, rowBytes, places }: PlanePairs) => ({ plane, rowBytes, places });

const partOf =
  (list: ConstantList, { multiple }: NibblePlane) =>
  ({ signs, members, shared, multiples }: WeightPlane): WeightPart => ({
    signs: list.add(signs),
    members: list.add(members),
    shared,
    factors: list.add(multiples.map((k) => 2 * multiple * k)),
  });

function bindBits(raw: RawKernels, at: Places, layout: BitsLayout): RunStep {
  const { pixels, width, outputs, outStride, startsDiffer } = layout;
  const starts = at.constants[layout.starts];
  return (images, share = whole) => {
    const end = images * pixels;
    const [output, endOutput] = sharedRange(outputs, share);
    for (let first = 0; first < end; first += width) {
      const last = Math.min(end, first + width);
      const from = starts + 4 * output * (startsDiffer ? pixels : 1);
      const out = [at.output + 4 * output * outStride, outStride, first, last];
      raw.startSums(from, startsDiffer ? 1 : 0, ...out, pixels, endOutput - output);
      for (const part of layout.parts)
        countPlane(raw, at, layout, part, { first, last, output, endOutput });
    }
  };
}

/** Pixels and outputs that are worked on. */
interface Range {
  readonly first: number;
  readonly last: number;
  readonly output: number;
  readonly endOutput: number;
}

/** Add what one plane of the inputs gives to some sums. */
function countPlane(
  raw: RawKernels,
  at: Places,
  layout: BitsLayout,
  part: PlanePart,
  { first, last, output, endOutput }: Range,
): void {
  const { scratch, constants } = at;
  const { plane, places, rowBytes } = part;
  const from = at.input + plane.firstRow * layout.inStride;
  const sizes = [first, last, places, rowBytes];
  raw.gatherBits(constants[part.shape], from, ...sizes, scratch + layout.nibbles, scratch);
  const bits = [scratch, rowBytes, last - first];
  const out = [at.output + (output * layout.outStride + first) * 4, layout.outStride];
  for (const { signs, members, shared, factors } of part.weights) {
    const counts = shared ? scratch + layout.counts : 0;
    const own = shared ? 0 : output * rowBytes;
    const masks = [constants[signs] + output * rowBytes, constants[members] + own, counts];
    if (shared) raw.countMembers(...bits, constants[members], counts);
    raw.multiplyBits(
      ...bits,
      ...masks,
      endOutput - output,
      constants[factors] + 4 * output,
      ...out,
    );
  }
}
