import {
  type Design,
  estimateAdders,
  type FoldedDesign,
  foldedDesign,
  planesAtOnce,
  unrolledDesign,
} from '@hbnn/circuit';
import { differenceFrom, type Open, pixelsFor, randomFolds } from '@hbnn/conformance';
import { distFromAverage, type Mix, random } from '@hbnn/core';
import { type CheckedModel, interpreter, randomModel } from '@hbnn/model';
import { simulate } from '@hbnn/verilog';
import { hasRelaxedSimd, type LoadOptions, loadModel, productKernelNames } from '@hbnn/wasm';
import { loadThreads } from '@hbnn/wasm/threads';

/** Something that computes a model, compared with the interpreter. */
export interface Compared {
  readonly name: string;
  /** Where it parts from the interpreter; '' where it does not. */
  difference(model: CheckedModel, seed: number): Promise<string>;
}

const adders = (model: CheckedModel): number =>
  estimateAdders(model.checkedLayers).reduce((sum, layer) => sum + layer.adders, 0);

const outputs = (model: CheckedModel): number =>
  model.checkedLayers.reduce((sum, { output }) => sum + output[0] * output[1] * output[2], 0);

/** One layer of a kind and size that a seed chooses: few of the random networks are small. */
export function smallLayer(seed: number): CheckedModel {
  const rng = random(seed, 'small layer');
  const upTo = (n: number): number => 1 + rng.below(n);
  const [rows, columns, channels] = [upTo(4), upTo(4), upTo(3)];
  const [height, width] = [Math.min(rows, upTo(3)), Math.min(columns, upTo(3))];
  const layer = [
    `dense:${upTo(12)}x${upTo(5)}`,
    `conv:${rows}x${columns}x${channels},k${height}x${width},o${upTo(4)},s${upTo(2)}`,
    `depthwise:${rows}x${columns}x${channels},k${height}x${width},o${channels}`,
  ][rng.below(3)];
  const mix = (): Mix => distFromAverage(1 + rng.below(20) / 10);
  return randomModel(seed, { layer, mix: mix(), inputMix: mix() });
}

/** A model that a simulator reads back and steps in seconds: the given one, or one layer in its place. */
export const unrolledModel = (model: CheckedModel, seed: number): CheckedModel =>
  adders(model) <= 400 ? model : smallLayer(seed);
export const foldedModel = (model: CheckedModel, seed: number): CheckedModel =>
  outputs(model) <= 40 ? model : smallLayer(seed);

function engine(name: string, open: Open): Compared {
  return {
    name,
    difference: (model) => differenceFrom(model, open, pixelsFor(model, 3)),
  };
}

/** The WASM engine in each of its ways. */
export function wasmEngines(): Compared[] {
  const relaxed: LoadOptions[] = hasRelaxedSimd() ? [{}, { relaxed: false }] : [{}];
  const ways = [{}, { pack: true }, ...productKernelNames.map((kernel) => ({ kernels: [kernel] }))];
  return ways.flatMap((way) =>
    relaxed.map((simd) => {
      const o: LoadOptions = { batch: 2, ...way, ...simd };
      return engine(`wasm ${JSON.stringify(o)}`, (model) => Promise.resolve(loadModel(model, o)));
    }),
  );
}

/** Where scores first differ from the interpreter's. */
export function scoresDifference(
  model: CheckedModel,
  pixels: Uint8Array,
  scores: ArrayLike<number>,
): string {
  const expected = interpreter(model).run(pixels);
  const at = expected.findIndex((score, i) => score !== scores[i]);
  if (at < 0 && scores.length === expected.length) return '';
  return `score ${at}: expected ${expected[at]}, got ${scores[at]}`;
}

export const wasmThreads: Compared = {
  name: 'wasm, 2 threads',
  async difference(model) {
    const threaded = await loadThreads(model, { threads: 2, batch: 2 });
    try {
      const pixels = pixelsFor(model, 5);
      return scoresDifference(model, pixels, await threaded.run(pixels));
    } finally {
      await threaded.dispose();
    }
  },
};

/** The design of a model that a seed chooses. */
export const unrolledOf = (model: CheckedModel, seed: number): Design =>
  unrolledDesign(model, {
    style: seed % 2 === 0 ? 'gates' : 'xc7',
    ...(seed % 3 > 0 && { maxLevels: 3 + (seed % 7) }),
  });

export const foldedOf = (model: CheckedModel, seed: number): FoldedDesign =>
  foldedDesign(model, {
    style: seed % 2 === 0 ? 'gates' : 'xc7',
    maxLevels: 4 + (seed % 7),
    folds: randomFolds(model, seed, (rng) => rng.below(3) === 0, planesAtOnce),
  });

export const simulators: readonly Compared[] = [
  {
    name: 'embedded simulator, unrolled',
    difference(given, seed) {
      const model = unrolledModel(given, seed);
      const open: Open = (own) => simulate(own, unrolledOf(own, seed));
      return differenceFrom(model, open, pixelsFor(model, 20));
    },
  },
  {
    name: 'embedded simulator, folded',
    difference(given, seed) {
      const model = foldedModel(given, seed);
      const open: Open = (own) => simulate(own, foldedOf(own, seed));
      return differenceFrom(model, open, pixelsFor(model, 3));
    },
  },
];
