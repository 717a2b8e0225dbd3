import type { RunConfigInput, RunResult } from '@hbnn/train';
import type { ClaimTest, Verdict } from '@hbnn/train/statistics';
import type { Profile } from './profile.ts';

/** One number of ours beside one of the paper's. */
export interface ResultRow {
  readonly label: string;
  /** Where our number comes from: measured, computed exactly, estimated by a model, or quoted from the paper only. */
  readonly kind: 'measured' | 'computed' | 'estimated' | 'quoted';
  readonly unit: string;
  /** Our number: mean over seeds where there are several. */
  readonly ours?: number;
  /** Standard deviation over seeds (n − 1); absent for fewer than three seeds and for exact numbers. */
  readonly spread?: number;
  readonly seeds?: readonly number[];
  /** How far an estimate can be off, as a share of it. */
  readonly error?: number;
  readonly values?: readonly number[];
  readonly paper?: number;
  /** Data set, network and budget of our number. */
  readonly scale?: string;
  /** Columns of the stage's own. */
  readonly columns?: Readonly<Record<string, string | number>>;
  /** More columns of the stage's own, which stand behind our number and the paper's. */
  readonly moreColumns?: Readonly<Record<string, string | number>>;
}

export type { Verdict };

/** One claim of the paper, judged. */
export interface Claim {
  readonly id: string;
  readonly claim: string;
  readonly verdict: Verdict;
  /** The statistic and the rule that gave the verdict. */
  readonly because: string;
  /** Undefined where it is judged by no paired test. */
  readonly test?: ClaimTest;
  /** The difference that the paper prints, in points. */
  readonly paper?: number;
}

/** A Vega-Lite specification of a picture, and one for a phone where the picture is too wide for it. */
export interface Chart {
  readonly spec: object;
  /** At most 360 pixels wide. */
  readonly narrow?: object;
}

/** A picture, drawn to SVG in the report. */
export interface Plot extends Chart {
  readonly file: string;
  readonly title: string;
  readonly caption: string;
}

export interface StageResult {
  readonly stage: string;
  readonly title: string;
  /** What was done and how to read it: paragraphs and lists in Markdown. */
  readonly about: string;
  readonly rows: readonly ResultRow[];
  readonly claims: readonly Claim[];
  readonly plots: readonly Plot[];
}

/** A setting to train: a configuration but for the seed, and the seeds to train it with. */
export interface Setting {
  readonly id: string;
  readonly config: Omit<RunConfigInput, 'seed'>;
  readonly seeds: readonly number[];
}

/** What the runs of a stage came to: results by setting, in the order of the setting's seeds. */
export type SettingResults = ReadonlyMap<string, readonly RunResult[]>;

/** One table or figure of the paper. */
export interface Stage {
  readonly name: string;
  /** Settings that are ours, not the paper's: run by default only where the profile says so. */
  readonly beyondPaper?: boolean;
  /** The trainings it needs; none for what is computed. */
  readonly settings: (profile: Profile) => readonly Setting[];
  readonly conclude: (profile: Profile, results: SettingResults) => StageResult;
}
