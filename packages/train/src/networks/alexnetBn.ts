import type { LayersModel } from '@tensorflow/tfjs-layers';
import { NetworkBuilder, type NetworkShape, wholeNetwork } from './network.ts';

export interface AlexNetOptions {
  readonly widths: readonly [number, number, number, number, number];
  readonly dense: readonly [number, number];
  /** Kernel, stride and padding of the first convolution: 11/4 at 224 pixels, 3/1 for small images. */
  readonly stem: { kernelSize: number; strides: number };
  readonly secondKernel: number;
  /** 3 with stride 2 as in the original, 2 with stride 2 for small images. */
  readonly pool: number;
}

/** The original's sizes, in one tower (no channel groups). */
export const alexNetFull: AlexNetOptions = {
  widths: [96, 256, 384, 384, 256],
  dense: [4096, 4096],
  stem: { kernelSize: 11, strides: 4 },
  secondKernel: 5,
  pool: 3,
};

/** Reduced for 28×28 and 32×32 images, so small that 1-bit weights visibly lose accuracy. */
export const alexNetSmall: AlexNetOptions = {
  widths: [16, 24, 32, 32, 24],
  dense: [64, 64],
  stem: { kernelSize: 5, strides: 2 },
  secondKernel: 3,
  pool: 2,
};

/**
 * AlexNet with batch normalization on the output of each convolution and dense block, and no local
 * response normalization, channel groups or dropout. Max pooling follows convolutions 1, 2 and 5.
 *
 * With float inputs all eight layers' weights are binarized and a learned scalar follows the last; with
 * binarized inputs the first and the last layer stay float.
 */
export function alexNetBn(shape: NetworkShape, options: AlexNetOptions): LayersModel {
  const whole = wholeNetwork(shape.precision);
  const builder = new NetworkBuilder(shape, whole ? 8 : 6);
  const { widths, dense, stem, secondKernel, pool } = options;
  widths.forEach((filters, i) => {
    const precision = whole || i > 0 ? builder.next() : {};
    const kernelSize = i === 0 ? stem.kernelSize : i === 1 ? secondKernel : 3;
    const strides = i === 0 ? stem.strides : 1;
    builder.conv(`conv${i + 1}`, builder.channels(filters), { kernelSize, strides, precision });
    if (i === 0 || i === 1 || i === 4) builder.maxPool(pool, 2);
    // The flattening to the first dense layer changes no value, so it may follow the binarization's
    // batch norm.
    builder.normalize(`norm${i + 1}`);
  });
  builder.flatten();
  dense.forEach((units, i) => {
    builder
      .dense(`dense${i + 6}`, builder.channels(units), builder.next())
      .normalize(`norm${i + 6}`);
  });
  builder.dense('dense8', shape.classes, whole ? builder.next() : {});
  if (whole) builder.scale();
  return builder.build('alexnet-bn');
}
