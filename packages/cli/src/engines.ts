import { HbnnError, type IntegerModel, interpreter } from '@hbnn/core';
import { loadModel } from '@hbnn/wasm';

/** Something that computes an integer model's scores. */
export interface Engine {
  /** Scores of a batch of images, [count, classes]. */
  run(pixels: Uint8Array): Int32Array;
  dispose(): void;
}

/** Executors of integer models by name: all compute the same numbers. */
const engines: Readonly<Record<string, (model: IntegerModel) => Promise<Engine>>> = {
  reference: async (model) => {
    const { run } = interpreter(model);
    return { run: (pixels) => run(pixels), dispose: () => {} };
  },
  wasm: (model) => loadModel(model),
};

export const engineNames = Object.keys(engines);

/** The engine that runs when none is named. */
export const defaultEngine = 'wasm';

/** Make a model ready on an engine. @throws HbnnError for an unknown name */
export async function openEngine(name: string, model: IntegerModel): Promise<Engine> {
  const open = engines[name];
  if (open === undefined)
    throw new HbnnError(`--engine: expected ${engineNames.join(' or ')}, got '${name}'`);
  return open(model);
}
