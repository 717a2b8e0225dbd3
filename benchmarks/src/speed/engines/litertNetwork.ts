import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { runInThisContext } from 'node:vm';
import { random } from '@hbnn/core';
import { type FeatureShape, featureCount } from '@hbnn/model';
import type { BenchLayer, LayerEngine } from './layers.ts';

interface LitertTensor {
  toTypedArray(): Float32Array;
  delete(): void;
}

/** What is used of LiteRT.js. */
export interface Litert {
  loadLiteRt(path: string, options?: { readonly threads: boolean }): Promise<unknown>;
  loadAndCompile(
    model: Uint8Array,
    options: {
      readonly accelerator: 'wasm';
      readonly cpuOptions?: { readonly numThreads: number };
    },
  ): Promise<{ run(input: LitertTensor): Promise<LitertTensor[]>; delete(): void }>;
  readonly Tensor: new (data: Float32Array, shape: readonly number[]) => LitertTensor;
}

/** The engine's name in rows. */
export const litertName = 'litert int8';

const peers = fileURLToPath(new URL('../../../peers/', import.meta.url));

/** Where a network's model for LiteRT.js lies. */
export const litertModelFile = (network: BenchLayer['network'], batch: number): string =>
  join(peers, 'litert', `${network}-${batch}.tflite`);

/** How to get what is missing for LiteRT.js's row. */
export const litertWayOut = (network: BenchLayer['network'], batch: number): string =>
  `LiteRT.js is not measured on ${network}: it takes \`pnpm setup:peers\`, and ${network}-${batch}.tflite, which \`python3 benchmarks/peers/litert_models.py benchmarks/peers/litert ${batch}\` writes`;

/** The package's folder; undefined where it is not installed. */
export function litertFolder(): string | undefined {
  try {
    const main = createRequire(join(peers, 'package.json')).resolve('@litertjs/core');
    return dirname(dirname(main));
  } catch {
    return undefined;
  }
}

/**
 * Start LiteRT.js, once in a process; undefined where it is not installed. It is made for pages: its code for one thread
 * runs in Node.js once it finds what its script asks for, a way to run scripts in the global scope among it.
 */
export async function startLitert(): Promise<Litert | undefined> {
  const folder = litertFolder();
  if (folder === undefined) return undefined;
  const litert: Litert = await import(pathToFileURL(join(folder, 'dist', 'index.js')).href);
  const names = {
    require: createRequire(join(folder, 'package.json')),
    __dirname: join(folder, 'wasm'),
    self: globalThis,
    importScripts: (address: string | URL): void => {
      const file = String(address).replace(/^file:\/\//, '');
      runInThisContext(readFileSync(file, 'utf8'), { filename: file });
    },
  };
  const added = Object.entries(names).filter(([name]) => !(name in globalThis));
  for (const [name, value] of added) Reflect.set(globalThis, name, value);
  try {
    await litert.loadLiteRt(join(folder, 'wasm', 'litert_wasm_internal.js'));
  } finally {
    // Other engines would take these for a worker's.
    for (const [name] of added) Reflect.deleteProperty(globalThis, name);
  }
  return litert;
}

/** A network of 8 bits in LiteRT.js on one thread, floats to scores; undefined where it or its model is not there. */
export async function litertNetwork(
  litert: Litert | undefined,
  network: BenchLayer['network'],
  shape: FeatureShape,
  batch: number,
): Promise<LayerEngine | undefined> {
  const file = litertModelFile(network, batch);
  if (litert === undefined || !existsSync(file)) return undefined;
  const model = await litert.loadAndCompile(new Uint8Array(readFileSync(file)), {
    accelerator: 'wasm',
  });
  const noise = random('bench', network);
  const pixels = Float32Array.from({ length: batch * featureCount(shape) }, () => noise.below(256));
  return {
    engine: litertName,
    async turn() {
      const begin = performance.now();
      const input = new litert.Tensor(pixels, [batch, ...shape]);
      const [scores] = await model.run(input);
      scores.toTypedArray();
      scores.delete();
      input.delete();
      return performance.now() - begin;
    },
    dispose: () => model.delete(),
  };
}
