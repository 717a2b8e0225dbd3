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
      threshold: [0.9257, 0],
      maxPool: [1.1591, 0],
      scores: [1.0825, 1.0145],
      lane: [1.0086, 0.9963],
      matrix: [1.1175, 0, 0.4951, 0.9589, 0.9945, 1.8201, 1.1751, 1.144, 0.9913, 5.8292],
      window: [1.9637, 1.0136, 0, 0],
      collect: [1.485, 2.1004],
      logic: [1.5473, 0.9563, 0.9128],
      largest: [0, 1.9831, 0.4881, 1.309, 1.4507],
      registers: [1, 5],
      queue: [0.9992, 1.7695, 0, 0],
    },
    errors: { luts: 0.25, flipFlops: 0.05, memoryLuts: 0.2, blockRams: 0.1 },
  },
};
