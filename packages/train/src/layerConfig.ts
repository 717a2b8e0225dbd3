import { HbnnError } from '@hbnn/core';
import type * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';

export type LayerConfig = tf.serialization.ConfigDict;

/** Fields that a layer keeps but TensorFlow.js's `getConfig` leaves out, by class name. */
const leftOut: Readonly<Record<string, readonly string[] | undefined>> = {
  ReLU: ['maxValue'],
  Dropout: ['noiseShape', 'seed'],
  SpatialDropout1D: ['noiseShape', 'seed'],
  AlphaDropout: ['noiseShape'],
  SeparableConv2D: ['depthMultiplier'],
};

/**
 * A layer's whole configuration: what `getConfig` gives, what it leaves out, and the depthwise constraint, in whose
 * place TensorFlow.js 4.22 gives the regularizer.
 */
export function configOf(layer: tfl.layers.Layer): LayerConfig {
  const config: LayerConfig = { ...layer.getConfig() };
  const fields = layer as unknown as Record<string, LayerConfig[string]>;
  for (const field of leftOut[layer.getClassName()] ?? [])
    if (fields[field] !== undefined) config[field] = fields[field];
  if (layer.getClassName() === 'DepthwiseConv2D')
    config.depthwiseConstraint = serialized((layer as DepthwiseFields).depthwiseConstraint);
  return config;
}

interface DepthwiseFields extends tfl.layers.Layer {
  readonly depthwiseConstraint?: tf.serialization.Serializable | null;
}

function serialized(part: tf.serialization.Serializable | null | undefined): LayerConfig[string] {
  if (part === null || part === undefined) return null;
  return { className: part.getClassName(), config: part.getConfig() };
}

const { layers: make } = tfl;
/** A name given, so that the numbers of a user's own unnamed layers stay as they are. */
const name = 'sample';
/** One layer of each kind of tf.layers that is told apart by its class. */
const samples: readonly tfl.layers.Layer[] = [
  make.conv2d({ name, filters: 1, kernelSize: 1 }),
  make.depthwiseConv2d({ name, kernelSize: 1 }),
  make.separableConv2d({ name, filters: 1, kernelSize: 1 }),
  make.dense({ name, units: 1 }),
  make.batchNormalization({ name }),
  make.reLU({ name }),
  make.activation({ name, activation: 'linear' }),
  make.softmax({ name }),
  make.dropout({ name, rate: 0 }),
  make.spatialDropout1d({ name, rate: 0 }),
  make.gaussianNoise({ name, stddev: 1 }),
  make.gaussianDropout({ name, rate: 0 }),
  make.alphaDropout({ name, rate: 0 }),
  make.flatten({ name }),
  make.reshape({ name, targetShape: [1] }),
  make.rescaling({ name, scale: 1, offset: 0 }),
  make.zeroPadding2d({ name }),
  make.maxPooling2d({ name, poolSize: 1 }),
  make.averagePooling2d({ name, poolSize: 1 }),
  make.globalMaxPooling2d({ name }),
  make.globalAveragePooling2d({ name }),
];
const classes = new Map(samples.map((layer) => [layer.getClassName(), layer.constructor]));

/**
 * Check that a layer that is called like one of tf.layers is one: a class of the user's own may compute anything.
 *
 * @throws HbnnError naming the layer
 */
export function checkClass(layer: tfl.layers.Layer, task: string): void {
  const kind = layer.getClassName();
  const expected = classes.get(kind);
  if (expected === undefined || layer.constructor === expected) return;
  throw new HbnnError(
    `${layer.name}: ${task} expected ${kind} of tf.layers, got another class of that name; give your class a className of its own, or load @tensorflow/tfjs-layers once`,
  );
}

/** Whether a layer is a model of its own inside another. */
export const isModel = (layer: tfl.layers.Layer): layer is tfl.LayersModel =>
  layer instanceof tfl.LayersModel;
