import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { Precision } from '../precision.ts';
import { NetworkBuilder, type NetworkShape } from './network.ts';

export interface MobileNetV2Options {
  readonly stem: { readonly filters: number; readonly strides: number };
  readonly groups: readonly BottleneckGroup[];
  /** Channels of the pointwise convolution behind the blocks. */
  readonly head: number;
}

/** Blocks of one shape: the first has the stride. */
interface BottleneckGroup {
  /** Channels within a block, over those of its input. */
  readonly expand: number;
  readonly filters: number;
  readonly blocks: number;
  readonly strides: number;
}

const group = (
  expand: number,
  filters: number,
  blocks: number,
  strides: number,
): BottleneckGroup => ({ expand, filters, blocks, strides });

/** MobileNetV2 1.0-224 (Sandler et al. 2018). */
export const mobileNetV2Full: MobileNetV2Options = {
  stem: { filters: 32, strides: 2 },
  groups: [
    group(1, 16, 1, 1),
    group(6, 24, 2, 2),
    group(6, 32, 3, 2),
    group(6, 64, 4, 2),
    group(6, 96, 3, 1),
    group(6, 160, 3, 2),
    group(6, 320, 1, 1),
  ],
  head: 1280,
};

/** Reduced for 28×28 and 32×32 images. */
export const mobileNetV2Small: MobileNetV2Options = {
  stem: { filters: 16, strides: 2 },
  groups: [group(1, 8, 1, 1), group(4, 12, 2, 1), group(4, 16, 2, 2), group(4, 24, 2, 2)],
  head: 96,
};

const float: Precision = {};

/**
 * MobileNetV2: a float stem, then inverted bottlenecks of a binarized pointwise convolution to more channels, a float 3×3
 * depthwise and a binarized pointwise one to fewer channels without ReLU, with the input beside them where shapes agree; a
 * binarized pointwise convolution, global average pooling and a float dense layer. Where a convolution binarizes its
 * inputs, that takes the place of the ReLU before it.
 */
export function mobileNetV2(shape: NetworkShape, options: MobileNetV2Options): LayersModel {
  const { stem, groups, head } = options;
  const products = groups.reduce(
    (sum, { expand, blocks }) => sum + blocks * (expand > 1 ? 2 : 1),
    1,
  );
  const builder = new NetworkBuilder(shape, products);
  builder
    .conv('stem', builder.channels(stem.filters), { strides: stem.strides, precision: float })
    .normalize('stem_norm', { relu: true });
  let channels = builder.channels(stem.filters);
  let number = 0;
  for (const { expand, filters: unscaled, blocks, strides } of groups) {
    const filters = builder.channels(unscaled);
    for (let n = 0; n < blocks; n++) {
      bottleneck(builder, `block${++number}`, {
        expanded: expand > 1 ? expand * channels : undefined,
        filters,
        strides: n === 0 ? strides : 1,
        besides: n > 0 || (strides === 1 && filters === channels),
      });
      channels = filters;
    }
  }
  return builder
    .conv('head', builder.channels(head), { kernelSize: 1, precision: builder.next() })
    .normalize('head_norm', { relu: true })
    .globalAverage()
    .dense('dense', shape.classes, float)
    .build('mobilenetv2');
}

interface BottleneckOptions {
  /** Channels within the block; undefined where its input has them. */
  readonly expanded: number | undefined;
  readonly filters: number;
  readonly strides: number;
  /** Whether the input goes past the block and is added. */
  readonly besides: boolean;
}

function bottleneck(
  builder: NetworkBuilder,
  name: string,
  { expanded, filters, strides, besides }: BottleneckOptions,
): void {
  const input = builder.here;
  if (expanded !== undefined)
    builder
      .conv(`${name}_expand`, expanded, { kernelSize: 1, precision: builder.next() })
      .normalize(`${name}_expand_norm`, { relu: true });
  builder
    .depthwise(`${name}_depthwise`, { strides, precision: float })
    .normalize(`${name}_depthwise_norm`)
    .conv(`${name}_project`, filters, { kernelSize: 1, precision: builder.next() })
    .normalize(`${name}_project_norm`, { relu: false });
  if (besides) builder.plus(`${name}_sum`, input);
}
