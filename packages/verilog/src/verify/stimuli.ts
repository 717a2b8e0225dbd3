import { type Form, type Step, stepLayer } from '@hbnn/circuit';
import {
  type ConvLayer,
  channelThresholds,
  type DenseLayer,
  type DepthwiseLayer,
  type FeatureShape,
  featureCount,
  noPadding,
  type SumPoolLayer,
  type ThresholdLayer,
  type Window,
  weightValues,
  windowOf,
  windowTaps,
} from '@hbnn/model';

/** Whole inputs of a layer that random values hardly come near. */
export interface Stimuli {
  readonly count: number;
  /** The value of an element of input `n`; undefined where any value does. */
  value(n: number, element: number): number | undefined;
}

/** What a form says of an element's values. */
type FormOf = (element: number) => Form;

const none: Stimuli = { count: 0, value: () => undefined };

/** Ranges of values up to which each value is tried. */
const maxTried = 1024;

/**
 * Inputs that bring each of a layer's sums to both of its ends, and each comparison to its threshold and beside it.
 *
 * @param placeSets groups of places whose windows do not overlap that are tried; with enough of them all places are
 */
export function layerStimuli(step: Step, formOf: FormOf, placeSets: number): Stimuli {
  const { layer, input, output } = stepLayer(step);
  const ends = bothEnds(formOf);
  if (step.kind === 'codePool')
    return joined([ends, largestTaps(windowOf(step.layer), input, formOf)]);
  switch (layer.kind) {
    case 'conv':
    case 'dense':
      return joined([ends, sumEnds(layer, input, output, formOf, placeSets)]);
    case 'depthwise':
      return joined([ends, depthwiseEnds(layer, input, output, formOf, placeSets)]);
    case 'threshold':
      return joined([ends, comparisons(layer, formOf), everyValue(input, formOf)]);
    case 'requantize':
      return joined([ends, everyValue(input, formOf)]);
    case 'maxPool':
      return joined([ends, largestTaps(windowOf(layer), input, formOf)]);
    case 'sumPool':
      return joined([ends, poolEnds(layer, input, formOf)]);
    case 'add':
      return joined([ends, joinEnds(step, formOf)]);
    case 'concat':
      return joined([ends, everyValue(input, formOf)]);
    default:
      return layer satisfies never;
  }
}

function joined(parts: readonly Stimuli[]): Stimuli {
  const count = parts.reduce((sum, part) => sum + part.count, 0);
  return {
    count,
    value: (n, element) => {
      let at = n;
      for (const part of parts) {
        if (at < part.count) return part.value(at, element);
        at -= part.count;
      }
      return undefined;
    },
  };
}

/** All elements at their lowest value, then all at their highest. */
const bothEnds = (formOf: FormOf): Stimuli => ({
  count: 2,
  value: (n, element) => (n === 0 ? formOf(element).low : formOf(element).high),
});

/** Every value of an element one after the other, where there are few. */
function everyValue(input: FeatureShape, formOf: FormOf): Stimuli {
  const size = featureCount(input);
  let range = 0;
  for (let i = 0; i < size; i++) {
    const { low, high } = formOf(i);
    range = Math.max(range, high - low + 1);
  }
  if (range > maxTried) return none;
  return {
    count: range,
    value: (n, element) => {
      const { low, high } = formOf(element);
      return low + ((n + Math.floor(element / input[2])) % (high - low + 1));
    },
  };
}

/** Each threshold of each channel, and the values beside it. */
function comparisons(layer: ThresholdLayer, formOf: FormOf): Stimuli {
  const channels = layer.flips.length;
  const nodes = layer.thresholds.length / Math.max(1, channels);
  return {
    count: 3 * nodes,
    value: (n, element) => {
      const { low, high } = formOf(element);
      const threshold = channelThresholds(layer, element % channels)[Math.floor(n / 3)];
      return Math.max(low, Math.min(high, threshold - 1 + (n % 3)));
    },
  };
}

/** Each tap of a window as the largest, by much and by one. */
function largestTaps({ kernel }: Window, input: FeatureShape, formOf: FormOf): Stimuli {
  const taps = kernel[0] * kernel[1];
  return {
    count: 2 * taps,
    value: (n, element) => {
      const pixel = Math.floor(element / input[2]);
      const [y, x] = [Math.floor(pixel / input[1]), pixel % input[1]];
      const largest = (y % kernel[0]) * kernel[1] + (x % kernel[1]) === n >> 1;
      const { low, high } = formOf(element);
      if (n % 2 === 0) return largest ? high : low;
      const middle = Math.floor((low + high) / 2);
      return largest ? Math.min(high, middle + 1) : middle;
    },
  };
}

/** Each output of a sum of branches at its largest, then at its least value. */
function joinEnds(step: Step, formOf: FormOf): Stimuli {
  const { layer, output } = stepLayer(step);
  if (layer.kind !== 'add') return none;
  // Every branch has the shape of the sum.
  const size = featureCount(output);
  return {
    count: 2,
    value: (n, element) => {
      const branch = Math.floor(element / size);
      const multiplier = layer.multipliers[branch][element % output[2]];
      const { low, high } = formOf(element);
      return multiplier > 0 === (n === 0) ? high : low;
    },
  };
}

/** Windows of which all taps but one are at an end. */
function poolEnds(layer: SumPoolLayer, input: FeatureShape, formOf: FormOf): Stimuli {
  const taps = largestTaps(windowOf(layer), input, formOf);
  return {
    count: 2 * taps.count,
    value: (n, element) => {
      const value = taps.value(n >> 1, element);
      const { low, high } = formOf(element);
      return n % 2 === 0 || value === undefined ? value : low + high - value;
    },
  };
}

