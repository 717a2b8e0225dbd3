import type { Family } from '@hbnn/circuit';
import type { Trust } from './quantity.ts';

/** Joules per LUT and cycle, and per block of 36 kbit and cycle. */
export interface PowerModel extends Trust {
  readonly lutJ: number;
  readonly blockJ: number;
}

/** Fitted to the six rows of FINN's FPGA'17 table, chip power at 200 MHz; within 24 % of each. */
const powerModels: Partial<Record<Family, PowerModel>> = {
  xc7: {
    lutJ: 0.39e-12,
    blockJ: 18.5e-12,
    source: 'unverified',
    error: 0.5,
    from: "fit to chip powers of FINN's FPGA'17 table on a ZC706, quoted from memory",
  },
};

/** The power model of a family of devices, or why there is none. */
export const powerModelOf = (family: Family): PowerModel | string =>
  powerModels[family] ??
  `no published figure for family ${family}; take a device of ${Object.keys(powerModels).join(' or ')}`;
