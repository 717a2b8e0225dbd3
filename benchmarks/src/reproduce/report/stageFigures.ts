import { paired } from '../../results/statistics.ts';
import { equivalenceMargin } from '../claims.ts';
import { figures as paper } from '../paper.ts';
import type { Plot, ResultRow } from '../stage.ts';
import { type AccuracyPoint, accuracyChart } from './accuracyChart.ts';
import { barChart, type ForestRow, forestChart } from './charts.ts';
import type { StageReport } from './stageReport.ts';
import { forestOfClaims } from './summary.ts';

/**
 * A stage with the figures of the report, which are drawn from its rows and claims: they show each seed, intervals, and
 * the paper's values. A stage that has no such figure keeps its own.
 */
export function withFigures(stage: StageReport): StageReport {
  const plot = plotOf(stage);
  return plot === undefined ? stage : { ...stage, plots: [plot] };
}

/** A stage as a file keeps it: without the figures that `withFigures` draws from the stage's numbers at any time. */
export const withoutDrawn = (stage: StageReport): StageReport =>
  plotOf(stage) === undefined ? stage : { ...stage, plots: [] };

function plotOf(stage: StageReport): Plot | undefined {
  if (stage.rows.length === 0) return undefined;
  switch (stage.stage) {
    case 'figure2a':
      return distancesPlot(stage);
    case 'figure3a':
      return layersPlot(stage);
    case 'figure3b':
      return averagesPlot(stage);
    case 'table1':
    case 'mix-insensitivity':
      return claimsPlot(stage);
    case 'input-maps':
    case 'weight-variants':
      return variantsPlot(stage);
    default:
      return undefined;
  }
}

/** Distances of Figure 2a as bars, with the paper's bars as diamonds on ours. */
function distancesPlot({ rows }: StageReport): Plot {
  const columnOf = (row: ResultRow, name: string): string => `${row.columns?.[name] ?? ''}`;
  const isHomogeneous = (row: ResultRow): boolean => columnOf(row, 'selection') === 'homogeneous';
  const mixed = rows.filter((row) => !isHomogeneous(row) && columnOf(row, 'mix') !== 'any');
  const barOf = (row: ResultRow, value: number | undefined) => ({
    category: columnOf(row, 'mix'),
    series: columnOf(row, 'selection').split(',')[0],
    value,
  });
  return {
    file: 'figure2a',
    title:
      'Bars of the approximation error for each mix of 1-, 2- and 3-bit values and each rule that chooses the bits, ' +
      'with the HBNN paper’s errors as diamonds',
    caption:
      'A smaller distance between the tensor T and its approximation B is better. Each diamond of the figure is a ' +
      'distance in the HBNN paper’s Figure 2a. We read the distances of the HBNN paper off a plot. Each dashed line ' +
      'of the figure shows the distance between the tensor T and its approximation B if all values have the same ' +
      'number of bits.',
    ...barChart({
      bars: mixed.map((row) => barOf(row, row.ours)),
      paper: mixed.flatMap((row) => (row.paper === undefined ? [] : [barOf(row, row.paper)])),
      category: {
        title: 'mix of 1/2/3 bits (tenths)',
        order: [...new Set(mixed.map((row) => columnOf(row, 'mix')))],
      },
      value: { title: '‖T − B‖ / ‖T‖' },
      rules: rows.filter(isHomogeneous).flatMap((row) => {
        const bits = columnOf(row, 'average bits');
        const label = `${bits} bit${bits === '1' ? '' : 's'}`;
        return row.ours === undefined ? [] : [{ value: row.ours, label }];
      }),
    }),
  };
}

/** The accuracies of rows that have average bits. */
const pointsOf = (rows: readonly ResultRow[]): AccuracyPoint[] =>
  rows.flatMap(({ columns, values }) => {
    const bits = columns?.['average bits'];
    return typeof bits !== 'number' || values === undefined ? [] : [{ x: bits, values }];
  });

/** The accuracies that the paper prints over average bits. */
const printedPoints = (bits: readonly number[], top1: readonly number[]): AccuracyPoint[] =>
  bits.map((x, i) => ({ x, values: [top1[i]] }));

const axes = { x: 'average bits', y: 'top-1 (%)' };

/** How a chart of accuracies is read: what is the same in all captions. */
const readDots =
  'Each small dot of the figure is the accuracy of one training. Each large dot of the figure is the mean over the ' +
  'seeds of a setting. A large dot without small dots is a single training. Each vertical line of the figure is the ' +
  '95 % confidence interval of a mean, for a setting with at least 3 seeds. Each diamond of the figure is an accuracy ' +
  'in the HBNN paper, read off a plot.';
