import { HbnnError } from '@hbnn/core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { NetworkBuilder, type NetworkShape, wholeNetwork } from './network.ts';

export interface Fcn4Options {
  /** Output channels of the convolutions before the last. */
  readonly widths?: readonly number[];
  /** Which of them (from 0) a 2×2 max pooling follows. */
  readonly pools?: readonly number[];
}

/**
 * The deliberately small fully convolutional network of §4.2: 3×3 convolutions, the last one to the
 * classes, global average pooling and one learned scalar. Four layers with the default widths.
 */
export function fcn4(shape: NetworkShape, options: Fcn4Options = {}): LayersModel {
  if (shape.widthMultiplier !== undefined)
    throw new HbnnError(
      `fcn4: expected widths alone, which are its channels, got a width multiplier of ${shape.widthMultiplier}; multiply the widths, and leave it out`,
    );
  const widths = options.widths ?? [6, 8, 8];
  const pools = options.pools ?? widths.map((_, i) => i);
  const whole = wholeNetwork(shape.precision);
  const builder = new NetworkBuilder(shape, whole ? widths.length + 1 : widths.length - 1);
  widths.forEach((filters, i) => {
    const precision = whole || i > 0 ? builder.next() : {};
    builder.conv(`conv${i + 1}`, filters, { precision });
    if (pools.includes(i)) builder.maxPool();
    builder.normalize(`norm${i + 1}`);
  });
  const last = whole ? builder.next() : {};
  return builder
    .conv(`conv${widths.length + 1}`, shape.classes, { precision: last })
    .globalAverage()
    .scale()
    .build('fcn4');
}
