import type { Fabric } from '@hbnn/circuit';
import { parseMix } from '@hbnn/core';
import {
  builtInTechnology,
  device,
  estimateFolded,
  estimateFoldedAsic,
  type FoldedEstimate,
  type FoldedLayer,
  finnNetworks,
  foldedAtRate,
  foldsAtRate,
  type Quantity,
  unrolledArea,
  unrolledCoefficients,
} from '@hbnn/estimator';
import { randomModel } from '@hbnn/model';
import { mobileNetBlocks } from '../../networks/fullModels.ts';
import { mean } from '../../results/statistics.ts';
import { type PanelLayout, panelChart } from '../report/charts.ts';
import type { Claim, Plot, ResultRow } from '../stage.ts';
import { circuitMixes } from './layerCircuits.ts';

/** One place of CNV's second convolution: 3 × 3 × 64 inputs, 64 outputs. */
const place = 'dense:576x64';
const seeds = [1, 2, 3];
const clockHz = 200e6;

/** CNV with every layer's lanes as wide as the most bits of a mix; FINN's folding stays. */
function cnvLayers(max: number): FoldedLayer[] {
  return finnNetworks[0].layers.map((layer, i, all) => ({
    ...layer,
    weightBits: max,
    inputBits: i === 0 ? layer.inputBits : max,
    thresholds: i === all.length - 1 ? 0 : 2 ** max - 1,
  }));
}

const maxBits = (mix: string): number => mix.split('/').length;

/** Column (c): CNV folded as FINN published it, on the paper's device, by our estimator. */
export function foldedRows(): ResultRow[] {
  const zc706 = device('zc706');
  return circuitMixes.flatMap(([bits, mix]) => {
    const layers = cnvLayers(maxBits(mix));
    const found = estimateFolded(layers, finnNetworks[0].folds, zc706, clockHz);
    return foldedQuantities(found, `${bits} bit`, zc706.luts, {
      row: 'c',
      platform: 'ZC706',
      model: 'CNV, FINN’s folding',
      unfolding: '–',
      bits,
    });
  });
}

function foldedQuantities(
  found: FoldedEstimate,
  label: string,
  luts: number,
  columns: Readonly<Record<string, string | number>>,
): ResultRow[] {
  const row = (name: string, unit: string, { value, high }: Quantity, scale = 1): ResultRow => ({
    label: `ours, folded, ${label} ${name}`,
    kind: 'estimated',
    unit,
    ours: Number((scale * value).toPrecision(4)),
    error: high / value - 1,
    columns: { ...columns, quantity: name },
  });
  return [
    row('occupancy', '%', found.luts, 100 / luts),
    row('LUTs', 'LUT', found.luts),
    row('throughput', 'kFPS', found.framesPerSecond, 1e-3),
    ...(found.powerW === undefined ? [] : [row('power, unverified constants', 'W', found.powerW)]),
  ];
}

/** Pointwise convolutions of so many bits; all else of 8. */
function mobileNetLayers(max: number): FoldedLayer[] {
  const eight = { weightBits: 8, inputBits: 8, thresholds: 0, scales: 1 };
  let [size, channels] = [112, 32];
  const layers: FoldedLayer[] = [
    {
      name: 'stem',
      window: 'conv',
      matrixWidth: 27,
      matrixHeight: channels,
      ...eight,
      places: size ** 2,
      channels: 3,
      rowValues: 224 * 3,
      kernelHeight: 3,
    },
  ];
  mobileNetBlocks.forEach(([filters, strides], i) => {
    const rowValues = size * channels;
    size /= strides;
    const places = size ** 2;
    layers.push({
      name: `depthwise${i + 1}`,
      window: 'depthwise',
      matrixWidth: 9,
      matrixHeight: channels,
      places,
      channels,
      rowValues,
      kernelHeight: 3,
      ...eight,
      // Its sums become the bits of the pointwise convolution's inputs.
      thresholds: 2 ** max - 1,
      scales: 0,
    });
    layers.push({
      name: `pointwise${i + 1}`,
      window: 'dense',
      matrixWidth: channels,
      matrixHeight: filters,
      places,
      channels,
      rowValues: channels,
      kernelHeight: 1,
      weightBits: max,
      inputBits: max,
      thresholds: 0,
      scales: 1,
    });
    channels = filters;
  });
  layers.push({
    name: 'dense',
    window: 'dense',
    matrixWidth: channels,
    matrixHeight: 1000,
    places: 1,
    channels,
    rowValues: channels,
    kernelHeight: 1,
    ...eight,
    scales: 0,
  });
  return layers;
}

/** Frames per second that the paper's 1-bit MobileNet is said to give. */
const mobileNetRate = 450;

/** Column (c): MobileNet folded for the paper's rate at 1 bit, the folding kept for the other bits. */
export function mobileNetRows(): ResultRow[] {
  const zc706 = device('zc706');
  const { folds } = foldedAtRate(mobileNetLayers(1), zc706, mobileNetRate, clockHz);
  return circuitMixes
    .filter(([bits]) => bits !== 1.2)
    .flatMap(([bits, mix]) => {
      const found = estimateFolded(mobileNetLayers(maxBits(mix)), folds, zc706, clockHz);
      return foldedQuantities(found, `MobileNet ${bits} bit`, zc706.luts, {
        row: 'c',
        platform: 'ZC706',
        model: 'MobileNet, folded for 450 frames/s',
        unfolding: '–',
        bits,
      });
    });
}

