import type { CheckedLayer } from '@hbnn/model';
import type { LogicCounts } from './netlistCounts.ts';

/** Building blocks of one step of an unrolled design: what its area is made of. */
export interface StepCounts extends LogicCounts {
  readonly name: string;
  readonly kind: CheckedLayer['layer']['kind'] | 'scores' | 'largest';
}

/** Kinds of steps that share coefficients. */
export const stepGroups = [
  'layer',
  'threshold',
  'maxPool',
  'sumPool',
  'requantize',
  'scores',
  'largest',
] as const;

export type StepGroup = (typeof stepGroups)[number];

export const groupOf = (kind: StepCounts['kind']): StepGroup =>
  kind === 'conv' || kind === 'depthwise' || kind === 'dense' ? 'layer' : kind;
