import type { Provenance } from '../../results/provenance.ts';
import type { StageResult } from '../stage.ts';

/** A stage's result with where it comes from. */
export interface StageReport extends StageResult {
  readonly provenance: Provenance;
}

export interface Report {
  readonly profile: string;
  readonly about: string;
  readonly rules: string;
  readonly stages: readonly StageReport[];
}
