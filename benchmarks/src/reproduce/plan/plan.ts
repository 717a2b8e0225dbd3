import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HbnnError } from '@hbnn/core';
import { type RunConfig, runConfig } from '@hbnn/train';
import { z } from 'zod';
import { significance } from '../../results/statistics.ts';
import { equivalenceMargin } from '../claims.ts';
import type { Design, DesignClaim, DesignSetting } from './design.ts';
import { designs } from './designs.ts';
import type { Pilot } from './pilot.ts';
import { powerAbove, powerEqual, seedsFor } from './power.ts';

/** The power that each claim's seeds are counted for. */
export const plannedPower = 0.9;
/** The difference in points that "above" must find with that power. */
const plannedDifference = 1;

const config = z.record(z.string(), z.unknown());
const count = z.number().int().positive();
const settingSchema = z.strictObject({
  id: z.string(),
  config,
  seeds: count,
  /** The row of the paper's Table 1 that the setting is compared with. */
  row: count.optional(),
  /** One process, of processor time; undefined where it was not measured. */
  imagesPerCpuSecond: z.number().positive().optional(),
});
const claimSchema = z.strictObject({
  id: z.string(),
  claim: z.string(),
  test: z.enum(['above', 'equal']),
  a: z.string(),
  b: z.string(),
  /** Seeds for the planned power at the level of one test, and at that of Holm's first step. */
  seedsUncorrected: count,
  seedsHolm: count,
  /** Power after the first block of seeds, at both levels. */
  powerOfBlock: z.number(),
  powerOfBlockHolm: z.number(),
});
const schema = z.strictObject({
  name: z.string(),
  title: z.string(),
  about: z.string(),
  data: z.strictObject({ label: z.string(), sha256: z.string() }).optional(),
  trainImages: count,
  common: config,
  /** A study that tests no claims but estimates how gaps to float depend on width and length. */
  study: z.literal('scale').optional(),
  /** How claims are tested; undefined for a study without claims. */
  tests: z
    .strictObject({
      level: z.number(),
      correction: z.literal('Holm over all claims of the plan'),
      power: z.number(),
      difference: z.number(),
      margin: z.number(),
    })
    .optional(),
  spread: z.strictObject({
    deviation: z.number(),
    degreesOfFreedom: count,
    commit: z.string(),
    pairs: z.array(
      z.strictObject({
        stage: z.string(),
        a: z.string(),
        b: z.string(),
        differences: z.array(z.number()),
      }),
    ),
  }),
  firstSeed: z.number().int(),
  block: count,
  parts: z.array(
    z.strictObject({
      name: z.string(),
      about: z.string(),
      settings: z.array(settingSchema),
      claims: z.array(claimSchema),
    }),
  ),
});

/** An experiment with its seeds and tests fixed before it is run. */
export type Plan = z.output<typeof schema>;
export type PlanClaim = z.output<typeof claimSchema>;
export type PlanSetting = z.output<typeof settingSchema>;

const folder = fileURLToPath(new URL('../../../plans', import.meta.url));
/** The committed file of a plan, as JSON and as a page. */
export const planFile = (name: string, ending: 'json' | 'md'): string =>
  join(folder, `${name}.${ending}`);

/** @throws HbnnError naming the experiments there are */
export function designNamed(name: string): Design {
  if (Object.hasOwn(designs, name)) return designs[name];
  throw new HbnnError(`plan: expected one of ${Object.keys(designs).join(', ')}, got '${name}'`);
}

/**
 * Read a committed plan.
 *
 * @throws HbnnError when there is none, or it is not one
 */
export function readPlan(name: string): Plan {
  const file = planFile(designNamed(name).name, 'json');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    throw new HbnnError(
      `${file}: expected a plan, found none; restore it from git, or write it by --plan ${name} --committed`,
    );
  }
  const parsed = schema.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new HbnnError(`${file}, ${issue.path.join('.')}: ${issue.message}; restore it from git`);
}

