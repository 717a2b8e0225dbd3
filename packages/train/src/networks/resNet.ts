import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { Precision } from '../precision.ts';
import { NetworkBuilder, type NetworkShape } from './network.ts';

export interface ResNetOptions {
  readonly name: string;
  readonly stem: {
    readonly filters: number;
    readonly kernelSize: number;
    readonly strides: number;
    /** Whether max pooling 3×3 of stride 2 follows. */
    readonly pool: boolean;
  };
  /** Output channels of each stage; all but the first halve the map. */
  readonly stages: readonly number[];
  readonly blocksPerStage: number;
}

/** ResNet-8 of MLPerf Tiny (Banbury et al. 2021), for CIFAR-10. */
export const resNet8: ResNetOptions = {
  name: 'resnet8',
  stem: { filters: 16, kernelSize: 3, strides: 1, pool: false },
  stages: [16, 32, 64],
  blocksPerStage: 1,
};

/** ResNet-18 (He et al. 2016) at 224×224 pixels. */
export const resNet18Full: ResNetOptions = {
  name: 'resnet18',
  stem: { filters: 64, kernelSize: 7, strides: 2, pool: true },
  stages: [64, 128, 256, 512],
  blocksPerStage: 2,
};

/** Reduced for 28×28 and 32×32 images. */
export const resNet18Small: ResNetOptions = {
  name: 'resnet18',
  stem: { filters: 16, kernelSize: 3, strides: 1, pool: false },
  stages: [16, 24, 32, 48],
  blocksPerStage: 2,
};

const float: Precision = {};

/**
 * A residual network: a float stem, blocks of two binarized 3×3 convolutions with the block's input beside them, global
 * average pooling and a float dense layer. A float 1×1 convolution brings the input to the block's shape where that is
 * another. Where a convolution binarizes its inputs, that takes the place of the ReLU before it, so that the sums of the
 * branches keep their values (Bi-Real Net, Liu et al. 2018).
 */
export function resNet(shape: NetworkShape, options: ResNetOptions): LayersModel {
  const { name, stem, stages, blocksPerStage } = options;
  const builder = new NetworkBuilder(shape, 2 * blocksPerStage * stages.length);
  builder
    .conv('stem', builder.channels(stem.filters), {
      kernelSize: stem.kernelSize,
      strides: stem.strides,
      precision: float,
    })
    .normalize('stem_norm', { relu: true });
  if (stem.pool) builder.maxPool(3, 2, 'same');
  let channels = builder.channels(stem.filters);
  stages.forEach((unscaled, stage) => {
    const filters = builder.channels(unscaled);
    for (let n = 0; n < blocksPerStage; n++) {
      const strides = stage > 0 && n === 0 ? 2 : 1;
      residualBlock(builder, `block${stage + 1}_${n + 1}`, {
        filters,
        strides,
        project: strides > 1 || filters !== channels,
      });
      channels = filters;
    }
  });
  return builder.globalAverage().dense('dense', shape.classes, float).build(name);
}

interface BlockOptions {
  readonly filters: number;
  readonly strides: number;
  /** Whether the input gets a convolution of its own. */
  readonly project: boolean;
}

function residualBlock(
  builder: NetworkBuilder,
  name: string,
  { filters, strides, project }: BlockOptions,
): void {
  const input = builder.here;
  builder
    .conv(`${name}_conv1`, filters, { strides, precision: builder.next() })
    .normalize(`${name}_norm1`)
    .conv(`${name}_conv2`, filters, { precision: builder.next() })
    .normalize(`${name}_norm2`, { relu: false });
  const main = builder.here;
  builder.goOnFrom(input);
  if (project)
    builder
      .conv(`${name}_project`, filters, { kernelSize: 1, strides, precision: float })
      .normalize(`${name}_project_norm`, { relu: false });
  builder.plus(`${name}_sum`, main).reluUnlessBinarized();
}
