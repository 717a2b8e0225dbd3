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

export function groupOf(kind: StepCounts['kind']): StepGroup {
  if (kind === 'conv' || kind === 'depthwise' || kind === 'dense') return 'layer';
  // A sum of branches is an adder tree like that of a sum pool; a concatenation takes no logic.
  return kind === 'add' || kind === 'concat' ? 'sumPool' : kind;
}