/** Count the seeds that a claim needs, and its power after one block of them. */
function plannedClaim(
  claim: DesignClaim,
  deviation: number,
  claims: number,
  block: number,
): PlanClaim {
  const powerAt =
    (alpha: number) =>
    (n: number): number =>
      claim.test === 'above'
        ? powerAbove(n, deviation, plannedDifference, alpha)
        : powerEqual(n, deviation, equivalenceMargin, alpha);
  const [single, holm] = [powerAt(significance), powerAt(significance / claims)];
  return {
    id: claim.id,
    claim: claim.claim,
    test: claim.test,
    a: claim.a,
    b: claim.b,
    seedsUncorrected: seedsFor(plannedPower, single),
    seedsHolm: seedsFor(plannedPower, holm),
    powerOfBlock: Number(single(block).toFixed(3)),
    powerOfBlockHolm: Number(holm(block).toFixed(3)),
  };
}

export interface PlanInputs {
  readonly pilot: Pilot;
  readonly data?: Plan['data'];
  readonly trainImages: number;
  /** Measured speeds by setting. */
  readonly speeds: ReadonlyMap<string, number>;
}

/**
 * Fix an experiment's seeds: each claim gets as many as its test needs for the planned power at the level of Holm's
 * first step, α / claims, which suffices at every step; each setting as many as its claims need, or as the design says.
 */
export function makePlan(design: Design, { pilot, data, trainImages, speeds }: PlanInputs): Plan {
  const all = design.parts.flatMap((part) => part.claims);
  const planned = new Map(
    all.map((claim) => [claim.id, plannedClaim(claim, pilot.deviation, all.length, design.block)]),
  );
  const seedsOf = ({ id }: DesignSetting): number => {
    const claims = [...planned.values()].filter(({ a, b }) => a === id || b === id);
    return Math.max(design.seeds ?? design.block, ...claims.map(({ seedsHolm }) => seedsHolm));
  };
  return {
    name: design.name,
    title: design.title,
    about: design.about,
    data,
    trainImages,
    common: design.common,
    study: design.study,
    tests:
      all.length === 0
        ? undefined
        : {
            level: significance,
            correction: 'Holm over all claims of the plan',
            power: plannedPower,
            difference: plannedDifference,
            margin: equivalenceMargin,
          },
    spread: pilot,
    firstSeed: design.firstSeed,
    block: design.block,
    parts: design.parts.map(({ name, about, settings, claims }) => ({
      name,
      about,
      settings: settings.map((setting) => ({
        id: setting.id,
        config: setting.config,
        row: setting.row,
        seeds: seedsOf(setting),
        imagesPerCpuSecond: speeds.get(setting.id),
      })),
      claims: claims.map(({ id }) => planned.get(id) as PlanClaim),
    })),
  };
}

/** One training of a plan. */
export interface PlannedTraining {
  readonly part: string;
  readonly setting: PlanSetting;
  readonly config: RunConfig;
}

/** The seeds of a setting, in order. */
export const seedsOf = (plan: Plan, { seeds }: PlanSetting): number[] =>
  Array.from({ length: seeds }, (_, i) => plan.firstSeed + i);

/** A setting's whole configuration with one seed. */
export const plannedConfig = (plan: Plan, setting: PlanSetting, seed: number): RunConfig =>
  runConfig({ ...plan.common, ...setting.config, seed }, `plan ${plan.name}, ${setting.id}`);

/**
 * All trainings of a plan in the order they are done: block after block of seeds, in each block part after part, in
 * each part seed after seed with every setting. So whatever is done first compares settings on the same seeds.
 */
export function plannedTrainings(plan: Plan): PlannedTraining[] {
  const max = Math.max(...plan.parts.flatMap(({ settings }) => settings.map(({ seeds }) => seeds)));
  const order: PlannedTraining[] = [];
  for (let start = 0; start < max; start += plan.block) {
    for (const { name, settings } of plan.parts) {
      for (let i = start; i < Math.min(start + plan.block, max); i++) {
        for (const setting of settings.filter(({ seeds }) => i < seeds)) {
          const config = plannedConfig(plan, setting, plan.firstSeed + i);
          order.push({ part: name, setting, config });
        }
      }
    }
  }
  return order;
}

/** All claims of a plan. */
export const claimsOf = (plan: Plan): PlanClaim[] => plan.parts.flatMap(({ claims }) => claims);
