import { HbnnError } from '@hbnn/core';

/** Learning rate over a run: constant, cosine to 0, or divided by 10 at each third of the epochs. */
export type Schedule = (typeof schedules)[number];

export const schedules = ['constant', 'cosine', 'steps'] as const;

/**
 * The learning rate of one step.
 *
 * cosine: η·(1 + cos(π t/T))/2; steps: η·10^−⌊3t/T⌋; with t the step and T the number of steps.
 *
 * @throws HbnnError when the rate, the step or the number of steps is negative or not finite
 */
export function learningRateAt(
  schedule: Schedule,
  base: number,
  step: number,
  steps: number,
): number {
  for (const [name, value] of Object.entries({ base, step, steps }))
    if (!Number.isFinite(value) || value < 0)
      throw new HbnnError(
        `learningRateAt: expected a finite number from 0 up as ${name}, got ${value}; give learning rate, step and steps`,
      );
  const progress = Math.min(1, step / Math.max(1, steps));
  switch (schedule) {
    case 'constant':
      return base;
    case 'cosine':
      return (base * (1 + Math.cos(Math.PI * progress))) / 2;
    case 'steps':
      return base * 10 ** -Math.min(2, Math.floor(3 * progress));
    default:
      return schedule satisfies never;
  }
}
