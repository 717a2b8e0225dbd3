import { HbnnError } from '@hbnn/core';

/**
 * Where a figure comes from: counted exactly, assumed because it was asked for, measured by simulation or synthesis, a
 * model fitted to measurements, a published constant, or a constant from memory that nobody has checked.
 */
export type Source =
  | 'counted'
  | 'assumed'
  | 'simulation'
  | 'synthesis'
  | 'calibrated model'
  | 'cited constant'
  | 'unverified';

/** A figure with its unit, its error band and where it comes from. */
export interface Quantity {
  readonly value: number;
  readonly unit: string;
  readonly low: number;
  readonly high: number;
  readonly source: Source;
  /** The figure's origin in a few words. */
  readonly from: string;
}

/** How far a figure can be off, as factors of its value, and why one thinks so. */
export interface Trust {
  readonly source: Source;
  readonly from: string;
  /** 0.15: ±15 %. */
  readonly error: number;
}

/** Make a figure. @throws HbnnError for what is not a positive number: nothing that is estimated is free */
export function quantity(value: number, unit: string, trust: Trust): Quantity {
  if (!(Number.isFinite(value) && value > 0))
    throw new HbnnError(
      `estimate: expected a positive number of ${unit} from ${trust.from}, got ${value}; report this model`,
    );
  return banded(value, unit, trust);
}

/** Make a figure of what may not be there at all, counted as 0. @throws HbnnError for what is no number or below 0 */
export const quantityOrNone = (value: number, unit: string, trust: Trust, none: Trust): Quantity =>
  value === 0 ? banded(0, unit, none) : quantity(value, unit, trust);

function banded(value: number, unit: string, { source, from, error }: Trust): Quantity {
  // Where it can be off by more than itself, nearly nothing is left of it.
  const low = value * Math.max(0.05, 1 - error);
  return { value, unit, low, high: value * (1 + error), source, from };
}
