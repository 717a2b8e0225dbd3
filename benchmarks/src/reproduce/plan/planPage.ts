import { duration } from '@hbnn/cli/progress';
import { pointsText } from '../claims.ts';
import { claimsOf, type Plan, type PlannedTraining, plannedTrainings } from './plan.ts';

/** Processor seconds that trainings take; undefined where a speed is not known. */
export function cpuSecondsOf(
  plan: Plan,
  trainings: readonly PlannedTraining[],
): number | undefined {
  let sum = 0;
  for (const { setting, config } of trainings) {
    if (setting.imagesPerCpuSecond === undefined) return undefined;
    sum += (config.epochs * plan.trainImages) / setting.imagesPerCpuSecond;
  }
  return sum;
}

const hoursText = (seconds: number | undefined, cores: number): string =>
  seconds === undefined ? 'not measured' : duration(seconds / cores);

const millions = (images: number): string => `${(images / 1e6).toFixed(1)} million`;

/** The table of what is trained when, in the order it is done. */
function scheduleRows(plan: Plan, cores: number): string[] {
  const order = plannedTrainings(plan);
  const groups = new Map<string, PlannedTraining[]>();
  for (const each of order) {
    const block = Math.floor((each.config.seed - plan.firstSeed) / plan.block);
    const key = `${block + 1} | ${each.part}`;
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  return [...groups].map(([key, trainings]) => {
    const seeds = trainings.map(({ config }) => config.seed);
    const images = trainings.reduce((sum, { config }) => sum + config.epochs * plan.trainImages, 0);
    const range = `${Math.min(...seeds)} … ${Math.max(...seeds)}`;
    const time = hoursText(cpuSecondsOf(plan, trainings), cores);
    return `| ${key} | ${range} | ${trainings.length} | ${millions(images)} | ${time} |`;
  });
}

/** The columns that prose keeps to. */
const columns = 116;

/** Break a line of prose at its spaces; a table's and a heading's stay whole. */
function wrapped(line: string): string[] {
  if (line.length <= columns || /^[|#]/.test(line)) return [line];
  const indent = line.startsWith('- ') ? '  ' : '';
  const lines = [''];
  for (const word of line.split(' ')) {
    const last = lines[lines.length - 1];
    if (last === '') lines[lines.length - 1] = word;
    else if (last.length + 1 + word.length <= columns) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(`${indent}${word}`);
  }
  return lines;
}

/** A plan as a page. */
export function planPage(plan: Plan, cores: number): string {
  const { tests, spread, parts } = plan;
  const claims = claimsOf(plan);
  const order = plannedTrainings(plan);
  const images = order.reduce((sum, { config }) => sum + config.epochs * plan.trainImages, 0);
  const percent = (share: number): string => `${Math.round(100 * share)} %`;
  return `${[
    `# ${plan.title}`,
    '',
    `${plan.about} This plan was written before its trainings, by \`pnpm bench:reproduce --plan ${plan.name}\`.`,
    '',
    `- Data: ${plan.data === undefined ? 'not fixed' : `${plan.data.label}, SHA-256 ${plan.data.sha256}`}`,
    `- All trainings: \`${JSON.stringify(plan.common)}\``,
    `- Seeds: from ${plan.firstSeed} on, the same for all settings, so that differences are paired. The spread below`,
    '  comes from other seeds.',
    `- In all: ${order.length} trainings of ${millions(images)} images, ${hoursText(cpuSecondsOf(plan, order), cores)} on ${cores} cores`,
    '',
    '## Tests',
    '',
    `"Above" is decided by the paired t test, two-sided; "equal" by two one-sided t tests with a margin of ±${tests.margin} point.`,
    `The level is ${tests.level}, once for each test alone and once corrected by Holm's method over all ${claims.length} claims.`,
    'By its test alone a claim is judged over its first seeds, as many as the table gives for one test; corrected, when all',
    'of its seeds are there. What the ledger says before is shown as interim and decides nothing.',
    '',
    `Paired differences vary by ${spread.deviation} points (standard deviation): pooled over ${spread.pairs.length} pairs of`,
    `settings of the committed CIFAR-10 results (commit ${spread.commit.slice(0, 7)}, 4 epochs without augmentation), ${spread.degreesOfFreedom} degrees`,
    `of freedom. Seeds are counted for ${percent(tests.power)} power to find a difference of ${tests.difference} point ("above") or none`,
    '("equal"); where the true difference of an "equal" is not 0, its power is lower.',
    '',
    `| claim | test | seeds, one test | seeds, Holm | power with ${plan.block} seeds, one test | Holm |`,
    '| --- | --- | --- | --- | --- | --- |',
    ...claims.map(
      ({ claim, test, seedsUncorrected, seedsHolm, powerOfBlock, powerOfBlockHolm }) =>
        `| ${claim} | ${test} | ${seedsUncorrected} | ${seedsHolm} | ${percent(powerOfBlock)} | ${percent(powerOfBlockHolm)} |`,
    ),
    '',
    '## Trainings',
    '',
    ...parts.map(({ name, about }) => `- **${name}**: ${about}`),
    '',
    '| setting | configuration | seeds | images per processor second |',
    '| --- | --- | --- | --- |',
    ...parts.flatMap(({ settings }) =>
      settings.map(
        ({ id, config, seeds, imagesPerCpuSecond }) =>
          `| ${id} | \`${JSON.stringify(config)}\` | ${seeds} | ${imagesPerCpuSecond ?? 'not measured'} |`,
      ),
    ),
    '',
    'They are done in this order, in each row seed after seed with every setting:',
    '',
    '| block | part | seeds | trainings | images | time |',
    '| --- | --- | --- | --- | --- | --- |',
    ...scheduleRows(plan, cores),
    '',
    '## Spread',
    '',
    '| stage | above | below | differences in points |',
    '| --- | --- | --- | --- |',
    ...spread.pairs.map(
      ({ stage, a, b, differences }) =>
        `| ${stage} | ${a} | ${b} | ${differences.map(pointsText).join(', ')} |`,
    ),
  ]
    .flatMap(wrapped)
    .join('\n')}\n`;
}
