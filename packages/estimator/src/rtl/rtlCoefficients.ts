import type { Family } from '@hbnn/circuit';
import type { RtlCoefficients } from './rtlFit.ts';

/** What the Verilog's modules take in one family, and how far whole networks were off. */
export interface RtlModel {
  readonly luts: RtlCoefficients;
  /** The largest relative errors of networks that the fit did not see, rounded up. */
  readonly errors: {
    readonly luts: number;
    readonly flipFlops: number;
    readonly memoryLuts: number;
    readonly blockRams: number;
  };
}

/**
 * Fitted by `fitRtl` to the modules of 82 designs, 1,212 on xc7: 40 random layers, 38 random networks, 8 of them with one
 * lane per layer, and 4 versions of CNV with a quarter of its channels. `pnpm bench:rtl --target FAMILY --fit` synthesizes
 * them.
 */
export const rtlCoefficients: Readonly<Partial<Record<Family, RtlModel>>> = {
  xc7: {
    luts: {
      weights: [1.0049, 1.0005],
      threshold: [1.0583, 1.0946, 0],
      maxPool: [1.0711, 0],
      scores: [1.0769, 1.0114],
      lane: [1.0022, 1.0101],
      matrix: [1.233, 1.1933, 0.6275, 1.1379, 1.7731, 1.6472, 1.042, 13.1292],
      window: [1.8297, 1.0202, 0.9613, 0],
      collect: [1.5439, 1.8688],
      deal: [1.51, 0],
      gather: [1.2989, 2.4088, 1.4001],
      logic: [1.4954, 0.5683, 1.1673],
      largest: [0, 2.8766, 0.4939, 1.2861, 1.5468],
      registers: [1, 5],
      queue: [1.0417, 0, 20.3333, 0],
    },
    errors: { luts: 0.15, flipFlops: 0.05, memoryLuts: 0.2, blockRams: 0.05 },
  },
  ecp5: {
    luts: {
      weights: [1.0617, 0],
      threshold: [1.1552, 0.9691, 0],
      maxPool: [1.029, 0],
      scores: [1.064, 0],
      lane: [1.031, 0],
      matrix: [0.8661, 1.8983, 0.6339, 1.4067, 1.1686, 0.1087, 0.9342, 18.4867],
      window: [2.1333, 1.0245, 0.4483, 0, 1.0601],
      collect: [1.674, 1.9829],
      deal: [0.8383, 0],
      gather: [0.3462, 6.6373, 1.5453],
      logic: [1.4295, 1.4494, 1.0487],
      largest: [0, 2.2946, 0.8576, 1.5048, 1.9542],
      registers: [1, 5],
      // The 82 designs have only two queues: per bit as on xc7, and one choice for each bit of a block.
      queue: [1.0417, 0, 23.3333, 0, 1],
    },
    errors: { luts: 0.15, flipFlops: 0.05, memoryLuts: 0.2, blockRams: 0.05 },
  },
  ice40: {
    luts: {
      weights: [1.061, 0],
      threshold: [1.1552, 0.9689, 0],
      maxPool: [1.029, 0],
      scores: [1.0634, 0],
      lane: [1.031, 0],
      matrix: [0.8666, 1.7544, 0.6207, 1.3915, 1.176, 0.0805, 0.9445, 20.1638],
      window: [2.2564, 1.1877, 0, 0.2594, 1.0364],
      collect: [1.674, 1.9829],
      deal: [0.8383, 0],
      gather: [0.3462, 6.6373, 1.5453],
      logic: [1.4294, 1.4554, 1.0511],
      largest: [0, 1.7804, 0.9502, 1.5106, 1.9447],
      registers: [1, 5],
      queue: [2.0089, 2.0306, 0, 0, 0],
    },
    errors: { luts: 0.15, flipFlops: 0.05, memoryLuts: 0.2, blockRams: 0.05 },
  },
};
