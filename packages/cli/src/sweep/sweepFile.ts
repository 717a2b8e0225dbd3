import { extname } from 'node:path';
import { HbnnError, isSeed, suggestion } from '@hbnn/core';
import { parseDocument } from 'yaml';
import { parsedJson, readText } from '../textFile.ts';

/** Settings of a training by the name of their field, as in `hbnn train --config`. */
export type Fields = Readonly<Record<string, unknown>>;

/** One setting of a sweep as its file asks for it. */
export interface AskedSetting {
  /** All its fields. */
  readonly fields: Fields;
  /** The fields that tell it from the others. */
  readonly values: Fields;
  /** What errors call a field: `sweep.yaml: grid.weights.0`. */
  readonly placeOf: (field: string) => string;
}

/** What a sweep's file asks for. */
export interface SweepRequest {
  readonly settings: readonly AskedSetting[];
  readonly seeds: readonly number[];
}

const sections = ['settings', 'grid', 'configurations', 'seeds'];
/** More than these are a slip rather than a sweep. */
const maxTrainings = 100_000;

/** A field's value with the place that it was written at. */
interface Placed {
  readonly place: string;
  readonly value: unknown;
}

type PlacedFields = ReadonlyMap<string, Placed>;

/**
 * Read what a sweep is to train: JSON, or YAML where the name ends in .yaml or .yml.
 *
 * @throws HbnnError naming the place in the file, what was expected and what came
 */
export function readSweepFile(file: string): SweepRequest {
  const parsed = parsedFile(file);
  const unknown = Object.keys(parsed).find((name) => !sections.includes(name));
  if (unknown !== undefined)
    throw new HbnnError(
      `${file}: expected ${sections.join(', ')}, got ${shown(unknown)}${suggestion(unknown, sections) || '; settings of trainings belong below settings, grid or configurations'}`,
    );
  const shared = placedFields(parsed.settings ?? {}, `${file}: settings`);
  const seeds = seedsOf(parsed.seeds ?? [1], `${file}: seeds`);
  const listed = configurationsOf(parsed.configurations, `${file}: configurations`);
  const grid = gridOf(parsed.grid ?? {}, `${file}: grid`);
  const count = [...grid.values()].reduce((product, values) => product * values.length, 1);
  const trainings = count * listed.length * seeds.length;
  if (trainings > maxTrainings)
    throw new HbnnError(
      `${file}: expected at most ${maxTrainings} trainings, got ${trainings}; give fewer values, or make several sweeps`,
    );
  refuseTwice([shared, ...listed], grid);
  const combined = combinations(grid);
  const settings = listed.flatMap((own) =>
    combined.map((choice) => askedSetting(file, shared, new Map([...own, ...choice]))),
  );
  return { settings, seeds };
}

function askedSetting(file: string, shared: PlacedFields, own: PlacedFields): AskedSetting {
  const placed = new Map([...shared, ...own]);
  const plain = (fields: PlacedFields): Fields =>
    Object.fromEntries([...fields].map(([name, { value }]) => [name, value]));
  return {
    fields: plain(placed),
    values: plain(own),
    placeOf(field) {
      const [top, ...below] = field.split('.');
      const place = placed.get(top)?.place ?? (top === '' ? file : `${file}: ${top}`);
      return [place, ...below].join('.');
    },
  };
}

function parsedFile(file: string): Fields {
  const text = readText(file);
  const isYaml = /^\.ya?ml$/i.test(extname(file));
  const parsed = isYaml
    ? yamlOf(text, file)
    : parsedJson(text, file, 'mend it, or name a YAML file .yaml');
  if (isObject(parsed)) return parsed;
  throw new HbnnError(
    `${file}: expected an object with ${sections.join(', ')}, got ${shown(parsed)}; write it as {"grid": {"weights": [1.4, 2]}, "seeds": [1, 2, 3]}`,
  );
}

