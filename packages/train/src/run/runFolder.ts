import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HbnnError } from '@hbnn/core';
import { configDifference, type RunConfig, runConfig } from '../config.ts';
import { makeFolder, removeFile, writeWhole } from '../tensorFile.ts';
import { lockRunFolder, type RunLock, refuseLocked } from './runLock.ts';
import type { RunOptions, RunResult } from './runResult.ts';

/** The configuration a run folder was made with. */
export function storedConfig(dir: string): RunConfig {
  const file = join(dir, 'config.json');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    throw new HbnnError(
      `${dir}: expected a run folder with config.json, found none; make one with 'hbnn train --out ${dir}'`,
    );
  }
  try {
    return runConfig(JSON.parse(text), file);
  } catch (error) {
    if (error instanceof HbnnError) throw error;
    throw new HbnnError(`${file}: is not JSON (${(error as Error).message})`);
  }
}

/** Check that a folder is this run's or none's yet; returns the result when the run has ended. */
export function checkRunFolder(
  config: RunConfig,
  o: Pick<RunOptions, 'dir' | 'resume'>,
): RunResult | undefined {
  const file = join(o.dir, 'config.json');
  if (!existsSync(file)) return undefined;
  if (!o.resume) {
    refuseLocked(o.dir);
    throw new HbnnError(
      `${o.dir}: holds a run already; go on with it by --resume, or choose another folder`,
    );
  }
  const difference = configDifference(storedConfig(o.dir), config);
  if (difference !== undefined) {
    throw new HbnnError(
      `${file}: is of another configuration than the one to resume (${difference}); choose another folder`,
    );
  }
  return storedResult(o.dir);
}

/** The result of a finished run; undefined while its weights or its result are not there (any more). */
function storedResult(dir: string): RunResult | undefined {
  const file = join(dir, 'result.json');
  if (!existsSync(file) || !existsSync(join(dir, 'weights.bin'))) return undefined;
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as RunResult;
  } catch (error) {
    throw new HbnnError(
      `${file}: could not be read (${(error as Error).message}); delete it and resume to write it again`,
    );
  }
}

/**
 * Make a run folder, or enter it, and take it for this process.
 *
 * @returns what gives it back, and says whether it is still this process's
 */
export async function takeRunFolder(
  o: Pick<RunOptions, 'dir' | 'waitSeconds' | 'takeOverSeconds' | 'onWait' | 'signal'>,
): Promise<RunLock> {
  const { dir } = o;
  try {
    makeFolder(dir);
  } catch (error) {
    throw new HbnnError(
      `${dir}: could not be made (${(error as Error).message}); choose another folder`,
    );
  }
  return lockRunFolder(dir, o);
}

/** Clear a folder of this process of what a killed one left half-written, and leave the configuration there. */
export function settleRunFolder(config: RunConfig, dir: string): void {
  for (const name of readdirSync(dir).filter((entry) => /\.\d+\.tmp$/.test(entry))) {
    removeFile(join(dir, name));
  }
  const file = join(dir, 'config.json');
  if (!existsSync(file)) writeWhole(file, `${JSON.stringify(config, null, 2)}\n`);
}
