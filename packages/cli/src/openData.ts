import { type Dataset, type OpenOptions, openDataset } from '@hbnn/datasets';
import { type ProgressMeter, progressMeter } from './progress.ts';

/** Opening takes so long before its progress is shown, in milliseconds. */
const quietMs = 1000;

/**
 * Open a data set by name, with progress where it takes a while: every image of a folder is read once.
 *
 * @throws HbnnError as `openDataset`
 */
export async function openData(name: string, o: OpenOptions): Promise<Dataset> {
  const begun = performance.now();
  let meter: ProgressMeter | undefined;
  const onProgress = (text: string, done: number, total = done): void => {
    if (performance.now() - begun < quietMs || done === total) return;
    meter ??= progressMeter('opening');
    meter.update(done, total, text);
  };
  try {
    return await openDataset(name, { ...o, onProgress });
  } finally {
    meter?.stop();
  }
}
