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
 * Fitted by `fitRtl` to the 1,212 modules of 82 designs: 40 random layers, 38 random networks, 8 of them with one lane per
 * layer, and 4 versions of CNV with a quarter of its channels. `pnpm bench:rtl --fit` synthesizes them.
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
};
