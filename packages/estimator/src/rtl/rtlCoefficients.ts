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
 * Fitted by `fitRtl` to the modules of 23 random layers and 20 networks: see benchmarks/results/hardware/rtl.json. None of
 * them has many classes or thresholds by groups: `deal` is from two layers of 100 and 192 classes, `gather` is like
 * `collect`.
 */
export const rtlCoefficients: Readonly<Partial<Record<Family, RtlModel>>> = {
  xc7: {
    luts: {
      weights: [1.0019, 1.0007],
      threshold: [1.0314, 1.0923, 0],
      maxPool: [1, 0],
      scores: [1.1015, 0.9711],
      lane: [1.0021, 1.009],
      matrix: [1.2451, 0.9799, 0.4373, 0.8311, 1.7614, 0.7402, 1.0736, 27.6819],
      window: [1.9428, 1.0384, 0, 0],
      collect: [1.5132, 1.7897],
      deal: [1.3, 1],
      gather: [1.5, 1.8, 1],
      logic: [1.6738, 0.999, 0.9414],
      largest: [0, 1.5008, 0.6319, 1.3736, 1.3044],
      registers: [1, 5],
      queue: [1.0123, 1.831, 0, 0],
    },
    errors: { luts: 0.15, flipFlops: 0.05, memoryLuts: 0.2, blockRams: 0.05 },
  },
};
