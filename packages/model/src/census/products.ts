import type { CheckedLayer } from '../checkModel.ts';
import type {
  ConvLayer,
  DenseLayer,
  DepthwiseLayer,
  FeatureShape,
  IntegerWeights,
} from '../integerModel.ts';
import { noPadding, underTap, type Window, windowOf, windowTaps } from '../windows.ts';
import type { Coding } from './coding.ts';
import type { Operations } from './operations.ts';

/** A layer of products as windows: a dense layer is one window over all its inputs. */
interface Products {
  readonly window: Window;
  /** Inputs of each tap. */
  readonly depth: number;
  /** Output o reads the channels that it has weights for, from this one on. */
  readonly firstChannel: (output: number) => number;
}

function productsOf(layer: ConvLayer | DepthwiseLayer | DenseLayer, input: FeatureShape): Products {
  const [height, width, channels] = input;
  const whole = () => 0;
  if (layer.kind === 'dense') {
    const window: Window = { kernel: [height, width], strides: [1, 1], padding: noPadding };
    return { window, depth: channels, firstChannel: whole };
  }
  const [outputs, , , depth] = layer.weights.shape;
  const each = outputs / channels;
  const firstChannel = layer.kind === 'depthwise' ? (o: number) => Math.floor(o / each) : whole;
  return { window: windowOf(layer), depth, firstChannel };
}

/**
 * Count a layer of products. Σ over places, outputs and inputs of (bits of the weight · bits of the input) is, for each
 * tap of the window, the sum of the weights' bits over the outputs times the sum of the inputs' bits over the places:
 * exact, without visiting every product.
 */
export function productCounts(
  plan: CheckedLayer,
  coding: Coding,
): { readonly operations: Operations; readonly macs: number } {
  if (!('weights' in plan.layer)) throw new Error(`productCounts: ${plan.layer.kind}`);
  const { weights } = plan.layer;
  const layer = productsOf(plan.layer, plan.input);
  const { products, macs } = tapSums(plan, layer, coding, weights);
  const planes = { weights: weights.kind === 'planes', inputs: coding.kind === 'planes' };
  const none = { xnor: 0, popcount: 0, add: 0, compare: 0, multiply: 0 };
  if (planes.weights && planes.inputs) {
    const add = combinations(plan, layer, coding, weights);
    return { operations: { ...none, xnor: products, popcount: products, add }, macs };
  }
  // A number is added or subtracted once per bit of the other.
  if (planes.weights || planes.inputs) return { operations: { ...none, add: products }, macs };
  return { operations: { ...none, multiply: products, add: products }, macs };
}

/** Bits of weight i, or 1 where it is a number. */
const weightBit = (weights: IntegerWeights, i: number): number =>
  weights.kind === 'planes' ? weights.bits[i] : 1;

function tapSums(
  plan: CheckedLayer,
  layer: Products,
  coding: Coding,
  weights: IntegerWeights,
): { products: number; macs: number } {
  const { window, depth: inputs, firstChannel } = layer;
  const [height, width] = window.kernel;
  const outputs = weights.shape[0];
  const channels = plan.input[2];
  let products = 0;
  let macs = 0;
  for (let i = 0; i < height; i++)
    for (let j = 0; j < width; j++) {
      const { bits, places } = placeBits(plan, window, coding, i, j);
      const weightBits = new Float64Array(channels);
      for (let o = 0; o < outputs; o++) {
        const at = ((o * height + i) * width + j) * inputs;
        const first = firstChannel(o);
        for (let c = 0; c < inputs; c++) weightBits[first + c] += weightBit(weights, at + c);
      }
      for (let c = 0; c < channels; c++) products += weightBits[c] * bits[c];
      macs += outputs * inputs * places;
    }
  return { products, macs };
}

/** Where tap (i, j) lies inside the input: the sum of the inputs' bits per channel, and the number of places. */
function placeBits(
  { input, output }: CheckedLayer,
  window: Window,
  coding: Coding,
  i: number,
  j: number,
): { bits: Float64Array; places: number } {
  const [height, width, channels] = input;
  const bits = new Float64Array(channels);
  let places = 0;
  for (let y = 0; y < output[0]; y++) {
    const inY = underTap(window, 0, y, i);
    if (inY < 0 || inY >= height) continue;
    for (let x = 0; x < output[1]; x++) {
      const inX = underTap(window, 1, x, j);
      if (inX < 0 || inX >= width) continue;
      places++;
      if (coding.kind === 'whole') continue;
      const at = (inY * width + inX) * channels;
      for (let c = 0; c < channels; c++) bits[c] += coding.bits[at + c];
    }
  }
  if (coding.kind === 'whole') bits.fill(places);
  return { bits, places };
}

/**
 * Additions that put the counts of P weight planes and Q input planes together: P · Q − 1 for each output, where P and
 * Q are the most bits among the output's weights and among the window's inputs.
 */
function combinations(
  plan: CheckedLayer,
  layer: Products,
  coding: Coding,
  weights: IntegerWeights,
): number {
  if (coding.kind === 'whole' || weights.kind === 'int8') return 0;
  const outputs = weights.shape[0];
  const row = weights.bits.length / outputs;
  const max = Array.from({ length: outputs }, (_, o) =>
    weights.bits.subarray(o * row, (o + 1) * row).reduce((a, b) => Math.max(a, b), 0),
  );
  const depthwise = plan.layer.kind === 'depthwise';
  let additions = 0;
  for (let y = 0; y < plan.output[0]; y++)
    for (let x = 0; x < plan.output[1]; x++) {
      const widths = windowWidths(plan, layer.window, coding.bits, y, x);
      const widest = widths.reduce((a, b) => Math.max(a, b), 0);
      for (let o = 0; o < outputs; o++) {
        const planes = depthwise ? widths[layer.firstChannel(o)] : widest;
        additions += Math.max(0, max[o] * planes - 1);
      }
    }
  return additions;
}

/** The most bits of each channel's inputs in the window at (y, x). */
function windowWidths(
  { input }: CheckedLayer,
  window: Window,
  bits: Uint8Array,
  y: number,
  x: number,
): Uint8Array {
  const channels = input[2];
  const widths = new Uint8Array(channels);
  for (const { pixel } of windowTaps(window, input, y, x))
    for (let c = 0; c < channels; c++) widths[c] = Math.max(widths[c], bits[pixel * channels + c]);
  return widths;
}
