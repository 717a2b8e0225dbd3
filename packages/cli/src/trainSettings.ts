import { readFileSync } from 'node:fs';
import { HbnnError } from '@hbnn/core';
import { wholeNumber } from './numbers.ts';
import { flagSettings } from './trainFlags.ts';
import { unreadable } from './unreadable.ts';

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
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw unreadable(file, error);
  }
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) {
      return { ...parsed };
    }
  } catch (error) {
    throw new HbnnError(
      `${file}: is not JSON (${(error as Error).message.replaceAll('\n', ' ')}); name a file of settings such as the config.json of a run`,
    );
  }
  throw new HbnnError(`${file}: expected a JSON object of settings; write it as {"epochs": 3}`);
}
