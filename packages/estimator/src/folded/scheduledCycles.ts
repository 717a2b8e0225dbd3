import { type Fold, foldedCycles } from '@hbnn/circuit';
import type { CheckedModel } from '@hbnn/model';
import { type Quantity, quantity, type Trust } from '../quantity.ts';

/** The pace of the folded design that `hbnn verilog` writes. */
export interface ScheduledPace {
  readonly verilogCyclesPerImage: Quantity;
  readonly verilogFramesPerSecond: Quantity;
}

const counted: Trust = {
  source: 'counted',
  error: 0.01,
  from: 'the slowest layer of hbnn verilog --style folded, planes one after the other; its buffers keep the whole within 1 %',
};

/**
 * Count the cycles of the design that is generated with some folds: planes come one after the other, not all at once in
 * wider lanes, and only where a weight and an input have them.
 *
 * @param folds of each layer with weights
 * @throws HbnnError when the model is not sound, or a layer with weights has no fold
 */
export function scheduledPace(
  model: CheckedModel,
  folds: readonly (Fold & { readonly layer: string })[],
  clockHz: number,
): ScheduledPace {
  const table = Object.fromEntries(folds.map(({ layer, pe, simd }) => [layer, { pe, simd }]));
  const cycles = foldedCycles(model, table);
  return {
    verilogCyclesPerImage: quantity(cycles, 'cycles', counted),
    verilogFramesPerSecond: quantity(clockHz / cycles, 'frames/s', counted),
  };
}