/** The paper's rate of every ASIC row. */
const asicRate = 3400;
/** Its base is an ASIC of 28 nm, which published scaling lacks; 32 nm is the nearest that it has. */
const asicNode = 32;

/** Column (c): both networks folded for the paper's 3.4 kFPS at 1 bit, in standard cells with memories. */
export function asicRows(): ResultRow[] {
  const cells = builtInTechnology(asicNode);
  const networks = [
    { model: 'CNV', of: cnvLayers },
    { model: 'MobileNet', of: mobileNetLayers },
  ] as const;
  return networks.flatMap(({ model, of }) => {
    const folds = foldsAtRate(of(1), asicRate, clockHz);
    return circuitMixes.flatMap(([bits, mix]) => {
      const found = estimateFoldedAsic(of(maxBits(mix)), folds, cells, clockHz);
      const row = (quantity: string, unit: string, from: Quantity | undefined, scale: number) =>
        from === undefined
          ? []
          : [
              {
                label: `ours, folded ASIC, ${model} ${bits} bit ${quantity}`,
                unit,
                kind: 'estimated',
                ours: Number((scale * from.value).toPrecision(4)),
                error: from.high / from.value - 1,
                columns: {
                  row: 'c',
                  platform: `${asicNode} nm`,
                  model: `${model}, folded for 3.4 kFPS`,
                  unfolding: '–',
                  bits,
                  quantity,
                },
              } satisfies ResultRow,
            ];
      return [
        ...row('area', 'mm²', found.areaUm2, 1e-6),
        ...row('throughput', 'kFPS', found.framesPerSecond, 1e-3),
        ...row('power', 'W', found.powerW, 1),
      ];
    });
  });
}

type Scaling = 'weights' | 'weights and inputs';
/** What shares a weight's bitwidth. */
type SharedBits = 'element' | 'position';

/** Area of the layer's sums at each average, relative to that of the same kind of map at 1 bit; the mean over seeds. */
export interface AreaRatio {
  readonly circuit: Fabric;
  readonly scaling: Scaling;
  readonly mapPer: SharedBits;
  readonly bits: number;
  readonly ratio: number;
}

export function areaRatios(): AreaRatio[] {
  const area = (
    seed: number,
    { mix, inputs, mapPer }: { mix: string; inputs: string; mapPer: SharedBits },
    circuit: Fabric,
  ): number => {
    const model = randomModel(seed, {
      layer: place,
      mix: parseMix(mix),
      inputMix: parseMix(inputs),
      mapPer,
    });
    const layer = unrolledArea(model, circuit).steps.find(({ name }) => name === 'layer');
    if (layer === undefined) throw new Error(`${place}: no step named layer`);
    return layer.area.value;
  };
  const circuits: readonly Fabric[] = ['lut6', 'gates'];
  return circuits.flatMap((circuit) =>
    (['element', 'position'] as const).flatMap((mapPer) => {
      // Random models with another kind of map have other weights, so each kind has a base of its own.
      const bases = seeds.map((seed) => area(seed, { mix: '1', inputs: '1', mapPer }, circuit));
      return (['weights', 'weights and inputs'] as const).flatMap((scaling) =>
        circuitMixes.map(([bits, mix]): AreaRatio => {
          const inputs = scaling === 'weights' ? '1' : mix;
          const ratios = seeds.map(
            (seed, i) => area(seed, { mix, inputs, mapPer }, circuit) / bases[i],
          );
          return { circuit, scaling, mapPer, bits, ratio: mean(ratios) };
        }),
      );
    }),
  );
}

export const areaRows = (ratios: readonly AreaRatio[]): ResultRow[] =>
  ratios.map(({ circuit, scaling, mapPer, bits, ratio }) => ({
    label: `ours, unrolled ${circuit}, ${bits} bit ${scaling}, map per ${mapPer}`,
    kind: 'estimated',
    unit: '× 1 bit',
    ours: Number(ratio.toFixed(3)),
    error: unrolledCoefficients[circuit].steps.layer.error,
    seeds,
    columns: {
      row: 'c',
      platform: circuit,
      model: place,
      unfolding: 'whole',
      bits,
      quantity: `area, ${scaling}, map per ${mapPer}`,
    },
  }));

const bitsText = (bits: number): string => `${bits} bit${bits === 1 ? '' : 's'}`;

/** The law that a ratio follows within the estimate's error: the nearest of b and b², or neither. */
function lawOf({ bits, ratio, circuit }: AreaRatio): string {
  const error = unrolledCoefficients[circuit].steps.layer.error;
  const off = (law: number): number => Math.abs(ratio / law - 1);
  const laws = [
    ['b', bits],
    ['b²', bits ** 2],
  ] as const;
  const [name, law] = laws.reduce((a, b) => (off(b[1]) < off(a[1]) ? b : a));
  return off(law) <= error
    ? name
    : ratio < bits
      ? 'less than b'
      : ratio > bits ** 2
        ? 'more than b²'
        : 'between b and b²';
}

