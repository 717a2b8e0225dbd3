import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { type EmscriptenFactory, startWasm } from './startWasm.ts';

const load = createRequire(import.meta.url);
const folder = '@tensorflow/tfjs-backend-wasm/wasm-out/';

/** Start TensorFlow.js's WASM backend with our kernels, from the files of its package. */
export async function bootWasm(): Promise<void> {
  const code = await readFile(load.resolve(`${folder}tfjs-backend-wasm-simd.wasm`));
  await startWasm(code, load(`${folder}tfjs-backend-wasm.js`) as EmscriptenFactory);
}
