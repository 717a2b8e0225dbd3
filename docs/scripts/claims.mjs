// Claims of the committed results, for the outcomes and their tables.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The report on CIFAR-10. */
export const reportOn = (committed) =>
  JSON.parse(readFileSync(join(committed, 'cifar10', 'results.json'), 'utf8'));

/** A claim of a profile's report. */
export function claimOf(results, id) {
  const claim = results.stages.flatMap(({ claims }) => claims).find((found) => found.id === id);
  if (!claim) throw new Error(`the committed results have no claim ${id}`);
  return claim;
}

/** The numbers in a claim's reason: '… difference −0.36 points, 90 % interval −1.61 … +0.90, 3 paired seeds …'. */
function numbersOf({ id, because }) {
  const found = /difference (\S+) points, \d+ % interval (\S+) … ([^ ,]+), (\d+) paired seeds/.exec(
    because,
  );
  if (!found) throw new Error(`claim ${id}: no difference in '${because}'`);
  const [, difference, low, high, seeds] = found;
  return { difference, seeds, text: `${difference} (${low} … ${high})` };
}

/** Rows of a CSV file without quotes. */
function table(file) {
  const [head, ...rows] = readFileSync(file, 'utf8').trim().split('\n');
  const names = head.split(',');
  return rows.map((row) => Object.fromEntries(row.split(',').map((cell, i) => [names[i], cell])));
}

const signed = (value) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(2)}`;

/** A claim of the long plan, with its pairs and its interval. */
function planned(committed, id) {
  const row = table(join(committed, 'plans', 'cifar-results.csv')).find(
    ({ claim }) => claim === id,
  );
  if (!row) throw new Error(`the plan's results have no claim ${id}`);
  const [difference, low, high] = [row.difference, row.low, row.high].map((x) => signed(Number(x)));
  return {
    verdict: row.verdict,
    holm: row.verdict_holm,
    pHolm: row.p_holm,
    pairs: row.pairs,
    pairsAlone: row.planned,
    pairsForAll: row.planned_holm,
    difference,
    text: `${difference} (${low} … ${high})`,
  };
}

export const plan = 'pnpm bench:reproduce --plan-report cifar';
export const reportCommand = 'pnpm bench:reproduce --profile cifar10';

export const bothNetworks = (committed, id) =>
  ['alexnet', 'mobilenet'].map((network) => planned(committed, `${network}-${id}`));

/** Claims that two settings are equally good: their differences keep their signs. */
export const ofEqual = (claims) => claims.map((claim) => ({ ...claim, id: 'equal' }));

/** The claims about 1.4 and 2 bits: for weights alone, and for weights and inputs. */
export const equalClaims = (committed) =>
  ['1.4-is-2', '1.4-is-2-inputs'].map((id) => ofEqual(bothNetworks(committed, id)));

/** What a circuit needs: the claims of the report on CIFAR-10, on both networks or on AlexNet-BN alone. */
export function circuitNeeds(results) {
  const both = (id) =>
    ['AlexNet', 'MobileNet'].map((name) => numbersOf(claimOf(results, `${id} ${name}`)));
  return {
    onceForAllImages: both('q1'),
    twoBits: both('q8'),
    position: numbersOf(claimOf(results, 'q2')),
  };
}
