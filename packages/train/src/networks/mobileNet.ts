import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { Precision } from '../precision.ts';
import { NetworkBuilder, type NetworkShape } from './network.ts';

export interface MobileNetOptions {
  readonly stem: { filters: number; strides: number };
  /** Output channels and stride of each depthwise-separable block. */
  readonly blocks: readonly { filters: number; strides: number }[];
}

const block = (filters: number, strides = 1): { filters: number; strides: number } => ({
  filters,
  strides,
});

/** MobileNet v1 1.0-224 (Howard et al. 2017). */
export const mobileNetFull: MobileNetOptions = {
  stem: { filters: 32, strides: 2 },
  blocks: [
    block(64),
    block(128, 2),
    block(128),
    block(256, 2),
    block(256),
    block(512, 2),
    block(512),
    block(512),
    block(512),
    block(512),
    block(512),
    block(1024, 2),
    block(1024),
  ],
};

/** Reduced for 28×28 and 32×32 images. */
export const mobileNetSmall: MobileNetOptions = {
  stem: { filters: 16, strides: 2 },
  blocks: [block(24), block(32, 2), block(32), block(48, 2), block(48)],
};

/**
 * MobileNet v1: a float stem, then blocks of a float 3×3 depthwise and a binarized pointwise (1×1)
 * convolution, each followed by batch norm and ReLU; global average pooling and a float dense layer.
 * Where a pointwise convolution binarizes its inputs, that takes the place of the ReLU before it.
 */
export function mobileNet(shape: NetworkShape, options: MobileNetOptions): LayersModel {
  const float: Precision = {};
  const { stem, blocks } = options;
  const builder = new NetworkBuilder(shape, blocks.length);
  builder
    .conv('stem', builder.channels(stem.filters), { strides: stem.strides, precision: float })
    .normalize('stem_norm', { relu: true });
  blocks.forEach(({ filters, strides }, i) => {
    builder
      .depthwise(`depthwise${i + 1}`, { strides, precision: float })
      .normalize(`depthwise${i + 1}_norm`)
      .conv(`pointwise${i + 1}`, builder.channels(filters), {
        kernelSize: 1,
        precision: builder.next(),
      })
      .normalize(`pointwise${i + 1}_norm`, { relu: true });
  });
  return builder.globalAverage().dense('dense', shape.classes, float).build('mobilenet');
}
