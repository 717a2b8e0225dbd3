import type { AdderStyle } from '@hbnn/core';

/** What the parts of an unrolled design take in one kind of circuit, and how far that was off. */
export interface UnrolledCoefficients {
  readonly unit: string;
  /** Of sums, per 7:3 counter, column of a carry chain, chain, full and half adder. */
  readonly perCounter: number;
  readonly perChainColumn: number;
  readonly perChain: number;
  readonly perFullAdder: number;
  readonly perHalfAdder: number;
  /** Per bit of a number that thresholds turn into sign bits, and per threshold beyond an element's first. */
  readonly perComparedBit: number;
  readonly perFurtherNode: number;
  /** Per bit of the scores' additions, of comparing scores and choosing, and of pools and requantization. */
  readonly perScoreBit: number;
  readonly perMatchBit: number;
  readonly perChoiceBit: number;
  readonly perWordBit: number;
  /** Largest relative errors measured, rounded up: of layers of weights, of thresholds, of scores, of whole designs. */
  readonly layerError: number;
  readonly thresholdError: number;
  readonly wordError: number;
  readonly designError: number;
}

export type UnrolledCircuit = 'lut6' | 'lut4' | 'gates';

/** How `hbnn verilog` makes the sums of each circuit. */
export const styleOf: Readonly<Record<UnrolledCircuit, AdderStyle>> = {
  ...{ lut6: 'xc7', lut4: 'gates', gates: 'gates' },
};

/**
 * Fitted by `pnpm bench:calibrate` to the layers of test/unrolledMeasurements.json, synthesized with Yosys for Xilinx 7
 * (LUT6), iCE40 (LUT4) and the IHP 130 nm cells (gates); calibrate.test.ts fits them again and checks the errors. Pools
 * and requantization were not measured and take an adder per bit.
 */
export const unrolledCoefficients: Readonly<Record<UnrolledCircuit, UnrolledCoefficients>> = {
  lut6: {
    unit: 'LUT',
    ...{ perCounter: 2, perChainColumn: 1, perChain: 0, perFullAdder: 1, perHalfAdder: 1 },
    ...{ perComparedBit: 0.1901, perFurtherNode: 0.4136 },
    ...{ perScoreBit: 1.1608, perMatchBit: 1.0926, perChoiceBit: 0.9099, perWordBit: 1 },
    ...{ layerError: 0.15, thresholdError: 0.15, wordError: 0.4, designError: 0.35 },
  },
  lut4: {
    unit: 'LUT',
    ...{ perCounter: 2, perChainColumn: 1, perChain: 0, perFullAdder: 1, perHalfAdder: 1 },
    ...{ perComparedBit: 0.2974, perFurtherNode: 0.3618 },
    ...{ perScoreBit: 1.3679, perMatchBit: 1.0922, perChoiceBit: 1.4286, perWordBit: 2 },
    ...{ layerError: 0.3, thresholdError: 0.15, wordError: 0.4, designError: 0.35 },
  },
  gates: {
    unit: 'GE',
    ...{ perCounter: 2, perChainColumn: 1, perChain: 0, perFullAdder: 1, perHalfAdder: 1 },
    ...{ perComparedBit: 0.4724, perFurtherNode: 1.2601 },
    ...{ perScoreBit: 3.0081, perMatchBit: 3.3987, perChoiceBit: 2.4324, perWordBit: 7 },
    ...{ layerError: 0.3, thresholdError: 0.15, wordError: 0.4, designError: 0.35 },
  },
};
