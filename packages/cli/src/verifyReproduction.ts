import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { HbnnError, permutation, random } from '@hbnn/core';
import { openDataset } from '@hbnn/datasets';
import type { RunConfig } from '@hbnn/train';
import { type MadeManifest, readMadeManifest } from './madeManifest.ts';
import { noteTo } from './openData.ts';
import { dataSha256 } from './runManifest.ts';
import {
  type AgainOptions,
  type AgainOutcome,
  type KeptTraining,
  trainAgain,
} from './trainAgain.ts';
import { changedFiles } from './verifyMade.ts';

const command = 'pnpm bench:reproduce';

/** Whether a folder has the results of a reproduction: tables and figures, from trainings that a ledger has. */
export const isReproduction = (folder: string): boolean =>
  Array.isArray(jsonAt(join(folder, 'results.json'))?.stages) ||
  typeof (jsonAt(join(folder, 'manifest.json'))?.from as { stages?: unknown } | undefined)
    ?.stages === 'object';

/** The object of a JSON file; undefined where there is none. */
function jsonAt(file: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return (JSON.parse(readFileSync(file, 'utf8')) ?? undefined) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** The trainings that a stage's numbers are of. */
interface StageTrainings {
  /** The folder of the ledgers that have them, seen from the reproduction's. */
  readonly ledgers: string;
  readonly weightsSha256: readonly string[];
}

/** One training of the sample. */
interface TrainingOutcome extends AgainOutcome {
  readonly training: string;
  readonly weightsSha256: string;
}

export interface ReproductionOutcome {
  readonly outcome: 'equal' | 'unchanged' | 'expected' | 'differs';
  readonly why?: string;
  /** The number of trainings that the results are of. */
  readonly trainings: number;
  readonly outcomes: readonly TrainingOutcome[];
}

export interface ReproductionOptions extends Omit<AgainOptions, 'name'> {
  /** Trainings that are done again. */
  readonly sample: number;
  readonly seed: number;
  /** Where the images of the trainings lie here. */
  readonly from?: string;
}

/** Compare a reproduction's files with their manifest, and do a sample of its trainings again. */
export async function verifyReproduction(
  folder: string,
  o: ReproductionOptions,
): Promise<ReproductionOutcome> {
  const manifest = readMadeManifest(folder, command);
  const stages = stagesOf(manifest, folder);
  const onDisk = Object.fromEntries(
    Object.keys(manifest.files)
      .filter((name) => existsSync(join(folder, name)))
      .map((name) => [name, readFileSync(join(folder, name))]),
  );
  const wanted = new Set(stages.flatMap(({ weightsSha256 }) => weightsSha256));
  const end = (outcome: ReproductionOutcome['outcome'], why?: string): ReproductionOutcome => ({
    outcome,
    why,
    trainings: wanted.size,
    outcomes: [],
  });
  const changed = changedFiles(manifest, onDisk);
  if (changed !== undefined) return end('differs', changed);
  if (wanted.size === 0) return end('unchanged', 'its numbers need no training');
  const kept = keptTrainings(folder, stages, manifest);
  if (kept === undefined) return end('unchanged', 'its ledger is not there any more');
  const lost = [...wanted].filter((digest) => !kept.has(digest));
  if (lost.length > 0)
    return end(
      'differs',
      `the ledger has not ${lost.length} of its trainings, weights ${lost[0].slice(0, 16)} first`,
    );
  const outcomes = await sampled([...kept.values()], folder, o);
  const worst = (['differs', 'expected'] as const).find((outcome) =>
    outcomes.some((each) => each.outcome === outcome),
  );
  return { outcome: worst ?? 'equal', trainings: wanted.size, outcomes };
}

function stagesOf({ from }: MadeManifest, folder: string): StageTrainings[] {
  const isStage = (stage: Partial<StageTrainings> | null): boolean =>
    typeof stage?.ledgers === 'string' &&
    Array.isArray(stage.weightsSha256) &&
    stage.weightsSha256.every((digest) => /^[0-9a-f]{64}$/.test(String(digest)));
  const stages = Object.values((from.stages ?? {}) as Record<string, StageTrainings>);
  if (typeof from.stages === 'object' && stages.every(isStage)) return stages;
  throw new HbnnError(
    `${folder}: expected a manifest with the trainings of each stage, got one without; make it again with ${command}`,
  );
}

/** A line of a ledger, as far as it is read here. */
interface LedgerLine {
  readonly config: RunConfig;
  readonly data: { readonly label: string; readonly sha256: string };
  readonly weightsSha256: string;
  readonly top1: number;
  readonly backend: string;
  readonly commit: string;
  readonly machine: string;
  readonly node: string;
}

interface Kept extends KeptTraining {
  readonly data: LedgerLine['data'];
}

/** The trainings of a reproduction by the digests of their weights; undefined where no ledger is there. */
function keptTrainings(
  folder: string,
  stages: readonly StageTrainings[],
  { hbnn, platform }: MadeManifest,
): Map<string, Kept> | undefined {
  const places = [...new Set(stages.map(({ ledgers }) => resolve(folder, ledgers)))];
  const files = places.filter((place) => existsSync(place)).flatMap(ledgersIn);
  if (files.length === 0) return undefined;
  const wanted = new Set(stages.flatMap(({ weightsSha256 }) => weightsSha256));
  const kept = new Map<string, Kept>();
  for (const line of files.flatMap(linesOf)) {
    const { config, data, weightsSha256, top1, backend, commit, machine, node } = line;
    if (!wanted.has(weightsSha256)) continue;
    const cpu = machine.split(',')[0];
    const system = { hbnn, platform, cpu, commit, node };
    kept.set(weightsSha256, { config, data, weightsSha256, top1, backend, system });
  }
  return kept;
}

const ledgersIn = (place: string): string[] =>
  readdirSync(place)
    .filter((name) => name.endsWith('.jsonl'))
    .sort()
    .map((name) => join(place, name));

const texts = ['weightsSha256', 'backend', 'commit', 'machine', 'node'] as const;

/** The lines of a ledger. @throws HbnnError for one that is no finished training */
function linesOf(file: string): LedgerLine[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.flatMap((text, i) => {
    if (text.trim() === '') return [];
    let line: Partial<LedgerLine> | null = null;
    try {
      line = JSON.parse(text) as Partial<LedgerLine> | null;
    } catch {
      // It is refused below, as another line that is no training.
    }
    const isWhole =
      texts.every((field) => typeof line?.[field] === 'string') &&
      typeof line?.top1 === 'number' &&
      typeof line.data?.sha256 === 'string' &&
      typeof line.data.label === 'string' &&
      typeof line.config === 'object';
    if (isWhole) return [line as LedgerLine];
    throw new HbnnError(
      `${file}:${i + 1}: expected a finished training as JSON, got something else; restore the file`,
    );
  });
}

/** Draw a sample, and do it again. */
async function sampled(
  kept: readonly Kept[],
  folder: string,
  o: ReproductionOptions,
): Promise<TrainingOutcome[]> {
  if (o.sample > kept.length)
    throw new HbnnError(
      `--sample: expected at most the ${kept.length} trainings of ${folder}, got ${o.sample}; give fewer`,
    );
  const order = permutation(kept.length, random(o.seed, 'verify-results'));
  const outcomes: TrainingOutcome[] = [];
  for (const i of order.subarray(0, o.sample)) outcomes.push(await again(kept[i], o));
  return outcomes;
}

async function again(kept: Kept, o: ReproductionOptions): Promise<TrainingOutcome> {
  const { runConfig } = await import('@hbnn/train');
  const { network, weights, inputs, select, seed, data: dataName } = kept.config;
  const training = `${network}, weights ${weights}, inputs ${inputs}, ${select}, seed ${seed}`;
  const shown = { training, weightsSha256: kept.weightsSha256 };
  const isEmbedded = dataName === 'fashion-mnist-subset';
  const place = isEmbedded || o.from === undefined ? {} : { from: resolve(o.from) };
  const config = runConfig({ ...kept.config, ...place });
  const data = await openDataset(config.data, {
    ...config,
    onNote: noteTo(o),
    place: (option) => (option === 'from' ? '--from' : undefined),
  });
  const digest = await dataSha256(config, data);
  if (digest !== null && digest !== kept.data.sha256)
    return {
      ...shown,
      outcome: 'differs',
      why: `the images here are not those of ${kept.data.label} that it was trained on`,
    };
  return { ...shown, ...(await trainAgain(config, data, kept, { ...o, name: training })) };
}
