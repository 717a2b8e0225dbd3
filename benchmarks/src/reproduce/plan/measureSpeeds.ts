import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProgressMeter } from '@hbnn/cli/progress';
import { type BackendChoice, runConfig } from '@hbnn/train';
import { codeDigests } from '../ledger/codeDigest.ts';
import type { LedgerLine } from '../ledger/ledger.ts';
import { trainAll } from '../trainingPool.ts';
import type { Design, DesignSetting } from './design.ts';

/** Long enough that starting up is not most of it: the first steps compile and allocate, and are not timed. */
const timedSteps = 400;

/**
 * Train each setting of a design for some steps, and return images per processor second by setting. Settings that
 * differ only in their length have one speed, which is measured once.
 */
export async function measureSpeeds(
  design: Design,
  o: { from?: string; jobs?: number; backend: BackendChoice; meter: ProgressMeter },
): Promise<Map<string, number>> {
  const groups = new Map<string, DesignSetting[]>();
  for (const setting of design.parts.flatMap((part) => part.settings)) {
    const { epochs: _, ...config } = setting.config;
    const text = JSON.stringify(config);
    groups.set(text, [...(groups.get(text) ?? []), setting]);
  }
  const tasks = [...groups.values()].map(([{ id, config }, ...others]) => ({
    stage: id,
    ids: [id, ...others.map((other) => other.id)],
    key: id.replaceAll(/[^\w.]+/g, '-'),
    config: runConfig({
      ...design.common,
      ...config,
      from: o.from,
      maxSteps: timedSteps,
      testLimit: 1000,
    }),
  }));
  const cache = mkdtempSync(join(tmpdir(), 'hbnn-speed-'));
  const speeds = new Map<string, number>();
  try {
    await trainAll(tasks, {
      cache,
      jobs: o.jobs,
      backend: o.backend,
      meter: o.meter,
      code: codeDigests(),
      done: 0,
      onTrained: (key: string, { imagesPerCpuSecond }: LedgerLine) => {
        const task = tasks.find((each) => each.key === key);
        if (imagesPerCpuSecond !== undefined)
          for (const each of task?.ids ?? []) speeds.set(each, imagesPerCpuSecond);
      },
    });
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
  return speeds;
}
