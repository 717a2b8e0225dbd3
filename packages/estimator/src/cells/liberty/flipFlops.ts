import type { LibertyGroup } from './parse.ts';

/** Whether a group of a cell is its flip-flop or latch. */
export const isState = ({ kind }: LibertyGroup): boolean => /^(ff|latch)$/.test(kind);

/** What a flip-flop or latch states functions of. */
export const stateInputs: readonly string[] = [
  'next_state',
  'clocked_on',
  'data_in',
  'enable',
  'clear',
  'preset',
];
