import type { Fabric } from '@hbnn/circuit';
import { distFromAverage } from '@hbnn/core';
import { builtInTechnology, unrolledArea } from '@hbnn/estimator';
import { randomModel } from '@hbnn/model';
import { mean } from '../../results/statistics.ts';
import { halo, type PanelLayout, panelChart } from '../report/charts.ts';
import { type LabelledPoint, labelPlaces, stepsOf } from '../report/labelPlaces.ts';
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
  return nameOf(precision).includes(perPosition) ? 'heterogeneous, per position' : 'heterogeneous';
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
  return {
    file: 'table2-pareto',
    title: 'Accuracy of the reduced VGG-8 against the number of lookup tables and the energy',
    caption:
      'Each point of the figure is a network, labelled with the bits of its layer inputs, a slash, and the bits of ' +
      'its weights. In the networks called “per position”, all weights at a kernel position have the same ' +
      'bitwidth. The dashed line of the figure joins the networks that no other network beats in both accuracy and ' +
      'cost. The accuracy of each network in the figure is measured on the test images. The size of a network is ' +
      'the number of lookup tables (LUTs) that compute one pixel position of each binarized layer. The energy per ' +
      'image is estimated for a chip made in a 45 nm process. The lookup tables and the energy of each network are ' +
      'estimated with random weights.',
    ...panelChart(
      (layout) => [
        paretoPanel(points, 'luts', 'LUT6, estimated', layout),
        paretoPanel(points, 'energyNj', 'nJ per image, estimated', layout),
      ],
      3,
    ),
  };
}

const panelHeight = 280;

function paretoPanel(
  points: readonly ParetoPoint[],
  of: 'luts' | 'energyNj',
  title: string,
  { width, legendColumns }: PanelLayout,
): object {
  const [costs, top1] = [points.map((point) => point[of]), points.map((point) => point.top1)];
  const domains = [costs, top1].map(widened);
  const axes = {
    x: { field: of, type: 'quantitative', title, scale: { domain: domains[0], nice: false } },
    y: {
      field: 'top1',
      type: 'quantitative',
      title: 'top-1, %',
      scale: { domain: domains[1], nice: false },
    },
  };
  const [toX, toY] = domains.map(
    ([low, high]) =>
      (value: number) =>
        (value - low) / (high - low),
  );
  const best = front(points, of);
  const pixelsOf = (point: ParetoPoint): LabelledPoint => ({
    text: point.name,
    x: width * toX(point[of]),
    y: panelHeight * (1 - toY(point.top1)),
  });
  const places = labelPlaces(points.map(pixelsOf), {
    width,
    height: panelHeight,
    fontSize: 10,
    lines: stepsOf(best.map(pixelsOf)),
  });
  const line = { type: 'line', interpolate: 'step-after', strokeDash: [4, 3], color: '#999' };
  return {
    width,
    height: panelHeight,
    layer: [
      { data: { values: best }, mark: line, encoding: axes },
      {
        data: { values: points },
        mark: { type: 'point', filled: true, size: 60 },
        encoding: {
          ...axes,
          color: {
            field: 'series',
            type: 'nominal',
            title: null,
            legend: { columns: legendColumns },
          },
        },
      },
      ...points.flatMap((point, i) =>
        [halo, {}].map((look) => ({
          data: { values: [point] },
          mark: { type: 'text', fontSize: 10, ...places[i], ...look },
          encoding: { ...axes, text: { field: 'name' } },
        })),
      ),
    ],
  };
}

/** A domain with some room beyond the least and the largest value, for points and their labels. */
function widened(values: readonly number[]): [number, number] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = 0.1 * (high - low || Math.abs(high) || 1);
  return [low - room, high + room];
}

export const costsOfAll = (): NetworkCost[] => buildable.map(networkCost);
