import { runConfig } from '@hbnn/train';
import { mean } from '../../results/statistics.ts';
import { above, equal } from '../claims.ts';
import { table1 as paper } from '../paper.ts';
import type { Profile } from '../profile.ts';
import { accuracies, measuredRow } from '../settings.ts';
import type { Claim, ResultRow, Setting, SettingResults, Stage, StageResult } from '../stage.ts';
import { weightSettings } from './weights.ts';

type Model = 'AlexNet' | 'MobileNet';

/** The quantizer of each row that the paper took from another paper. */
const quantizers: ReadonlyMap<number, string> = new Map([
  [1, 'sq-bwn'],
  [2, 'sq-twn'],
  [4, 'twn'],
  [7, 'bnn'],
  [8, 'xnor-net'],
  [9, 'dorefa:1/2'],
  [10, 'qnn:1/2'],
]);
/** Methods that the table has not, on AlexNet with float inputs. */
const laterMethods = ['bwn', 'trq', 'bit-pruning:0.01', 'bayesian-bits:0.003'] as const;
/** Rows behind a claim. */
const decides = new Set([3, 5, 11, 13, 17, 19, 23, 25, 26]);

const settingId = (model: Model, inputs: string, weights: string): string =>
  `table1-${model}-${inputs}-${weights}`;

function settingOf(
  p: Profile,
  model: Model,
  inputs: string,
  weights: string,
  seeds: readonly number[],
): Setting {
  const network = model === 'AlexNet' ? p.alexNet : p.mobileNet;
  return {
    id: settingId(model, inputs, weights),
    config: { ...p.common, ...network, inputs, weights },
    seeds,
  };
}

/** Our own weights-only 2-bit row, the measured counterpart of the quoted row 4. */
const ownTwoBit = { model: 'AlexNet', inputs: 'float', weights: '2' } as const;

/** A row's setting with the seeds of the rows that decide a claim. */
export function table1Setting(p: Profile, model: Model, inputs: string, weights: string): Setting {
  return settingOf(p, model, inputs, weights, p.tableDeciding);
}

const methodId = (quantizer: string): string => `table1-AlexNet-${quantizer}`;

/** AlexNet with another paper's quantizer. */
const methodSetting = (p: Profile, quantizer: string): Setting => ({
  id: methodId(quantizer),
  config: { ...p.common, ...p.alexNet, quantizer },
  seeds: p.tableOthers,
});

function methodSettings(p: Profile): Setting[] {
  const rows = p.methodRows === 'all' ? [...quantizers.keys()] : p.methodRows;
  const names = rows.map((row) => quantizers.get(row) as string);
  const later = p.methodRows === 'all' ? laterMethods : [];
  return [...names, ...later].map((quantizer) => methodSetting(p, quantizer));
}

function settings(p: Profile): Setting[] {
  const trained = paper
    .filter(([row]) => !quantizers.has(row))
    .map(([row, model, , inputs, weights]) =>
      settingOf(p, model, inputs, weights, decides.has(row) ? p.tableDeciding : p.tableOthers),
    );
  const { model, inputs, weights } = ownTwoBit;
  const own = settingOf(p, model, inputs, weights, p.tableDeciding);
  return [...trained, own, ...methodSettings(p)];
}

function conclude(p: Profile, results: SettingResults): StageResult {
  const rows: ResultRow[] = paper.map(([row, model, name, inputs, weights, top1, top5]) => {
    const columns = { row, model, method: name, bits: `${inputs}/${weights}` };
    const label = `${row} ${model} ${name} ${inputs}/${weights}`;
    const quantizer = quantizers.get(row);
    const id = quantizer === undefined ? settingId(model, inputs, weights) : methodId(quantizer);
    const moreColumns = { ...top5Of(results, id), 'paper top-5': top5 };
    if (quantizer !== undefined && !results.get(id)?.length)
      return { label, kind: 'quoted', unit: '% top-1', paper: top1, columns, moreColumns };
    return measuredRow(p, label, results, id, { paper: top1, columns, moreColumns });
  });
  const { model, inputs, weights } = ownTwoBit;
  const own = measuredRow(
    p,
    'AlexNet residual float/2 (ours only)',
    results,
    settingId(model, inputs, weights),
    {
      columns: {
        row: '–',
        model,
        method: 'residual (ours only)',
        bits: `${inputs}/${weights}`,
      },
      moreColumns: top5Of(results, settingId(model, inputs, weights)),
    },
  );
  return {
    stage: 'table1',
    title: 'Table 1: accuracy by bits of inputs and weights',
    about:
      'Some accuracies in the HBNN paper’s Table 1 are quoted from other papers. For rows of Table 1 with quoted ' +
      'accuracies, our networks are trained with the quantization methods of the quoted papers.\n\n' +
      (rows.some(({ kind }) => kind === 'quoted')
        ? 'For the rows of the table marked “quoted only”, we trained no network. '
        : '') +
      'In the column “bits”, “1/1.4” means 1 bit for the inputs of the layers and 1.4 bits for the weights. If the ' +
      'inputs of the layers stay floating-point numbers, the weights of all layers are binarized, also those of ' +
      'the first and last layer. If weights and layer inputs are binarized, the first and the last layer of the ' +
      'network keep floating-point numbers.\n\nFor each image, the network chooses anew which layer inputs get more ' +
      'bits. In MobileNet, only the pointwise (1 × 1) convolutions are binarized.\n\nThe HBNN paper’s accuracies in ' +
      'the table are for ImageNet. Our version of Table 1 has too few seeds to compare the methods with each ' +
      'other. An experiment that compares the quantization methods of Table 1 with more seeds is planned ' +
      '(`benchmarks/plans/table1.md`).',
    rows: [...rows, own, ...laterRows(p, results)],
    claims: claims(p, results),
    plots: [],
  };
}

