import { type Mix, permutation, random } from '@hbnn/core';
import { type Binarizer, binarizer } from '@hbnn/core/binarizer';
import { batchNormTrain, binarizeWeights } from '@hbnn/train';
import * as tf from '@tensorflow/tfjs-core';
import { type Encoding, type LabelledPixels, levelsOf } from './images.ts';

/** A dense network of signs: pixels of few bits, hidden layers of one bit, scores. */
export interface ClassifierSpec {
  readonly encoding: Encoding;
  /** Outputs of each hidden layer. */
  readonly hidden: readonly number[];
  /** Bits of the weights of each layer, the last one's included: one mix more than there are hidden layers. */
  readonly mixes: readonly Mix[];
  readonly epochs: number;
  readonly seed: number;
}

/** A layer after the training: its weights, binarized, and for hidden ones where the sign turns. */
export interface TrainedDense {
  readonly binarizer: Binarizer;
  /** Float weights, [outputs, inputs]. */
  readonly weights: Float32Array;
  /** The binarized sum above which an output is 1; undefined for the scores. */
  readonly turns?: Float32Array;
  /** What is added to each score, in units of the binarized sum; undefined for hidden layers. */
  readonly offsets?: Float32Array;
}

const batchSize = 100;
const epsilon = 1e-3;
const firstRate = 3e-3;

interface Layer {
  readonly weights: tf.Variable<tf.Rank.R2>;
  readonly binarizer: Binarizer;
  readonly beta: tf.Variable<tf.Rank.R1>;
}

/** −1 or 1, 0 becoming −1; the gradient passes where |x| <= 1. */
const sign = tf.customGrad((x, save) => {
  const input = x as tf.Tensor;
  (save as tf.GradSaveFunc)([input]);
  return {
    value: tf.sub(tf.mul(tf.cast(tf.greater(input, 0), 'float32'), 2), 1),
    gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) =>
      tf.mul(dy, tf.cast(tf.lessEqual(tf.abs(saved[0]), 1), 'float32')),
  };
});

function layersOf(
  { hidden, mixes, seed }: ClassifierSpec,
  inputs: number,
  classes: number,
): Layer[] {
  const widths = [inputs, ...hidden, classes];
  return mixes.map((mix, n) => {
    const shape: [number, number] = [widths[n + 1], widths[n]];
    const rng = random(seed, 'weights', n);
    const start = Float32Array.from({ length: shape[0] * shape[1] }, () => 0.1 * rng.normal());
    return {
      weights: tf.variable(tf.tensor2d(start, shape)),
      binarizer: binarizer({
        shape,
        layout: 'outputs-first',
        select: 'bottom-up',
        mix,
        scaleForm: 'powers-of-two',
      }),
      beta: tf.variable(tf.zeros<tf.Rank.R1>([shape[0]])),
    };
  });
}

/** Sums of binarized weights and inputs. */
function sums(x: tf.Tensor2D, { weights, binarizer }: Layer, renew: boolean): tf.Tensor2D {
  const w = binarizeWeights(weights, binarizer, { renew }) as tf.Tensor2D;
  return tf.matMul(x, w, false, true);
}

/** Brings the scores to a spread that does not depend on how many inputs they sum. */
const scoreScale = 8;

function scoresOf(images: tf.Tensor2D, layers: readonly Layer[]): tf.Tensor2D {
  let x = images;
  for (const layer of layers.slice(0, -1)) {
    const gamma = tf.ones<tf.Rank.R1>(layer.beta.shape);
    const { y } = batchNormTrain(sums(x, layer, true), gamma, layer.beta, epsilon);
    x = sign(y) as tf.Tensor2D;
  }
  const last = layers[layers.length - 1];
  const scale = scoreScale / Math.sqrt(last.weights.shape[1]);
  return tf.add(tf.mul(sums(x, last, true), scale), last.beta);
}

/** What is told after each epoch. */
export type OnEpoch = (epoch: number, loss: number) => void;

/**
 * Train a classifier by Adam, cosine schedule, weights binarized anew each step and gradients straight through.
 * TensorFlow.js's backend must have been chosen. The same seed gives the same weights.
 *
 * @returns its layers, with statistics of all training images
 */
