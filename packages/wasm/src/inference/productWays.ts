import { type CheckedLayer, rowLength } from '@hbnn/model';
import { type BinaryInputs, binaryInputs } from './binaryInputs.ts';
import { bitsStep, planBits } from './bitsStep.ts';
import {
  type BinarySize,
  bitsCost,
  dotCost,
  lookupCost,
  type ProductSize,
  pairsCost,
  wideCost,
} from './costs.ts';
import { dotStep } from './dotStep.ts';
import type { MapLayout } from './featureMap.ts';
import { lookupStep, planLookup } from './lookupStep.ts';
import type { ProductKernelName } from './modelKernels.ts';
import { sharesMap } from './packed.ts';
import { type ProductWeights, productWeights } from './productWeights.ts';
import type { Step } from './step.ts';
import { type PlannedProduct, valueStep } from './valueSteps.ts';

/** Values of larger magnitude do not go through int16. */
const mostInt16 = 32767;

export type MakeStep = (index: number, input: MapLayout) => Step | Promise<Step>;

/** A way to compute a convolution or dense layer. */
export interface ProductWay {
  readonly kernel: ProductKernelName;
  /** It reads nibbles. */
  readonly binary: boolean;
  /** About nanoseconds for a batch. */
  readonly cost: number;
  /** Only for where nothing else fits: it is slower, or takes much memory. */
  readonly last?: boolean;
  /** Look into the weights; undefined where they do not fit the kernel. */
  plan(): MakeStep | undefined;
}

/**
 * Weights of so many bytes as int8 are packed where they meet few pixels of an image: unpacking them takes longer than a
 * pixel's work, but not much longer than reading their bytes from memory.
 */
const packedFrom = 2 ** 21;
const packedPixels = 4;
/** Planes may hold this many times the bits of the weights where weights are packed. */
const spareBits = 1.2;

/** What the ways of a product share. */
interface Product {
  readonly plan: PlannedProduct;
  readonly batch: number;
  readonly size: ProductSize;
  readonly weights: ProductWeights;
  /** Its weights are to take little memory. */
  readonly pack: boolean;
}

/** All ways that may fit a product. */
export function waysFor(
  plan: PlannedProduct,
  before: CheckedLayer | undefined,
  batch: number,
  packed?: boolean,
): ProductWay[] {
  const { shape } = plan.layer.weights;
  const pixels = plan.output[0] * plan.output[1];
  const row = rowLength(shape);
  const size = { outputs: shape[0], row, pixels: batch * pixels };
  const wide: ProductWay = {
    ...{ kernel: 'wide', binary: false, cost: wideCost(size), last: true },
    plan: () => (index, input) => valueStep(index, plan, input, batch, 'wide'),
  };
  if (plan.inputBound > mostInt16) return [wide];
  const pack = packed ?? (shape[0] * row >= packedFrom && pixels <= packedPixels);
  const weights = productWeights(plan.layer.weights, pack);
  const product = { plan, batch, size, weights, pack };
  const inputs =
    before?.layer.kind === 'threshold'
      ? binaryInputs(plan, { ...before, layer: before.layer })
      : undefined;
  const binary = inputs === undefined ? [] : binaryWays(product, inputs);
  return [...binary, ...valueWays(product), wide];
}

function valueWays({ plan, batch, size, weights, pack }: Product): ProductWay[] {
  const pairs: ProductWay = {
    ...{ kernel: 'pairs', binary: false, cost: pairsCost(size) },
    // Two bytes for each weight.
    last: pack,
    plan: () => (index, input) => valueStep(index, plan, input, batch, 'pairs'),
  };
  const dot: ProductWay = {
    ...{ kernel: 'dot', binary: false, cost: dotCost(size, weights.packed) },
    plan: () => (index, input) => dotStep(index, plan, weights, input, batch),
  };
  return weights.fit ? [dot, pairs] : [pairs];
}

function binaryWays(product: Product, inputs: BinaryInputs): ProductWay[] {
  const { plan, batch, weights } = product;
  const places = inputs.planes.map(({ rows }) => inputs.order.positions * rows);
  const size: BinarySize = { ...product.size, places };
  const lookup: ProductWay = {
    ...{ kernel: 'lookup', binary: true },
    cost: lookupCost(size, weights.mean, weights.packed),
    plan: () => {
      const found = planLookup(inputs, weights);
      return found && ((index, input) => lookupStep(index, plan, found, input, batch));
    },
  };
  return [lookup, ...bitsWay(product, inputs, size)];
}

function bitsWay(product: Product, inputs: BinaryInputs, size: BinarySize): ProductWay[] {
  const { plan, batch, weights, pack } = product;
  const { weights: layer } = plan.layer;
  if (layer.kind !== 'planes') return [];
  const shared = sharesMap(layer.bits, size.row);
  const planes = layer.multiples.filter((plane) => plane.some((k) => k !== 0)).length;
  if (pack && (!shared || planes * size.row > spareBits * sumOf(layer.bits, size.row))) return [];
  const rows = shared ? planes : 2 * planes - (layer.bits.includes(0) ? 0 : 1);
  return [
    {
      ...{ kernel: 'bits', binary: true, cost: bitsCost(size, rows) },
      plan: () => {
        const found = planBits(layer, inputs);
        return (index, input) => bitsStep(index, plan, found, weights, input, batch);
      },
    },
  ];
}

/** The sum of the first so many bitwidths. */
function sumOf(bits: Uint8Array, count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += bits[i];
  return sum;
}
