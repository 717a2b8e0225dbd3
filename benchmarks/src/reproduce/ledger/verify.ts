import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProgressMeter } from '@hbnn/cli/progress';
import { HbnnError, permutation, random } from '@hbnn/core';
import { type BackendChoice, runConfig } from '@hbnn/train';
import { trainAll } from '../trainingPool.ts';
import type { TrainingTask } from '../trainingTask.ts';
import { changedPackages, codeDigests } from './codeDigest.ts';
import { localDataIdentity } from './dataIdentity.ts';
import { type LedgerLine, trainingKey } from './ledger.ts';

/** Draw lines of a ledger without repetition; the same seed and ledger give the same lines. */
export function drawLines(lines: readonly LedgerLine[], count: number, seed: number): LedgerLine[] {
  if (lines.length < count) {
    throw new HbnnError(
      `--verify: expected at most the ${lines.length} trainings of the ledger, got ${count}; ask for fewer`,
    );
  }
  const order = permutation(lines.length, random(seed, 'verify'));
  return [...order.subarray(0, count)].map((i) => lines[i]);
}

const minPrefix = 6;

/** Find the lines whose digests of weights begin as told. */
export function linesByWeights(
  lines: readonly LedgerLine[],
  prefixes: readonly string[],
): LedgerLine[] {
  return prefixes.map((prefix) => {
    const found = lines.filter(({ weightsSha256 }) => weightsSha256.startsWith(prefix));
    if (prefix.length < minPrefix || found.length !== 1) {
      throw new HbnnError(
        `--verify-weights: expected the first ${minPrefix} or more digits of one training's weightsSha256, got ` +
          `'${prefix}', which ${found.length} trainings have; benchmarks/results/ledger has them all`,
      );
    }
    return found[0];
  });
}

/** One training done again beside its line in the ledger. */
export interface Verification {
  readonly line: LedgerLine;
  readonly again: LedgerLine;
  readonly equal: boolean;
  /** Packages whose training sources differ from those of the line. */
  readonly changed: readonly string[];
}

export interface VerifyOptions {
  readonly from?: string;
  readonly cache: string;
  readonly jobs?: number;
  readonly meter: ProgressMeter;
}

/**
 * Do trainings of a ledger again from their start, and compare the digests of their weights.
 *
 * @throws HbnnError when the images here are others than those of a line
 */
export async function verifyLines(
  lines: readonly LedgerLine[],
  o: VerifyOptions,
): Promise<Verification[]> {
  const code = codeDigests();
  const tasks: TrainingTask[] = [];
  for (const line of lines) {
    const local = line.config.data === 'fashion-mnist-subset' ? {} : { from: o.from };
    const config = runConfig({ ...line.config, ...local });
    const { sha256, label } = await localDataIdentity(config, o.cache);
    if (sha256 !== line.data.sha256) {
      throw new HbnnError(
        `--from: expected the images of ${line.data.label} with SHA-256 ${line.data.sha256}, got ${label} with ` +
          `${sha256}; pass the images the ledger was trained on, in the same form and order`,
      );
    }
    tasks.push({ stage: 'verify', config, key: trainingKey(config, sha256) });
  }
  // A folder of its own: nothing of an earlier training may be taken.
  const cache = mkdtempSync(join(tmpdir(), 'hbnn-verify-'));
  const again = new Map<string, LedgerLine>();
  try {
    const { jobs, meter } = o;
    // A ledger's backend is one that ran there; its name is also the choice of it.
    for (const backend of new Set(lines.map((line) => line.backend as BackendChoice))) {
      const of = tasks.filter((_, i) => lines[i].backend === backend);
      const onTrained = (key: string, line: LedgerLine): void => void again.set(key, line);
      await trainAll(of, { cache, jobs, backend, code, meter, done: again.size, onTrained });
    }
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
  return lines.map((line, i) => {
    const found = again.get(tasks[i].key) as LedgerLine;
    const equal = found.weightsSha256 === line.weightsSha256 && found.top1 === line.top1;
    return { line, again: found, equal, changed: changedPackages(line.code, code) };
  });
}

/** A training in a few words. */
export function trainingText({ config }: LedgerLine): string {
  const { network, widthMultiplier, weights, inputs, select, mapPer, epochs, seed } = config;
  const width = widthMultiplier === undefined ? '' : ` with ${widthMultiplier} × the channels,`;
  const bits = `${weights}/${inputs}`;
  const rule =
    weights === 'float' ? '' : ` ${select}${mapPer === 'element' ? '' : ` per ${mapPer}`}`;
  return `${network}${width} weights/inputs ${bits}${rule}, ${epochs} epochs, seed ${seed}`;
}

/** What a verification found, a line of text each. */
export function verificationText({ line, again, equal, changed }: Verification): string {
  const short = (digest: string): string => digest.slice(0, 12);
  const code = changed.length > 0 ? `; sources of ${changed.join(', ')} differ` : '';
  const verdict = equal
    ? `the same weights, ${short(line.weightsSha256)}`
    : `other weights: ${short(line.weightsSha256)} in the ledger, ${short(again.weightsSha256)} now ` +
      `(top-1 ${(100 * line.top1).toFixed(2)} and ${(100 * again.top1).toFixed(2)} %)`;
  return `${equal ? 'equal ' : 'DIFFERS'} ${trainingText(line)}: ${verdict}${code}`;
}
