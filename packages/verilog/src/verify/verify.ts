import {
  type Bus,
  type Design,
  type DesignLayer,
  decodeForm,
  type FoldedDesign,
  type Step,
  stepFeature,
  stepLayer,
} from '@hbnn/circuit';
import { HbnnError, type Random, random } from '@hbnn/core';
import { type CheckedModel, type Feature, featureCount, interpreter } from '@hbnn/model';
import { testbenchText } from '../emit/testbench.ts';
import { testbenchName } from '../emit/testbenchNames.ts';
import { verilogFiles } from '../emit/verilogFiles.ts';
import { type Compiled, compile } from '../simulate/compile.ts';
import { bitOf, gateNetlist, simulateNetlist, sourcesOf } from '../simulate/simulate.ts';
import { StreamFault } from '../simulate/simulateStreams.ts';
import type { Simulation } from '../simulate/simulation.ts';
import { lanes, wordsPerSlot } from '../simulate/wasmCode.ts';
import { undrivenNet } from '../yosys/undriven.ts';
import type { YosysNetlist } from '../yosys/yosys.ts';
import { codeOf, type Difference, position } from './difference.ts';
import { streamDifference } from './verifyStreams.ts';
import { vectorDifference, vectorImages } from './verifyVectors.ts';

export interface Verified {
  readonly equal: boolean;
  readonly difference?: Difference;
  /** Images through the whole network, each layer's outputs compared with the interpreter's. */
  readonly images: number;
  /** Vectors on each layer's inputs, compared with the hardware generated from the model; 0 where the text is the same. */
  readonly vectorsPerLayer: number;
  readonly gates: number;
  /** Whether the testbench's own text is what is generated; undefined without one. It is not computed. */
  readonly testbench?: 'generated' | 'edited';
}

export interface VerifyOptions {
  readonly images?: number;
  /** Rounds of 128 vectors on each layer alone. */
  readonly rounds?: number;
  readonly seed?: number;
}

/** Passes of further images through text that was edited, and the gates times cycles that they may come to. */
const morePasses = 15;
const maxWork = 4e8;

/**
 * Check Verilog against a model: images through the whole network, layer by layer against the interpreter; and, where
 * the text is not what is generated, each layer alone on values within its inputs' ranges, which images may not reach.
 * There an output that depends on a net that nothing drives is a difference too, whatever 0 in its place gives.
 * The testbench's images and scores, where they are among the files, are compared with the model's.
 *
 * @param files the Verilog, whoever wrote it; its top module and layers keep their names and ports
 * @throws HbnnError when the text cannot be read or lacks a module, port or net
 */
export async function verify(
  model: CheckedModel,
  design: Design | FoldedDesign,
  files: Readonly<Record<string, string>>,
  o: VerifyOptions = {},
): Promise<Verified> {
  const { images = 256, rounds = 16, seed = 1 } = o;
  const generated = sourcesOf(verilogFiles(design));
  const given = sourcesOf(files);
  const names = new Set([...Object.keys(generated), ...Object.keys(given)]);
  const changed = [...names].some((name) => generated[name] !== given[name]);
  const netlist = await gateNetlist(design, files);
  const simulation = await simulateNetlist(model, design, netlist);
  const counts = {
    images,
    vectorsPerLayer: 0,
    gates: simulation.gates,
    ...testbenchNote(model, design, files),
  };
  const difference = imageDifference(model, simulation, images, seed);
  if (difference !== undefined) return { equal: false, difference, ...counts };
  const vector = vectorDifference(model, files);
  if (vector !== undefined) return { equal: false, difference: vector, ...counts };
  if (!changed) return { equal: true, ...counts };
  const floating = undrivenDifference(design, netlist);
  if (floating !== undefined) return { equal: false, difference: floating, ...counts };
  // Scores and their largest are seen through images alone: more of them, as far as that takes seconds.
  const cycles = design.kind === 'folded' ? design.cyclesPerImage : 1;
  const more = Math.min(morePasses, Math.floor(maxWork / (simulation.gates * cycles * images)));
  for (let pass = 1; pass <= more; pass++) {
    const late = imageDifference(model, simulation, images, seed + pass);
    if (late !== undefined)
      return { equal: false, difference: late, ...counts, images: images * (1 + pass) };
  }
  const own = await gateNetlist(design, generated, true);
  const alone = design.kind === 'folded' ? await gateNetlist(design, files, true) : netlist;
  const vectors = { ...counts, images: images * (1 + more), vectorsPerLayer: lanes * rounds };
  for (const found of layerDifferences(design, own, alone, rounds, seed)) {
    const layer = await found();
    if (layer !== undefined) return { equal: false, difference: layer, ...vectors };
  }
  return { equal: true, ...vectors };
}

