import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { HbnnError } from '@hbnn/core';
import { deviation } from '../../results/statistics.ts';
import type { PilotPair } from './design.ts';
import { pilotPairs } from './designs.ts';

/** How much paired differences vary, in points, from committed results. */
export interface Pilot {
  /** Root mean square of the pairs' standard deviations, weighted by their degrees of freedom. */
  readonly deviation: number;
  /** Summed over the pairs. Pairs that share a setting are not independent, so it is worth somewhat less. */
  readonly degreesOfFreedom: number;
  /** The commit the results were measured at. */
  readonly commit: string;
  readonly pairs: (PilotPair & { differences: number[] })[];
}

interface StoredResults {
  readonly stages: readonly {
    readonly stage: string;
    readonly provenance: { readonly commit: string };
    readonly rows: readonly {
      readonly label: string;
      readonly seeds?: readonly number[];
      readonly values?: readonly number[];
    }[];
  }[];
}

const file = fileURLToPath(new URL('../../../results/cifar10/results.json', import.meta.url));

/**
 * Read the spread of paired differences from the committed CIFAR-10 results.
 *
 * @throws HbnnError when a row is missing there
 */
export function readPilot(): Pilot {
  const results = JSON.parse(readFileSync(file, 'utf8')) as StoredResults;
  const pairs = pilotPairs.map((pair) => ({ ...pair, differences: differencesOf(results, pair) }));
  let squares = 0;
  let degreesOfFreedom = 0;
  for (const { differences } of pairs) {
    const sd = deviation(differences) ?? 0;
    squares += sd * sd * (differences.length - 1);
    degreesOfFreedom += differences.length - 1;
  }
  const commits = results.stages
    .filter(({ stage }) => pairs.some((pair) => pair.stage === stage))
    .map(({ provenance }) => provenance.commit);
  return {
    deviation: Number(Math.sqrt(squares / degreesOfFreedom).toFixed(4)),
    degreesOfFreedom,
    commit: [...new Set(commits)].join(', '),
    pairs,
  };
}

function differencesOf(results: StoredResults, { stage, a, b }: PilotPair): number[] {
  const valuesOf = (label: string): Map<number, number> => {
    const rows = results.stages.find((each) => each.stage === stage)?.rows ?? [];
    const row = rows.find((each) => each.label === label);
    if (row?.values === undefined || row.seeds === undefined) {
      throw new HbnnError(
        `${file}: expected values of '${label}' in ${stage}, found none; restore it from git`,
      );
    }
    const { values, seeds } = row;
    return new Map(seeds.map((seed, i) => [seed, values[i]]));
  };
  const [first, second] = [valuesOf(a), valuesOf(b)];
  return [...first].flatMap(([seed, value]) => {
    const other = second.get(seed);
    return other === undefined ? [] : [Number((value - other).toFixed(4))];
  });
}
