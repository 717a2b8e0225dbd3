import { type Design, type FoldedDesign, type Step, stepFeature, stepLayer } from '@hbnn/circuit';
import { checkOptions, checkWhole, HbnnError, random } from '@hbnn/core';
import { type CheckedModel, type Feature, featureCount, interpreter } from '@hbnn/model';
import { testbenchText } from '../emit/testbench.ts';
import { testbenchNames } from '../emit/testbenchNames.ts';
import { verilogFiles } from '../emit/verilogFiles.ts';
import { gateNetlist, simulateNetlist, sourcesOf } from '../simulate/simulate.ts';
import type { Simulation, SimulationOptions } from '../simulate/simulation.ts';
import { StreamFault } from '../simulate/streamRules.ts';
import { undrivenNet } from '../yosys/undriven.ts';
import type { YosysNetlist } from '../yosys/yosys.ts';
import { type Difference, position } from './difference.ts';
import { refuseAmbiguousText } from './textScan.ts';
import {
  scoresDifference,
  streamDifference,
  type TrialOptions,
  type Tried,
} from './verifyStreams.ts';
import * as unrolled from './verifyUnrolled.ts';
import { vectorDifference, vectorImages } from './verifyVectors.ts';

export interface Verified {
  readonly equal: boolean;
  readonly difference?: Difference;
  /** Images through the whole network, each layer's outputs compared with the interpreter's. */
  readonly images: number;
  /** Images one after the other in the longest run through hardware with registers. */
  readonly imagesInARow?: number;
  /** Whether every file has the text that is generated from the model. */
  readonly text: 'unchanged' | 'edited';
  /**
   * Inputs of each part whose text was edited, compared with the hardware generated from the model: the smallest number
   * of them over these parts; 0 where no text of a part was edited.
   */
  readonly vectorsPerLayer: number;
  /** Whether all sums of edited parts were brought to both of their ends; where there are none it is not said. */
  readonly sumEnds?: boolean;
  /** The longest run of beats, or of images where one goes in per cycle, that all edited parts had. */
  readonly beatsInARow?: number;
  readonly gates: number;
  /** Whether the testbench's own text is what is generated; undefined without one. It is not computed. */
  readonly testbench?: 'unchanged' | 'edited';
}

export interface VerifyOptions {
  readonly images?: number;
  /** Rounds of 128 vectors of random values on each layer alone. */
  readonly rounds?: number;
  readonly seed?: number;
  /** The share of the usual time that long runs of edited text may take: 0.1 is a quick look; default 1. */
  readonly effort?: number;
  /**
   * Called as the check goes on.
   *
   * @param part what is checked now, or read
   * @param done how much of the part is done, of `total`: pixels, which go in for many images at once, or parts
   */
  onProgress?(part: string, done: number, total: number): void;
}

/** Passes of further images through text that was edited, and the gates times cycles that they may come to. */
const morePasses = 15;
const maxWork = 4e8;
/** Images one after the other in the long run of edited text, and the gates times cycles that it may come to. */
const longRow = 300;
const maxRowWork = 2e9;
/** Gates times cycles that all edited parts alone may come to: at the ends of their sums, and again in long runs. */
const maxPartsWork = 1e9;

/**
 * Check Verilog against a model: images through the whole network, layer by layer against the interpreter; and, where
 * the text is not what is generated, many images in a row, and each edited part alone on values within its inputs' ranges:
 * those that bring its sums to their ends, random ones, and a long run. There an output that depends on a net that nothing
 * drives is a difference too, whatever 0 in its place gives. Streams have to keep to the rules of AXI-Stream. The
 * testbench's images and scores, where they are among the files, are compared with the model's.
 *
 * @param files the Verilog, whoever wrote it; its top module and layers keep their names and ports
 * @throws HbnnError when the text cannot be read, holds what tools read differently, or lacks a module, port or net
 */