/**
 * The paper scales FPGAs by b and ASICs by b² where inputs and weights have b bits. Each is judged at 1.4 and 2 bits:
 * it holds where both ratios are nearest to it, and within the estimate's own error. A map per position is a design whose
 * cost can follow the bits, and is judged first; with a map per weight sums share less, so that its area cannot follow.
 *
 * @param synthesized what whole networks of our Verilog took, in a sentence
 */
export function areaClaims(ratios: readonly AreaRatio[], synthesized: string): Claim[] {
  const judge = (
    id: string,
    { circuit, mapPer }: Pick<AreaRatio, 'circuit' | 'mapPer'>,
    law: 'b' | 'b²',
    claim: string,
    more = '',
  ): Claim => {
    const own = ratios.filter((ratio) => ratio.circuit === circuit && ratio.mapPer === mapPer);
    const both = own.filter(({ scaling }) => scaling === 'weights and inputs');
    const alone = own.filter(({ scaling }) => scaling === 'weights');
    const deciding = both.filter(({ bits }) => bits === 1.4 || bits === 2);
    const error = 100 * unrolledCoefficients[circuit].steps.layer.error;
    const text = (list: readonly AreaRatio[]): string =>
      list
        .filter(({ bits }) => bits !== 1)
        .map((one) => `${one.ratio.toFixed(2)} at ${bitsText(one.bits)} (${lawOf(one)})`)
        .join(', ');
    return {
      id,
      claim,
      verdict: deciding.every((each) => lawOf(each) === law) ? 'holds' : 'does not hold',
      because:
        'estimated area of an unrolled layer with 576 inputs and 64 outputs, as a multiple of its area at 1 bit (in ' +
        `brackets: the law that fits within ${error.toFixed(0)} %); weights and inputs of b bits: ${text(both)}; ` +
        `weights of b bits, inputs of 1 bit: ${text(alone)}${more}`,
    };
  };
  const [fpga, asic] = [
    'FPGA area grows as b, the average bits of weights and inputs',
    'ASIC area grows as b²',
  ];
  return [
    judge(
      '5b',
      { circuit: 'lut6', mapPer: 'position' },
      'b',
      `${fpga}, if weights at a kernel position share their bits`,
      synthesized,
    ),
    judge(
      '5c',
      { circuit: 'gates', mapPer: 'position' },
      'b²',
      `${asic}, if weights at a kernel position share their bits`,
    ),
    judge(
      '5f',
      { circuit: 'lut6', mapPer: 'element' },
      'b',
      `${fpga}, if each weight has its own bits`,
    ),
    judge(
      '5g',
      { circuit: 'gates', mapPer: 'element' },
      'b²',
      `${asic}, if each weight has its own bits`,
    ),
  ];
}

/** Area against average bits per circuit, with the paper's law drawn in. */
export function areaPlot(ratios: readonly AreaRatio[]): Plot {
  const panel = (
    circuit: Fabric,
    title: string,
    law: (bits: number) => number,
    { width, legendColumns }: PanelLayout,
  ) => ({
    width,
    height: 260,
    title,
    data: {
      values: [
        ...ratios
          .filter((eachRatio) => eachRatio.circuit === circuit)
          .map(({ bits, ratio, scaling, mapPer }) => ({
            x: bits,
            y: ratio,
            series: `${scaling}, per ${mapPer === 'element' ? 'weight' : mapPer}`,
          })),
        ...circuitMixes.map(([bits]) => ({ x: bits, y: law(bits), series: 'the paper’s law' })),
      ],
    },
    mark: { type: 'line', point: true },
    encoding: {
      x: { field: 'x', type: 'quantitative', title: 'average bits', scale: { zero: false } },
      y: { field: 'y', type: 'quantitative', title: 'area relative to 1 bit' },
      color: {
        field: 'series',
        type: 'nominal',
        title: null,
        legend: { columns: legendColumns },
      },
    },
  });
  return {
    file: 'table2-area',
    title: 'Area of a layer with separate logic for every weight, against average bits',
    caption:
      'The figure shows the estimated area of a dense layer, divided by its area at 1 bit. The dense layer in the ' +
      'figure has 576 inputs and 64 outputs. The area on an FPGA is counted in lookup tables with six inputs ' +
      '(LUT6). The area on an ASIC (a chip for one purpose) is counted in multiples of the area of a NAND gate ' +
      '(gate equivalents). The lines “per weight” are for layers in which each weight has its own bitwidth. The ' +
      'lines “per position” are for layers in which all weights at a kernel position have the same bitwidth. ' +
      'According to the HBNN paper, the area on an FPGA grows in proportion to the average bits. According to the ' +
      'HBNN paper, the area on an ASIC grows with the square of the average bits.',
    ...panelChart(
      (layout) => [
        panel('lut6', 'FPGA, LUT6', (bits) => bits, layout),
        panel('gates', 'ASIC, gate equivalents', (bits) => bits ** 2, layout),
      ],
      2,
    ),
  };
}