const readScale =
  'One point of accuracy has the same height in both panels. The HBNN paper’s networks are larger than ours, so only ' +
  'the shapes of the two curves can be compared.';

function layersPlot({ rows }: StageReport): Plot {
  const { average_bits: bits, top1 } = paper.figure3a;
  return {
    file: 'figure3a',
    title: 'Accuracy against average bits, if all weights of a layer have the same number of bits',
    caption:
      `${readDots} Each dashed line of the figure is a straight line, fitted to the trainings of our panel or to the ` +
      `diamonds of the HBNN paper’s panel. ${readScale}`,
    ...accuracyChart({
      panels: [
        { title: 'ours', points: pointsOf(rows) },
        { title: 'paper, CIFAR-10', points: printedPoints(bits, top1), isPaper: true },
      ],
      isFitted: true,
      ...axes,
    }),
  };
}

function averagesPlot({ rows }: StageReport): Plot {
  const { average_bits: bits, top1, full_precision: float } = paper.figure3b;
  return {
    file: 'figure3b',
    title: 'Accuracy against average bits',
    caption: `${readDots} The dashed lines of the figure are the accuracies with float weights. ${readScale}`,
    ...accuracyChart({
      panels: [
        {
          title: 'ours',
          points: pointsOf(rows),
          rule: rows.find(({ label }) => label === 'float')?.ours,
        },
        {
          title: 'paper, ImageNet',
          points: printedPoints(bits, top1),
          rule: float,
          isPaper: true,
        },
      ],
      isFitted: false,
      ...axes,
    }),
  };
}

/** What is the same in the captions of differences. */
const readDifferences =
  'Each small dot of the figure is the difference in accuracy between two trainings with equal seeds. Each large dot ' +
  'of the figure is the mean of these differences.';
const readLines =
  'The dashed line of the figure marks no difference. The grey band of the figure marks differences of at most ' +
  `±${equivalenceMargin} point, which count as equal.`;

/** The comparisons that a stage's claims judge; none where no claim has a paired test. */
function claimsPlot({ stage, title, claims }: StageReport): Plot | undefined {
  const chart = forestOfClaims(claims);
  if (chart === undefined) return undefined;
  const hasPaper = claims.some(({ test, paper }) => test !== undefined && paper !== undefined);
  return {
    file: stage,
    title: `Differences in accuracy between settings of ${title.split(':')[0]}`,
    caption:
      `Each row of the figure compares two settings. ${readDifferences} The line through a large dot is a confidence ` +
      'interval: of 95 % for claims “A is above B”, and of 90 % for claims “A equals B”. ' +
      `${hasPaper ? 'Each diamond of the figure is the HBNN paper’s difference, on ImageNet. ' : ''}${readLines}`,
    ...chart,
  };
}

/** Variants beside the reference above them in the table; none where no two seeds are paired. */
function variantsPlot({ stage, title, rows }: StageReport): Plot | undefined {
  const isReference = (row: ResultRow): boolean => row.columns?.['against the reference'] === '';
  const nameOf = ({ label }: ResultRow): string => label.split(',')[0];
  const severalNetworks = rows.filter(isReference).length > 1;
  const forest = rows.flatMap((row, i): ForestRow[] => {
    const reference = rows.slice(0, i + 1).findLast(isReference);
    if (reference === undefined || reference === row) return [];
    const [values, others] = [row.values ?? [], reference.values ?? []];
    const test = paired(values, others);
    if (test === undefined) return [];
    const { difference: mean, low, high, n } = test;
    const seeds = Array.from({ length: n }, (_, seed) => values[seed] - others[seed]);
    const group = nameOf(reference);
    const variant = row.label.replace(/^– /, '');
    const label = severalNetworks ? `${group}: ${variant}` : variant;
    return [{ label, group, mean, low, high, seeds }];
  });
  if (forest.length === 0) return undefined;
  return {
    file: stage,
    title: `Differences in accuracy from the reference setting: ${title}`,
    caption:
      `Each row of the figure compares a variant with its reference setting. ${readDifferences} The line through a ` +
      `large dot is the 95 % confidence interval of the mean. ${readLines}`,
    ...forestChart({
      rows: forest,
      margin: equivalenceMargin,
      x: 'variant minus reference, in points of top-1',
    }),
  };
}
