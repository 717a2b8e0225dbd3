import {
  beatTrace,
  type Design,
  type FoldedDesign,
  foldedDesign,
  type Leaf,
  type Netlist,
  nodeOf,
  unrolledDesign,
} from '@hbnn/circuit';
import { distFromAverage } from '@hbnn/core';
import {
  builtInTechnology,
  device,
  estimateAsic,
  estimateFolded,
  estimateUnrolled,
  foldedLayers,
  type Quantity,
} from '@hbnn/estimator';
import { type CheckedModel, census, randomModel } from '@hbnn/model';
import { testbenchFiles, verilogFiles } from '@hbnn/verilog';
import {
  type BuiltHardware,
  chips,
  type Figure,
  type HardwareChoice,
  type TreeNode,
  type Waveform,
} from './hardwareChoice.ts';

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
  const figures =
    design.kind === 'unrolled' ? unrolledFigures(model, o) : foldedFigures(model, design, o);
  const tree = design.kind === 'unrolled' ? adderTree(design) : undefined;
  const waveform = design.kind === 'folded' ? waveformOf(design) : undefined;
  return {
    top: design.top,
    files,
    figures,
    tree,
    waveform,
    milliseconds: performance.now() - start,
  };
}

const figure = (name: string, { value, unit, low, high, from }: Quantity): Figure => ({
  name,
  value,
  unit,
  low,
  high,
  from,
});

function unrolledFigures(model: CheckedModel, o: HardwareChoice): Figure[] {
  const fpga = estimateUnrolled(model, device(chips[o.chip].device), clockHz);
  const asic = estimateAsic(model, builtInTechnology(nanometres), { framesPerSecond: clockHz });
  const layer = fpga.area.steps.find(({ name }) => name === 'layer');
  return [
    ...(layer ? [figure(`${chips[o.chip].tables} of the layer`, layer.area)] : []),
    figure(`${chips[o.chip].tables} with thresholds and scores`, fpga.luts),
    figure(`area at ${nanometres} nm`, asic.areaUm2),
    figure(`energy at ${nanometres} nm`, asic.energyPerFrameJ),
    { name: 'cycles for an image', value: 1, unit: 'cycle', from: 'all weights at once' },
  ];
}

function foldedFigures(model: CheckedModel, design: FoldedDesign, o: HardwareChoice): Figure[] {
  const layers = foldedLayers(census(model));
  const estimate = estimateFolded(
    layers,
    [{ pe: o.pe, simd: o.simd }],
    device(chips[o.chip].device),
    clockHz,
  );
  const layer = design.layers.find(({ layer: name }) => name === 'layer');
  const cycles = layer?.cycles;
  return [
    ...(cycles
      ? [
          {
            name: 'cycles of the layer',
            value: cycles.scheduled,
            unit: 'cycles',
            from: `from the design's schedule; ${cycles.ideal} if every lane always had work`,
          },
        ]
      : []),
    {
      name: `images per second at ${clockHz / 1e6} MHz`,
      value: clockHz / design.cyclesPerImage,
      unit: 'images/s',
      from: 'the clock over the cycles of the slowest layer',
    },
    figure('LUTs of such a layer in FINN', estimate.luts),
  ];
}

const unitNames = {
  buffer: 'buffer',
  window: 'window',
  collect: 'collect',
  matrix: 'lanes',
  logic: 'logic',
} as const;

/** Two images through a folded design, from its reset on. */
function waveformOf(design: FoldedDesign): Waveform {
  const cycles = Math.min(20_000, 2 * design.cyclesPerImage + 200);
  const { units, outputs } = beatTrace(design, cycles);
  return {
    cycles,
    firstScores: outputs[outputs.length - 1].indexOf(2),
    rows: units.map(({ layer, kind }, i) => ({
      name: layer === 'scores' ? 'scores' : `${layer}: ${unitNames[kind]}`,
      states: outputs[i],
    })),
  };
}

/** More gates than these are not drawn. */
const maxNodes = 700;

/** The gates of the layer's first output. */
function adderTree(design: Design): TreeNode[] | undefined {
  const layer = design.layers.find(({ layer: name }) => name === 'layer');
  const leaf = layer?.modules.find((module): module is Leaf => module.kind === 'leaf');
  if (!layer || !leaf) return undefined;
  const { offsets } = layer.output;
  return treeOf(leaf.net, leaf.net.outputs.slice(offsets[0], offsets[1]).map(nodeOf));
}

function treeOf(net: Netlist, roots: readonly number[]): TreeNode[] | undefined {
  const seen = new Set(roots);
  const queue = [...roots];
  for (let node = queue.pop(); node !== undefined; node = queue.pop())
    for (const read of net.reads(node)) {
      if (seen.has(nodeOf(read))) continue;
      seen.add(nodeOf(read));
      queue.push(nodeOf(read));
    }
  const nodes = [...seen].sort((a, b) => a - b);
  if (nodes.length > maxNodes) return undefined;
  const places = new Map(nodes.map((node, i) => [node, i]));
  const outputs = new Map(roots.map((node, bit) => [node, bit]));
  return nodes.map((node) => {
    const kind = net.kind(node);
    const bit = outputs.get(node);
    const name = kind === 'input' ? `input ${net.operands(node)[0]}` : kindNames[kind];
    return {
      kind,
      level: net.level(2 * node),
      reads: net
        .reads(node)
        .map((read) => ({ node: places.get(nodeOf(read)) as number, inverted: (read & 1) === 1 })),
      label: bit === undefined ? name : `${name}; bit ${bit} of the sum`,
    };
  });
}

const kindNames: Readonly<Record<string, string>> = {
  constant: 'constant 0',
  and: 'AND',
  xor: 'exclusive OR: the sum of two bits',
  xor3: 'exclusive OR of three: the sum of a full adder',
  majority: 'majority: the carry of a full adder',
  mux: 'multiplexer',
  cell: 'counter',
  register: 'register',
};
