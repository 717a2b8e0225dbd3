import { duration } from '@hbnn/cli/progress';
import { pointsText } from '../claims.ts';
import { plannedReach } from './gaps.ts';
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
    const range = [...new Set([Math.min(...seeds), Math.max(...seeds)])].join(' … ');
    const time = hoursText(cpuSecondsOf(plan, trainings), cores);
    return `| ${key} | ${range} | ${trainings.length} | ${millions(images)} | ${time} |`;
  });
}

/** What the sizes of a study of gaps cost, in the order in which they are trained with each seed. */
function sizeRows(plan: Plan, cores: number): string[] {
  const groups = new Map<string, PlannedTraining[]>();
  for (const each of plannedTrainings(plan)) {
    const { widthMultiplier = 1, epochs } = each.config;
    const key = `${widthMultiplier} × the channels, ${epochs} epochs`;
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  return [
    'The table below says what the trainings of each size cost, over all seeds together:',
    '',
    '| size | trainings | time |',
    '| --- | --- | --- |',
    ...[...groups].map(
      ([size, trainings]) =>
        `| ${size} | ${trainings.length} | ${hoursText(cpuSecondsOf(plan, trainings), cores)} |`,
    ),
    '',
  ];
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

const percent = (share: number): string => `${Math.round(100 * share)} %`;

/** Where the spread that a plan counts with comes from. */
const spreadOrigin = ({ spread }: Plan): string =>
  `We estimated the standard deviation of accuracy differences from ${spread.pairs.length} comparisons ` +
  `of two settings in earlier CIFAR-10 results, with 3 seeds each (together ${spread.degreesOfFreedom} degrees ` +
  `of freedom). The section Spread lists the ${spread.pairs.length} comparisons with their differences in ` +
  `accuracy. The earlier CIFAR-10 results (commit ${spread.commit.slice(0, 7)}) are from trainings of 4 epochs ` +
  'without augmentation, with other seeds.';

/** How the claims of a plan are tested, and with how many seeds. */
function testsSection(plan: Plan, tests: NonNullable<Plan['tests']>): string[] {
  const { spread } = plan;
  const claims = claimsOf(plan);
  return [
    '## Tests',
    '',
    'The claim "A is above B" (A is more accurate than B) is tested by a two-sided paired t test, and "A equals B" ' +
      `by two one-sided t tests with a margin of ±${tests.margin} point. The significance level of the tests is ` +
      `${tests.level}. Each claim of the plan has two verdicts:`,
    '',
    '- One verdict on a claim comes from a test of this claim alone, with as many of the first seeds as the ' +
      'column "seeds, one test" says.',
    `- The other verdict on a claim comes after Holm's correction for testing all ${claims.length} claims; the ` +
      'column "seeds, Holm" says how many seeds it uses.',
    '',
    'A verdict is "interim" until the trainings with all seeds for this verdict are finished.',
    '',
    `With the planned number of seeds, a test has a power of ${percent(tests.power)}. The power of a test is the ` +
      `chance that it finds a true difference of ${tests.difference} point (for a claim "above"), or shows equality ` +
      'if the true difference is 0 (for a claim "equal"). The planned numbers of seeds assume that the difference in ' +
      `accuracy between two settings varies from seed to seed with a standard deviation of ${spread.deviation} ` +
      `points. ${spreadOrigin(plan)}`,
    '',
    `| claim | test | seeds, one test | seeds, Holm | power with ${plan.block} seeds, one test | Holm |`,
    '| --- | --- | --- | --- | --- | --- |',
    ...claims.map(
      ({ claim, test, seedsUncorrected, seedsHolm, powerOfBlock, powerOfBlockHolm }) =>
        `| ${claim} | ${test} | ${seedsUncorrected} | ${seedsHolm} | ${percent(powerOfBlock)} | ` +
        `${percent(powerOfBlockHolm)} |`,
    ),
    '',
  ];
}

/** What a study without claims estimates, and how precisely. */
function estimatesSection(plan: Plan): string[] {
  const { gap, perDoubling } = plannedReach(plan);
  return [
    '## Estimates',
    '',
    'The **gap** of a setting is the top-1 accuracy with float weights and inputs minus the top-1 accuracy of the ' +
      'setting, in points. Both accuracies of a gap come from trainings of the same network with equal widths, ' +
      `numbers of epochs and seeds. The plan ${plan.name} reports each gap with its mean over the seeds, its 95 % ` +
      'confidence interval and the gap of each seed.',
    '',
    'The confidence intervals use a standard deviation that is pooled over all widths and numbers of epochs of a ' +
      `network. If gaps vary from seed to seed with a standard deviation of ${plan.spread.deviation} points, the ` +
      `interval of a gap is the mean ± ${gap.toFixed(2)} points. The plan also estimates how much a gap changes if ` +
      'the number of channels doubles, and how much a gap changes if the number of epochs doubles. The interval of ' +
      `such a change is the mean ± ${perDoubling.toFixed(2)} points.`,
    '',
    `The intervals are not corrected for the number of gaps. ${spreadOrigin(plan)}`,
    '',
  ];
}

/** A plan as a page. */
export function planPage(plan: Plan, cores: number): string {
  const { spread, parts } = plan;
  const order = plannedTrainings(plan);
  const images = order.reduce((sum, { config }) => sum + config.epochs * plan.trainImages, 0);
  return `${[
    `# ${plan.title}`,
    '',
    `${plan.about} The plan ${plan.name} was written before its trainings, by \`pnpm bench:reproduce --plan ` +
      `${plan.name}\`.`,
    '',
    `- Data: ${plan.data === undefined ? 'not fixed' : `${plan.data.label}, SHA-256 ${plan.data.sha256}`}`,
    `- Options of all trainings: \`${JSON.stringify(plan.common)}\``,
    `- Seeds: all settings use the same seeds, from ${plan.firstSeed} on`,
    `- Planned in total: ${order.length} trainings of ${millions(images)} images, ` +
      `${hoursText(cpuSecondsOf(plan, order), cores)} on ${cores} cores`,
    '',
    ...(plan.tests === undefined ? estimatesSection(plan) : testsSection(plan, plan.tests)),
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
    'The trainings are done in the order of the table below. For each row of the table, all settings of its part ' +
      'of the plan are trained with the first seed, then all with the second, and so on:',
    '',
    '| block | part | seeds | trainings | images | time |',
    '| --- | --- | --- | --- | --- | --- |',
    ...scheduleRows(plan, cores),
    '',
    ...(plan.study === 'scale' ? sizeRows(plan, cores) : []),
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