/** Which places' windows an input's pixels are under: of each set of places, the place and the tap of each pixel. */
interface PlaceSet {
  readonly placeOf: Int32Array;
  readonly tapOf: Int32Array;
}

/**
 * Places by sets in which no two windows overlap. Those whose windows are whole come first, then one of each way in which
 * windows lie over the edge, then all others.
 */
function placeSetsOf(
  window: Window,
  input: FeatureShape,
  output: FeatureShape,
  maxSets: number,
): PlaceSet[] {
  const places = Array.from({ length: output[0] * output[1] }, (_, place) => {
    const taps = windowTaps(window, input, Math.floor(place / output[1]), place % output[1]);
    return { taps, key: taps.map(({ tap }) => tap).join() };
  });
  const seen = new Set<string>();
  const first = places.filter(({ key }) => !seen.has(key) && seen.add(key));
  first.sort((a, b) => b.taps.length - a.taps.length);
  const chosen = new Set(first);
  let left = [...first, ...places.filter((place) => !chosen.has(place))];
  const sets: PlaceSet[] = [];
  while (left.length > 0 && sets.length < maxSets) {
    const placeOf = new Int32Array(input[0] * input[1]).fill(-1);
    const tapOf = new Int32Array(input[0] * input[1]);
    let count = 0;
    const rest: typeof left = [];
    for (const place of left) {
      if (place.taps.some(({ pixel }) => placeOf[pixel] >= 0)) {
        rest.push(place);
        continue;
      }
      for (const { tap, pixel } of place.taps) {
        placeOf[pixel] = count;
        tapOf[pixel] = tap;
      }
      count++;
    }
    sets.push({ placeOf, tapOf });
    left = rest;
  }
  return sets;
}

const windowFor = (layer: ConvLayer | DepthwiseLayer | DenseLayer, input: FeatureShape): Window =>
  layer.kind === 'dense'
    ? { kernel: [input[0], input[1]], strides: [1, 1], padding: noPadding }
    : windowOf(layer);

/** Each output's sum at its highest and its lowest: inputs have the signs of its weights, or the opposite ones. */
function sumEnds(
  layer: ConvLayer | DenseLayer,
  input: FeatureShape,
  output: FeatureShape,
  formOf: FormOf,
  placeSets: number,
): Stimuli {
  const weights = weightValues(layer.weights);
  const [outputs, channels] = [layer.weights.shape[0], input[2]];
  const inputs = weights.length / outputs;
  const sets = placeSetsOf(windowFor(layer, input), input, output, placeSets);
  const patterns = 2 * outputs;
  return {
    count: sets.length * patterns,
    value: (n, element) => {
      const { placeOf, tapOf } = sets[Math.floor(n / patterns)];
      const [pixel, c] = [Math.floor(element / channels), element % channels];
      if (placeOf[pixel] < 0) return undefined;
      // Neighbours have other outputs' signs, so that a stream has both ends one after the other.
      const pattern = (n + 7 * placeOf[pixel]) % patterns;
      const weight = weights[(pattern >> 1) * inputs + tapOf[pixel] * channels + c];
      return endFor(formOf(element), weight, pattern % 2 === 0);
    },
  };
}

/** The same of a depthwise layer, whose channels have sums of their own. */
function depthwiseEnds(
  layer: DepthwiseLayer,
  input: FeatureShape,
  output: FeatureShape,
  formOf: FormOf,
  placeSets: number,
): Stimuli {
  const weights = weightValues(layer.weights);
  const [outputs, kh, kw] = layer.weights.shape;
  const channels = input[2];
  const each = outputs / channels;
  const sets = placeSetsOf(windowFor(layer, input), input, output, placeSets);
  const patterns = 2 * each;
  return {
    count: sets.length * patterns,
    value: (n, element) => {
      const { placeOf, tapOf } = sets[Math.floor(n / patterns)];
      const [pixel, c] = [Math.floor(element / channels), element % channels];
      if (placeOf[pixel] < 0) return undefined;
      const pattern = (n + placeOf[pixel] + c) % patterns;
      const weight = weights[(c * each + (pattern >> 1)) * kh * kw + tapOf[pixel]];
      return endFor(formOf(element), weight, pattern % 2 === 0);
    },
  };
}

function endFor({ low, high }: Form, weight: number, highest: boolean): number | undefined {
  if (weight === 0) return undefined;
  return weight > 0 === highest ? high : low;
}

/** Values of the last layer for which scores are at their ends, alike, or alike but for one. */
export function scoreStimuli(formOf: FormOf, offsets: Int32Array): Stimuli {
  const classes = offsets.length;
  const numbers = Array.from(offsets, (_, k) => k);
  const lows = numbers.map((k) => formOf(k).low + offsets[k]);
  const highs = numbers.map((k) => formOf(k).high + offsets[k]);
  // Scores that all classes can have.
  const [from, to] = [Math.max(...lows), Math.min(...highs)];
  const pairs = Math.min(classes * classes, 4096);
  return joined([
    bothEnds(formOf),
    {
      count: 2 * classes,
      value: (n, k) => ((k === n >> 1) === (n % 2 === 0) ? formOf(k).high : formOf(k).low),
    },
    {
      count: from > to ? 0 : 3 * pairs,
      value: (n, k) => {
        const [pair, difference] = [Math.floor(n / 3), n % 3];
        const [a, b] = [Math.floor(pair / classes), pair % classes];
        const level = from + (pair % Math.max(1, to - from));
        const score =
          k === a
            ? level + (difference === 1 ? 1 : 0)
            : k === b
              ? level + (difference === 2 ? 1 : 0)
              : undefined;
        const value = score ?? Math.max(lows[k], level - 1);
        return Math.max(formOf(k).low, Math.min(formOf(k).high, value - offsets[k]));
      },
    },
  ]);
}
