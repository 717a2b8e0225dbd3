import { mean, paired, significance } from '../../results/statistics.ts';
import { pointsText } from '../claims.ts';
import { figures } from '../paper.ts';
import type { Profile } from '../profile.ts';
import { accuracies, measuredRow } from '../settings.ts';
import type { Claim, Setting, SettingResults, Stage, StageResult } from '../stage.ts';
import { averages, decidingAverages, weightSettings } from './weights.ts';

const paper = figures.figure3b;

interface Point {
  readonly bits: number;
  readonly label: string;
  readonly setting: Setting;
}

function points(p: Profile): Point[] {
  const homogeneous = (bits: number): Point => ({
    bits,
    label: `${bits}-bit`,
    setting: weightSettings.homogeneous(p, bits),
  });
  return [
    homogeneous(1),
    ...averages.map((bits) => ({
      bits,
      label: `${bits}-bit middle-out`,
      setting: weightSettings.middleOut(p, bits),
    })),
    homogeneous(2),
  ];
}

function conclude(p: Profile, results: SettingResults): StageResult {
  const list = points(p);
  const float = weightSettings.float(p);
  const rows = list.map(({ bits, label, setting }) => {
    const printed = paper.average_bits.indexOf(bits);
    return measuredRow(p, label, results, setting.id, {
      paper: printed < 0 ? undefined : paper.top1[printed],
      columns: { 'average bits': bits },
    });
  });
  const floatRow = measuredRow(p, 'float', results, float.id, { paper: paper.full_precision });
  return {
    stage: 'figure3b',
    title: 'Figure 3b: accuracy against the average bits of the weights, by middle-out',
    about:
      'In Figure 3b, the weights of all layers are binarized, and the rule middle-out chooses which weights get ' +
      'more bits. In Figure 3b, the inputs of the layers are floating-point numbers. For each average number of ' +
      'bits, the shares of weights with 1, 2 and 3 bits are those of the HBNN paper. The HBNN paper’s accuracies ' +
      'in the table are for AlexNet-BN on ImageNet. We read the HBNN paper’s accuracies off a plot, to within 0.1 ' +
      'points. The HBNN paper’s plot has no accuracy for 2 bits.',
    rows: [...rows, floatRow],
    claims: [fasterThanLinear(list, results)],
    plots: [],
  };
}

/** Per seed: how far the accuracies lie above the straight line from 1 to 2 bits, on average. */
function fasterThanLinear(list: readonly Point[], results: SettingResults): Claim {
  const id = '3a';
  const claim = 'With middle-out, accuracy rises faster than linearly with the average bits';
  const first = accuracies(results, list[0].setting.id);
  const two = accuracies(results, list.at(-1)?.setting.id ?? '');
  const inner = list
    .filter(({ bits }) => decidingAverages.includes(bits))
    .map(({ bits, setting }) => ({ bits, values: accuracies(results, setting.id) }));
  const seeds = Math.min(...inner.map(({ values }) => values.length), first.length, two.length);
  const excess = Array.from({ length: seeds }, (_, s) =>
    mean(
      inner.map(({ bits, values }) => values[s] - (first[s] + (bits - 1) * (two[s] - first[s]))),
    ),
  );
  const test = paired(excess, new Array<number>(seeds).fill(0));
  if (test === undefined) {
    return {
      id,
      claim,
      verdict: 'undecided',
      because: 'fewer than two seeds, too few for a test',
    };
  }
  const verdict = test.low > 0 ? 'holds' : test.high < 0 ? 'does not hold' : 'undecided';
  return {
    id,
    claim,
    verdict,
    because:
      `at ${decidingAverages.join(' and ')} bits, the accuracy minus that on the straight line from 1 to 2 bits is ` +
      `on average ${pointsText(test.difference)} points, ${Math.round(100 * (1 - significance))} % interval ` +
      `${pointsText(test.low)} … ${pointsText(test.high)}, t test over ${seeds} seeds`,
  };
}

export const figure3b: Stage = {
  name: 'figure3b',
  settings: (p) => [...points(p).map(({ setting }) => setting), weightSettings.float(p)],
  conclude,
};