/** The first difference on a seed's images; it says the seed, for further passes have others. */
function imageDifference(
  model: CheckedModel,
  simulation: Pick<Simulation, 'run' | 'largest'>,
  images: number,
  seed: number,
): Difference | undefined {
  const pixels = testImages(model, images, seed);
  const difference = differenceOrFault(() => firstDifference(model, simulation, pixels));
  return difference && { ...difference, found: `${difference.found} (images of seed ${seed})` };
}

function undrivenDifference(
  { top, layers }: Design | FoldedDesign,
  netlist: YosysNetlist,
): Difference | undefined {
  const found = undrivenNet(netlist, top);
  if (found === undefined) return undefined;
  const { path, net } = found;
  // Streams are one module by then, with each layer's nets under its instance.
  const within = path[0] ?? net;
  const layer = layers.find(
    ({ module }) => within === module || within.startsWith(`${module}_layer.`),
  );
  return {
    layer: layer?.layer ?? path[0] ?? top,
    output: 'net without a driver',
    expected: 1,
    got: 0,
    found: `drivers of ${net} of ${path.at(-1) ?? top}, which an output depends on: x in simulators`,
  };
}

/** Whether somebody edited the testbench: its vectors are compared, its text is not run. */
function testbenchNote(
  model: CheckedModel,
  design: Design | FoldedDesign,
  files: Readonly<Record<string, string>>,
): Pick<Verified, 'testbench'> {
  const text = files[`${testbenchName}.v`];
  if (text === undefined) return {};
  const images = vectorImages(model, files);
  const same = images !== undefined && text === testbenchText(model, design, images);
  return { testbench: same ? 'generated' : 'edited' };
}

const layerDifferences = (
  design: Design | FoldedDesign,
  own: YosysNetlist,
  given: YosysNetlist,
  rounds: number,
  seed: number,
): readonly (() => Promise<Difference | undefined>)[] =>
  design.kind === 'folded'
    ? design.layers.map((layer) => () => streamDifference(layer, own, given, rounds, seed))
    : design.layers.map((layer) => () => layerDifference(layer, own, given, rounds, seed));

/** A chain of streams that stands still, or moves when it should not, is different too. */
function differenceOrFault(find: () => Difference | undefined): Difference | undefined {
  try {
    return find();
  } catch (error) {
    if (!(error instanceof StreamFault)) throw error;
    const { layer, expected, got, message } = error;
    return { layer, output: 'stream', expected, got, found: message };
  }
}

/** Seeded images of several kinds: noise of any contrast, ramps, dots, black and white. */
export function testImages(model: CheckedModel, images: number, seed: number): Uint8Array {
  const { shape } = model.input;
  const size = featureCount(shape);
  const rng = random(seed, 'verify', model.name);
  const pixels = new Uint8Array(images * size);
  for (let image = 0; image < images; image++) {
    const kind = image < 2 ? image : 2 + rng.below(4);
    const [mean, spread] = [rng.below(256), 1 + rng.below(128)];
    const [dx, dy] = [rng.below(64) - 32, rng.below(64) - 32];
    for (let i = 0; i < size; i++) {
      const pixel = Math.floor(i / shape[2]);
      const [y, x] = [Math.floor(pixel / shape[1]), pixel % shape[1]];
      const noise = rng.below(256);
      const dot = rng.below(8) === 0 ? 255 - mean : mean;
      const near = mean + (noise % (2 * spread)) - spread;
      const ramp = mean + dx * x + dy * y + (noise & 7);
      const value = [0, 255, noise, near, ramp, dot][kind];
      pixels[image * size + i] = Math.max(0, Math.min(255, value));
    }
  }
  return pixels;
}

