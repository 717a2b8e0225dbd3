import type { CheckedLayer } from '@hbnn/model';
import { type BinaryInputs, binaryInputs } from './binaryInputs.ts';
import { bitsStep, layOutBits } from './bitsStep.ts';
import { byteCodesStep, byteDotStep, maxByteBound } from './byteSteps.ts';
import { codesStep, haveCodes } from './codesStep.ts';
import {
  type BinarySize,
  bitsCost,
  byteCodesCost,
  byteDotCost,
  codesCost,
  dotCost,
  lookupCost,
  type ProductSize,
  pairsCost,
  pixelCost,
  wideCost,
} from './costs.ts';
import { includesZero, type MapLayout, maxInt16, rowsRepeat } from './featureMap.ts';
import type { LoadingKernels } from './loadingKernels.ts';
import { layOutLookup, lookupStep } from './lookupStep.ts';
import type { ProductKernelName } from './modelKernels.ts';
import { fitsPixels, type PixelInputs, pixelStep } from './pixelStep.ts';
import { type ProductWeights, productWeights } from './productWeights.ts';
import type { Step } from './step.ts';
import { dotStep, type PlannedProduct, valueStep } from './valueSteps.ts';
import { rowLength } from './window.ts';

/** How products are to be computed, where they can: see LoadOptions. */
export interface ProductChoice {
  readonly kernels?: readonly ProductKernelName[];
  readonly pack?: boolean;
  /** Whether the kernels have relaxed SIMD, without which those of bytes are slower than others. */
  readonly relaxed: boolean;
  /** Loops over the weights. */
  readonly loops: LoadingKernels;
  /** Pixels as the first layer reads them, where kernels can compute with them. */
  readonly pixels?: PixelInputs;
}

type MakeStep = (index: number, input: MapLayout) => Step | Promise<Step>;

/** A way to compute a convolution or dense layer. */
interface ProductWay {
  readonly kernel: ProductKernelName;
  /** Whether it reads nibbles. */
  readonly binary: boolean;
  /** About how many nanoseconds a batch takes. */
  readonly cost: number;
  /** Whether it is only taken where nothing else fits: it is slower, or takes much memory. */
  readonly last?: boolean;
  /** Look into the weights; undefined where they do not fit the kernel. */
  plan(): MakeStep | undefined;
}

/** Layers of at least this many weights are to take little memory where the weights meet few pixels of an image. */
const minPackedWeights = 2 ** 21;
const maxPackedPixels = 4;
/**
 * Where weights are to take little memory, they may take this many bits each as planes: a fourth more than as codes. That
 * is three planes with a map of their own, or five with one that outputs share.
 */
const maxPackedRows = 5;

/** What the ways of a product share. */
interface Product {
  readonly plan: PlannedProduct;
  readonly batch: number;
  readonly size: ProductSize;
  readonly weights: ProductWeights;
  /** Whether its weights are to take little memory. */
  readonly pack: boolean;
}

/** How a product is computed. */
export interface ChosenProduct {
  readonly kernel: ProductKernelName;
  /** Whether it reads nibbles. */
  readonly binary: boolean;
  readonly make: MakeStep;
}

/** Choose how to compute a layer, if it is a product: as preferred where that fits, else the cheapest way. */
export function chooseProduct(
  planned: readonly CheckedLayer[],
  index: number,
  batch: number,
  choice: ProductChoice,
): ChosenProduct | undefined {
  const plan = planned[index];
  if (plan?.layer.kind !== 'conv' && plan?.layer.kind !== 'dense') return undefined;
  const before = planned[plan.sources[0]];
  const { kernels = [], pixels } = choice;
  const ways = waysFor({ ...plan, layer: plan.layer }, before, batch, choice);
  if (plan.sources[0] < 0 && pixels !== undefined)
    ways.push(...pixelWays({ ...plan, layer: plan.layer }, pixels, batch, choice));
  const rank = (way: ProductWay): number => {
    const at = kernels.indexOf(way.kernel);
    return at < 0 ? kernels.length : at;
  };
  const order = (a: ProductWay, b: ProductWay): number =>
    rank(a) - rank(b) || Number(a.last ?? false) - Number(b.last ?? false) || a.cost - b.cost;
  for (const way of ways.sort(order)) {
    const { kernel, binary, cost } = way;
    const make = way.plan();
    if (make === undefined) continue;
    return { kernel, binary, make: async (i, input) => ({ ...(await make(i, input)), cost }) };
  }
  throw new Error(`${plan.layer.name}: no way to compute it`);
}

