import { HbnnError } from '@hbnn/core';
import { type CheckedModel, featureCount } from '@hbnn/model';
import type { LayerValues } from '@hbnn/train';
import { layerOutputs, type Outputs, positionOf } from './compareModels.ts';

/** How far a layer of an integer model is from the same layer of a float network. */
interface LayerError {
  readonly layer: string;
  readonly kind: string;
  /** The root of the mean square difference, over the deviation of the float values. */
  readonly error: number;
}

/** The first layer at which an integer model and a float network part. */
export interface FloatParting extends LayerError {
  readonly image: number;
  /** Row, column and channel, or the number of a score, from 0 on: where the difference is largest. */
  readonly position: readonly number[];
  /** The integer model's value, in the units of the float network. */
  readonly first: number;
  readonly second: number;
}

/** What a comparison with a float network found; `difference` is missing where no layer is further than the tolerance. */
export interface FloatComparison {
  readonly equal: boolean;
  readonly images: number;
  readonly tolerance: number;
  readonly layers: readonly LayerError[];
  readonly difference?: FloatParting;
}

/**
 * Compare an integer model with a float network layer by layer. Layers of one name are compared, and a layer's ReLU with
 * the rounding that it has become. A model's file does not say what the whole numbers between layers stand for: for each
 * channel the slope and offset are taken that bring them nearest to the float values. Scores are compared in the units
 * that the file gives them.
 *
 * @param float what each layer of the network gives for these images
 * @throws HbnnError where no layer can be compared
 */
export function compareWithFloat(
  model: CheckedModel,
  pixels: Uint8Array,
  float: readonly LayerValues[],
  tolerance: number,
): FloatComparison {
  const images = pixels.length / featureCount(model.input.shape);
  const outputs = layerOutputs(model, pixels, images);
  const pairs = outputs.flatMap((whole): Pair[] => {
    const other = whole.kind === 'scores' ? float.at(-1) : counterpart(whole, float);
    if (other === undefined || other.values.length !== whole.values.length) return [];
    const values =
      whole.kind === 'scores' ? scoresOf(whole, model.scoreFactor, other) : fitted(whole, other);
    return [{ whole, values, other }];
  });
  if (!pairs.some(({ whole }) => whole.kind === 'scores'))
    throw new HbnnError(
      `compare: expected a float network of ${model.classes.length} scores, got ${float.at(-1)?.shape.join('×')}; give the network that the model was lowered from`,
    );
  const layers = pairs.map(errorOf);
  const at = layers.findIndex(({ error }) => !(error <= tolerance));
  return {
    equal: at < 0,
    images,
    tolerance,
    layers,
    ...(at >= 0 && { difference: partingAt(pairs[at], layers[at]) }),
  };
}

interface Pair {
  readonly whole: Outputs;
  /** The integer model's values in the units of the float ones. */
  readonly values: Float64Array;
  readonly other: LayerValues;
}

const products: ReadonlySet<string> = new Set(['conv', 'depthwise', 'dense']);
const comparable: ReadonlySet<string> = new Set([
  ...products,
  'requantize',
  'maxPool',
  'sumPool',
  'add',
  'concat',
]);

/** The float layer that gives the same as a layer of an integer model; undefined where there is none. */
function counterpart(
  { name, kind }: Outputs,
  float: readonly LayerValues[],
): LayerValues | undefined {
  if (!comparable.has(kind)) return undefined;
  const same = float.find((layer) => layer.name === name);
  // Products come before the activation of their layer, which has become a rounding of its own.
  if (same !== undefined) return products.has(kind) && same.activation ? undefined : same;
  const before = /^(.+)_relu$/.exec(name)?.[1];
  return kind === 'requantize' ? float.find((layer) => layer.name === before) : undefined;
}

/** Whole numbers with the slope and offset of each channel that bring them nearest to the float values. */
function fitted({ shape, values: whole }: Outputs, { values: float }: LayerValues): Float64Array {
  const channels = shape.at(-1) as number;
  const sums = Array.from({ length: channels }, () => ({ n: 0, x: 0, y: 0, xx: 0, xy: 0 }));
  const isNonNegative = float.every((value) => value >= 0);
  const max = float.reduce((largest, value) => Math.max(largest, value), 0);
  whole.forEach((x, i) => {
    const y = float[i];
    // What a ReLU has cut off says nothing of the slope.
    if (isNonNegative && (y === 0 || y === max)) return;
    const sum = sums[i % channels];
    sum.n++;
    sum.x += x;
    sum.y += y;
    sum.xx += x * x;
    sum.xy += x * y;
  });
  const lines = sums.map(({ n, x, y, xx, xy }) => {
    const spread = n * xx - x * x;
    const slope = spread > 0 ? (n * xy - x * y) / spread : 0;
    return { slope, offset: n > 0 ? (y - slope * x) / n : 0 };
  });
  return Float64Array.from(whole, (x, i) => {
    const { slope, offset } = lines[i % channels];
    const value = slope * x + offset;
    return isNonNegative ? Math.min(Math.max(value, 0), max) : value;
  });
}

/** Scores in the units of the network, behind the softmax or sigmoid that it ends with. */
function scoresOf(
  { shape, values }: Outputs,
  factor: number,
  { activation }: LayerValues,
): Float64Array {
  const scores = Float64Array.from(values, (value) => factor * value);
  if (activation === 'sigmoid') return scores.map((score) => 1 / (1 + Math.exp(-score)));
  if (activation !== 'softmax' && activation !== 'logSoftmax') return scores;
  const [count] = shape;
  for (let start = 0; start < scores.length; start += count) {
    const row = scores.subarray(start, start + count);
    const max = Math.max(...row);
    const parts = row.map((score) => Math.exp(score - max));
    const sum = parts.reduce((all, part) => all + part, 0);
    row.set(
      activation === 'softmax'
        ? parts.map((part) => part / sum)
        : row.map((score) => score - max - Math.log(sum)),
    );
  }
  return scores;
}

function errorOf({ whole: { name, kind }, values, other }: Pair): LayerError {
  const float = other.values;
  const mean = float.reduce((sum, value) => sum + value, 0) / float.length;
  let [squares, spread] = [0, 0];
  float.forEach((value, i) => {
    squares += (values[i] - value) ** 2;
    spread += (value - mean) ** 2;
  });
  const error = squares === 0 ? 0 : Math.sqrt(squares / spread);
  return { layer: name, kind, error: Number(error.toPrecision(4)) };
}

function partingAt({ whole: { shape }, values, other }: Pair, error: LayerError): FloatParting {
  let at = 0;
  const differenceAt = (i: number): number => Math.abs(values[i] - other.values[i]);
  for (let i = 1; i < values.length; i++) if (differenceAt(i) > differenceAt(at)) at = i;
  const size = values.length / (other.values.length / other.shape.reduce((n, m) => n * m, 1));
  return {
    ...error,
    image: Math.floor(at / size),
    position: positionOf(at % size, shape),
    first: Number(values[at].toPrecision(6)),
    second: other.values[at],
  };
}
