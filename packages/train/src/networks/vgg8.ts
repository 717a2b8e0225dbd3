import type { LayersModel } from '@tensorflow/tfjs-layers';
import { NetworkBuilder, type NetworkShape, wholeNetwork } from './network.ts';

export interface Vgg8Options {
  /** Channels of the three pairs of convolutions. */
  readonly widths: readonly [number, number, number];
  readonly dense: readonly [number, number];
}

/** FINN's CNV (Umuroglu et al. 2017), the VGG-8 of the paper's Table 2: 32×32 images. */
export const vgg8Full: Vgg8Options = { widths: [64, 128, 256], dense: [512, 512] };

/** The same with an eighth of the channels. */
export const vgg8Small: Vgg8Options = { widths: [8, 16, 32], dense: [64, 64] };

/**
 * VGG-8: three pairs of 3×3 convolutions without padding, a 2×2 max pooling after the first two pairs,
 * three dense layers. A 32×32 image comes to 1×1 before the dense layers.
 */
export function vgg8(shape: NetworkShape, options: Vgg8Options): LayersModel {
  const whole = wholeNetwork(shape.precision);
  const builder = new NetworkBuilder(shape, whole ? 9 : 7);
  options.widths
    .flatMap((filters) => [filters, filters])
    .forEach((filters, i) => {
      const precision = whole || i > 0 ? builder.next() : {};
      builder.conv(`conv${i + 1}`, builder.channels(filters), { padding: 'valid', precision });
      if (i === 1 || i === 3) builder.maxPool();
      builder.normalize(`norm${i + 1}`);
    });
  builder.flatten();
  options.dense.forEach((units, i) => {
    builder
      .dense(`dense${i + 7}`, builder.channels(units), builder.next())
      .normalize(`norm${i + 7}`);
  });
  builder.dense('dense9', shape.classes, whole ? builder.next() : {});
  if (whole) builder.scale();
  return builder.build('vgg8');
}