export async function verify(
  model: CheckedModel,
  design: Design | FoldedDesign,
  files: Readonly<Record<string, string>>,
  o: VerifyOptions = {},
): Promise<Verified> {
  checkOptions('verify', o, ['images', 'rounds', 'seed', 'effort', 'onProgress']);
  checkWhole('verify', 'images', o.images, 1);
  checkWhole('verify', 'rounds', o.rounds, 1);
  checkWhole('verify', 'seed', o.seed, Number.MIN_SAFE_INTEGER);
  const { images = 256, rounds = 16, seed = 1, effort = 1 } = o;
  const progress = (part: string, done = 0, total = 1): void => o.onProgress?.(part, done, total);
  if (!(effort > 0 && Number.isFinite(effort)))
    throw new HbnnError(
      `verify: expected a share above 0 as effort, got ${effort}; 1 is the usual time`,
    );
  const generated = sourcesOf(verilogFiles(design));
  const given = sourcesOf(files);
  refuseAmbiguousText(given);
  const edited = editedFiles(generated, given);
  progress('reading the Verilog');
  const netlist = await gateNetlist(design, files);
  let which = 'the images';
  const onPixels = (taken: number, total: number): void =>
    progress(`pixels of ${which}`, taken, total);
  const simulation = await simulateNetlist(model, design, netlist, { onPixels });
  const counts = {
    images,
    text: edited.length === 0 ? ('unchanged' as const) : ('edited' as const),
    vectorsPerLayer: 0,
    gates: simulation.gates,
    ...testbenchNote(model, design, files),
  };
  const difference = imageDifference(model, simulation, images, seed);
  if (difference !== undefined) return { equal: false, difference, ...counts };
  const vector = vectorDifference(model, design.prefix, files);
  if (vector !== undefined) return { equal: false, difference: vector, ...counts };
  if (edited.length === 0) return { equal: true, ...counts };
  const floating = undrivenDifference(design, netlist);
  if (floating !== undefined) return { equal: false, difference: floating, ...counts };
  // More images, as far as that takes seconds: how layers are put together is seen through them alone.
  const cycles = design.kind === 'folded' ? design.cyclesPerImage : 1;
  const more = Math.min(
    morePasses,
    Math.floor((effort * maxWork) / (simulation.gates * cycles * images)),
  );
  for (let pass = 1; pass <= more; pass++) {
    which = `more images, ${pass} of ${more} times`;
    const late = imageDifference(model, simulation, images, seed + pass);
    if (late !== undefined)
      return { equal: false, difference: late, ...counts, images: images * (1 + pass) };
  }
  const rows = {
    ...counts,
    images: images * (1 + more),
    ...rowLength(design, simulation.gates, effort),
  };
  const { imagesInARow } = rows;
  which = 'a long row of images';
  const late =
    imagesInARow && (await rowDifference(model, design, netlist, imagesInARow, { seed, onPixels }));
  if (late) return { equal: false, difference: late, ...rows };
  const parts = await partsTried(model, design, files, edited, {
    rounds,
    seed,
    netlist,
    effort,
    progress,
  });
  return { equal: parts.difference === undefined, ...rows, ...parts };
}

/** Names of files that are not as generated, or not there, or there without being generated. */
function editedFiles(
  generated: Readonly<Record<string, string>>,
  given: Readonly<Record<string, string>>,
): string[] {
  const names = new Set([...Object.keys(generated), ...Object.keys(given)]);
  return [...names].filter((name) => generated[name] !== given[name]);
}

/** How many images can go through hardware with registers in a row; none where it has no registers. */
function rowLength(
  design: Design | FoldedDesign,
  gates: number,
  effort: number,
): { readonly imagesInARow?: number } {
  if (design.kind === 'unrolled') return design.latencyCycles > 0 ? { imagesInARow: longRow } : {};
  const affordable = Math.floor((effort * maxRowWork) / (gates * design.cyclesPerImage));
  // A large network has the few of the first images, one after the other in each lane.
  return affordable < minRow ? {} : { imagesInARow: Math.min(longRow, affordable) };
}

/** Images of a row that is worth a run of its own. */
const minRow = 8;

/** The first difference where all images go in one after the other, in one lane. */
async function rowDifference(
  model: CheckedModel,
  design: Design | FoldedDesign,
  netlist: YosysNetlist,
  images: number,
  { seed, onPixels }: { readonly seed: number } & Pick<SimulationOptions, 'onPixels'>,
): Promise<Difference | undefined> {
  const o = { imagesInARow: images, onPixels };
  const simulation = await simulateNetlist(model, design, netlist, o);
  const pixels = testImages(model, images, seed + longRow);
  const difference = differenceOrFault(() => {
    const scores = interpreter(model).run(pixels);
    return scoreDifference(model, scores, simulation.run(pixels), simulation.largest());
  });
  return difference && { ...difference, found: `${difference.found}, ${images} images in a row` };
}

/** What edited parts are tried with. */
interface Trial {
  readonly rounds: number;
  readonly seed: number;
  readonly netlist: YosysNetlist;
  readonly effort: number;
  progress(part: string, done: number, total: number): void;
}

