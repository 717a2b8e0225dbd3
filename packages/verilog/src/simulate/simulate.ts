import type { FoldedDesign } from '@hbnn/circuit';
import { type Bus, busWidth, type Design, decodeForm, indexWidth } from '@hbnn/circuit';
import { checkFlag, checkOptions, checkWhole, HbnnError, type Random, random } from '@hbnn/core';
import { type CheckedModel, countImages, type Feature } from '@hbnn/model';
import { boxesFile, modelsFile, xc7Boxes, xc7Models } from '../emit/primitives.ts';
import { isRom, isTestbench } from '../emit/testbenchNames.ts';
import { verilogFiles } from '../emit/verilogFiles.ts';
import { readCommand, type YosysNetlist, yosys } from '../yosys/yosys.ts';
import { type Compiled, compile } from './compile.ts';
import { simulateStreams } from './simulateStreams.ts';
import { type Simulation, type SimulationOptions, showSteps } from './simulation.ts';
import { lanes, wordsPerSlot } from './wasmCode.ts';

/**
 * Read a design's text back with Yosys and compile its netlist: what is computed is what the Verilog says.
 *
 * @param files the text; by default what is emitted for the design
 * @throws HbnnError when the text cannot be read, or its top module's ports and nets are not the design's
 */
export async function simulate(
  model: CheckedModel,
  design: Design | FoldedDesign,
  files: Readonly<Record<string, string>> = verilogFiles(design),
  o: SimulationOptions = {},
): Promise<Simulation> {
  checkOptions('simulate', o, ['pauses', 'imagesInARow', 'onPixels']);
  checkFlag('simulate', 'pauses', o.pauses);
  checkWhole('simulate', 'imagesInARow', o.imagesInARow, 1);
  return simulateNetlist(model, design, await gateNetlist(design, files), o);
}

/** Compile a design's netlist, as `gateNetlist` reads it. */
export async function simulateNetlist(
  model: CheckedModel,
  design: Design | FoldedDesign,
  netlist: YosysNetlist,
  o: SimulationOptions = {},
): Promise<Simulation> {
  const compiled = await compile(netlist, design.top);
  if (design.kind === 'folded') return simulateStreams(model, design, compiled, o);
  const { shape } = model.input;
  const nets = netsOf(design, compiled);
  const steps = design.layers.map(({ step }) => step);
  let numbers: Int32Array = new Int32Array(0);
  return {
    gates: compiled.gates,
    largest: () => numbers,
    run(pixels, watch, watchStep) {
      const count = countImages(pixels, shape);
      const { scores, largest, seen } = stream(
        design,
        compiled,
        nets,
        pixels,
        count,
        watch !== undefined || watchStep !== undefined,
        o.imagesInARow,
      );
      numbers = largest;
      for (const features of seen) showSteps(steps, features, watch, watchStep);
      return scores;
    },
  };
}

interface Streamed {
  readonly scores: Int32Array;
  readonly largest: Int32Array;
  /** The layers' outputs of each image, where they were asked for. */
  readonly seen: Feature[][];
}

/** Cycles over which images are spread when there is a clock: what is out of step then meets another image. */
const cyclesAtLeast = 16;

/** Put images in, some each cycle, and take what belongs to them when it comes out. */
function stream(
  design: Design,
  compiled: Compiled,
  nets: Nets,
  pixels: Uint8Array,
  count: number,
  watched: boolean,
  inARow = cyclesAtLeast,
): Streamed {
  const { latencyCycles: latency, layers } = design;
  const size = design.input.forms.length;
  const classes = design.classes.length;
  const each = latency === 0 ? lanes : Math.min(lanes, Math.ceil(count / inARow));
  const scores = new Int32Array(count * classes);
  const largest = new Int32Array(count);
  const seen: Feature[][] = Array.from({ length: watched ? count : 0 }, () => []);
  const rng = random(count, 'power-up', design.top);
  if (latency > 0) compiled.scramble(rng);
  const steps = Math.ceil(count / Math.max(1, each));
  /** The images that went in at a step. */
  const imagesOf = (step: number): readonly [from: number, to: number] =>
    step < 0 || step >= steps ? [0, 0] : [step * each, Math.min(count, (step + 1) * each)];
  for (let cycle = 0; cycle < steps + latency; cycle++) {
    const [from, to] = imagesOf(cycle);
    const noise = latency > 0 ? rng : undefined;
    setPixels(compiled, nets.pixels, pixels.subarray(from * size, to * size), size, noise);
    compiled.evaluate();
    if (watched)
      layers.forEach(({ output, delayCycles }, i) => {
        const [first, end] = imagesOf(cycle - delayCycles);
        for (let image = first; image < end; image++)
          seen[image][i] = featureOf(compiled, output, nets.layers[i], image - first);
      });
    const [first, end] = imagesOf(cycle - latency);
    for (let image = first; image < end; image++) {
      const lane = image - first;
      for (let k = 0; k < classes; k++)
        scores[image * classes + k] = word(compiled, nets.scores, 32 * k, 32, lane);
      largest[image] = word(compiled, nets.largest, 0, nets.largest.length, lane);
    }
    if (latency > 0) compiled.clock();
  }
  return { scores, largest, seen };
}

/**
 * Gates alone: modules of the design stay modules, primitives dissolve into those that use them.
 *
 * @param layersToo of streams: keep layers and scores as modules, each by itself; a chain of them cannot be computed then
 */