/** Methods that the table has not, where they were trained. */
function laterRows(p: Profile, results: SettingResults): ResultRow[] {
  return laterMethods.flatMap((quantizer): ResultRow[] => {
    const id = methodId(quantizer);
    const runs = results.get(id) ?? [];
    if (runs.length === 0) return [];
    const bits = mean(runs.map(({ weightBits = 0 }) => weightBits));
    return [
      measuredRow(p, `AlexNet ${quantizer} (ours only)`, results, id, {
        columns: {
          row: '–',
          model: 'AlexNet',
          method: `${quantizer} (ours only)`,
          bits: `float/${Number(bits.toFixed(3))}`,
        },
        moreColumns: top5Of(results, id),
      }),
    ];
  });
}

/** The column of our mean top-5 accuracy in percent; a dash for a row that was not trained. */
function top5Of(results: SettingResults, id: string): { 'our top-5': string } {
  const runs = results.get(id) ?? [];
  const top5 = runs.length === 0 ? '–' : mean(runs.map((run) => 100 * run.top5)).toFixed(2);
  return { 'our top-5': top5 };
}

/** Whether figure 2b trains AlexNet-BN's 1.4 bits too, and so judges the same runs. */
function judgedByFigure2b(p: Profile): boolean {
  const config = (setting: Setting | undefined): string =>
    JSON.stringify(setting && runConfig({ ...setting.config, seed: 0 }));
  const id = settingId('AlexNet', 'float', '1.4');
  return (
    config(settings(p).find((each) => each.id === id)) === config(weightSettings.middleOut(p, 1.4))
  );
}

/** What the paper prints for one row less another. */
function printed(row: number, other: number): number {
  const [a, b] = [row, other].map(
    (number) => paper.find(([each]) => each === number)?.[5] ?? Number.NaN,
  );
  return a - b;
}

function claims(p: Profile, results: SettingResults): Claim[] {
  const of = (model: Model, inputs: string, weights: string): number[] =>
    accuracies(results, settingId(model, inputs, weights));
  const weightsAlone = [
    equal(
      '2g',
      'AlexNet, weights only: 1.4-bit equals 2-bit (row 5 against our own 2-bit)',
      of('AlexNet', 'float', '1.4'),
      of('AlexNet', 'float', '2'),
    ),
    above(
      '2h',
      'AlexNet, weights only: 1.4-bit is above 1-bit (rows 5 and 3)',
      of('AlexNet', 'float', '1.4'),
      of('AlexNet', 'float', '1'),
      printed(5, 3),
    ),
  ];
  return [
    // Runs are judged once.
    ...(judgedByFigure2b(p) ? [] : weightsAlone),
    equal(
      '2i',
      'AlexNet: 1.4/1.4 bits equal 2/2 (rows 13 and 11)',
      of('AlexNet', '1.4', '1.4'),
      of('AlexNet', '2', '2'),
      printed(13, 11),
    ),
    equal(
      '2j',
      'MobileNet: 1.4/1.4 bits equal 2/2 (rows 23 and 19)',
      of('MobileNet', '1.4', '1.4'),
      of('MobileNet', '2', '2'),
      printed(23, 19),
    ),
    above(
      '2k',
      'MobileNet: 1.4/1.4 bits are above 1/1 (rows 23 and 17)',
      of('MobileNet', '1.4', '1.4'),
      of('MobileNet', '1', '1'),
      printed(23, 17),
    ),
  ];
}

export const table1: Stage = { name: 'table1', settings, conclude };
