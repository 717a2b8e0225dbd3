import { HbnnError, type IntegerModel, interpreter } from '@hbnn/core';
import { simulate, unrolledDesign } from '@hbnn/verilog';
import { loadModel } from '@hbnn/wasm';

/** Something that computes an integer model's scores. */
export interface Engine {
  /** Scores of a batch of images, [count, classes]. */
  run(pixels: Uint8Array): Int32Array;
  dispose(): void;
}

/** Adders that are read back in minutes. */
const mostSimulated = 200_000;

/** Executors of integer models by name: all compute the same numbers. */
const engines: Readonly<Record<string, (model: IntegerModel) => Promise<Engine>>> = {
  reference: async (model) => {
    const { run } = interpreter(model);
    return { run: (pixels) => run(pixels), dispose: () => {} };
  },
  wasm: (model) => loadModel(model),
  // The Verilog that the model becomes, read back and computed gate by gate.
  verilog: async (model) => {
    const { run } = await simulate(model, unrolledDesign(model, { mostAdders: mostSimulated }));
    return { run: (pixels) => run(pixels), dispose: () => {} };
  },
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
