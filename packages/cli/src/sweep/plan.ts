import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HbnnError, isSeed } from '@hbnn/core';
import { ignoredOptions } from '@hbnn/datasets';
import type { RunConfig } from '@hbnn/train';
import { folderName } from '../compare/grid.ts';
import { refuseNoBits, refuseWithoutEffect } from '../effect.ts';
import { allFlags, nameOf } from '../trainFlags.ts';
import type { AskedSetting, Fields, SweepRequest } from './sweepFile.ts';

/** One setting of a sweep. */
interface SweepSetting {
  /** `weights 1.4, select random`. */
  readonly name: string;
  /** The folder of its runs, inside the sweep's `runs`. */
  readonly folder: string;
  /** The fields that tell it from the others. */
  readonly values: Fields;
  /** The configuration with the first seed. */
  readonly config: RunConfig;
}

/** What a sweep trains, kept in its folder as `sweep.json`. */
export interface SweepPlan {
  readonly format: typeof format;
  /** Tells the sweep from any other, in a queue that several have jobs in. */
  readonly id: string;
  /** The backend of all its trainings: results of different ones are not comparable. */
  readonly backend: string;
  readonly settings: readonly SweepSetting[];
  readonly seeds: readonly number[];
}

/** One training of a sweep. */
export interface SweepJob {
  /** `weights-1.4/seed-1`: its name, and its folder inside `runs`. */
  readonly name: string;
  readonly setting: SweepSetting;
  readonly config: RunConfig;
  readonly dir: string;
}

const format = 'HBNN sweep, version 1';

export const sweepFile = (out: string): string => join(out, 'sweep.json');

/** Every setting with every seed, in the order of the results. */
export const jobsOf = (plan: SweepPlan, out: string): SweepJob[] =>
  plan.settings.flatMap((setting) =>
    plan.seeds.map((seed) => {
      const name = `${setting.folder}/seed-${seed}`;
      return { name, setting, config: { ...setting.config, seed }, dir: join(out, 'runs', name) };
    }),
  );

/**
 * Make the plan of a sweep, its backend still to be chosen; each setting is checked as a training's is.
 *
 * @throws HbnnError naming the place in the file, or two settings that train the same
 */
export async function planOf(request: SweepRequest): Promise<SweepPlan> {
  const { runConfig } = await import('@hbnn/train');
  const settings: SweepSetting[] = [];
  const names = new Map<string, string>();
  const folders = new Set<string>();
  for (const asked of request.settings) {
    const config = runConfig({ ...asked.fields, seed: request.seeds[0] }, asked.placeOf);
    refuseVainFields(asked, config);
    refuseNoBits(config, asked.placeOf);
    const name = nameOfSetting(asked.values);
    const key = JSON.stringify(config);
    const same = names.get(key);
    if (same !== undefined)
      throw new HbnnError(
        `${asked.placeOf('')}: expected settings that differ, got '${same}' and '${name}', which train the same; leave one out`,
      );
    names.set(key, name);
    const folder = folderName(shortened(name), folders);
    folders.add(folder);
    settings.push({ name, folder, values: asked.values, config });
  }
  const id = randomBytes(8).toString('hex');
  return { format, id, backend: 'auto', settings, seeds: request.seeds };
}

/** Refuse a field that is varied and changes nothing: its values would train the same. */
function refuseVainFields({ values, placeOf }: AskedSetting, config: RunConfig): void {
  const typed = allFlags
    .filter(({ field }) => Object.hasOwn(values, field))
    .map((flag): [string, string] => [nameOf(flag), flag.field]);
  for (const [flag, field] of typed) {
    try {
      refuseWithoutEffect(new Map([[flag, field]]), config, ignoredOptions(config.data));
    } catch (error) {
      if (!(error instanceof HbnnError)) throw error;
      throw new HbnnError(error.message.replace(`${flag}:`, `${placeOf(field)}:`));
    }
  }
}

const valueText = (value: unknown): string =>
  Array.isArray(value)
    ? value.join(',')
    : typeof value === 'object'
      ? JSON.stringify(value)
      : String(value);

/** What a setting is called: its fields with their values. */
const nameOfSetting = (values: Fields): string =>
  Object.entries(values)
    .map(([field, value]) => `${field} ${valueText(value)}`)
    .join(', ') || 'all';

const maxName = 120;

/** A name that file systems take as that of a folder. */
function shortened(name: string): string {
  if (name.length <= maxName) return name;
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 12);
  return `${name.slice(0, maxName - digest.length - 1)}-${digest}`;
}

/** The plan of a folder that a sweep was begun in; undefined where none was. @throws HbnnError where it is damaged */
export async function storedPlan(out: string): Promise<SweepPlan | undefined> {
  const { runConfig } = await import('@hbnn/train');
  const file = sweepFile(out);
  if (!existsSync(file)) return undefined;
  let plan: Partial<SweepPlan> | null;
  try {
    plan = JSON.parse(readFileSync(file, 'utf8')) as Partial<SweepPlan> | null;
  } catch (error) {
    throw new HbnnError(
      `${file}: could not be read (${(error as Error).message}); delete it, and give the file of the sweep again`,
    );
  }
  const { id, backend, settings, seeds } = plan ?? {};
  const isWhole =
    plan?.format === format &&
    /^[0-9a-f]{16}$/.test(String(id)) &&
    typeof backend === 'string' &&
    Array.isArray(seeds) &&
    seeds.every(isSeed) &&
    Array.isArray(settings) &&
    settings.every(isSetting);
  if (!isWhole)
    throw new HbnnError(
      `${file}: expected ${format} with id, backend, settings and seeds, got ${JSON.stringify(plan?.format ?? null)} or other fields; delete it, and give the file of the sweep again`,
    );
  const whole = plan as SweepPlan;
  return {
    ...whole,
    settings: whole.settings.map((setting, i) => ({
      ...setting,
      config: runConfig(setting.config, `${file}: settings.${i}.config`),
    })),
  };
}

/** Whether a setting of a stored plan has a folder that lies in the sweep's own. */
const isSetting = (setting: Partial<SweepSetting> | null): boolean =>
  typeof setting?.name === 'string' &&
  typeof setting.folder === 'string' &&
  /^[A-Za-z0-9._=-]+$/.test(setting.folder) &&
  !/^\.+$/.test(setting.folder) &&
  typeof setting.values === 'object';

/**
 * The plan to go on with in a folder that a sweep was begun in: the file may ask for more than before, not for less.
 *
 * @throws HbnnError naming the first training that the file does not ask for any more, or asks for with other settings
 */
export async function extendedPlan(
  before: SweepPlan,
  now: SweepPlan,
  out: string,
): Promise<SweepPlan> {
  const { configDifference } = await import('@hbnn/train');
  const wanted = new Map(jobsOf(now, out).map((job) => [job.name, job]));
  for (const job of jobsOf(before, out)) {
    const same = wanted.get(job.name);
    const difference =
      same === undefined ? 'not in the file' : configDifference(job.config, same.config);
    if (difference !== undefined)
      throw new HbnnError(
        `${out}: expected the sweep that was begun there, perhaps with more settings or seeds, got another: ${job.name} is ${same === undefined ? difference : `of another setting (${difference})`}; choose another folder, or leave out the file to go on with the folder's own`,
      );
  }
  return { ...now, id: before.id, backend: before.backend };
}
