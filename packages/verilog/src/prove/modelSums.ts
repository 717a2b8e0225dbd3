import {
  type CheckedLayer,
  featureCount,
  joinTerms,
  weightValues,
  windowOf,
  windowTaps,
} from '@hbnn/model';

/** A layer with the shapes of its two ends, and of all that it reads where branches meet. */
export type PlacedLayer = Pick<CheckedLayer, 'layer' | 'input' | 'output'> &
  Partial<Pick<CheckedLayer, 'inputs'>>;

/** Places of a layer's input and their weights in one output. */
export type Terms = readonly (readonly [input: number, weight: number])[];

/** The places of a layer's input that each output depends on in the model. */
export function dependencies(plan: PlacedLayer): readonly (readonly number[])[] {
  const { layer, output } = plan;
  const count = featureCount(output);
  switch (layer.kind) {
    case 'threshold':
    case 'requantize':
      return Array.from({ length: count }, (_, i) => [i]);
    case 'maxPool':
      return Array.from({ length: count }, (_, i) => windowElements(plan, i));
    default:
      return (sumsOf(plan) ?? []).map((terms) =>
        terms.filter(([, weight]) => weight !== 0).map(([i]) => i),
      );
  }
}

/** The elements that an output of a pooling layer is made of. */
export function windowElements(plan: PlacedLayer, o: number): number[] {
  const { layer, input } = plan;
  if (layer.kind !== 'maxPool') return [];
  return tapsOf(layer, plan, o).map(({ at }) => at + (o % input[2]));
}

/** Say each output of a layer that adds up as Σ weight · input; undefined for a layer that does something else. */
export function sumsOf(plan: PlacedLayer): Terms[] | undefined {
  const sum = sumOf(plan);
  return sum && Array.from({ length: featureCount(plan.output) }, (_, o) => sum(o));
}

/** Say an output of a layer that adds up as Σ weight · input; undefined for a layer that does something else. */
export function sumOf(plan: PlacedLayer): ((output: number) => Terms) | undefined {
  const { layer, input, output } = plan;
  const channels = input[2];
  switch (layer.kind) {
    case 'dense': {
      const weights = weightValues(layer.weights);
      const inputs = featureCount(input);
      return (o) => Array.from({ length: inputs }, (_, i) => [i, weights[o * inputs + i]] as const);
    }
    case 'conv': {
      const weights = weightValues(layer.weights);
      const [, kh, kw] = layer.weights.shape;
      return (i) =>
        tapsOf(layer, plan, i).flatMap(({ tap, at }) =>
          Array.from({ length: channels }, (_, c) => {
            const from = ((i % output[2]) * kh * kw + tap) * channels + c;
            return [at + c, weights[from]] as const;
          }),
        );
    }
    case 'depthwise': {
      const weights = weightValues(layer.weights);
      const [count, kh, kw] = layer.weights.shape;
      return (i) => {
        const o = i % output[2];
        const c = Math.floor(o / (count / channels));
        return tapsOf(layer, plan, i).map(
          ({ tap, at }) => [at + c, weights[o * kh * kw + tap]] as const,
        );
      };
    }
    case 'sumPool':
      return (i) => tapsOf(layer, plan, i).map(({ at }) => [at + (i % channels), 1] as const);
    case 'add':
    case 'concat':
      return joinTerms(layer, plan.inputs ?? []);
    case 'maxPool':
    case 'threshold':
    case 'requantize':
      return undefined;
    default:
      return layer satisfies never;
  }
}

/** Taps of an output's window that lie within the input, and the first element of their pixels. */
function tapsOf(
  layer: Parameters<typeof windowOf>[0],
  { input, output }: Pick<CheckedLayer, 'input' | 'output'>,
  i: number,
): { readonly tap: number; readonly at: number }[] {
  const place = Math.floor(i / output[2]);
  const [y, x] = [Math.floor(place / output[1]), place % output[1]];
  return windowTaps(windowOf(layer), input, y, x).map(({ tap, pixel }) => ({
    tap,
    at: pixel * input[2],
  }));
}
