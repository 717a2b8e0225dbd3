import type { PlaneWeights } from '@hbnn/model';
import { type BinaryInputs, startMap } from './binaryInputs.ts';
import { type MapLayout, mapLayout, type NibblePlane, roundUp } from './featureMap.ts';
import type { ProductWeights } from './productWeights.ts';
import { ConstantList, type Step } from './step.ts';
import type { PlannedProduct } from './valueSteps.ts';
import { macsOf, shapeWords, windowOf } from './window.ts';

/** Gathered windows worked on together. */
const gatheredBytes = 2 ** 18;

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

interface PlanePairs {
  readonly plane: NibblePlane;
  readonly places: number;
  readonly rowBytes: number;
  readonly weights: readonly WeightPlane[];
}

/** Counting bits of a product. */
export interface BitsPlan {
  readonly inputs: BinaryInputs;
  readonly planes: readonly PlanePairs[];
}

/** Lay out the bits of weights for those of inputs. */
export function planBits(weights: PlaneWeights, inputs: BinaryInputs): BitsPlan {
  // Planes of the inputs that take the same channels share their weights.
  const made = new Map<number, readonly WeightPlane[]>();
  const planes = inputs.planes.map((plane): PlanePairs => {
    const places = inputs.order.positions * plane.rows;
    const rowBytes = roundUp(Math.ceil(places / 2), 16);
    let own = made.get(plane.rows);
    if (own === undefined) {
      own = weightPlanes(weights, inputs, plane, rowBytes);
      made.set(plane.rows, own);
    }
    return { plane, places, rowBytes, weights: own };
  });
  return { inputs, planes };
}

function weightPlanes(
  weights: PlaneWeights,
  { order }: BinaryInputs,
  plane: NibblePlane,
  rowBytes: number,
): WeightPlane[] {
  const { bits, signs, multiples } = weights;
  const [outputs] = weights.shape;
  const row = bits.length / outputs;
  const inputs = row / order.positions;
  // Channels of the plane's last group that are no members of it are never set in its bits.
  const channels = order.channels.subarray(0, 4 * plane.rows);
  return multiples.flatMap((list, m): WeightPlane[] => {
    if (list.every((k) => k === 0)) return [];
    const set = new Uint8Array(outputs * rowBytes);
    const members = new Uint8Array(outputs * rowBytes);
    for (let o = 0; o < outputs; o++)
      for (let position = 0; position < order.positions; position++) {
        const from = o * row + position * inputs;
        const to = position * plane.rows * 4;
        for (let n = 0; n < channels.length; n++) {
          const i = from + channels[n];
          if (bits[i] <= m) continue;
          const at = o * rowBytes + ((to + n) >> 3);
          const bit = 1 << ((to + n) & 7);
          members[at] |= bit;
          if ((signs[i] >> m) & 1) set[at] |= bit;
        }
      }
    const shared = members.every((byte, i) => i < rowBytes || byte === members[i - rowBytes]);
    return [
      {
        ...{ signs: set, members: shared ? members.slice(0, rowBytes) : members, shared },
        multiples: Int32Array.from({ length: outputs }, (_, o) => list[list.length === 1 ? 0 : o]),
      },
    ];
  });
}

/** A convolution or dense layer of nibbles, by counting bits. */
export async function bitsStep(
  index: number,
  plan: PlannedProduct,
  { inputs, planes }: BitsPlan,
  weights: ProductWeights,
  input: MapLayout,
  batch: number,
): Promise<Step> {
  const { outputs } = weights;
  const output = mapLayout(plan.output, 'int32', batch);
  const window = windowOf(plan.layer, plan.input);
  const pixels = plan.output[0] * plan.output[1];
  const most = planes.reduce((all, { rowBytes }) => Math.max(all, rowBytes), 16);
  const places = planes.reduce((all, plane) => Math.max(all, plane.places), 1);
  const width = Math.max(1, Math.min(batch * pixels, Math.floor(gatheredBytes / most)));
  const start = await startMap(plan, inputs, weights, new Int32Array(outputs));
  const list = new ConstantList();
  // Held by the closures below as long as the model is loaded; the start map itself is not.
  const { each } = start;
  const first = list.add(start.values);
  const pairs = planes.map(({ plane, rowBytes, places: k, weights: own }) => ({
    ...{ plane, rowBytes, places: k },
    shape: list.add(shapeWords(window, input, output, plane.rows)),
    weights: own.map(({ signs, members, shared, multiples }) => ({
      ...{ signs: list.add(signs), members: list.add(members), shared },
      factors: list.add(multiples.map((j) => 2 * plane.multiple * j)),
    })),
  }));
  const gathered = roundUp(width * most, 64);
  const nibbles = roundUp(width * places, 64);
  return {
    ...{ layer: index, kernel: 'bits', input, output, macs: macsOf(plan) },
    scratchBytes: gathered + nibbles + width * 4,
    constants: list.constants,
    bind: (raw, { input: from, output: to, scratch, constants }) => {
      const counts = scratch + gathered + nibbles;
      return (images) => {
        for (let at = 0; at < images * pixels; at += width) {
          const last = Math.min(images * pixels, at + width);
          const where = [to, output.stride, at, last];
          raw.startSums(constants[first], each ? 1 : 0, ...where, pixels, outputs);
          for (const pair of pairs) {
            const { plane, rowBytes } = pair;
            const rows = from + plane.firstRow * input.stride;
            raw.gatherBits(
              ...[constants[pair.shape], rows, at, last, pair.places, rowBytes],
              ...[scratch + gathered, scratch],
            );
            for (const { signs, members, shared, factors } of pair.weights) {
              const mask = constants[members];
              if (shared) raw.countMembers(scratch, rowBytes, last - at, mask, counts);
              raw.multiplyBits(
                ...[scratch, rowBytes, last - at, constants[signs], mask, shared ? counts : 0],
                ...[outputs, constants[factors], to + at * 4, output.stride],
              );
            }
          }
        }
      };
    },
  };
}
