import type { CheckedLayer, CheckedModel } from '../checkModel.ts';
import { type FeatureShape, featureCount } from '../integerModel.ts';
import { spanUnder, windowOf } from '../windows.ts';

/** How the values of a feature map are held: as sign bits per element, or as numbers of one width. */
export type Coding =
  | { readonly kind: 'planes'; readonly bits: Uint8Array }
  | { readonly kind: 'whole'; readonly width: number };

/** The bits of a whole number of at most `bound` in magnitude: ⌈log2(bound + 1)⌉, one more with a sign; at least 1. */
export const wholeWidth = (bound: number, signed: boolean): number =>
  Math.max(1, Math.ceil(Math.log2(bound + 1)) + (signed ? 1 : 0));

/** Pixels minus their zeros: 8 bits, or 9 where a zero can make them negative. */
export const pixelCoding = ({ input }: CheckedModel): Coding => ({
  kind: 'whole',
  width: input.zeros.every((zero) => zero === 0) ? 8 : 9,
});

/** The bits that hold a whole feature map. */
export const codedBits = (coding: Coding, shape: FeatureShape): number =>
  coding.kind === 'whole'
    ? coding.width * featureCount(shape)
    : coding.bits.reduce((sum, n) => sum + n, 0);

/** How a layer's outputs are held, given its inputs with their shapes. */
export function outputCoding(
  plan: CheckedLayer,
  inputs: readonly Coding[],
  shapes: readonly FeatureShape[],
): Coding {
  const { layer } = plan;
  const [before] = inputs;
  switch (layer.kind) {
    case 'conv':
    case 'depthwise':
    case 'dense':
    case 'sumPool':
      return { kind: 'whole', width: wholeWidth(plan.outputBound, true) };
    case 'maxPool':
      return before.kind === 'whole' ? before : pooledCoding(plan, before.bits);
    case 'threshold':
      return { kind: 'planes', bits: layer.bits };
    case 'requantize':
      return { kind: 'whole', width: wholeWidth(plan.outputBound, layer.minimum < 0) };
    case 'add':
      return { kind: 'whole', width: wholeWidth(plan.outputBound, true) };
    case 'concat':
      return joinedCoding(plan, inputs, shapes);
    default:
      return layer satisfies never;
  }
}

/** Planes stay planes where all inputs are such; else all values are held as numbers. */
function joinedCoding(
  { output, outputBound }: CheckedLayer,
  inputs: readonly Coding[],
  shapes: readonly FeatureShape[],
): Coding {
  const bits = new Uint8Array(featureCount(output));
  let first = 0;
  for (const [k, coding] of inputs.entries()) {
    if (coding.kind === 'whole') return { kind: 'whole', width: wholeWidth(outputBound, true) };
    const channels = shapes[k][2];
    coding.bits.forEach((width, i) => {
      bits[Math.floor(i / channels) * output[2] + first + (i % channels)] = width;
    });
    first += channels;
  }
  return { kind: 'planes', bits };
}

/**
 * The largest of elements that all have b bits has b bits. Where a window mixes bitwidths its largest value need not
 * be a sum of the planes of any of them, so it is held as a number.
 */
function pooledCoding(
  { layer, input, output, outputBound }: CheckedLayer,
  bits: Uint8Array,
): Coding {
  if (layer.kind !== 'maxPool') throw new Error(`pooledCoding: ${layer.kind}`);
  const pooled = new Uint8Array(featureCount(output));
  const [, width, channels] = input;
  const window = windowOf(layer);
  let to = 0;
  for (let y = 0; y < output[0]; y++)
    for (let x = 0; x < output[1]; x++) {
      const [fromY, endY] = spanUnder(window, input, 0, y);
      const [fromX, endX] = spanUnder(window, input, 1, x);
      for (let c = 0; c < channels; c++, to++) {
        const at = (i: number, j: number): number => bits[(i * width + j) * channels + c];
        pooled[to] = at(fromY, fromX);
        for (let i = fromY; i < endY; i++)
          for (let j = fromX; j < endX; j++)
            if (at(i, j) !== pooled[to])
              return { kind: 'whole', width: wholeWidth(outputBound, true) };
      }
    }
  return { kind: 'planes', bits: pooled };
}