/** Try each part whose text was edited alone, until one differs from the one generated. */
async function partsTried(
  model: CheckedModel,
  design: Design | FoldedDesign,
  files: Readonly<Record<string, string>>,
  edited: readonly string[],
  { rounds, seed, netlist, effort, progress }: Trial,
): Promise<Partial<Verified> & Pick<Verified, 'vectorsPerLayer'>> {
  const generated = verilogFiles(design);
  const own = await gateNetlist(design, generated, true);
  const alone = design.kind === 'folded' ? await gateNetlist(design, files, true) : netlist;
  const all: Tried[] = [];
  const counts = () => ({
    vectorsPerLayer: all.reduce((least, { vectors }) => Math.min(least, vectors), Infinity),
    sumEnds: all.every(({ sumEnds }) => sumEnds),
    beatsInARow: all.reduce((least, part) => Math.min(least, part.beatsInARow), Infinity),
  });
  const parts = partsOf(model, design, own, alone).filter(({ module }) =>
    isEdited(module, edited, generated, files, design),
  );
  const o = { rounds, seed, maxWork: (effort * maxPartsWork) / Math.max(1, parts.length) };
  for (const { module, run } of parts) {
    progress(`parts tried alone, now ${module}`, all.length, parts.length);
    const tried = await run(o).catch((error) => ({
      ...noTrial,
      difference: faultDifference(error),
    }));
    all.push(tried);
    if (tried.difference !== undefined) return { difference: tried.difference, ...counts() };
  }
  return all.length === 0 ? { vectorsPerLayer: 0 } : counts();
}

const noTrial = { vectors: 0, sumEnds: false, beatsInARow: 0 };

/** A part that can be tried alone. */
interface Part {
  readonly module: string;
  run(o: TrialOptions): Promise<Tried>;
}

function partsOf(
  { scoreOffsets }: CheckedModel,
  design: Design | FoldedDesign,
  own: YosysNetlist,
  given: YosysNetlist,
): Part[] {
  const rest = [own, given] as const;
  if (design.kind === 'folded')
    return [
      ...design.layers.map(
        (layer): Part => ({
          module: layer.module,
          run: (o) => streamDifference(layer, ...rest, o),
        }),
      ),
      {
        module: design.scores.unit.name,
        run: (o) => scoresDifference(design, scoreOffsets, ...rest, o),
      },
    ];
  return [
    ...design.layers.map(
      (layer): Part => ({
        module: layer.module,
        run: (o) => unrolled.layerDifference(layer, ...rest, o),
      }),
    ),
    {
      module: design.scores.name,
      run: (o) => unrolled.scoresDifference(design, scoreOffsets, ...rest, o),
    },
    { module: design.largest.name, run: (o) => unrolled.largestDifference(design, ...rest, o) },
  ];
}

/**
 * Whether a part's module, or one that it is made of, may have been edited: its own file, a memory's contents that the
 * file reads, or a file that is no part's own.
 */
function isEdited(
  module: string,
  edited: readonly string[],
  generated: Readonly<Record<string, string>>,
  given: Readonly<Record<string, string>>,
  { top, layers, scores, ...rest }: Design | FoldedDesign,
): boolean {
  const others = new Set([
    top,
    ...layers.map((layer) => layer.module),
    'unit' in scores ? scores.unit.name : scores.name,
    ...(rest.kind === 'unrolled' ? [rest.largest.name] : []),
  ]);
  const text = `${generated[`${module}.v`]}${given[`${module}.v`]}`;
  return edited.some((name) => {
    if (name.endsWith('.hex')) return text.includes(`"${name}"`);
    const owner = name.replace(/\.v$/, '');
    return owner === module || !others.has(owner);
  });
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
  const text = files[`${testbenchNames(design.prefix).module}.v`];
  if (text === undefined) return {};
  const images = vectorImages(model, design.prefix, files);
  const same = images !== undefined && text === testbenchText(model, design, images);
  return { testbench: same ? 'unchanged' : 'edited' };
}

/** A network of streams that stands still, or moves when it should not, is different too. */
function differenceOrFault(find: () => Difference | undefined): Difference | undefined {
  try {
    return find();
  } catch (error) {
    return faultDifference(error);
  }
}

function faultDifference(error: unknown): Difference {
  if (!(error instanceof StreamFault)) throw error;
  const { layer, expected, got, message } = error;
  return { layer, output: 'stream', expected, got, found: message };
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
