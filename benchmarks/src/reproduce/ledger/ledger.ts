import { createHash } from 'node:crypto';
import {
  appendFileSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HbnnError } from '@hbnn/core';
import { type RunConfig, type RunResult, runConfig, writeWhole } from '@hbnn/train';
import { z } from 'zod';
import { type CodeDigests, trainingPackages } from './codeDigest.ts';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const measure = z.strictObject({ loss: z.number(), accuracy: z.number() });
const share = z.number().min(0).max(1);
const count = z.number().int().nonnegative();

const code = z.strictObject(
  Object.fromEntries(trainingPackages.map((name) => [name, z.string()])) as Record<
    keyof CodeDigests,
    z.ZodString
  >,
);

const schema = z.strictObject({
  /** The whole configuration with its seed; where local data lie is left out. */
  config: z.record(z.string(), z.unknown()),
  data: z.strictObject({ label: z.string(), sha256 }),
  trainImages: count,
  testImages: count,
  top1: share,
  top5: share,
  testLoss: z.number(),
  /** Mean training cross-entropy of the last epoch. */
  trainLoss: z.number(),
  /** Training images as they were seen, epoch by epoch, and validation images where there are any. */
  epochs: z.array(measure.extend({ epoch: count, validation: measure.optional() })).readonly(),
  best: measure.extend({ epoch: count }).optional(),
  stoppedEarly: z.boolean().optional(),
  steps: count,
  parameters: count,
  /** Bits per weight on average, of layers with a quantizer of another paper. */
  weightBits: z.number().positive().optional(),
  weightsSha256: sha256,
  /** Training time over all sittings. */
  seconds: z.number(),
  imagesPerSecond: z.number(),
  /** Speed of the last sitting, which other work on the machine does not change; absent where it was too short. */
  imagesPerCpuSecond: z.number().optional(),
  backend: z.string(),
  code,
  commit: z.string(),
  machine: z.string(),
  node: z.string(),
  tensorflow: z.string(),
  /** When the training ended, ISO 8601. */
  ended: z.string(),
});

/** One finished training: what it was, what it came to, and all that is needed to do it again. */
export interface LedgerLine extends Omit<z.output<typeof schema>, 'config'> {
  readonly config: RunConfig;
}

const results = (path: string): string =>
  fileURLToPath(new URL(`../../../results/${path}`, import.meta.url));

/** Ledgers that are part of the repository. */
export const committedLedgers = results('ledger');
/** Ledgers of a user's own trainings, which git ignores. */
export const ownLedgers = results('own/ledger');

/** A configuration without where its data lie, which decides nothing. */
function configOf({ from: _, ...config }: RunConfig): RunConfig {
  return config;
}

/** A training's name: equal for equal configurations, seeds and images. */
export function trainingKey(config: RunConfig, dataSha256: string): string {
  const text = JSON.stringify(configOf(config)) + dataSha256;
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/**
 * Read one line of a ledger.
 *
 * @throws HbnnError naming the place, what it expects and what came
 */
function parseLine(text: string, where: string): LedgerLine {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new HbnnError(
      `${where}: expected a finished training as JSON, got something else (${(error as Error).message}); ` +
        'restore the file from git',
    );
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new HbnnError(
      `${where}, ${issue.path.join('.') || 'line'}: ${issue.message}; restore the file from git`,
    );
  }
  return { ...parsed.data, config: runConfig(parsed.data.config, `${where}, config`) };
}

/** The finished trainings of one ledger, in the order they ended; none where there is no such file. */
export function readLedger(file: string): LedgerLine[] {
  if (!existsSync(file)) return [];
  return wholeLines(readFileSync(file, 'utf8')).map((text, i) =>
    parseLine(text, `${basename(file)}:${i + 1}`),
  );
}

/** The lines of a text; what a crash left of a last one is none, and its training comes again from the cache. */
function wholeLines(text: string): string[] {
  const lines = text.split('\n');
  const last = lines.pop() as string;
  return isJson(last) ? [...lines, last] : lines;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The finished trainings of all ledgers of a folder. */
export function readLedgers(folder: string): LedgerLine[] {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((name) => name.endsWith('.jsonl'));
  return files.sort().flatMap((name) => readLedger(join(folder, name)));
}

/** A line of a ledger, which can be read again. */
function lineText(line: LedgerLine): string {
  const text = `${JSON.stringify({ ...line, config: configOf(line.config) })}\n`;
  parseLine(text, 'ledger');
  return text;
}

/** Write a ledger of one training, in the place of what is there. */
export const writeLine = (file: string, line: LedgerLine): void => writeWhole(file, lineText(line));

/**
 * Add a finished training to a ledger: the whole line in one write at the file's end, flushed, so that neither a
 * crash nor a second process leaves half a line between others.
 */
export function appendLine(file: string, line: LedgerLine): void {
  const text = lineText(line);
  mkdirSync(dirname(file), { recursive: true });
  endLastLine(file);
  const handle = openSync(file, 'a');
  try {
    writeSync(handle, text);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Give a last line its end, or take away what a crash left of one. */
function endLastLine(file: string): void {
  if (!existsSync(file)) return;
  const text = readFileSync(file, 'utf8');
  const start = text.lastIndexOf('\n') + 1;
  if (start === text.length) return;
  if (isJson(text.slice(start))) appendFileSync(file, '\n');
  else truncateSync(file, Buffer.byteLength(text.slice(0, start)));
}

/** A ledger's line as the training's result, for reports. */
export function resultOf(line: LedgerLine): RunResult {
  return {
    config: line.config,
    backend: line.backend,
    data: line.data.label,
    trainImages: line.trainImages,
    top1: line.top1,
    top5: line.top5,
    testLoss: line.testLoss,
    testImages: line.testImages,
    trainLoss: line.trainLoss,
    epochs: line.epochs,
    best: line.best,
    stoppedEarly: line.stoppedEarly,
    steps: line.steps,
    parameters: line.parameters,
    weightBits: line.weightBits,
    weightsSha256: line.weightsSha256,
    seconds: line.seconds,
  };
}
