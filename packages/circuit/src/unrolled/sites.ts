import {
  type CheckedLayer,
  type ConvLayer,
  type DepthwiseLayer,
  type FeatureShape,
  featureCount,
  type MaxPoolLayer,
  type Padding4,
  type Pair,
  type SumPoolLayer,
} from '@hbnn/model';
import type { AdderStyle } from '../netlist/bitHeap.ts';
import type { Netlist } from '../netlist/netlist.ts';
import type { Value } from '../netlist/value.ts';
import { largest, requantized, requantizeOf, thresholdBits, total } from '../netlist/values.ts';
import { linearSums } from '../sums/linearSums.ts';
import { planSums } from '../sums/sumPlan.ts';

/** One place of a layer: which elements it reads and makes, and how. Sites of equal keys and inputs are one module. */
export interface Site {
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** What tells it from other sites of the layer, beside its inputs' forms. */
  readonly key: string;
  build(net: Netlist, inputs: readonly Value[], style: AdderStyle): Value[];
}

/** The sites of a layer, pixel by pixel; one alone of a dense layer. */
export function sitesOf({ layer, input, output }: CheckedLayer): Site[] {
  switch (layer.kind) {
    case 'dense': {
      const taps = counting(featureCount(input));
      const part = { from: 0, outputs: layer.weights.shape[0], taps };
      return [
        {
          ...{ inputs: taps, outputs: counting(featureCount(output)), key: '' },
          build: (net, inputs, style) =>
            linearSums(net, inputs, planSums(layer.weights, part, style), style),
        },
      ];
    }
    case 'conv':
      return pixels(output).map((pixel) => convSite(layer, input, pixel));
    case 'depthwise':
      return pixels(output).map((pixel) => depthwiseSite(layer, input, pixel));
    case 'maxPool':
    case 'sumPool':
      return pixels(output).map((pixel) => poolSite(layer, input, pixel));
    case 'threshold': {
      const { multiples, thresholds, flips, bits } = layer;
      const nodes = 2 ** multiples.length - 1;
      return pixels(output).map(({ at, channels }) => ({
        ...{ inputs: channels, outputs: channels },
        key: channels.map((i) => bits[i]).join(),
        build: (net, inputs, style) =>
          inputs.map((value, c) =>
            thresholdBits(
              net,
              value,
              {
                multiples: [...multiples.subarray(0, bits[at + c])],
                thresholds: thresholds.subarray(c * nodes, (c + 1) * nodes),
                flip: flips[c] === 1,
              },
              style,
            ),
          ),
      }));
    }
    case 'requantize':
      return pixels(output).map(({ channels }) => ({
        ...{ inputs: channels, outputs: channels, key: '' },
        build: (net, inputs, style) =>
          inputs.map((value, c) => requantized(net, value, requantizeOf(layer, c), style)),
      }));
    default:
      return layer satisfies never;
  }
}

interface Pixel {
  readonly y: number;
  readonly x: number;
  /** Its first element, and all of them. */
  readonly at: number;
  readonly channels: readonly number[];
}

const counting = (count: number, from = 0): number[] =>
  Array.from({ length: count }, (_, i) => from + i);

function pixels([height, width, channels]: FeatureShape): Pixel[] {
  return Array.from({ length: height * width }, (_, i) => ({
    ...{ y: Math.floor(i / width), x: i % width },
    ...{ at: i * channels, channels: counting(channels, i * channels) },
  }));
}

/** Places of a window that lie within the input: which tap of the kernel, and the input's pixel. */
function windowTaps(
  { y, x }: Pixel,
  [height, width]: FeatureShape,
  [kh, kw]: Pair,
  strides: Pair,
  [top, left]: Padding4,
): { readonly tap: number; readonly pixel: number }[] {
  const taps: { tap: number; pixel: number }[] = [];
  for (let i = 0; i < kh; i++)
    for (let j = 0; j < kw; j++) {
      const inY = y * strides[0] + i - top;
      const inX = x * strides[1] + j - left;
      if (inY < 0 || inY >= height || inX < 0 || inX >= width) continue;
      taps.push({ tap: i * kw + j, pixel: inY * width + inX });
    }
  return taps;
}

const kernelOf = ({ weights }: ConvLayer | DepthwiseLayer): Pair => [
  weights.shape[1],
  weights.shape[2],
];

function convSite(layer: ConvLayer, input: FeatureShape, pixel: Pixel): Site {
  const channels = input[2];
  const taps = windowTaps(pixel, input, kernelOf(layer), layer.strides, layer.padding);
  const each = (at: number): number[] => counting(channels, at * channels);
  return {
    inputs: taps.flatMap((tap) => each(tap.pixel)),
    outputs: pixel.channels,
    key: taps.map(({ tap }) => tap).join(),
    build: (net, inputs, style) => {
      const part = {
        from: 0,
        outputs: layer.weights.shape[0],
        taps: taps.flatMap((t) => each(t.tap)),
      };
      return linearSums(net, inputs, planSums(layer.weights, part, style), style);
    },
  };
}

function depthwiseSite(layer: DepthwiseLayer, input: FeatureShape, pixel: Pixel): Site {
  const channels = input[2];
  const taps = windowTaps(pixel, input, kernelOf(layer), layer.strides, layer.padding);
  const each = layer.weights.shape[0] / channels;
  const own = taps.map(({ tap }) => tap);
  return {
    inputs: counting(channels).flatMap((c) => taps.map((tap) => tap.pixel * channels + c)),
    outputs: pixel.channels,
    key: own.join(),
    build: (net, inputs, style) =>
      counting(channels).flatMap((c) => {
        const window = inputs.slice(c * own.length, (c + 1) * own.length);
        const part = { from: c * each, outputs: each, taps: own };
        const matrix = planSums(layer.weights, part, style);
        return linearSums(net, window, matrix, style);
      }),
  };
}

function poolSite(layer: MaxPoolLayer | SumPoolLayer, input: FeatureShape, pixel: Pixel): Site {
  const channels = input[2];
  const padding: Padding4 = layer.kind === 'maxPool' ? layer.padding : [0, 0, 0, 0];
  const taps = windowTaps(pixel, input, layer.size, layer.strides, padding);
  const make = layer.kind === 'maxPool' ? largest : total;
  return {
    inputs: counting(channels).flatMap((c) => taps.map((tap) => tap.pixel * channels + c)),
    outputs: pixel.channels,
    key: `${taps.length}`,
    build: (net, inputs, style) =>
      counting(channels).map((c) =>
        make(net, inputs.slice(c * taps.length, (c + 1) * taps.length), style),
      ),
  };
}
