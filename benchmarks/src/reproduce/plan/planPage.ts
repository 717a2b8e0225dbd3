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
    'For each number of channels and of epochs, the next table gives the total time of the trainings with all seeds:',
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
export function wrapped(line: string): string[] {
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
const spreadOrigin = ({ spread: { pairs, degreesOfFreedom } }: Plan): string =>
  `Before this experiment, we compared settings on CIFAR-10 in ${pairs.length} pairs, with 3 seeds each. From comparisons ` +
  'made before this experiment, we estimated how much a difference in accuracy varies from seed to seed. The estimated ' +
  `standard deviation of accuracy differences has ${degreesOfFreedom} degrees of freedom. The table in the section “Spread” ` +
  'lists the differences in accuracy between such settings. The trainings in the section “Spread” ' +
  'had 4 epochs and no data augmentation. Seeds of the trainings in the section “Spread” are not used again.';

/** How the claims of a plan are tested, and with how many seeds. */
function testsSection(plan: Plan, tests: NonNullable<Plan['tests']>): string[] {
  const { spread } = plan;
  const claims = claimsOf(plan);
  return [
    '## Tests',
    '',
    'The claim "A is above B" (setting A is more accurate than B) is tested by a two-sided paired t test. The ' +
      `claim "A equals B" is tested by two one-sided t tests, with a margin of ±${tests.margin} point. The ` +
      `significance level of the tests is ${tests.level}. Each claim of the experiment gets two verdicts:`,
    '',
    '- The first verdict on a claim comes from a test without a correction for the number of claims. The column ' +
      '"seeds, one test" of the table says how many seeds a claim needs if its test is not corrected for the number of ' +
      'claims.',
    `- A second, stricter verdict on each claim is corrected by Holm's method, because ${claims.length} claims are ` +
      'tested. The column "seeds, Holm" of the table says how many seeds a test with Holm\'s correction needs.',
    '',
    'A verdict is "interim" until all trainings that the verdict needs are finished.',
    '',
    `With the planned number of seeds, a test has a power of ${percent(tests.power)}. If a claim says that one ` +
      'setting is more accurate than another, the power of its test is the chance to find a true difference of ' +
      `${tests.difference} point. If a claim says that two settings are equally accurate, the power of its test is ` +
      'the chance to show the equality of truly equal settings. The planned numbers of seeds assume that ' +
      `differences in accuracy vary from seed to seed, with a standard deviation of ${spread.deviation} points. ${spreadOrigin(plan)}`,
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
    'The **gap** of a setting says how many points of top-1 accuracy the setting loses against the network with float ' +
      'weights and float layer inputs. Each binarized network is compared with a float network that has as many ' +
      'channels, and that is trained for as many epochs with the same seed. For each setting, the experiment reports ' +
      'the loss of accuracy against the float network for each seed, the mean of these losses, and the 95 % ' +
      'confidence interval of the mean.',
    '',
    'To compute the confidence intervals, the experiment estimates how much the loss of accuracy against the float ' +
      'network varies from seed to seed. For each network, the standard deviation of the loss of accuracy is computed ' +
      'twice, for the trainings with float layer inputs and for those with binarized layer inputs. If ' +
      `losses of accuracy vary from seed to seed with a standard deviation of ${plan.spread.deviation} points, the ` +
      `confidence interval of a loss is the mean loss ± ${gap.toFixed(2)} points. The experiment also estimates how ` +
      'the loss of accuracy against the float network changes if the number of channels or of epochs doubles. The ' +
      `expected confidence interval of this change is the estimate ± ${perDoubling.toFixed(2)} points.`,
    '',
    'The confidence intervals are not corrected for the number of settings whose loss of accuracy is estimated. ' +
      spreadOrigin(plan),
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
    `${plan.about} All settings${plan.tests === undefined ? ' and seeds' : ', seeds and tests'} on this page are fixed before the first training. ` +
      `The command \`pnpm bench:reproduce --plan ${plan.name}\` ${plan.tests === undefined ? 'made this page.' : 'computes how many seeds the experiment needs.'}`,
    '',
    `| what | in the experiment \`${plan.name}\` |`,
    '| --- | --- |',
    `| data | ${plan.data?.label ?? 'not fixed'} |`,
    ...(plan.data === undefined ? [] : [`| SHA-256 of the data | ${plan.data.sha256} |`]),
    `| options of all trainings | \`${JSON.stringify(plan.common)}\` |`,
    `| seeds | the same for all settings, from ${plan.firstSeed} on |`,
    `| planned trainings | ${order.length}, with ${millions(images)} images |`,
    `| commit of the trainings in the section Spread | ${spread.commit.slice(0, 7)} |`,
    `| planned time | ${hoursText(cpuSecondsOf(plan, order), cores)} on ${cores} cores |`,
    '',
    ...(plan.tests === undefined ? estimatesSection(plan) : testsSection(plan, plan.tests)),
    '## Trainings',
    '',
    'The trainings of the experiment fall into these groups, called parts:',
    '',
    ...parts.map(({ about }) => `- ${about}`),
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
    'The table below lists the trainings in the order in which they are done. Within each row of the table, all ' +
      'settings are trained with the first seed, then all settings with the next seed, and so on.',
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