function firstDifference(
  model: CheckedModel,
  simulation: Pick<Simulation, 'run' | 'largest'>,
  pixels: Uint8Array,
): Difference | undefined {
  const wanted: Map<string, Feature>[] = [];
  const scores = interpreter(model).run(pixels, ({ name }, output) => {
    if (name === model.layers[0].name) wanted.push(new Map());
    wanted[wanted.length - 1].set(name, output);
  });
  // The first step that differs for any image is where to look.
  const seen = new Map<Step, Feature[]>();
  const got = simulation.run(pixels, undefined, (step, output) => {
    const outputs = seen.get(step) ?? [];
    seen.set(step, outputs);
    outputs.push(output);
  });
  for (const [step, outputs] of seen)
    for (const [image, output] of outputs.entries()) {
      const expected = stepFeature(step, (layer) => featureAt(wanted[image], layer));
      const i = expected.values.findIndex((value, k) => value !== output.values[k]);
      if (i < 0) continue;
      return {
        layer: stepLayer(step).layer.name,
        output: position(expected.shape, i),
        expected: expected.values[i],
        got: output.values[i],
        found: `image ${image} of the whole network`,
      };
    }
  return scoreDifference(model, scores, got, simulation.largest());
}

function featureAt(features: ReadonlyMap<string, Feature>, layer: string): Feature {
  const feature = features.get(layer);
  if (feature === undefined)
    throw new HbnnError(
      `verify: expected a design of the model's layers, got one with '${layer}'; make the design from the same model`,
    );
  return feature;
}

function scoreDifference(
  model: CheckedModel,
  wanted: Int32Array,
  got: Int32Array,
  largest: Int32Array,
): Difference | undefined {
  const classes = model.scoreOffsets.length;
  const at = wanted.findIndex((score, i) => score !== got[i]);
  if (at >= 0)
    return {
      layer: 'scores',
      output: `score ${at % classes}`,
      expected: wanted[at],
      got: got[at],
      found: `image ${Math.floor(at / classes)} of the whole network`,
    };
  for (let image = 0; image < largest.length; image++) {
    const row = wanted.subarray(image * classes, (image + 1) * classes);
    const best = row.reduce((first, score, k) => (score > row[first] ? k : first), 0);
    if (best === largest[image]) continue;
    return {
      layer: 'largest',
      output: 'number of the largest score',
      expected: best,
      got: largest[image],
      found: `image ${image} of the whole network`,
    };
  }
  return undefined;
}

async function layerDifference(
  { layer, module, input, output, stages }: DesignLayer,
  wanted: YosysNetlist,
  given: YosysNetlist,
  rounds: number,
  seed: number,
): Promise<Difference | undefined> {
  const pair = [await compile(wanted, module), await compile(given, module)] as const;
  const rng = random(seed, 'layer', layer);
  for (const each of pair) each.scramble(rng);
  // Other values go in each cycle; what comes out belongs to those of `stages` cycles before.
  for (let round = 0; round < rounds + stages; round++) {
    setValues(pair, input, rng);
    for (const one of pair) one.evaluate();
    for (let lane = 0; lane < lanes && round >= stages; lane++) {
      const values = pair.map((one) => {
        const y = one.slots('y') ?? [];
        return valuesOf(output, (at) => bitOf(one, y[at], lane) === 1);
      });
      const i = values[0].findIndex((value, k) => value !== values[1][k]);
      if (i >= 0)
        return {
          layer,
          output: position(output.shape, i),
          expected: values[0][i],
          got: values[1][i],
          found: `vector ${(round - stages) * lanes + lane} on the layer alone`,
        };
    }
    for (const one of pair) one.clock();
  }
  return undefined;
}

/** The same values within their ranges on the inputs of both. */
function setValues([a, b]: readonly [Compiled, Compiled], input: Bus, rng: Random): void {
  const [xa, xb] = [a.slots('x') ?? [], b.slots('x') ?? []];
  for (const slot of xa) clear(a.memory, slot);
  for (const slot of xb) clear(b.memory, slot);
  for (let lane = 0; lane < lanes; lane++)
    input.forms.forEach((form, i) => {
      const value = form.low + rng.below(form.high - form.low + 1);
      codeOf(form, value, rng.below).forEach((bit, j) => {
        if (bit === 0) return;
        set(a.memory, xa[input.offsets[i] + j], lane);
        set(b.memory, xb[input.offsets[i] + j], lane);
      });
    });
}

const clear = (memory: Uint32Array, slot: number): void => {
  memory.fill(0, wordsPerSlot * slot, wordsPerSlot * (slot + 1));
};

function set(memory: Uint32Array, slot: number, lane: number): void {
  memory[wordsPerSlot * slot + (lane >> 5)] |= 1 << (lane & 31);
}

const valuesOf = ({ forms, offsets }: Bus, bit: (at: number) => boolean): number[] =>
  forms.map((form, i) => decodeForm(form, (j) => bit(offsets[i] + j)));