export async function gateNetlist(
  design: Design | FoldedDesign,
  files: Readonly<Record<string, string>>,
  layersToo = false,
): Promise<YosysNetlist> {
  const sources = sourcesOf(files);
  const primitives = '*hbnn_count7* *hbnn_add3* *LUT6_2* *CARRY4*';
  const script = [
    readCommand(Object.keys(sources)),
    `hierarchy -check -top ${design.top}`,
    'setattr -unset src */*',
    'proc',
    'memory_collect',
    'simplemap',
    'techmap',
    'simplemap',
    // Primitives dissolve, small as they are by then; places of layers, and lanes, stay functions, computed once and
    // called often. Streams dissolve too: ready goes the other way.
    ...(design.kind === 'folded'
      ? lanesKept(design, layersToo)
      : ['setattr -mod -set keep_hierarchy 1 *']),
    ...(design.style === 'xc7' ? [`setattr -mod -unset keep_hierarchy ${primitives}`] : []),
    'flatten -noscopeinfo',
    'opt_clean',
    'write_json',
  ];
  const { output } = await yosys(`${script.join('\n')}\n`, sources);
  return JSON.parse(output) as YosysNetlist;
}

const lanesKept = ({ top, layers, scores }: FoldedDesign, layersToo: boolean): string[] => [
  ...(layersToo
    ? [...layers.map(({ module }) => module), scores.unit.name].map(
        (module) => `setattr -mod -set keep_hierarchy 1 ${module}`,
      )
    : []),
  ...layers
    .flatMap(({ units }) => units)
    .flatMap((unit) =>
      unit.kind === 'matrix' ? [`setattr -mod -set keep_hierarchy 1 ${unit.lane.name}`] : [],
    ),
  // Bits that no layer needs are there to be looked at all the same.
  ...layers.map(({ module }) => `setattr -set keep 1 ${top}/${module}_tdata`),
];

/** The Verilog of a design among files, with the contents of its memories, without the testbench. */
export function sourcesOf(files: Readonly<Record<string, string>>): Record<string, string> {
  const sources = Object.entries(files).filter(
    ([name]) => (name.endsWith('.v') && !isTestbench(name) && name !== modelsFile) || isRom(name),
  );
  // The vendor's cells are known here; models of them that someone edited are what other simulators compute.
  const models = files[modelsFile];
  const cells: Record<string, string> =
    models === undefined || models === xc7Models
      ? { [boxesFile]: xc7Boxes }
      : { [modelsFile]: models };
  return { ...Object.fromEntries(sources), ...cells };
}

interface Nets {
  readonly pixels: readonly number[];
  readonly scores: readonly number[];
  readonly largest: readonly number[];
  readonly layers: readonly (readonly number[])[];
}

function netsOf(design: Design, compiled: Compiled): Nets {
  const bus = (name: string, width: number): readonly number[] => {
    const slots = compiled.slots(name);
    if (slots?.length === width) return slots;
    const found = slots === undefined ? 'none' : `${slots.length} bits`;
    throw new HbnnError(
      `${design.top}: expected a net '${name}' of ${width} bits, got ${found}; keep the top module's nets as 'hbnn verilog' writes them`,
    );
  };
  const classes = design.classes.length;
  return {
    pixels: bus('pixels', busWidth(design.input)),
    scores: bus('scores', 32 * classes),
    largest: bus('largest', indexWidth(classes)),
    layers: design.layers.map(({ module, output }) => bus(`${module}_y`, busWidth(output))),
  };
}

/** Put images into the lanes from the first on, and noise or 0 into the others. */
function setPixels(
  { memory }: Compiled,
  slots: readonly number[],
  pixels: Uint8Array,
  size: number,
  noise?: Random,
): void {
  const used = pixels.length / size;
  for (const slot of slots)
    for (let w = 0; w < wordsPerSlot; w++) {
      const taken = Math.max(0, Math.min(32, used - 32 * w));
      const free = taken === 32 ? 0 : -1 << taken;
      memory[wordsPerSlot * slot + w] = noise === undefined ? 0 : noise.below(2 ** 32) & free;
    }
  pixels.forEach((pixel, at) => {
    const lane = Math.floor(at / size);
    const first = 8 * (at % size);
    for (let j = 0; j < 8; j++)
      if ((pixel >> j) & 1)
        memory[wordsPerSlot * slots[first + j] + (lane >> 5)] |= 1 << (lane & 31);
  });
}

export const bitOf = ({ memory }: Compiled, slot: number, lane: number): number =>
  (memory[wordsPerSlot * slot + (lane >> 5)] >>> (lane & 31)) & 1;

function word(
  compiled: Compiled,
  slots: readonly number[],
  from: number,
  width: number,
  lane: number,
): number {
  let value = 0;
  for (let i = 0; i < width; i++) value |= bitOf(compiled, slots[from + i], lane) << i;
  return value;
}

function featureOf(
  compiled: Compiled,
  { shape, forms, offsets }: Bus,
  slots: readonly number[],
  lane: number,
): Feature {
  const values = Int32Array.from(forms, (form, i) =>
    decodeForm(form, (j) => bitOf(compiled, slots[offsets[i] + j], lane) === 1),
  );
  return { shape, values };
}