export async function trainClassifier(
  spec: ClassifierSpec,
  images: LabelledPixels,
  classes: number,
  onEpoch: OnEpoch = () => {},
): Promise<TrainedDense[]> {
  const layers = layersOf(spec, images.size, classes);
  const optimizer = tf.train.adam(firstRate);
  const levels = levelsOf(spec.encoding);
  const steps = Math.floor(images.count / batchSize);
  for (let epoch = 0; epoch < spec.epochs; epoch++) {
    const order = permutation(images.count, random(spec.seed, 'order', epoch));
    let total = 0;
    for (let step = 0; step < steps; step++) {
      const done = (epoch + step / steps) / spec.epochs;
      (optimizer as unknown as { learningRate: number }).learningRate =
        firstRate * 0.5 * (1 + Math.cos(Math.PI * done)) + 1e-6;
      const rows = order.subarray(step * batchSize, (step + 1) * batchSize);
      total += tf.tidy(() => {
        const x = encoded(images, rows, levels);
        const y = wantedScores(images, rows, classes);
        const loss = optimizer.minimize(
          () => tf.losses.softmaxCrossEntropy(y, scoresOf(x, layers)) as tf.Scalar,
          true,
        );
        for (const { weights } of layers) weights.assign(tf.clipByValue(weights, -1, 1));
        return (loss as tf.Scalar).dataSync()[0];
      });
    }
    onEpoch(epoch + 1, total / steps);
    await new Promise((go) => setImmediate(go));
  }
  const trained = finished(layers, images, levels);
  optimizer.dispose();
  for (const { weights, beta } of layers) tf.dispose([weights, beta]);
  return trained;
}

/** Images by their numbers, as the levels of their pixels. */
function encoded(
  { pixels, size }: LabelledPixels,
  rows: Uint32Array,
  levels: Float32Array,
): tf.Tensor2D {
  const values = new Float32Array(rows.length * size);
  rows.forEach((row, i) => {
    for (let p = 0; p < size; p++) values[i * size + p] = levels[pixels[row * size + p]];
  });
  return tf.tensor2d(values, [rows.length, size]);
}

function wantedScores({ labels }: LabelledPixels, rows: Uint32Array, classes: number): tf.Tensor2D {
  const wanted = new Float32Array(rows.length * classes);
  rows.forEach((row, i) => {
    wanted[i * classes + labels[row]] = 1;
  });
  return tf.tensor2d(wanted, [rows.length, classes]);
}

const rowsAtOnce = 1000;

/** The trained layers, where each hidden output turns counted over all training images. */
function finished(
  layers: readonly Layer[],
  images: LabelledPixels,
  levels: Float32Array,
): TrainedDense[] {
  const trained: TrainedDense[] = [];
  const turns: tf.Tensor[] = [];
  layers.forEach((layer, n) => {
    const weights = layer.weights.dataSync().slice() as Float32Array;
    layer.binarizer.renew(weights);
    const beta = layer.beta.dataSync();
    if (n === layers.length - 1) {
      const scale = scoreScale / Math.sqrt(layer.weights.shape[1]);
      const offsets = Float32Array.from(beta, (b) => b / scale);
      trained.push({ binarizer: layer.binarizer, weights, offsets });
      return;
    }
    const { mean, variance } = statistics(layers.slice(0, n + 1), turns, images, levels);
    const at = Float32Array.from(beta, (b, o) => mean[o] - b * Math.sqrt(variance[o] + epsilon));
    turns.push(tf.tensor1d(at));
    trained.push({ binarizer: layer.binarizer, weights, turns: at });
  });
  tf.dispose(turns);
  return trained;
}

/** Mean and variance of the last layer's sums over all images. */
function statistics(
  layers: readonly Layer[],
  turns: readonly tf.Tensor[],
  images: LabelledPixels,
  levels: Float32Array,
): { mean: Float64Array; variance: Float64Array } {
  const outputs = layers[layers.length - 1].weights.shape[0];
  const [sum, squares] = [new Float64Array(outputs), new Float64Array(outputs)];
  for (let first = 0; first < images.count; first += rowsAtOnce) {
    const length = Math.min(rowsAtOnce, images.count - first);
    const rows = Uint32Array.from({ length }, (_, i) => first + i);
    const found = tf.tidy(() => {
      let x = encoded(images, rows, levels);
      layers.slice(0, -1).forEach((layer, n) => {
        const above = tf.cast(tf.greater(sums(x, layer, false), turns[n]), 'float32');
        x = tf.sub(tf.mul(above, 2), 1);
      });
      return sums(x, layers[layers.length - 1], false).dataSync() as Float32Array;
    });
    found.forEach((value, i) => {
      sum[i % outputs] += value;
      squares[i % outputs] += value * value;
    });
  }
  const mean = sum.map((total) => total / images.count);
  const variance = squares.map((total, o) => total / images.count - mean[o] ** 2);
  return { mean, variance };
}
