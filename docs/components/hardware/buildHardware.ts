import { beatTrace, type FoldedDesign, foldedDesign, unrolledDesign } from '@hbnn/circuit';
import { distFromAverage } from '@hbnn/core';
import {
  builtInTechnology,
  device,
  estimateAsic,
  estimateRtl,
  estimateUnrolled,
  type Quantity,
  type RtlEstimate,
} from '@hbnn/estimator';
import { type CheckedModel, randomModel } from '@hbnn/model';
import { testbenchFiles, verilogFiles } from '@hbnn/verilog';
import {
  type BuiltHardware,
  type Compared,
  chips,
  type Figure,
  type HardwareChoice,
  type Waveform,
} from './hardwareChoice.ts';
import { adderTree, laneTree } from './treeNodes.ts';

const clockHz = 100e6;
const nanometres = 32;

/** One place of a 3 × 3 convolution where it is unrolled, 4 × 4 places of it where it is folded. */
function hardwareModel(o: HardwareChoice): CheckedModel {
  const { channels, outputs, style } = o;
  const layer =
    style === 'unrolled'
      ? `dense:${9 * channels}x${outputs}`
      : `conv:4x4x${channels},k3x3,o${outputs},p1`;
  return randomModel(1, {
    layer,
    mix: distFromAverage(o.weightBits),
    mapPer: o.mapPer,
    inputMix: distFromAverage(o.inputBits),
  });
}

/** Make a layer's hardware, its Verilog, and what it is estimated to take. */
export function buildHardware(o: HardwareChoice): BuiltHardware {
  const start = performance.now();
  const model = hardwareModel(o);
  const style = chips[o.chip].adders;
  const design =
    o.style === 'unrolled'
      ? unrolledDesign(model, { style })
      : foldedDesign(model, { style, folds: { layer: { pe: o.pe, simd: o.simd } } });
  const files = { ...verilogFiles(design), ...testbenchFiles(model, design, { images: 4 }) };
  const common = { top: design.top, files };
  const made =
    design.kind === 'unrolled'
      ? {
          figures: unrolledFigures(model, o),
          unknown: '',
          tree: adderTree(model, design, files),
        }
      : {
          ...foldedFigures(design, o),
          tree: laneTree(design, files),
          waveform: waveformOf(design),
        };
  return { ...common, ...made, milliseconds: performance.now() - start };
}

const figure = (
  name: string,
  { value, low, high, from }: Omit<Quantity, 'unit' | 'source'>,
  o: { unit?: Figure['unit']; compared?: Compared } = {},
): Figure => ({ name, value, unit: o.unit ?? '', low, high, from, compared: o.compared });

function unrolledFigures(model: CheckedModel, o: HardwareChoice): Figure[] {
  const { tables, device: deviceName } = chips[o.chip];
  const fpga = estimateUnrolled(model, device(deviceName), clockHz);
  const asic = estimateAsic(model, builtInTechnology(nanometres), { framesPerSecond: clockHz });
  const layer = fpga.area.steps.find(({ name }) => name === 'layer');
  return [
    ...(layer ? [figure(`${tables} of the layer`, layer.area, { compared: 'layerTables' })] : []),
    figure(`${tables} with thresholds and scores`, fpga.luts, { compared: 'tables' }),
    figure(`area at ${nanometres} nm`, asic.areaUm2, { unit: 'um2' }),
    figure(`energy for an image at ${nanometres} nm`, asic.energyPerFrameJ, { unit: 'J' }),
    { name: 'cycle for an image', value: 1, unit: '', from: 'all weights at once' },
  ];
}

/** The figures of a folded design, and what there is none of. */
function foldedFigures(
  design: FoldedDesign,
  o: HardwareChoice,
): { readonly figures: Figure[]; readonly unknown: string } {
  const cycles = design.layers.find(({ layer }) => layer === 'layer')?.cycles;
  const size = estimateRtl(design, o.chip);
  const figures: Figure[] = [
    ...(cycles
      ? [
          {
            name: 'cycles of the layer',
            value: cycles.scheduled,
            unit: '',
            from: `from the design's schedule; ${cycles.ideal} if every lane always had work`,
          } as const,
        ]
      : []),
    {
      name: `images per second at ${clockHz / 1e6} MHz`,
      value: clockHz / design.cyclesPerImage,
      unit: '',
      from: 'the clock over the cycles of the slowest layer',
    },
    ...foldedArea(size, o),
  ];
  const unknown =
    size.energyPerImageJ === undefined
      ? `There is no estimate of the energy on ${chips[o.chip].title}: no power of this family has been published in a form that we know.`
      : '';
  return { figures, unknown };
}

/** A count whose band has whole numbers at its ends. */
const whole = ({ value, low, high, from }: Quantity) => ({
  value,
  low: Math.round(low),
  high: Math.round(high),
  from,
});

/** What the Verilog is estimated to take. */
function foldedArea(size: RtlEstimate, { chip }: HardwareChoice): Figure[] {
  const { layers, luts, memoryLuts, flipFlops, blockRams, energyPerImageJ } = size;
  const { tables } = chips[chip];
  const { from } = luts;
  // Tables that are memory are beside those that are logic, and a band is of the whole alone.
  const layer = layers.find(({ layer: name }) => name === 'layer');
  const [value, low, high] = (['value', 'low', 'high'] as const).map(
    (end) => luts[end] + memoryLuts[end],
  );
  return [
    ...(layer
      ? [
          {
            name: `${tables} of the layer`,
            value: layer.luts + layer.memoryLuts,
            unit: '',
            from,
            compared: 'layerTables',
          } as const,
        ]
      : []),
    figure(
      `${tables} with thresholds and scores`,
      { value, low, high, from },
      { compared: 'tables' },
    ),
    figure('flip-flops with thresholds and scores', flipFlops, { compared: 'flipFlops' }),
    ...(blockRams.value > 0
      ? [
          figure(
            `block RAM${blockRams.value === 1 ? '' : 's'} of ${chips[chip].blocks}`,
            whole(blockRams),
          ),
        ]
      : []),
    ...(energyPerImageJ
      ? [figure('energy of the FPGA for an image', energyPerImageJ, { unit: 'J' })]
      : []),
  ];
}

const unitNames = {
  buffer: 'buffer',
  window: 'window',
  collect: 'collect',
  accumulate: 'sums',
  deal: 'a few sums',
  gather: 'bits of a pixel',
  matrix: 'lanes',
  logic: 'logic',
} as const;

/** A waveform ends here, lest its computation take long. */
const maxCycles = 20_000;

/** Two images through a folded design, from its reset on; the first cycles where they take many. */
function waveformOf(design: FoldedDesign): Waveform {
  const cyclesOfTwo = 2 * design.cyclesPerImage + 200;
  const cycles = Math.min(maxCycles, cyclesOfTwo);
  const { units, outputs } = beatTrace(design, cycles);
  const firstScores = outputs[outputs.length - 1].indexOf(2);
  return {
    cycles,
    cyclesOfTwo,
    firstScores: firstScores === -1 ? undefined : firstScores,
    rows: units.map(({ layer, kind }, i) => ({
      name: layer === 'scores' ? 'scores' : `${layer}: ${unitNames[kind]}`,
      states: outputs[i],
    })),
  };
}
