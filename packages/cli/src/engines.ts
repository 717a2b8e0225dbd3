import {
  chooseFolds,
  type Design,
  estimateAdders,
  type FoldedDesign,
  foldedDesign,
  unrolledDesign,
} from '@hbnn/circuit';
import { chosenName } from '@hbnn/core';
import { type CheckedModel, interpreter } from '@hbnn/model';
import { simulate } from '@hbnn/verilog';
import { loadModel } from '@hbnn/wasm';
import { designOf, readRtl } from './rtlFolder.ts';

/** Something that computes an integer model's scores. */
export interface Engine {
  /** Scores of a batch of images, [count, classes]. */
  run(pixels: Uint8Array): Int32Array;
  dispose(): void;
}

/** Adders that are read back in minutes. */
const maxSimulated = 200_000;

/** LUTs for which the folds of a simulated chain of streams are chosen. */
const lutsSimulated = 50_000;

/** Executors of integer models by name: all compute the same numbers. */
const engines: Readonly<Record<string, (model: CheckedModel) => Promise<Engine>>> = {
  reference: async (model) => {
    const { run } = interpreter(model);
    return { run: (pixels) => run(pixels), dispose: () => {} };
  },
  wasm: (model) => loadModel(model),
  // The Verilog that the model becomes, read back and computed gate by gate; folded where it is large unrolled.
  verilog: async (model) => {
    const adders = estimateAdders(model.checkedLayers).reduce(
      (sum, layer) => sum + layer.adders,
      0,
    );
    return adders > maxSimulated ? foldedEngine(model) : simulated(model, unrolledDesign(model));
  },
  // As a chain of streams, clock by clock.
  'verilog-folded': foldedEngine,
};

function foldedEngine(model: CheckedModel): Promise<Engine> {
  const folds = chooseFolds(model, { luts: lutsSimulated });
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

/** Make a model ready on an engine. @throws HbnnError for an unknown name */
export async function openEngine(name: string, model: CheckedModel): Promise<Engine> {
  return engines[chosenName(name, engineNames, '--engine')](model);
}

/** Make a folder of Verilog ready to be computed as it stands. @throws HbnnError where it is not of the model */
export async function openRtl(folder: string, model: CheckedModel): Promise<Engine> {
  const { manifest, files } = readRtl(folder);
  return simulated(model, designOf(folder, manifest, model), files);
}
