import { HbnnError } from '@hbnn/core';
import { wholeNumber } from './numbers.ts';
import { parsedJson, readText } from './textFile.ts';
import { flagSettings } from './trainFlags.ts';

/** What was typed of the settings: texts of flags by the name of their option. */
export interface TypedSettings extends Readonly<Record<string, unknown>> {
  readonly config?: string;
  readonly patience?: string;
  readonly minEpochs?: string;
}

/** The configuration: file, then flags. */
export function settings(o: TypedSettings): Record<string, unknown> {
  const merged = o.config === undefined ? {} : readConfig(o.config);
  Object.assign(merged, flagSettings(o));
  if (o.patience !== undefined || o.minEpochs !== undefined)
    merged.earlyStop = earlyStop(o, merged);
  return merged;
}

function earlyStop(o: TypedSettings, { earlyStop: before }: Record<string, unknown>): object {
  if (o.patience === undefined && before === undefined) {
    throw new HbnnError('--min-epochs: has no effect without early stopping; give --patience too');
  }
  return {
    ...(typeof before === 'object' && before),
    ...(o.patience !== undefined && { patience: wholeNumber(o.patience, '--patience') }),
    ...(o.minEpochs !== undefined && { minEpochs: wholeNumber(o.minEpochs, '--min-epochs') }),
  };
}

function readConfig(file: string): Record<string, unknown> {
  const wayOut = 'name a file of settings such as the config.json of a run';
  const parsed = parsedJson(readText(file, wayOut), file, wayOut);
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return { ...parsed };
  throw new HbnnError(`${file}: expected a JSON object of settings; write it as {"epochs": 3}`);
}
