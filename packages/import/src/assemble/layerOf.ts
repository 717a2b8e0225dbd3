import { HardSwish, PaddedAveragePooling2D, PaddedMaxPooling2D } from '@hbnn/train';
import * as tfl from '@tensorflow/tfjs-layers';
import type { ActivationName, LayerSpec, Pair, WindowSpec } from './layerSpec.ts';

const { layers: make } = tfl;

type Window = Pick<LayerSpec & { kind: 'conv2d' }, 'dilation'> & WindowSpec;

const windowArgs = ({ strides, padding, dilation }: Window) => ({
  strides: [...strides] as [number, number],
  padding,
  dilationRate: [...dilation] as [number, number],
});

/** Weights are set at once, so that none is drawn at random before. */
const zeros = { biasInitializer: 'zeros', kernelInitializer: 'zeros' } as const;

const sizeOf = ([height, width]: readonly number[]): [number, number] => [height, width];

/** TensorFlow.js's list of activations for TypeScript has no logSoftmax, which its layers do have. */
type ListedActivation = Exclude<ActivationName, 'logSoftmax'>;

const activationArgs = (activation: ActivationName | undefined) =>
  activation === undefined ? {} : { activation: activation as ListedActivation };

/** Make the layer of TensorFlow.js that computes what a specification says; its weights are zeros. */
export function layerOf(name: string, spec: LayerSpec): tfl.layers.Layer {
  switch (spec.kind) {
    case 'conv2d':
    case 'depthwiseConv2d':
    case 'separableConv2d':
    case 'dense':
      return layerWithKernel(name, spec);
    case 'batchNorm':
      return make.batchNormalization({
        name,
        epsilon: spec.epsilon,
        momentum: spec.momentum ?? 0.99,
        scale: spec.gamma !== undefined,
        center: spec.beta !== undefined,
      });
    case 'relu':
      return make.reLU(spec.maxValue === undefined ? { name } : { name, maxValue: spec.maxValue });
    case 'leakyRelu':
      return make.leakyReLU({ name, alpha: spec.slope });
    case 'activation':
      return make.activation({ name, activation: spec.activation as ListedActivation });
    case 'maxPool':
    case 'averagePool': {
      const pool = spec.kind === 'maxPool' ? make.maxPooling2d : make.averagePooling2d;
      const { size, strides, padding } = spec;
      return pool({ name, poolSize: sizeOf(size), strides: sizeOf(strides), padding });
    }
    case 'paddedMaxPool':
    case 'paddedAveragePool': {
      const Pool = spec.kind === 'paddedMaxPool' ? PaddedMaxPooling2D : PaddedAveragePooling2D;
      const { size: poolSize, strides, rows, columns } = spec;
      return new Pool({ name, poolSize, strides, padding: [rows, columns] });
    }
    case 'globalMaxPool':
      return make.globalMaxPooling2d({ name });
    case 'globalAveragePool':
      return make.globalAveragePooling2d({ name });
    case 'zeroPadding': {
      const padding: [Pair, Pair] = [spec.rows, spec.columns];
      return make.zeroPadding2d({ name, padding: padding as [[number, number], [number, number]] });
    }
    case 'flatten':
      return make.flatten({ name });
    case 'reshape':
      return make.reshape({ name, targetShape: [...spec.shape] });
    case 'permute':
      return make.permute({ name, dims: [...spec.axes] });
    case 'dropout':
      return make.dropout({ name, rate: spec.rate });
    case 'rescaling':
      return make.rescaling({ name, scale: spec.scale, offset: spec.offset });
    case 'hardSwish':
      return new HardSwish({ name });
    case 'add':
      return make.add({ name });
    case 'multiply':
      return make.multiply({ name });
    case 'concat':
      return make.concatenate({ name, axis: spec.axis });
    default:
      return spec satisfies never;
  }
}

type KernelSpec = Extract<
  LayerSpec,
  { kind: 'conv2d' | 'depthwiseConv2d' | 'separableConv2d' | 'dense' }
>;

function layerWithKernel(name: string, spec: KernelSpec): tfl.layers.Layer {
  const ends = {
    name,
    useBias: spec.bias !== undefined,
    ...activationArgs(spec.activation),
    ...zeros,
  };
  switch (spec.kind) {
    case 'conv2d':
      return make.conv2d({
        ...ends,
        ...windowArgs(spec),
        filters: spec.kernel.shape[3],
        kernelSize: sizeOf(spec.kernel.shape),
      });
    case 'depthwiseConv2d':
      return make.depthwiseConv2d({
        ...ends,
        ...windowArgs(spec),
        kernelSize: sizeOf(spec.kernel.shape),
        depthMultiplier: spec.kernel.shape[3],
        depthwiseInitializer: 'zeros',
      });
    case 'separableConv2d':
      return make.separableConv2d({
        name,
        useBias: ends.useBias,
        biasInitializer: 'zeros',
        ...activationArgs(spec.activation),
        ...windowArgs(spec),
        filters: spec.pointwise.shape[3],
        kernelSize: sizeOf(spec.depthwise.shape),
        depthMultiplier: spec.depthwise.shape[3],
        depthwiseInitializer: 'zeros',
        pointwiseInitializer: 'zeros',
      });
    case 'dense':
      return make.dense({ ...ends, units: spec.kernel.shape[1] });
    default:
      return spec satisfies never;
  }
}