/** All ways that may fit a product. */
function waysFor(
  plan: PlannedProduct,
  before: CheckedLayer | undefined,
  batch: number,
  { relaxed, pack: packed, loops }: ProductChoice,
): ProductWay[] {
  const { shape } = plan.layer.weights;
  const pixels = plan.output[0] * plan.output[1];
  const row = rowLength(plan.layer.weights);
  const size = { outputs: shape[0], row, pixels: batch * pixels };
  const wide: ProductWay = {
    kernel: 'wide',
    binary: false,
    cost: wideCost(size),
    last: true,
    plan: () => (index, input) => valueStep(index, plan, input, batch, 'wide'),
  };
  if (plan.inputBound > maxInt16) return [wide];
  const pack = packed ?? (shape[0] * row >= minPackedWeights && pixels <= maxPackedPixels);
  const weights = productWeights(plan.layer.weights, pack, loops);
  const product = { plan, batch, size, weights, pack };
  const inputs =
    before?.layer.kind === 'threshold'
      ? binaryInputs(plan, { ...before, layer: before.layer })
      : undefined;
  const binary = inputs === undefined ? [] : binaryWays(product, inputs);
  return [...binary, ...byteWays(product, relaxed), ...valueWays(product), wide];
}

/** The way of a first layer that reads pixels where they lie. */
function pixelWays(
  plan: PlannedProduct,
  pixels: PixelInputs,
  batch: number,
  { relaxed, loops }: ProductChoice,
): ProductWay[] {
  const weights = productWeights(plan.layer.weights, false, loops);
  if (!fitsPixels(plan, weights)) return [];
  const row = rowLength(plan.layer.weights);
  const size = { outputs: weights.outputs, row, pixels: batch * plan.output[0] * plan.output[1] };
  return [
    {
      kernel: 'pixelDot',
      binary: false,
      cost: pixelCost(size),
      last: !relaxed,
      plan: () => (index) => pixelStep(index, plan, weights, pixels, batch),
    },
  ];
}

function valueWays({ plan, batch, size, weights, pack }: Product): ProductWay[] {
  const pairs: ProductWay = {
    kernel: 'pairs',
    binary: false,
    cost: pairsCost(size),
    // It takes two bytes for each weight.
    last: pack,
    plan: () => (index, input) => valueStep(index, plan, input, batch, 'pairs'),
  };
  const dot: ProductWay = {
    kernel: 'dot',
    binary: false,
    cost: dotCost(size),
    last: pack,
    plan: () => (index, input) => dotStep(index, plan, weights, input, batch),
  };
  const codes: ProductWay = {
    kernel: 'codes',
    binary: false,
    cost: codesCost(size),
    plan: () => (index, input) => codesStep(index, plan, weights, input, batch),
  };
  return [...(haveCodes(weights) ? [codes] : []), ...(weights.fit ? [dot] : []), pairs];
}

/** The ways of inputs that fit into seven bits. */
function byteWays({ plan, batch, size, weights, pack }: Product, relaxed: boolean): ProductWay[] {
  if (plan.inputBound > maxByteBound || !weights.fit) return [];
  const dot: ProductWay = {
    kernel: 'byteDot',
    binary: false,
    cost: byteDotCost(size),
    last: pack || !relaxed,
    plan: () => (index, input) => byteDotStep(index, plan, weights, input, batch),
  };
  const codes: ProductWay = {
    kernel: 'byteCodes',
    binary: false,
    cost: byteCodesCost(size),
    last: !relaxed,
    plan: () => (index, input) => byteCodesStep(index, plan, weights, input, batch),
  };
  return haveCodes(weights) ? [dot, codes] : [dot];
}

function binaryWays(product: Product, inputs: BinaryInputs): ProductWay[] {
  const { plan, batch, weights, pack } = product;
  const places = inputs.planes.map(({ rows }) => inputs.order.positions * rows);
  const size: BinarySize = { ...product.size, places };
  const lookup: ProductWay = {
    kernel: 'lookup',
    binary: true,
    cost: lookupCost(size, weights.mean),
    last: pack,
    plan: () => {
      const tables = layOutLookup(inputs, weights);
      return tables && ((index, input) => lookupStep(index, plan, tables, input, batch));
    },
  };
  return [lookup, ...bitsWay(product, inputs, size)];
}

function bitsWay(product: Product, inputs: BinaryInputs, size: BinarySize): ProductWay[] {
  const { plan, batch, weights, pack } = product;
  const { weights: layer } = plan.layer;
  if (layer.kind !== 'planes') return [];
  const shared = rowsRepeat(layer.bits, size.row);
  const planes = layer.multiples.filter((plane) => plane.some((k) => k !== 0)).length;
  const rows = shared ? planes : 2 * planes - (includesZero(layer.bits) ? 0 : 1);
  if (pack && rows > maxPackedRows) return [];
  return [
    {
      kernel: 'bits',
      binary: true,
      cost: bitsCost(size, rows),
      plan: () => {
        const planes = layOutBits(layer, inputs, weights.loops);
        return (index, input) => bitsStep(index, plan, { inputs, planes, weights }, input, batch);
      },
    },
  ];
}
