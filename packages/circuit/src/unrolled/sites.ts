import {
  type CheckedLayer,
  type ConvLayer,
  channelThresholds,
  type DepthwiseLayer,
  type FeatureShape,
  featureCount,
  type JoinLayer,
  joinTerms,
  type MaxPoolLayer,
  type SumPoolLayer,
  type ThresholdLayer,
  windowOf,
  windowTaps,
} from '@hbnn/model';
import type { AdderStyle } from '../netlist/fabrics.ts';
import { inverse, type Netlist } from '../netlist/netlist.ts';
import { planesForm, type Value } from '../netlist/value.ts';
import {
  largestPlanes,
  maximumOf,
  requantized,
  requantizeOf,
  sumOfValues,
  thresholdBits,
  weightedSum,
} from '../netlist/values.ts';
import { linearSums } from '../sums/linearSums.ts';
import { planSums } from '../sums/sumPlan.ts';
import { SumMemo } from '../sums/sumShapes.ts';
import type { CodePoolStep, Step } from './steps.ts';

/** One place of a layer: which elements it reads and makes, and how. Sites of equal keys and inputs are one module. */
export interface Site {
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** What tells it from other sites of the layer, beside its inputs' forms. */
  readonly key: string;
  build(net: Netlist, inputs: readonly Value[], style: AdderStyle): Value[];
}

/** The sites of a step, pixel by pixel. */
export function stepSites(step: Step, memo: SumMemo): Site[] {
  switch (step.kind) {
    case 'layer':
      return sitesOf(step.plan, memo);
    case 'codes':
      return thresholdSites(step.layer, step.output);
    case 'codePool':
      return pixels(step.output).map((pixel) => codePoolSite(step, pixel));
    default:
      return step satisfies never;
  }
}

/**
 * The sites of a layer, pixel by pixel; one alone of a dense layer.
 *
 * @param memo what the plans of other sums have worked out
 */
export function sitesOf(
  { layer, input, inputs: shapes, output }: CheckedLayer,
  memo: SumMemo = new SumMemo(),
): Site[] {
  switch (layer.kind) {
    case 'dense': {
      const taps = counting(featureCount(input));
      const part = { from: 0, outputs: layer.weights.shape[0], taps };
      return [
        {
          inputs: taps,
          outputs: counting(featureCount(output)),
          key: '',
          build: (net, inputs, style) =>
            linearSums(net, inputs, planSums(layer.weights, part, style, memo), style),
        },
      ];
    }
    case 'conv':
      return pixels(output).map((pixel) => convSite(layer, input, pixel, memo));
    case 'depthwise':
      return pixels(output).map((pixel) => depthwiseSite(layer, input, pixel, memo));
    case 'maxPool':
    case 'sumPool':
      return pixels(output).map((pixel) => poolSite(layer, input, pixel));
    case 'threshold':
      return thresholdSites(layer, output);
    case 'requantize':
      return pixels(output).map(({ channels }) => ({
        inputs: channels,
        outputs: channels,
        key: '',
        build: (net, inputs, style) =>
          inputs.map((value, c) => requantized(net, value, requantizeOf(layer, c), style)),
      }));
    case 'add':
    case 'concat': {
      const terms = joinTerms(layer, shapes);
      return pixels(output).map((pixel) => joinSite(layer, terms, pixel));
    }
    default:
      return layer satisfies never;
  }
}

function thresholdSites(layer: ThresholdLayer, shape: FeatureShape): Site[] {
  const { multiples, flips, bits } = layer;
  return pixels(shape).map(({ at, channels }) => ({
    inputs: channels,
    outputs: channels,
    key: channels.map((i) => bits[i]).join(),
    build: (net, inputs, style) =>
      inputs.map((value, c) =>
        thresholdBits(
          net,
          value,
          {
            multiples: [...multiples.subarray(0, bits[at + c])],
            thresholds: channelThresholds(layer, c),
            flip: flips[c] === 1,
          },
          style,
        ),
      ),
  }));
}

/** Its inputs are those of all branches, as their buses lie one after the other. */
function joinSite(
  layer: JoinLayer,
  termsOf: ReturnType<typeof joinTerms>,
  { channels }: Pixel,
): Site {
  const terms = channels.map(termsOf);
  const branches = terms[0].length;
  return {
    inputs: terms.flatMap((each) => each.map(([element]) => element)),
    outputs: channels,
    key: '',
    build: (net, inputs, style) =>
      terms.map((each, c) => {
        const values = inputs.slice(c * branches, (c + 1) * branches);
        if (layer.kind === 'concat') return values[0];
        return weightedSum(
          net,
          values,
          each.map(([, weight]) => weight),
          style,
        );
      }),
  };
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
    y: Math.floor(i / width),
    x: i % width,
    at: i * channels,
    channels: counting(channels, i * channels),
  }));
}

function convSite(layer: ConvLayer, input: FeatureShape, pixel: Pixel, memo: SumMemo): Site {
  const channels = input[2];
  const taps = windowTaps(windowOf(layer), input, pixel.y, pixel.x);
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
      return linearSums(net, inputs, planSums(layer.weights, part, style, memo), style);
    },
  };
}

function depthwiseSite(
  layer: DepthwiseLayer,
  input: FeatureShape,
  pixel: Pixel,
  memo: SumMemo,
): Site {
  const channels = input[2];
  const taps = windowTaps(windowOf(layer), input, pixel.y, pixel.x);
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
        const matrix = planSums(layer.weights, part, style, memo);
        return linearSums(net, window, matrix, style);
      }),
  };
}

function poolSite(layer: MaxPoolLayer | SumPoolLayer, input: FeatureShape, pixel: Pixel): Site {
  const channels = input[2];
  const taps = windowTaps(windowOf(layer), input, pixel.y, pixel.x);
  const make = layer.kind === 'maxPool' ? maximumOf : sumOfValues;
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

/** Make the largest code of a window with the planes of element i, turned round where the thresholds are. */
export function pooledCode(
  net: Netlist,
  window: readonly Value[],
  { multiples, flips, bits }: ThresholdLayer,
  i: number,
): Value {
  const count = bits[i];
  const largest = largestPlanes(
    net,
    window.map((value) => value.bits.slice(0, count)),
  );
  const flip = flips[i % flips.length] === 1;
  return {
    form: planesForm([...multiples.subarray(0, count)]),
    bits: largest.map((bit) => (flip ? inverse(bit) : bit)),
  };
}

function codePoolSite({ layer, threshold, input }: CodePoolStep, pixel: Pixel): Site {
  const channels = input[2];
  const taps = windowTaps(windowOf(layer), input, pixel.y, pixel.x);
  const planes = pixel.channels.map((i) => threshold.bits[i]);
  return {
    inputs: counting(channels).flatMap((c) => taps.map((tap) => tap.pixel * channels + c)),
    outputs: pixel.channels,
    key: `${taps.length} ${planes.join()}`,
    build: (net, inputs) =>
      pixel.channels.map((i, c) =>
        pooledCode(net, inputs.slice(c * taps.length, (c + 1) * taps.length), threshold, i),
      ),
  };
}
