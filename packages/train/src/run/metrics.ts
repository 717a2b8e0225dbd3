import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HbnnError } from '@hbnn/core';
import { writeWhole } from '../tensorFile.ts';

/** One line of metrics.jsonl: where a training stood after a step. */
export interface MetricsLine {
  readonly step: number;
  readonly epoch: number;
  /** Mean over the epoch so far, on the images as they were seen. */
  readonly loss: number;
  readonly accuracy: number;
  readonly imagesPerSecond: number;
  /** Learning rate of the step. */
  readonly learningRate?: number;
  /** Training time so far, over all sittings. */
  readonly seconds?: number;
  /** On the validation images, after the last step of an epoch. */
  readonly validationLoss?: number;
  readonly validationAccuracy?: number;
}

const metricsFile = (dir: string): string => join(dir, 'metrics.jsonl');

/**
 * Read a run folder's metrics, in order of steps; damaged lines are left out.
 *
 * @throws HbnnError when there are none
 */
export function readMetrics(dir: string): MetricsLine[] {
  const file = metricsFile(dir);
  if (!existsSync(file)) {
    throw new HbnnError(
      `${dir}: expected a run folder with metrics.jsonl, found none; make one with 'hbnn train --out ${dir}'`,
    );
  }
  return linesOf(file).flatMap((line) => parsed(line) ?? []);
}

/** The test accuracy of a run that has ended, 0 … 1; undefined for one that has not. */
export function readTestAccuracy(dir: string): number | undefined {
  try {
    const { top1 } = JSON.parse(readFileSync(join(dir, 'result.json'), 'utf8')) as {
      top1?: unknown;
    };
    return typeof top1 === 'number' ? top1 : undefined;
  } catch {
    return undefined;
  }
}

/** Drop the lines of steps after the checkpoint, which will be written again, and damaged ones. */
export function cutMetrics(dir: string, step: number): void {
  const file = metricsFile(dir);
  if (!existsSync(file)) return;
  const kept = linesOf(file).filter((line) => (parsed(line)?.step ?? Number.NaN) <= step);
  writeWhole(file, kept.map((line) => `${line}\n`).join(''));
}

export function appendMetrics(dir: string, line: MetricsLine): void {
  const file = metricsFile(dir);
  try {
    appendFileSync(file, `${JSON.stringify(line)}\n`);
  } catch (error) {
    throw new HbnnError(
      `${file}: could not be written (${(error as Error).message}); free disk space and resume`,
    );
  }
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch (error) {
    throw new HbnnError(`${file}: could not be read (${(error as Error).message}); delete it`);
  }
}

function parsed(line: string): MetricsLine | undefined {
  try {
    const value = JSON.parse(line) as MetricsLine | null;
    return typeof value?.step === 'number' ? value : undefined;
  } catch {
    return undefined;
  }
}
