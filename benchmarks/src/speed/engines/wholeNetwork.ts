import { random } from '@hbnn/core';
import {
  type CheckedModel,
  featureCount,
  type IntegerLayer,
  type Padding4,
  rowLength,
} from '@hbnn/model';
import { loadModel } from '@hbnn/wasm';
import { loadThreads } from '@hbnn/wasm/threads';
import * as tf from '@tensorflow/tfjs-core';
import type { AverageBits } from '../../networks/fullModels.ts';
import type { LayerBits, LayerEngine } from './layers.ts';
import { startTensorflow } from './tensorflowEngine.ts';

const bothOf = (bits: AverageBits): LayerBits => ({ weights: bits, inputs: bits });

function pixelsOf(model: CheckedModel, batch: number): Uint8Array {
  const noise = random('bench', model.name);
  return Uint8Array.from({ length: batch * featureCount(model.input.shape) }, () =>
    noise.below(256),
  );
}

/** Multiply-adds of one image. */
export const networkMacs = (model: CheckedModel): number =>
  model.checkedLayers.reduce((sum, { layer, output }) => {
    if (!('weights' in layer)) return sum;
    const row = rowLength(layer.weights.shape);
    return sum + featureCount(output) * row;
  }, 0);

/** Our engine on a whole network, pixels to scores. */
export async function hbnnNetwork(
  model: CheckedModel,
  bits: AverageBits,
  batch: number,
): Promise<LayerEngine> {
  const loaded = await loadModel(model, { batch });
  const pixels = pixelsOf(model, batch);
  return {
    engine: 'hbnn',
    bits: bothOf(bits),
    async turn() {
      const begin = performance.now();
      loaded.run(pixels);
      return performance.now() - begin;
    },
    dispose: () => loaded.dispose(),
  };
}

/** The same on two threads: half the batch each, or one image together. */
export async function hbnnThreads(
  model: CheckedModel,
  bits: AverageBits,
  batch: number,
): Promise<LayerEngine> {
  const loaded = await loadThreads(model, { threads: 2, batch: Math.ceil(batch / 2) });
  const pixels = pixelsOf(model, batch);
  return {
    engine: `hbnn, ${loaded.threads} threads`,
    bits: bothOf(bits),
    async turn() {
      const begin = performance.now();
      await loaded.run(pixels);
      return performance.now() - begin;
    },
    dispose: () => loaded.dispose(),
  };
}

type Op = (x: tf.Tensor) => tf.Tensor;

const pads = ([top, left, bottom, right]: Padding4): [
  [number, number],
  [number, number],
  [number, number],
  [number, number],
] => [
  [0, 0],
  [top, bottom],
  [left, right],
  [0, 0],
];

/** A layer in float32 with weights of its own; thresholds and requantization are batch norm and ReLU. */
function floatLayer(layer: IntegerLayer, channels: number): Op {
  switch (layer.kind) {
    case 'conv': {
      const [outputs, height, width, inputs] = layer.weights.shape;
      const w = tf.randomNormal([height, width, inputs, outputs]) as tf.Tensor4D;
      return (x) => tf.conv2d(x as tf.Tensor4D, w, [...layer.strides], pads(layer.padding));
    }
    case 'depthwise': {
      const [outputs, height, width] = layer.weights.shape;
      const w = tf.randomNormal([height, width, outputs, 1]) as tf.Tensor4D;
      return (x) =>
        tf.depthwiseConv2d(x as tf.Tensor4D, w, [...layer.strides], pads(layer.padding));
    }
    case 'dense': {
      const [outputs, inputs] = layer.weights.shape;
      const w = tf.randomNormal([inputs, outputs]) as tf.Tensor2D;
      return (x) => tf.matMul(tf.reshape(x, [-1, inputs]) as tf.Tensor2D, w);
    }
    case 'maxPool':
      return (x) => tf.maxPool(x as tf.Tensor4D, [...layer.size], [...layer.strides], 'valid');
    case 'sumPool':
      return (x) => tf.avgPool(x as tf.Tensor4D, [...layer.size], [...layer.strides], 'valid');
    case 'threshold':
    case 'requantize': {
      const factor = tf.randomUniform([channels]);
      const offset = tf.randomUniform([channels]);
      return (x) => tf.relu(tf.add(tf.mul(x, factor), offset));
    }
    case 'add':
    case 'concat':
      throw new Error(`${layer.name}: this bench takes chains of layers`);
    default:
      return layer satisfies never;
  }
}

/** The same network in float32 on TensorFlow.js's WASM backend, pixels to scores. */
export async function tensorflowNetwork(model: CheckedModel, batch: number): Promise<LayerEngine> {
  await startTensorflow();
  const variables = tf.engine().memory().numTensors;
  const ops = model.checkedLayers.map(({ layer, output }) => floatLayer(layer, output[2]));
  const pixels = pixelsOf(model, batch);
  const shape: [number, number, number, number] = [batch, ...model.input.shape];
  if (tf.engine().memory().numTensors === variables) throw new Error('the network has no weights');
  return {
    engine: 'tfjs-wasm float32',
    async turn() {
      const begin = performance.now();
      const scores = tf.tidy(() =>
        ops.reduce<tf.Tensor>((x, op) => op(x), tf.tensor4d(Float32Array.from(pixels), shape)),
      );
      scores.dataSync();
      scores.dispose();
      return performance.now() - begin;
    },
    dispose: () => tf.disposeVariables(),
  };
}
