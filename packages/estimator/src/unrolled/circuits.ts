import type { AdderStyle } from '@hbnn/circuit';

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