function yamlOf(text: string, file: string): unknown {
  const document = parseDocument(text);
  const [fault] = [...document.errors, ...document.warnings];
  const faultOf = (message: string): HbnnError =>
    new HbnnError(`${file}: is not YAML (${message.split('\n')[0].replace(/:$/, '')}); mend it`);
  if (fault !== undefined) throw faultOf(fault.message);
  try {
    return document.toJS() as unknown;
  } catch (error) {
    throw faultOf((error as Error).message);
  }
}

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const shown = (value: unknown): string =>
  typeof value === 'string' ? `'${value}'` : (JSON.stringify(value) ?? 'none');

function placedFields(value: unknown, place: string): Map<string, Placed> {
  if (!isObject(value))
    throw new HbnnError(
      `${place}: expected an object of settings, got ${shown(value)}; write it as {"epochs": 3}`,
    );
  if (Object.hasOwn(value, 'seed')) throw seedFault(`${place}.seed`);
  return new Map(
    Object.entries(value).map(([name, field]) => [
      name,
      { place: `${place}.${name}`, value: field },
    ]),
  );
}

const seedFault = (place: string): HbnnError =>
  new HbnnError(
    `${place}: expected no seed here, since every setting is trained with each of the sweep's; list it below seeds`,
  );

function configurationsOf(value: unknown, place: string): PlacedFields[] {
  if (value === undefined) return [new Map()];
  if (!Array.isArray(value) || value.length === 0)
    throw new HbnnError(
      `${place}: expected a list of settings, got ${shown(value)}; write it as [{"weights": 1.4}, {"weights": "float"}]`,
    );
  return value.map((own: unknown, i) => placedFields(own, `${place}.${i}`));
}

function gridOf(value: unknown, place: string): Map<string, Placed[]> {
  const fields = placedFields(value, place);
  return new Map(
    [...fields].map(([name, { place: where, value: values }]) => {
      if (!Array.isArray(values) || values.length === 0)
        throw new HbnnError(
          `${where}: expected a list of values, got ${shown(values)}; write it as {"${name}": [1, 2]}, or put it below settings`,
        );
      const texts = values.map((each: unknown) => JSON.stringify(each));
      const twice = texts.findIndex((text, i) => texts.indexOf(text) !== i);
      if (twice >= 0)
        throw new HbnnError(
          `${where}: expected different values, got ${texts[twice]} twice; leave one of the two out`,
        );
      return [
        name,
        values.map((each: unknown, i) => ({ place: `${where}.${i}`, value: each })),
      ] as const;
    }),
  );
}

/** Refuse a field that the grid sets and a configuration, or the settings of all, too: one of the two would count for nothing. */
function refuseTwice(listed: readonly PlacedFields[], grid: ReadonlyMap<string, unknown>): void {
  for (const own of listed)
    for (const [name, { place }] of own)
      if (grid.has(name))
        throw new HbnnError(
          `${place}: expected a field that grid does not vary, got ${name}; leave one of the two out`,
        );
}

/** Every combination of the grid's values; the last field changes fastest. */
const combinations = (grid: ReadonlyMap<string, readonly Placed[]>): PlacedFields[] =>
  [...grid].reduce<PlacedFields[]>(
    (before, [name, values]) =>
      before.flatMap((choice) => values.map((value) => new Map([...choice, [name, value]]))),
    [new Map()],
  );

function seedsOf(value: unknown, place: string): number[] {
  const isCount = typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
  if (isCount && value <= maxTrainings) return Array.from({ length: value }, (_, i) => i + 1);
  const isList = Array.isArray(value) && value.length > 0;
  if (!isList || !value.every(isSeed))
    throw new HbnnError(
      `${place}: expected a list of whole numbers from 0 on, or how many there are from 1 on, got ${shown(value)}; write it as [1, 2, 3], or as 3`,
    );
  const seeds = value as number[];
  const twice = seeds.find((seed, i) => seeds.indexOf(seed) !== i);
  if (twice === undefined) return seeds;
  throw new HbnnError(
    `${place}: expected different seeds, got ${twice} twice; leave one of the two out`,
  );
}
