import {
  type Design,
  defaultFolds,
  type FoldedDesign,
  foldedDesign,
  unrolledDesign,
} from '@hbnn/circuit';
import { chosenName } from '@hbnn/core';
import { type CheckedModel, census, interpreter } from '@hbnn/model';
import { simulate } from '@hbnn/verilog';
import { loadModel } from '@hbnn/wasm';
import { isSmallUnrolled } from './nextSteps.ts';
import { designOf, readRtl } from './rtlFolder.ts';

/** Something that computes an integer model's scores. */
export interface Engine {
  /** Scores of a batch of images, [count, classes]. */
  run(pixels: Uint8Array): Int32Array;
  dispose(): void;
}

/** Executors of integer models by name: all compute the same numbers. */
const engines: Readonly<
  Record<string, (model: CheckedModel, onNote: (text: string) => void) => Promise<Engine>>
> = {
  reference: async (model) => {
    const { run } = interpreter(model);
    return { run: (pixels) => run(pixels), dispose: () => {} };
  },
  wasm: (model) => loadModel(model),
  // The Verilog that the model becomes, read back and computed gate by gate; folded where it is large unrolled.
  verilog: (model, onNote) => {
    if (isSmallUnrolled(model)) return simulated(model, unrolledDesign(model));
    onNote(
      'the model is large unrolled, so that its Verilog is computed as a chain of streams, clock by clock, which may take many minutes; --engine wasm gives the same scores at once',
    );
    return foldedEngine(model);
  },
  // As a chain of streams, clock by clock.
  'verilog-folded': foldedEngine,
};

function foldedEngine(model: CheckedModel): Promise<Engine> {
  const { folds } = defaultFolds(model);
  return simulated(model, foldedDesign(model, { folds }));
}

async function simulated(
  model: CheckedModel,
  design: Design | FoldedDesign,
  files?: Readonly<Record<string, string>>,
): Promise<Engine> {
  const { run } = await simulate(model, design, files);
  return { run: (pixels) => run(pixels), dispose: () => {} };
}

export const engineNames = Object.keys(engines);

/** The engine that runs when none is named. */
export const defaultEngine = 'wasm';

/**
 * Make a model ready on an engine.
 *
 * @param onNote told what is worth knowing of the engine
 * @throws HbnnError for an unknown name
 */
export async function openEngine(
  name: string,
  model: CheckedModel,
  onNote: (text: string) => void = () => {},
): Promise<Engine> {
  return engines[chosenName(name, engineNames, '--engine')](model, onNote);
}

/** Products of weights and inputs from which on the WASM kernels save more time than they take to be made ready. */
const manyProducts = 1e7;

/** Computes a testbench's scores: the interpreter's for a small model, for a large one the same ones by the kernels. */
export async function withTestbenchScores<T>(
  model: CheckedModel,
  make: (run: ((pixels: Uint8Array) => Int32Array) | undefined) => T,
): Promise<T> {
  if (census(model).total.macs < manyProducts) return make(undefined);
  const engine = await openEngine('wasm', model);
  try {
    return make((pixels) => engine.run(pixels));
  } finally {
    engine.dispose();
  }
}

/** Make a folder of Verilog ready to be computed as it stands. @throws HbnnError where it is not of the model */
export async function openRtl(folder: string, model: CheckedModel): Promise<Engine> {
  const { manifest, files } = readRtl(folder);
  return simulated(model, designOf(folder, manifest, model), files);
}
