import { above, equal } from '../claims.ts';
import { table2 as paper } from '../paper.ts';
import type { Profile } from '../profile.ts';
import { measuredRow } from '../settings.ts';
import type { Claim, ResultRow, Setting, SettingResults } from '../stage.ts';

/** A precision of VGG-8's weights and inputs. */
export interface Precision {
  readonly weights: number;
  readonly inputs: number;
  /** dynamic: map and scales of each sample, as in the paper; channel: one width per input channel, which can be built. */
  readonly inputMap: 'dynamic' | 'channel';
  /** What shares a weight's bitwidth. */
  readonly mapPer: 'element' | 'position';
}

const both = (
  bits: number,
  inputMap: Precision['inputMap'],
  mapPer: Precision['mapPer'] = 'element',
): Precision => ({ weights: bits, inputs: bits, inputMap, mapPer });

/** Table 2's own precisions: bits of inputs and of weights alike. */
const asPrinted = [1, 1.2, 1.4, 2].map((bits) => both(bits, 'dynamic'));

/** Those that hardware can build, which have a place in the plots of accuracy against area. */
export const buildable: readonly Precision[] = [
  ...[1, 1.2, 1.4, 2].map((bits) => both(bits, 'channel')),
  ...[1.2, 1.4].map((bits) => both(bits, 'channel', 'position')),
  { weights: 1.4, inputs: 1, inputMap: 'channel', mapPer: 'element' },
  { weights: 2, inputs: 1, inputMap: 'channel', mapPer: 'element' },
];

export const isHomogeneous = ({ weights, inputs }: Precision): boolean =>
  Number.isInteger(weights) && Number.isInteger(inputs);

const idOf = ({ weights, inputs, inputMap, mapPer }: Precision): string =>
  `table2-vgg8-${weights}-${inputs}-${inputMap}-${mapPer}`;

export const nameOf = ({ weights, inputs, inputMap, mapPer }: Precision): string =>
  `${inputs}/${weights}${mapPer === 'position' ? ', weights per position' : ''}` +
  `${inputMap === 'channel' ? ', inputs per channel' : ''}`;

/** Trainings of VGG-8: none where a profile's images are too small for it. */
export function vggSettings(p: Profile): Setting[] {
  const { vgg8 } = p;
  if (vgg8 === undefined) return [];
  return [...asPrinted, ...buildable].map((precision) => ({
    id: idOf(precision),
    config: {
      ...p.common,
      ...vgg8,
      weights: precision.weights,
      inputs: precision.inputs,
      mapPer: precision.mapPer,
      ...(precision.inputMap === 'channel' && {
        inputMap: 'static',
        inputMapPer: 'channel',
      }),
    },
    seeds: precision.inputMap === 'dynamic' ? p.tableDeciding : p.tableOthers,
  }));
}

/** Accuracies of each seed in percent; empty where it was not trained. */
export const accuraciesOf = (results: SettingResults, precision: Precision): number[] =>
  (results.get(idOf(precision)) ?? []).map(({ top1 }) => 100 * top1);

/** Our VGG-8's accuracies beside the paper's. */
export function vggRows(p: Profile, results: SettingResults): ResultRow[] {
  const trained = [...asPrinted, ...buildable].filter((each) => results.has(idOf(each)));
  return trained.map((precision) => {
    const printed = paper.find(
      ([, , model, , bits]) => model === 'VGG-8' && bits === precision.weights,
    );
    const same = precision.inputMap === 'dynamic' && printed !== undefined;
    return measuredRow(p, `VGG-8 ${nameOf(precision)}`, results, idOf(precision), {
      ...(same && { paper: printed[8] }),
      columns: {
        row: 'a',
        platform: '–',
        model: 'VGG-8, reduced',
        unfolding: '–',
        bits: nameOf(precision),
        quantity: 'accuracy',
      },
    });
  });
}

/** The accuracies behind Table 2: at 1.4 bits the paper's VGG-8 is above its 2-bit one. */
export function vggClaims(results: SettingResults): Claim[] {
  const of = (bits: number): number[] => accuraciesOf(results, both(bits, 'dynamic'));
  if (of(1).length === 0) return [];
  return [
    above('5d', 'VGG-8: 1.4/1.4 bits are above 1/1', of(1.4), of(1)),
    equal('5e', 'VGG-8: 1.4/1.4 bits equal 2/2', of(1.4), of(2)),
  ];
}
