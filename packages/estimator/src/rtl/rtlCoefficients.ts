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

/** Fitted by `pnpm bench:rtl --fit`: see benchmarks/results/hardware/rtl.json. */
export const rtlCoefficients: Readonly<Partial<Record<Family, RtlModel>>> = {
  xc7: {
    luts: {
      weights: [1.0016, 1.0023],
      threshold: [0.9151, 0],
      maxPool: [1.1591, 0],
      scores: [1.0787, 1.0231],
      lane: [1.0107, 0.9931],
      matrix: [1.0905, 0, 0.486, 0.9813, 1.0025, 1.752, 1.2405, 1.1843, 0.9498, 7.9364],
      window: [1.9491, 1.0096, 0.0312, 0],
      collect: [1.485, 2.1004],
      logic: [1.5109, 0.9269, 0.9279],
      largest: [0, 1.9815, 0.4875, 1.2785, 1.5193],
      registers: [1, 5],
      queue: [1, 1.5, 5, 0.5],
    },
    errors: { luts: 0.15, flipFlops: 0.05, memoryLuts: 0.2, blockRams: 0.1 },
  },
};
