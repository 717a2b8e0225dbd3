import { type Feature, featureCount, HbnnError, type IntegerModel, type Watch } from '@hbnn/core';
import { type Compiled, compile, lanes } from './compile.ts';
import { type Bus, busWidth, type Design, indexWidth } from './design.ts';
import { modelsFile, verilogFiles } from './emit.ts';
import { xc7Boxes } from './primitives.ts';
import { testbenchName } from './testbench.ts';
import { decodeForm } from './value.ts';
import { readCommand, type YosysNetlist, yosys } from './yosys.ts';

/** A design read back from its text and ready to be computed. */
export interface Simulation {
  /** Scores of each image, [count, classes]; `watch` is shown each layer's output, image after image. */
  run(pixels: Uint8Array, watch?: Watch): Int32Array;
  /** The number of the largest score of each image of the last run, as the hardware gives it. */
  readonly largest: () => Int32Array;
  readonly gates: number;
}

/**
 * Read a design's text back with Yosys and compile its netlist: what is computed is what the Verilog says.
 *
 * @param files the text; by default what is emitted for the design
 * @throws HbnnError when the text cannot be read, or its top module's ports and nets are not the design's
 */
export async function simulate(
  model: IntegerModel,
  design: Design,
  files: Readonly<Record<string, string>> = verilogFiles(design),
): Promise<Simulation> {
  return simulateNetlist(model, design, await gateNetlist(design, files));
}

/** Compile a design's netlist, as `gateNetlist` reads it. */
export async function simulateNetlist(
  model: IntegerModel,
  design: Design,
  netlist: YosysNetlist,
): Promise<Simulation> {
  const compiled = await compile(netlist, design.top);
  const { shape } = model.input;
  const size = featureCount(shape);
  const classes = model.scoreOffsets.length;
  const nets = netsOf(design, compiled);
  let numbers: Int32Array = new Int32Array(0);
  return {
    gates: compiled.gates,
    largest: () => numbers,
    run(pixels, watch) {
      const count = pixels.length / size;
      if (!Number.isInteger(count))
        throw new HbnnError(
          `run: expected images of ${shape.join('×')} = ${size} pixel values each, got ${pixels.length} values; pass whole images`,
        );
      const scores = new Int32Array(count * classes);
      numbers = new Int32Array(count);
      for (let from = 0; from < count; from += lanes) {
        const images = Math.min(lanes, count - from);
        setPixels(
          compiled,
          nets.pixels,
          pixels.subarray(from * size, (from + images) * size),
          size,
        );
        compiled.evaluate();
        for (let lane = 0; lane < images; lane++) {
          const image = from + lane;
          for (let k = 0; k < classes; k++)
            scores[image * classes + k] = word(compiled, nets.scores, 32 * k, 32, lane);
          numbers[image] = word(compiled, nets.largest, 0, nets.largest.length, lane);
          if (watch === undefined) continue;
          design.layers.forEach(({ output }, i) => {
            watch(model.layers[i], featureOf(compiled, output, nets.layers[i], lane));
          });
        }
      }
      return scores;
    },
  };
}

/** Gates alone: modules of the design stay modules, primitives dissolve into those that use them. */
export async function gateNetlist(
  design: Design,
  files: Readonly<Record<string, string>>,
): Promise<YosysNetlist> {
  const sources = sourcesOf(files);
  const primitives = '*hbnn_count7* *hbnn_add3*';
  const script = [
    readCommand(Object.keys(sources)),
    `hierarchy -check -top ${design.top}`,
    'setattr -unset src */*',
    'proc',
    'simplemap',
    'techmap',
    'simplemap',
    // Primitives dissolve, small as they are by then; places of layers stay functions, computed once and called often.
    'setattr -mod -set keep_hierarchy 1 *',
    ...(design.style === 'xc7' ? [`setattr -mod -unset keep_hierarchy ${primitives}`] : []),
    'flatten -noscopeinfo',
    'opt_clean',
    'write_json',
  ];
  const { output } = await yosys(`${script.join('\n')}\n`, sources);
  return JSON.parse(output) as YosysNetlist;
}

/** The Verilog of a design among files, without the testbench. */
export function sourcesOf(files: Readonly<Record<string, string>>): Record<string, string> {
  const sources = Object.entries(files).filter(
    ([name]) => name.endsWith('.v') && name !== `${testbenchName}.v` && name !== modelsFile,
  );
  // The vendor's cells are known here; their models are for other simulators.
  return { ...Object.fromEntries(sources), [boxesFile]: xc7Boxes };
}

const boxesFile = 'xc7_boxes.v';

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

export const wordsPerSlot = 4;

function setPixels(
  { memory }: Compiled,
  slots: readonly number[],
  pixels: Uint8Array,
  size: number,
): void {
  for (const slot of slots) memory.fill(0, wordsPerSlot * slot, wordsPerSlot * (slot + 1));
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
