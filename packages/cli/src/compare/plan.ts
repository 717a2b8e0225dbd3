import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HbnnError } from '@hbnn/core';
import { ignoredOptions } from '@hbnn/datasets';
import type { RunConfig, RunResult } from '@hbnn/train';
import { refuseNoBits, refuseWithoutEffect } from '../effect.ts';
import { camel, placeOfField, typedFields } from '../trainFlags.ts';
import { settings } from '../trainSettings.ts';
import { choices, type FlagValues, flagValues, folderName, settingName, varied } from './grid.ts';

/** One setting of a comparison. */
interface PlannedSetting {
  readonly name: string;
  /** The folder of its runs, inside the comparison's `runs`. */
  readonly folder: string;
  /** The values of the flags that vary, by flag. */
  readonly values: Readonly<Record<string, string>>;
  /** The configuration with the first seed. */
  readonly config: RunConfig;
}

/** What a comparison trains, kept in its folder as `comparison.json`. */
export interface Plan {
  readonly settings: readonly PlannedSetting[];
  readonly seeds: readonly number[];
  /** Two settings count as equal within this many points. */
  readonly margin: number;
}

/** One training of a comparison. */
export interface PlannedRun {
  readonly setting: PlannedSetting;
  readonly config: RunConfig;
  readonly dir: string;
}

export const planFile = (out: string): string => join(out, 'comparison.json');

/** Every setting with every seed; seed after seed, so that all settings have results early. */
export function plannedRuns(plan: Plan, out: string): PlannedRun[] {
  return plan.seeds.flatMap((seed) =>
    plan.settings.map((setting) => ({
      setting,
      config: { ...setting.config, seed },
      dir: join(out, 'runs', setting.folder, `seed-${seed}`),
    })),
  );
}

/**
 * Make the plan that flags ask for.
 *
 * @param options the command's, with the texts of each training flag in a list
 * @throws HbnnError where a flag is at fault, changes nothing, or fewer than two settings come of them
 */
export async function planOf(
  options: Readonly<Record<string, unknown>> & { readonly config?: string },
  seeds: readonly number[],
  margin: number,
): Promise<Plan> {
  const { runConfig } = await import('@hbnn/train');
  const typed = flagValues(options);
  const differing = varied(typed);
  if (differing.length === 0)
    throw new HbnnError(
      'compare-settings: expected a training flag with two or more values, as in --weights 1.4,2, got none; give a flag a second value',
    );
  const found: PlannedSetting[] = [];
  for (const choice of choices(typed)) {
    const texts = Object.fromEntries([...choice].map(([flag, text]) => [camel(flag), text]));
    const { config: file, skipBadImages } = options;
    const given = { ...texts, config: file, skipBadImages };
    const place = placeOfField(given, options.config);
    const config = runConfig({ ...settings(given), seed: seeds[0] }, place);
    refuseNoBits(config, place);
    refuseWithoutEffect(typedFields(given), config, ignoredOptions(config.data));
    found.push(plannedSetting(choice, config, differing, found));
  }
  return { settings: found, seeds, margin };
}

function plannedSetting(
  choice: ReadonlyMap<string, string>,
  config: RunConfig,
  differing: readonly FlagValues[],
  before: readonly PlannedSetting[],
): PlannedSetting {
  const name = settingName(choice, differing);
  const same = before.find((other) => JSON.stringify(other.config) === JSON.stringify(config));
  if (same !== undefined)
    throw new HbnnError(
      `compare-settings: expected settings that differ, got '${same.name}' and '${name}', which train the same; leave one out`,
    );
  const folder = folderName(name, new Set(before.map((other) => other.folder)));
  const values = Object.fromEntries(differing.map(({ flag }) => [flag, choice.get(flag) ?? '']));
  return { name, folder, values, config };
}

/** The plan of a folder that a comparison was begun in. @throws HbnnError where there is none, or it is damaged */
export async function storedPlan(out: string): Promise<Plan> {
  const { runConfig } = await import('@hbnn/train');
  const file = planFile(out);
  if (!existsSync(file))
    throw new HbnnError(
      `--resume: there is no comparison in ${out}; leave out --resume to start one`,
    );
  let plan: Partial<Plan>;
  try {
    plan = JSON.parse(readFileSync(file, 'utf8')) as Partial<Plan>;
  } catch (error) {
    throw new HbnnError(
      `${file}: could not be read (${(error as Error).message}); give the flags of the comparison again beside --resume`,
    );
  }
  const { settings: list, seeds, margin } = plan;
  if (!Array.isArray(list) || !Array.isArray(seeds) || typeof margin !== 'number')
    throw new HbnnError(
      `${file}: expected settings, seeds and a margin; give the flags of the comparison again beside --resume`,
    );
  return {
    settings: list.map((setting: PlannedSetting, i) => ({
      ...setting,
      config: runConfig(setting.config, `${file}: settings.${i}.config`),
    })),
    seeds,
    margin,
  };
}

/**
 * Check that run folders are of their settings or not there yet, and that finished ones were trained on this backend.
 *
 * @throws HbnnError naming the folder and what differs, before anything is trained
 */
export async function checkRuns(
  runs: readonly Pick<PlannedRun, 'config' | 'dir'>[],
  backend: string,
): Promise<void> {
  const { configDifference, storedConfig } = await import('@hbnn/train');
  for (const { config, dir } of runs) {
    if (!existsSync(join(dir, 'config.json'))) continue;
    const difference = configDifference(storedConfig(dir), config);
    if (difference !== undefined)
      throw new HbnnError(
        `${dir}: holds a run of another setting (${difference}); choose another folder for --out`,
      );
    const file = join(dir, 'result.json');
    if (!existsSync(file)) continue;
    const before = (JSON.parse(readFileSync(file, 'utf8')) as RunResult).backend;
    if (before !== backend)
      throw new HbnnError(
        `${dir}: was trained on the backend ${before}, expected ${backend}; results of different backends are not comparable: give --backend ${before}`,
      );
  }
}
