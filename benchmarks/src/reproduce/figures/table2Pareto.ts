import type { Fabric } from '@hbnn/circuit';
import { chartConfig } from '@hbnn/cli/drawing';
import { distFromAverage } from '@hbnn/core';
import { builtInTechnology, unrolledArea } from '@hbnn/estimator';
import { randomModel } from '@hbnn/model';
import { mean } from '../../results/statistics.ts';
import type { Plot, ResultRow, SettingResults } from '../stage.ts';
import {
  accuraciesOf,
  buildable,
  isHomogeneous,
  nameOf,
  type Precision,
} from './table2Networks.ts';

/** A binarized layer of the reduced VGG-8: inputs of one output, outputs, places, and channels that come new per place. */
interface Matrix {
  readonly inputs: number;
  readonly outputs: number;
  readonly places: number;
  readonly channels: number;
}

const conv = (channels: number, outputs: number, size: number): Matrix => ({
  inputs: 9 * channels,
  outputs,
  places: size ** 2,
  channels,
});
const dense = (inputs: number, outputs: number): Matrix => ({
  inputs,
  outputs,
  places: 1,
  channels: inputs,
});

/** All but the first and the last, which have 8 bits whatever the others have. */
const vggMatrices: readonly Matrix[] = [
  conv(8, 8, 28),
  conv(8, 16, 12),
  conv(16, 16, 10),
  conv(16, 32, 3),
  conv(32, 32, 1),
  dense(32, 64),
  dense(64, 64),
];

const cells = builtInTechnology(45);
/** Changes per net and image, as `hbnn estimate` has it where nothing is simulated. */
const activity = 0.4;

/** What a network of some precision takes: one place of each layer in LUTs, and the energy of all places. */
export interface NetworkCost {
  readonly precision: Precision;
  readonly luts: number;
  readonly energyNj: number;
}

function layerArea(matrix: Matrix, precision: Precision, circuit: Fabric): number {
  const { inputs, outputs, channels } = matrix;
  const model = randomModel(`${inputs}x${outputs}`, {
    layer: `dense:${inputs}x${outputs}`,
    mapPer: precision.mapPer,
    mix: distFromAverage(precision.weights),
    inputMapPer: 'channel',
    inputMix: distFromAverage(precision.inputs),
  });
  const { steps } = unrolledArea(model, circuit);
  const of = (name: string): number => steps.find((step) => step.name === name)?.area.value ?? 0;
  return of('layer') + (of('input') * channels) / inputs;
}

/** Estimate the reduced VGG-8's binarized layers with random weights. */
function networkCost(precision: Precision): NetworkCost {
  let [luts, joules] = [0, 0];
  for (const matrix of vggMatrices) {
    luts += layerArea(matrix, precision, 'lut6');
    const gates = layerArea(matrix, precision, 'gates');
    joules += gates * activity * cells.gateSwitchJ.value * matrix.places;
  }
  return { precision, luts, energyNj: 1e9 * joules };
}

const places = 'binarized layers of VGG-8, reduced';

/** LUTs and energy of each precision that can be built. */
export function costRows(costs: readonly NetworkCost[]): ResultRow[] {
  return costs.flatMap(({ precision, luts, energyNj }) => {
    const name = nameOf(precision);
    const row = (quantity: string, unit: string, ours: number, error: number): ResultRow => ({
      label: `ours, unrolled, VGG-8 reduced ${name} ${quantity}`,
      kind: 'estimated',
      unit,
      ours: Number(ours.toPrecision(4)),
      error,
      columns: {
        row: 'c',
        platform: unit === 'LUT' ? 'LUT6' : '45 nm',
        model: places,
        unfolding: 'a place per layer',
        bits: name,
        quantity,
      },
    });
    return [row('LUTs', 'LUT', luts, 0.15), row('energy per image', 'nJ', energyNj, 0.5)];
  });
}

/** The bits of a network, such as 1.4/1.4, what its maps are like, and what it costs. */
interface ParetoPoint {
  readonly name: string;
  readonly series: string;
  readonly top1: number;
  readonly luts: number;
  readonly energyNj: number;
}

/** Those that none beats in both. */
const front = (points: readonly ParetoPoint[], of: 'luts' | 'energyNj'): ParetoPoint[] =>
  points
    .filter((a) => !points.some((b) => b.top1 >= a.top1 && b[of] < a[of]))
    .sort((a, b) => a[of] - b[of]);

const perPosition = ', weights per position';

function seriesOf(precision: Precision): string {
  if (isHomogeneous(precision)) return 'homogeneous';
  return nameOf(precision).includes(perPosition) ? `heterogeneous${perPosition}` : 'heterogeneous';
}

/** Accuracy against LUTs and energy, the front drawn in; none where nothing was trained. */
export function paretoPlots(costs: readonly NetworkCost[], results: SettingResults): Plot[] {
  const points = costs.flatMap(({ precision, luts, energyNj }): ParetoPoint[] => {
    const values = accuraciesOf(results, precision);
    if (values.length === 0) return [];
    const name = nameOf(precision).replace(', inputs per channel', '').replace(perPosition, '');
    return [{ name, series: seriesOf(precision), top1: mean(values), luts, energyNj }];
  });
  return points.length === 0 ? [] : [paretoPlot(points)];
}

/** The plot of `paretoPlots`. */
function paretoPlot(points: readonly ParetoPoint[]): Plot {
  const panel = (of: 'luts' | 'energyNj', title: string) => {
    const best = front(points, of);
    const encoding = { ...axes(of, title), text: { field: 'name' } };
    // The front has neither points nor lines above it and to its left, so its labels stand there.
    const ofBest = { align: 'right', baseline: 'bottom', dx: -5, dy: -3 };
    const ofOthers = { align: 'left', baseline: 'top', dx: 5, dy: 3 };
    return {
      width: 330,
      height: 280,
      layer: [
        {
          data: { values: best },
          mark: { type: 'line', interpolate: 'step-after', strokeDash: [4, 3], color: '#999' },
          encoding: axes(of, title),
        },
        {
          data: { values: points },
          mark: { type: 'point', filled: true, size: 60 },
          encoding: {
            ...axes(of, title),
            color: { field: 'series', type: 'nominal', title: null, legend: { columns: 3 } },
          },
        },
        { data: { values: best }, mark: { type: 'text', ...ofBest, fontSize: 10 }, encoding },
        {
          data: { values: points.filter((point) => !best.includes(point)) },
          mark: { type: 'text', ...ofOthers, fontSize: 10 },
          encoding,
        },
      ],
    };
  };
  return {
    file: 'table2-pareto',
    title: 'Accuracy of the reduced VGG-8 against LUTs and energy',
    caption:
      'A point of the figure is a network, labelled with the bits of its inputs/weights. The dashed line of the ' +
      'figure joins the networks that no other network beats in both accuracy and cost (LUTs or energy). The ' +
      'accuracy of each network in the figure is measured on the test images. The LUTs that compute one pixel ' +
      'position of each binarized layer, and the energy per image in standard cells of 45 nm, are estimated with ' +
      'random weights.',
    spec: {
      hconcat: [panel('luts', 'LUT6, estimated'), panel('energyNj', 'nJ per image, estimated')],
      config: chartConfig,
    },
  };
}

const axes = (of: string, title: string) => {
  const scale = { zero: false, padding: 24 };
  return {
    x: { field: of, type: 'quantitative', title, scale },
    y: { field: 'top1', type: 'quantitative', title: 'top-1, %', scale },
  };
};

export const costsOfAll = (): NetworkCost[] => buildable.map(networkCost);
