import type { Fabric } from '@hbnn/circuit';
import type { StepGroup } from './steps.ts';

/** What the parts of a kind of step take, and the largest relative error measured, rounded up. */
interface StepCoefficients {
  /** Per part, in the order of `partsOf` (stepParts.ts). */
  readonly per: readonly number[];
  readonly error: number;
}

/** What the parts of an unrolled design take in one kind of circuit, and how far that was off. */
export interface UnrolledCoefficients {
  readonly unit: string;
  readonly steps: Readonly<Record<StepGroup, StepCoefficients>>;
  /** The largest relative error of whole designs, rounded up. */
  readonly designError: number;
}

/*
 * Fitted by `pnpm bench:calibrate` to the layers and networks of test/unrolledMeasurements.json, synthesized with Yosys
 * for Xilinx 7 (LUT6), iCE40 (LUT4), the IHP 130 nm cells (gates), and sky130 and ASAP7 (adders); calibrate.test.ts fits
 * them again and checks the errors.
 */
const lut6: UnrolledCoefficients = {
  unit: 'LUT',
  steps: {
    layer: { per: [2.009, 1.0014, 1.0024, 1.5747], error: 0.1 },
    threshold: { per: [0.9962, 0.9257], error: 0.2 },
    maxPool: { per: [0.9917, 0.7508], error: 0.1 },
    sumPool: { per: [1], error: 0.05 },
    requantize: { per: [0.9604], error: 0.1 },
    scores: { per: [1.001], error: 0.05 },
    largest: { per: [1.0045], error: 0.2 },
  },
  designError: 0.1,
};

const lut4: UnrolledCoefficients = {
  unit: 'LUT',
  steps: {
    layer: { per: [2.0454, 1.157, 1.0069], error: 0.15 },
    threshold: { per: [0.9928, 0.9746], error: 0.25 },
    maxPool: { per: [1.065, 0.4205], error: 0.1 },
    sumPool: { per: [1.7392, 4.817], error: 0.15 },
    requantize: { per: [0.9193], error: 0.25 },
    scores: { per: [1], error: 0.05 },
    largest: { per: [1.0004], error: 0.1 },
  },
  designError: 0.15,
};

const gates: UnrolledCoefficients = {
  unit: 'GE',
  steps: {
    layer: { per: [6.9146, 0.8735], error: 0.2 },
    threshold: { per: [0.7375, 0.6991], error: 0.15 },
    maxPool: { per: [3.8008, 0.8927], error: 0.15 },
    sumPool: { per: [3.3668], error: 0.05 },
    requantize: { per: [1.0242], error: 0.2 },
    scores: { per: [1.1494], error: 0.15 },
    largest: { per: [1.0014], error: 0.1 },
  },
  designError: 0.15,
};

const adders: UnrolledCoefficients = {
  unit: 'GE',
  steps: {
    layer: { per: [1.0881, 0.6995, 0.9665], error: 0.15 },
    threshold: { per: [0.7429, 0.7516], error: 0.25 },
    sumPool: { per: [1.0881, 0.6995, 0.9665], error: 0.2 },
    scores: { per: [1.2808], error: 0.15 },
    largest: { per: [1.0192], error: 0.15 },
    // Too few were measured with such cells: sums of pools take what layers' do, the others what gates take.
    maxPool: { ...gates.steps.maxPool, error: 0.2 },
    requantize: { ...gates.steps.requantize, error: 0.2 },
  },
  designError: 0.15,
};

export const unrolledCoefficients: Readonly<Record<Fabric, UnrolledCoefficients>> = {
  lut6,
  lut4,
  gates,
  adders,
};
