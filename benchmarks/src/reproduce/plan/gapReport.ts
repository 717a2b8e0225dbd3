import type { LedgerLine } from '../ledger/ledger.ts';
import type { Chart } from '../stage.ts';
import { gapsByEpochs, gapsByParameters } from './gapCharts.ts';
import {
  type Estimate,
  type GapTrend,
  gapDifferences,
  gapsOf,
  gapTrends,
  isFloat,
  type SettingGap,
  type Size,
} from './gaps.ts';
import { networkName } from './networkNames.ts';
import type { Plan } from './plan.ts';
import { settingsOf } from './planLines.ts';
import { wrapped } from './planPage.ts';

/** The bits whose gaps are compared with each other: does the mix reach the accuracy of two bits? */
const [less, more] = ['1.4', '2'];

/** A figure of the page, by the end of its files' names. */
interface GapFigure {
  readonly suffix: string;
  readonly heading: string;
  readonly title: string;
  readonly chart: Chart;
}

/** What a study of gaps comes to: a page, its numbers and its figures. */
interface GapReport {
  readonly page: string;
  readonly csv: string;
  readonly figures: readonly GapFigure[];
}

const signed = (value: number, plus = ''): string =>
  `${value < 0 ? '−' : plus}${Math.abs(value).toFixed(2)}`;

const estimateText = (estimate: Estimate | undefined, plus = ''): string => {
  if (estimate === undefined) return '';
  const { value, reach } = estimate;
  return reach === undefined ? signed(value, plus) : `${signed(value, plus)} ± ${reach.toFixed(2)}`;
};

const rowOf = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;

/** A table in Markdown; numbers stand to the right. */
const tableOf = (head: readonly string[], rows: readonly (readonly (string | number)[])[]) => [
  rowOf(head),
  rowOf(head.map((_, i) => (i === 0 ? '---' : '---:'))),
  ...rows.map(rowOf),
];

const kindText = ({ inputs }: { inputs: string }): string =>
  inputs === 'float' ? 'weights alone' : 'weights and inputs';

const trendRow =
  (bits: (trend: GapTrend) => string) =>
  (trend: GapTrend): string[] => [
    `${networkName(trend.network)}, ${kindText(trend)}`,
    bits(trend),
    estimateText(trend.perWidth, '+'),
    estimateText(trend.perEpochs, '+'),
  ];

/** How the gaps move if channels or epochs double; nothing where the trainings do not tell it yet. */
function trendSection(gaps: readonly SettingGap[], differences: readonly SettingGap[]): string[] {
  const trends = gapTrends(gaps);
  if (trends.length === 0) return [];
  return [
    '## How the gaps move',
    '',
    'Each row of the table says by how many points a gap changes if the number of channels doubles, and if the number',
    'of epochs doubles. A negative number in the table means that the gap becomes smaller. The rows',
    `“${less} minus ${more}” are about the gap of ${less} bits minus the gap of ${more} bits.`,
    '',
    ...tableOf(
      ['network and what is binarized', 'bits', 'if the channels double', 'if the epochs double'],
      [
        ...trends.map(trendRow(({ weights }) => weights)),
        ...gapTrends(differences).map(trendRow(() => `${less} minus ${more}`)),
      ],
    ),
    '',
    'The two changes in a row are the slopes of a least-squares fit of the gap to the binary logarithms of channels and',
    'epochs. Each change in the table is an average over the widths and numbers of epochs that were trained. The table',
    'does not say how the gap changes for wider networks or longer trainings.',
    '',
  ];
}

const legendText = [
  'Colours of the figure are the numbers of bits. Circles and solid lines are networks with binarized weights and',
  'float inputs. Diamonds and dashed lines are networks with binarized weights and inputs. A small dot of the figure is',
  'the gap of one seed. Each large dot is the mean over the seeds, and the vertical line through it is its confidence',
  'interval. Large dots of networks of one size are drawn beside each other, so that no dot hides another.',
];

function figureSection(
  plan: Plan,
  { suffix, heading, title }: GapFigure,
  texts: readonly string[],
): string[] {
  return [`## ${heading}`, '', `![${title}](${plan.name}-results${suffix}.svg)`, '', ...texts, ''];
}

const sizesOf = (gaps: readonly SettingGap[]): Size[] => [
  ...new Map(gaps.map((gap) => [`${gap.widthMultiplier} ${gap.epochs}`, gap])).values(),
];

