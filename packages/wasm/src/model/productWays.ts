import type { PlannedLayer } from '@hbnn/core';
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
import { heldWeights } from './heldWeights.ts';
import { lookupStep, planLookup } from './lookupStep.ts';
import type { ProductKernelName } from './modelKernels.ts';
import { canPack, sharesMap } from './packed.ts';
import { type DividedWeights, dividedWeights, flatOrder } from './quads.ts';
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
  /** Look into the weights; undefined where they do not fit the kernel. */
  plan(): MakeStep | undefined;
}

/**
 * Weights of so many bytes as int8 are packed where they meet few pixels of an image: unpacking them takes longer than a
 * pixel's work, but not much longer than reading their bytes from memory.
 */
const packedFrom = 2 ** 18;
const packedPixels = 4;
/** Planes may hold this many times the bits of the weights where weights are packed. */
const spareBits = 1.2;

/** What the ways of a product share. */
interface Product {
  readonly plan: PlannedProduct;
  readonly batch: number;
  readonly size: ProductSize;
  readonly weights: DividedWeights;
  /** The weights are to be packed. */
  readonly pack: boolean;
}

/** All ways that may fit a product. */
export function waysFor(
  plan: PlannedProduct,
  before: PlannedLayer | undefined,
  batch: number,
  packed?: boolean,
): ProductWay[] {
  const { shape } = plan.layer.weights;
  const pixels = plan.output[0] * plan.output[1];
  const row = shape.slice(1).reduce((product, n) => product * n, 1);
  const size = { outputs: shape[0], row, pixels: batch * pixels };
  const wide: ProductWay = {
    ...{ kernel: 'wide', binary: false, cost: wideCost(size) },
    plan: () => (index, input) => valueStep(index, plan, input, batch, 'wide'),
  };
  if (plan.inputBound > mostInt16) return [wide];
  const pack = packed ?? (shape[0] * row >= packedFrom && pixels <= packedPixels);
  const weights = dividedWeights(plan.layer.weights);
  const product = { plan, batch, size, weights, pack };
  const inputs =
    before?.layer.kind === 'threshold'
      ? binaryInputs(plan, { ...before, layer: before.layer })
      : undefined;
  const binary = inputs === undefined ? [] : binaryWays(product, inputs);
  return [...binary, ...valueWays(product), wide];
}

function valueWays({ plan, batch, size, weights, pack }: Product): ProductWay[] {
  const held = () => heldWeights(plan.layer.weights, weights, flatOrder(plan), pack);
  return [
    {
      ...{ kernel: 'dot', binary: false },
      cost: dotCost(size, pack && canPack(plan.layer.weights)),
      plan: () => {
        const found = held();
        return found && ((index, input) => dotStep(index, plan, found, input, batch));
      },
    },
    {
      ...{ kernel: 'pairs', binary: false, cost: pairsCost(size) },
      plan: () => (index, input) => valueStep(index, plan, input, batch, 'pairs'),
    },
  ];
}

function binaryWays(product: Product, inputs: BinaryInputs): ProductWay[] {
  const { plan, batch, weights, pack } = product;
  const places = inputs.planes.map(({ rows }) => inputs.order.positions * rows);
  const size: BinarySize = { ...product.size, places };
  const lookup: ProductWay = {
    ...{ kernel: 'lookup', binary: true },
    cost: lookupCost(size, weights.mean, pack && canPack(plan.layer.weights)),
    plan: () => {
      const found = planLookup(plan, inputs, weights, pack);
      return found && ((index, input) => lookupStep(index, plan, found, input, batch));
    },
  };
  return [lookup, ...bitsWay(product, inputs, size)];
}

function bitsWay(product: Product, inputs: BinaryInputs, size: BinarySize): ProductWay[] {
  const { plan, batch, weights, pack } = product;
  const { weights: layer } = plan.layer;
  if (layer.kind !== 'planes') return [];
  const planes = layer.multiples.filter((plane) => plane.some((k) => k !== 0)).length;
  const shared = sharesMap(layer.bits, size.row);
  if (pack) {
    const bits = layer.bits.reduce((sum, width) => sum + width, 0);
    if (planes * layer.bits.length * (shared ? 1 : 2) > spareBits * bits) return [];
  }
  return [
    {
      ...{ kernel: 'bits', binary: true, cost: bitsCost(size, planes, shared) },
      plan: () => {
        const found = planBits(layer, inputs);
        return (index, input) => bitsStep(index, plan, found, weights, input, batch);
      },
    },
  ];
}
