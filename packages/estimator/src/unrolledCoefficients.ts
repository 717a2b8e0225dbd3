import type { AdderStyle } from '@hbnn/core';
import type { StepGroup } from './stepParts.ts';

/** What the parts of a kind of step take, and the largest relative error measured, rounded up. */
export interface StepCoefficients {
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

/** `adders`: gates with the library's cell that adds three bits. */
export type UnrolledCircuit = 'lut6' | 'lut4' | 'gates' | 'adders';

/** How `hbnn verilog` makes the sums of each circuit. */
export const styleOf: Readonly<Record<UnrolledCircuit, AdderStyle>> = {
  ...{ lut6: 'xc7', lut4: 'gates', gates: 'gates', adders: 'gates' },
};

/** Inputs of each circuit's look-up tables; 0 in gates. */
export const tableInputsOf: Readonly<Record<UnrolledCircuit, number>> = {
  ...{ lut6: 6, lut4: 4, gates: 0, adders: 0 },
};

/*
 * Fitted by `pnpm bench:calibrate` to the layers and networks of test/unrolledMeasurements.json, synthesized with Yosys
 * for Xilinx 7 (LUT6), iCE40 (LUT4), the IHP 130 nm cells (gates), and sky130 and ASAP7 (adders); calibrate.test.ts fits
 * them again and checks the errors.
 */
const lut6: UnrolledCoefficients = {
  unit: 'LUT',
  steps: {
    layer: { per: [2.009, 1.0045, 0.9982, 1.5828], error: 0.1 },
    threshold: { per: [0.9756], error: 0.5 },
    maxPool: { per: [0.9917, 0.7508], error: 0.1 },
    sumPool: { per: [1], error: 0.05 },
    requantize: { per: [0.9604], error: 0.1 },
    scores: { per: [1.0015], error: 0.05 },
    largest: { per: [1.1361, 1.1132], error: 0.2 },
  },
  designError: 0.15,
};

const lut4: UnrolledCoefficients = {
  unit: 'LUT',
  steps: {
    layer: { per: [2.0527, 0.9951], error: 0.2 },
    threshold: { per: [1.0887, 0], error: 0.5 },
    maxPool: { per: [1.065, 0.4205], error: 0.1 },
    sumPool: { per: [1.7392, 4.817], error: 0.15 },
    requantize: { per: [0.9193], error: 0.25 },
    scores: { per: [1], error: 0.05 },
    largest: { per: [1.3691, 1.4546], error: 0.15 },
  },
  designError: 0.2,
};

const gates: UnrolledCoefficients = {
  unit: 'GE',
  steps: {
    layer: { per: [6.8963, 2.0194, 0.7489], error: 0.25 },
    threshold: { per: [0.7417, 0], error: 0.5 },
    maxPool: { per: [2.2392, 7.0284], error: 0.25 },
    sumPool: { per: [6.5748, 4.705], error: 0.05 },
    requantize: { per: [2.9472, 1.0472], error: 0.2 },
    scores: { per: [3.2348, 1.0949], error: 0.75 },
    largest: { per: [3.7077, 3.1153], error: 0.25 },
  },
  designError: 0.2,
};

const adders: UnrolledCoefficients = {
  unit: 'GE',
  steps: {
    layer: { per: [1.0365, 0.8439, 3.6987, 0], error: 0.15 },
    threshold: { per: [0.7546, 0.1565], error: 0.5 },
    sumPool: { per: [1.037, 0.8501, 3.8865, 0], error: 0.2 },
    scores: { per: [4.0206, 0], error: 0.8 },
    largest: { per: [4.3124, 2.7432], error: 0.25 },
    // Too few were measured with such cells: sums of pools take what layers' do, the others what gates take.
    maxPool: { ...gates.steps.maxPool, error: 0.2 },
    requantize: { ...gates.steps.requantize, error: 0.15 },
  },
  designError: 0.2,
};

export const unrolledCoefficients: Readonly<Record<UnrolledCircuit, UnrolledCoefficients>> = {
  ...{ lut6, lut4, gates, adders },
};
