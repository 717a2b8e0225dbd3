import type { Provenance } from '../../results/provenance.ts';
import type { StageResult } from '../stage.ts';

/** A stage's result with where it comes from. */
export interface StageReport extends StageResult {
  readonly provenance: Provenance;
}

/** The trainings that a stage's numbers are of, for the manifest beside the results. */
export interface StageTrainings {
  /** The folder of the ledgers that have them, seen from that of the results. */
  readonly ledgers: string;
  readonly weightsSha256: readonly string[];
}

export interface Report {
  readonly profile: string;
  readonly about: string;
  readonly rules: string;
  readonly stages: readonly StageReport[];
}
