import { HbnnError } from '@hbnn/core';
import { allFlags, camel, nameOf } from '../trainFlags.ts';

/** A flag of training as typed, with each of its values. */
export interface FlagValues {
  /** `--weights`. */
  readonly flag: string;
  readonly values: readonly string[];
}

/** Values of some flags, one for each: what one setting was typed as. */
export type Choice = ReadonlyMap<string, string>;

/** Flags whose own values have commas: they are given again for each value. */
const withCommas: readonly string[] = [
  '--augment',
  '--from',
  ...allFlags.filter(({ kind }) => kind === 'wholes' || kind === 'texts').map(nameOf),
];

/** Flags of training that the configuration's list does not have. */
const stopFlags = ['--patience', '--min-epochs'];

/** Every flag that settings may differ in. */
export const variedFlags: readonly string[] = [
  ...allFlags
    .filter(({ kind }) => kind !== 'switch')
    .map(nameOf)
    .filter((flag) => flag !== '--seed'),
  ...stopFlags,
];

/**
 * The values of each flag that was typed.
 *
 * @param options texts by the option's name, one for each time the flag was given
 * @throws HbnnError where a value is empty or given twice
 */
export function flagValues(options: Readonly<Record<string, unknown>>): FlagValues[] {
  return variedFlags.flatMap((flag) => {
    const texts = options[camel(flag)] as readonly string[] | undefined;
    if (texts === undefined) return [];
    const values = withCommas.includes(flag) ? texts : texts.flatMap((text) => text.split(','));
    if (values.some((value) => value.trim() === ''))
      throw new HbnnError(
        `${flag}: expected values between commas, got '${texts.join(' ')}'; leave out the comma too many, as in 1.4,2`,
      );
    const twice = values.find((value, i) => values.indexOf(value) !== i);
    if (twice !== undefined)
      throw new HbnnError(
        `${flag}: expected different values, got '${twice}' twice; leave one of the two out`,
      );
    return [{ flag, values }];
  });
}

/** The flags with more than one value. */
export const varied = (typed: readonly FlagValues[]): FlagValues[] =>
  typed.filter(({ values }) => values.length > 1);

/** Each combination of the flags' values; the last flag changes fastest. */
export function choices(typed: readonly FlagValues[]): Choice[] {
  return typed.reduce<Choice[]>(
    (before, { flag, values }) =>
      before.flatMap((choice) => values.map((value) => new Map([...choice, [flag, value]]))),
    [new Map()],
  );
}

/** What a setting is called: the flags that vary, with its values. */
export const settingName = (choice: Choice, differing: readonly FlagValues[]): string =>
  differing.map(({ flag }) => `${flag.slice(2)} ${choice.get(flag)}`).join(', ');

/** The folder of a setting's runs, which is not one of those taken. */
export function folderName(name: string, taken: ReadonlySet<string>): string {
  const plain = name.replace(/, /g, '_').replace(/[^A-Za-z0-9._=-]+/g, '-');
  for (let n = 1; ; n++) {
    const folder = n === 1 ? plain : `${plain}-${n}`;
    if (!taken.has(folder)) return folder;
  }
}
