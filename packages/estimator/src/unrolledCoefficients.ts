import type { AdderStyle } from '@hbnn/core';

/** What the parts of an unrolled design take in one kind of circuit, and how far that was off. */
export interface UnrolledCoefficients {
  readonly unit: string;
  /** Of sums, per 7:3 counter, place of a carry chain, chain, full and half adder. */
  readonly perCounter: number;
  readonly perChainPlace: number;
  readonly perChain: number;
  readonly perFullAdder: number;
  /** Of a full adder too, per gate equivalent of the library's cell for it; absent where there is none. */
  readonly perAdderGate?: number;
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

/** `adders`: gates with the library's cell that adds three bits. */
export type UnrolledCircuit = 'lut6' | 'lut4' | 'gates' | 'adders';

/** How `hbnn verilog` makes the sums of each circuit. */
export const styleOf: Readonly<Record<UnrolledCircuit, AdderStyle>> = {
  ...{ lut6: 'xc7', lut4: 'gates', gates: 'gates', adders: 'gates' },
};

/**
 * Fitted by `pnpm bench:calibrate` to the layers of test/unrolledMeasurements.json, synthesized with Yosys for Xilinx 7
 * (LUT6), iCE40 (LUT4), the IHP 130 nm cells (gates), and sky130 and ASAP7 (adders); calibrate.test.ts fits them again and checks the errors. Pools
 * and requantization were not measured and take an adder per bit.
 */
export const unrolledCoefficients: Readonly<Record<UnrolledCircuit, UnrolledCoefficients>> = {
  lut6: {
    unit: 'LUT',
    ...{
      perCounter: 2.0538,
      perChainPlace: 0.6719,
      perChain: 0.7645,
      perFullAdder: 2.3382,
      perHalfAdder: 0,
    },
    ...{ perComparedBit: 0.1861, perFurtherNode: 0.3793 },
    ...{ perScoreBit: 0.9823, perMatchBit: 1.0555, perChoiceBit: 0.9506, perWordBit: 1 },
    ...{ layerError: 0.15, thresholdError: 0.15, wordError: 0.3, designError: 0.15 },
  },
  lut4: {
    unit: 'LUT',
    ...{
      perCounter: 0,
      perChainPlace: 0,
      perChain: 0,
      perFullAdder: 2.09,
      perHalfAdder: 0.7414,
    },
    ...{ perComparedBit: 0.3018, perFurtherNode: 0.278 },
    ...{ perScoreBit: 1.1113, perMatchBit: 1.2508, perChoiceBit: 1.2651, perWordBit: 2 },
    ...{ layerError: 0.15, thresholdError: 0.15, wordError: 0.3, designError: 0.15 },
  },
  gates: {
    unit: 'GE',
    ...{
      perCounter: 0,
      perChainPlace: 0,
      perChain: 0,
      perFullAdder: 6.7804,
      perHalfAdder: 2.8226,
    },
    ...{ perComparedBit: 0.4698, perFurtherNode: 1.0706 },
    ...{ perScoreBit: 2.4737, perMatchBit: 3.3726, perChoiceBit: 2.5742, perWordBit: 7 },
    ...{ layerError: 0.15, thresholdError: 0.15, wordError: 0.35, designError: 0.15 },
  },
  adders: {
    unit: 'GE',
    ...{ perCounter: 0, perChainPlace: 0, perChain: 0 },
    ...{ perAdderGate: 1.0606, perFullAdder: 0.8392, perHalfAdder: 2.5297 },
    ...{ perComparedBit: 0.4721, perFurtherNode: 1.2754 },
    ...{ perScoreBit: 2.7968, perMatchBit: 4.0502, perChoiceBit: 2.104, perWordBit: 7 },
    ...{ layerError: 0.15, thresholdError: 0.15, wordError: 0.35, designError: 0.15 },
  },
};
