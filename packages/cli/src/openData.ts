import { existsSync } from 'node:fs';
import { type Dataset, type OpenOptions, openDataset } from '@hbnn/datasets';
import type { OutputOptions } from './output.ts';
import { type ProgressMeter, progressMeter } from './progress.ts';
import { camel } from './trainFlags.ts';
import { missing } from './unreadable.ts';

/** Opening takes so long before its progress is shown, in milliseconds. */
const quietMs = 1000;

/**
 * Open a data set by name, with progress where it takes a while: every image of a folder is read once.
 *
 * @param place what errors call an option; undefined for one that the command does not have
 * @param output `quiet` leaves out progress and notes
 * @throws HbnnError as `openDataset`
 */
export async function openData(
  name: string,
  o: OpenOptions,
  place: (option: string) => string | undefined,
  output: OutputOptions,
): Promise<Dataset> {
  if (o.from !== undefined && !existsSync(o.from))
    throw missing(
      `${place('from') ?? 'from'}: ${o.from}`,
      'file or folder',
      name === 'folder' ? 'name a folder of images' : `name the files of ${name}`,
    );
  const begun = performance.now();
  let meter: ProgressMeter | undefined;
  const onProgress = (text: string, done: number, total = done): void => {
    if (performance.now() - begun < quietMs || done === total) return;
    meter ??= progressMeter('opening', output);
    meter.update(done, total, text);
  };
  try {
    return await openDataset(name, { ...o, onProgress, onNote: noteTo(output), place });
  } finally {
    meter?.stop();
  }
}

/** Prints what is worth knowing of data, unless nothing but results is asked for. */
export const noteTo =
  ({ quiet }: OutputOptions) =>
  (text: string): void => {
    if (!quiet) process.stderr.write(`note: ${text}\n`);
  };

/** What errors call the options of a command whose flags are these: `--test-limit` is `testLimit`. */
export const placeAmong =
  (...flags: readonly string[]) =>
  (option: string): string | undefined =>
    flags.find((flag) => camel(flag) === option);
