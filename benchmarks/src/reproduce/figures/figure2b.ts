import { paired } from '../../results/statistics.ts';
import { above, equal, equivalenceMargin } from '../claims.ts';
import { figures } from '../paper.ts';
import type { Profile } from '../profile.ts';
import { type ForestRow, forestChart } from '../report/charts.ts';
import { accuracies, measuredRow } from '../settings.ts';
import type { Setting, SettingResults, Stage, StageResult } from '../stage.ts';
import { weightSettings } from './weights.ts';

const average = 1.4;
const paper = figures.figure2b;

interface Bar {
  readonly label: string;
  readonly setting: Setting;
  readonly paper?: number;
}

function bars(p: Profile): Bar[] {
  const selected = (select: 'top-down' | 'bottom-up' | 'random' | 'optimal'): Setting =>
    weightSettings.selected(p, select, average);
  return [
    { label: '1-bit', setting: weightSettings.homogeneous(p, 1), paper: paper.one_bit },
    { label: '1.4-bit random', setting: selected('random'), paper: paper.random },
    { label: '1.4-bit top-down', setting: selected('top-down'), paper: paper.top_down },
    { label: '1.4-bit bottom-up', setting: selected('bottom-up'), paper: paper.bottom_up },
    {
      label: '1.4-bit middle-out',
      setting: weightSettings.middleOut(p, average),
      paper: paper.middle_out,
    },
    { label: '1.4-bit optimal (not in the paper)', setting: selected('optimal') },
    { label: '2-bit', setting: weightSettings.homogeneous(p, 2), paper: paper.two_bit },
    { label: 'float', setting: weightSettings.float(p) },
  ];
}

function conclude(p: Profile, results: SettingResults): StageResult {
  const list = bars(p);
  const of = (label: string): number[] =>
    accuracies(results, list.find((bar) => bar.label === label)?.setting.id ?? '');
  const [oneBit, two] = [of('1-bit'), of('2-bit')];
  const [mo, bu, td, r] = ['middle-out', 'bottom-up', 'top-down', 'random'].map((s) =>
    of(`1.4-bit ${s}`),
  );
  const rows = list.map(({ label, setting, paper: printed }) =>
    measuredRow(p, label, results, setting.id, { paper: printed }),
  );
  return {
    stage: 'figure2b',
    title: 'Figure 2b: accuracy by selection rule at 1.4 bits, weights only',
    about:
      'In the trainings of Figure 2b, the weights of all layers are binarized, also those of the first and last ' +
      'layer. In Figure 2b, the inputs of the layers are floating-point numbers. Trainings with equal seeds start ' +
      'from equal weights and see the images in the same order. The HBNN paper’s accuracies in the table are for ' +
      'AlexNet-BN on ImageNet. We read the HBNN paper’s accuracies off a plot, to within 0.1 points.',
    rows,
    claims: [
      equal('2a', '1.4 bits by middle-out equal 2 bits', mo, two, paper.middle_out - paper.two_bit),
      above(
        '2b',
        '1.4 bits by middle-out are above 1 bit',
        mo,
        oneBit,
        paper.middle_out - paper.one_bit,
      ),
      above('2c', 'middle-out is above bottom-up', mo, bu, paper.middle_out - paper.bottom_up),
      above('2d', 'bottom-up is above top-down', bu, td, paper.bottom_up - paper.top_down),
      equal('2e', 'top-down equals random', td, r, paper.top_down - paper.random),
      above('2f', 'middle-out is above random', mo, r, paper.middle_out - paper.random),
    ],
    plots: [
      {
        file: 'figure2b',
        title: 'Difference in accuracy from 2-bit weights for each selection rule',
        caption:
          'The horizontal axis of the figure shows the top-1 accuracy of a setting minus the accuracy with 2-bit ' +
          'weights. Each small dot of the figure is the difference in accuracy between two trainings with equal ' +
          'seeds. Each large dot of the figure is the accuracy of a setting minus the accuracy with 2-bit weights, ' +
          'averaged over the seeds, with its 95 % confidence interval. Each diamond of the figure is the HBNN ' +
          'paper’s accuracy of a setting on ImageNet, minus the HBNN paper’s accuracy with 2-bit weights. The grey ' +
          'band of the figure marks differences in accuracy within ±1 point.',
        ...forestChart({
          rows: list
            .filter(({ label }) => label !== '2-bit')
            .flatMap(({ label, paper: printed }) => forestRow(label, of(label), two, printed)),
          margin: equivalenceMargin,
          x: 'difference to 2-bit in points of top-1',
        }),
      },
    ],
  };
}

/** A setting beside 2 bits; none where fewer than two seeds are paired. */
function forestRow(
  label: string,
  values: readonly number[],
  two: readonly number[],
  printed?: number,
): ForestRow[] {
  const test = paired(values, two);
  if (test === undefined) return [];
  const { difference: mean, low, high, n } = test;
  const seeds = Array.from({ length: n }, (_, i) => values[i] - two[i]);
  const difference = printed === undefined ? undefined : printed - paper.two_bit;
  return [{ label, group: 'ours', mean, low, high, seeds, paper: difference }];
}

export const figure2b: Stage = {
  name: 'figure2b',
  settings: (p) => bars(p).map(({ setting }) => setting),
  conclude,
};