/** One table for each network and what is binarized, with a row for each size. */
function gapTables(
  plan: Plan,
  gaps: readonly SettingGap[],
  differences: readonly SettingGap[],
): string[] {
  const seedsOfId = new Map(settingsOf(plan).map(({ id, seeds }) => [id, seeds]));
  const tables = [...new Set(gaps.map(({ network }) => network))].flatMap((network) =>
    [true, false].map((floatInputs) => ({
      name: `${networkName(network)}, ${kindText({ inputs: floatInputs ? 'float' : less })}`,
      floats: gaps.filter((gap) => gap.network === network && isFloat(gap)),
      list: gaps.filter(
        (gap) =>
          gap.network === network && !isFloat(gap) && (gap.inputs === 'float') === floatInputs,
      ),
      differences: differences.filter(
        (gap) => gap.network === network && (gap.inputs === 'float') === floatInputs,
      ),
    })),
  );
  return tables.flatMap(({ name, floats, list, differences: of }) => {
    const bits = [...new Set(list.map(({ weights }) => weights))];
    const rows = sizesOf(list).map((size) => {
      const at = <T extends Size>(all: readonly T[]): T[] =>
        all.filter(
          ({ widthMultiplier, epochs }) =>
            widthMultiplier === size.widthMultiplier && epochs === size.epochs,
        );
      const [float] = at(floats);
      const settings = at(list);
      const trained = [float, ...settings];
      const sum = (of: (gap: SettingGap) => number): number =>
        trained.reduce((count, gap) => count + of(gap), 0);
      return [
        `${size.widthMultiplier} × the channels, ${size.epochs} epochs`,
        `${sum(({ done }) => done)} of ${sum(({ id }) => seedsOfId.get(id) ?? 0)}`,
        float.parameters?.toLocaleString('en') ?? '',
        float.top1?.toFixed(2) ?? '',
        ...bits.map((each) => estimateText(settings.find(({ weights }) => weights === each)?.gap)),
        estimateText(at(of)[0]?.gap, '+'),
      ];
    });
    const head = [
      'size',
      'trainings',
      'parameters',
      'float top-1',
      ...bits.map((b) => `gap, ${b}`),
    ];
    return [`### ${name}`, '', ...tableOf([...head, `${less} minus ${more}`], rows), ''];
  });
}

const fixed = (value: number | undefined, digits: number): string => value?.toFixed(digits) ?? '';

/** Each setting with its accuracy, its gap and the gap of each seed. */
function csvOf(gaps: readonly SettingGap[]): string {
  const rows = gaps.map((setting) => {
    const { network, widthMultiplier, epochs, weights, inputs, parameters, done, top1 } = setting;
    const { value, reach } = setting.gap ?? {};
    const ends = [-1, 1].map((side) =>
      value === undefined || reach === undefined ? undefined : value + side * reach,
    );
    const seeds = [...setting.bySeed].map(([seed, gap]) => `${seed}:${gap.toFixed(2)}`);
    const numbers = [fixed(top1, 3), ...[value, ...ends].map((each) => fixed(each, 4))];
    return [
      network,
      widthMultiplier,
      epochs,
      weights,
      inputs,
      parameters ?? '',
      done,
      ...numbers,
      seeds.join(' '),
    ].join(',');
  });
  const head =
    'network,width_multiplier,epochs,weights,inputs,parameters,trainings,top1,gap,low,high,gap_by_seed';
  return `${[head, ...rows].join('\n')}\n`;
}

function figuresOf(gaps: readonly SettingGap[]): GapFigure[] {
  const [byParameters, byEpochs] = [gapsByParameters(gaps), gapsByEpochs(gaps)];
  if (byParameters === undefined || byEpochs === undefined) return [];
  return [
    {
      suffix: '',
      heading: 'Gaps against parameters',
      title: 'Gaps to float against the number of parameters, for each number of epochs',
      chart: byParameters,
    },
    {
      suffix: '-epochs',
      heading: 'Gaps against epochs',
      title: 'Gaps to float against the number of epochs, for each width',
      chart: byEpochs,
    },
  ];
}

/** The state of a study of gaps as a page, as CSV and in figures; without trainings it has no figures and no tables. */
export function gapReport(plan: Plan, lines: readonly LedgerLine[]): GapReport {
  const gaps = gapsOf(plan, lines);
  const differences = gapDifferences(gaps, less, more);
  const figures = figuresOf(gaps);
  const done = gaps.reduce((sum, gap) => sum + gap.done, 0);
  const planned = settingsOf(plan).reduce((sum, { seeds }) => sum + seeds, 0);
  const found = figures.length > 0;
  const texts = [
    [...legendText, 'The horizontal axis of the figure is logarithmic.'],
    ['The figure shows the same gaps as the figure above, with the same colours and marks.'],
  ];
  const page = [
    `# ${plan.title}: results`,
    '',
    `So far, ${done} of the ${planned} planned trainings are finished. The command \`pnpm bench:reproduce --plan-report ${plan.name}\` made this page.`,
    '',
    'The **gap** of a binarized network is the top-1 accuracy of the network with float weights and inputs minus the',
    'top-1 accuracy of the binarized network, in points. Both networks of a gap have the same number of channels and were',
    'trained with the same seed for the same number of epochs.',
    '',
    'The sign ± gives the 95 % confidence interval of a mean over the seeds. A confidence interval is computed from the',
    'standard deviation between seeds, pooled over all widths, numbers of epochs and bits of a network. Gaps of networks',
    'with float inputs and gaps of networks with binarized inputs are pooled separately. The confidence intervals are not',
    'corrected for the number of gaps.',
    ...(done < planned
      ? [
          '',
          'Numbers on this page are interim, because some trainings of the plan are not finished.',
        ]
      : []),
    '',
    ...(found ? trendSection(gaps, differences) : []),
    ...figures.flatMap((figure, i) => figureSection(plan, figure, texts[i])),
    ...(found
      ? [
          '## All gaps',
          '',
          'The column “trainings” counts the finished trainings of a row, with those of the float network. The columns “gap”',
          'name the number of bits. Parameters are those of the float network, with the running',
          `statistics of batch norm. The column “${less} minus ${more}” is the gap of ${less} bits minus that of ${more} bits.`,
          `A positive number in the column “${less} minus ${more}” means that ${more} bits are more accurate.`,
          '',
          ...gapTables(plan, gaps, differences),
        ]
      : []),
  ]
    .flatMap(wrapped)
    .join('\n');
  return { page: `${page.trimEnd()}\n`, csv: csvOf(gaps), figures };
}
