import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Dataset } from '@hbnn/datasets';
import type { RunConfig, RunResult } from '@hbnn/train';
import { backendFrom } from './backend.ts';
import type { OutputOptions } from './output.ts';
import { progressMeter } from './progress.ts';
import { presentSystem, type RunManifest } from './runManifest.ts';

/** How a training that is done again compares with what was kept of it. */
export interface AgainOutcome {
  readonly outcome: 'equal' | 'expected' | 'differs';
  readonly why?: string;
  /** Digest of the second training's weights; absent where training made no sense. */
  readonly again?: string;
}

/** What a training ran on and with. */
type System = Pick<RunManifest, 'hbnn' | 'node' | 'platform' | 'cpu' | 'commit'>;

/** What was kept of a training. */
export interface KeptTraining
  extends Pick<RunResult, 'config' | 'weightsSha256' | 'top1' | 'backend'> {
  /** Undefined where nothing says it, as of runs of earlier versions. */
  readonly system: System | undefined;
}

export interface AgainOptions extends OutputOptions {
  /** Left out: the one it was trained on. */
  readonly backend?: string;
  /** What the progress line calls it. */
  readonly name: string;
  readonly signal: AbortSignal;
}

/** Train from the start in a temporary folder, and compare weights and score bit by bit. */
export async function trainAgain(
  config: RunConfig,
  data: Dataset,
  kept: KeptTraining,
  o: AgainOptions,
): Promise<AgainOutcome> {
  const { runTraining } = await import('@hbnn/train');
  const { name: backend } = await backendFrom(o.backend ?? kept.backend, { quiet: o.quiet });
  const temporary = mkdtempSync(join(tmpdir(), 'hbnn-verify-'));
  const meter = progressMeter('training again', o);
  try {
    const { weightsSha256: again, top1 } = await runTraining(config, data, {
      dir: join(temporary, 'run'),
      backend,
      signal: o.signal,
      onProgress: ({ step, steps }) => meter.update(step, steps, o.name),
    });
    if (again === kept.weightsSha256 && top1 === kept.top1) return { again, outcome: 'equal' };
    const reasons = reasonsOf(kept, backend);
    if (reasons.length > 0) return { again, outcome: 'expected', why: reasons.join('; ') };
    const why = 'the same backend, version and system gave other weights or scores';
    return { again, outcome: 'differs', why };
  } finally {
    meter.stop();
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** Why a difference is to be expected: what the weights depend on and is another now. */
function reasonsOf({ backend: before, system }: KeptTraining, backend: string): string[] {
  const reasons = before === backend ? [] : [`backend ${before} then, ${backend} now`];
  if (system === undefined) return [...reasons, 'the run has no manifest that says its version'];
  const now = presentSystem();
  // JavaScript's own functions may change with Node; sums of native libraries with the processor.
  const fields = [
    'hbnn',
    'platform',
    'commit',
    ...(backend === 'wasm' ? [] : (['node', 'cpu'] as const)),
  ] as const;
  for (const field of fields)
    if (
      system[field] !== now[field] &&
      !(field === 'commit' && sameTrainingSources(system.commit, now.commit))
    )
      reasons.push(`${field} ${system[field]} then, ${now[field]} now`);
  return reasons;
}

/** Folders of a checkout whose files decide what a training comes to. */
const trainingSources = ['packages/core/src', 'packages/train/src', 'packages/wasm', 'datasets'];

const commitName = /^[0-9a-f]{40}$/;

/** Whether the files of two commits and of the checkout train the same; false where that cannot be told. */
function sameTrainingSources(then: string | null, now: string | null): boolean {
  if (then === null || now === null || !commitName.test(then)) return false;
  try {
    const git = (...args: readonly string[]): string =>
      execFileSync('git', args, {
        cwd: dirname(fileURLToPath(import.meta.url)),
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      });
    const places = trainingSources.map((folder) => `:/${folder}`);
    return git('diff', '--name-only', then, '--', ...places).trim() === '';
  } catch {
    // The commit is not in this checkout.
    return false;
  }
}
