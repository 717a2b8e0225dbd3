/**
 * Train many small steps and show that memory stays flat: `pnpm --filter @hbnn/train check:memory [STEPS] [BACKEND]`,
 * 10,000 steps on wasm where nothing is said. Ends with 1 when tensors or the WASM heap grow after the first
 * tenth, or the process by more than it may.
 */
import { random } from '@hbnn/core';
import * as tf from '@tensorflow/tfjs-core';
import { backendChoice } from '../src/backend/names.ts';
import {
  buildNetwork,
  fit,
  parametersOf,
  runConfig,
  SgdMomentum,
  startState,
  useBackend,
} from '../src/index.ts';

const steps = Number(process.argv[2] ?? 10_000);
const { name, why } = await useBackend({
  prefer: backendChoice(process.argv[3] ?? 'wasm', 'BACKEND'),
});
console.log(why);

/** MiB that the process may grow by after the first tenth: V8 and the allocator take and return some. */
const slack = 32;

const batch = 8;
const rng = random(1, 'images');
const images = Float32Array.from({ length: batch * 144 }, () => rng.normal());
const labels = Int32Array.from({ length: batch }, () => rng.below(10));
const source = {
  name: 'noise',
  shape: [12, 12, 1] as const,
  count: batch * 100,
  classes: Array.from({ length: 10 }, (_, i) => `${i}`),
  async *batches({ from = 0 }) {
    for (let i = from; i < 100; i++) yield { images, labels, count: batch };
  },
};
const config = runConfig({
  widths: [4, 6],
  pools: [0, 1],
  batch,
  epochs: 1e6,
  weights: 1.4,
  inputs: 1.4,
  learningRate: 1e-3,
  schedule: 'constant',
});
const model = buildNetwork(config, source);
const variables = parametersOf(model).filter(({ trainable }) => trainable);
const optimizer = new SgdMomentum(variables, config);

interface Figures {
  readonly step: number;
  readonly rssMib: number;
  readonly wasmMib: number;
  readonly tensors: number;
}

function figures(step: number): Figures {
  const heap = (tf.backend() as unknown as { wasm?: { HEAPU8: Uint8Array } }).wasm?.HEAPU8.length;
  const mib = (bytes: number): number => Math.round((bytes / 2 ** 20) * 10) / 10;
  const { rss } = process.memoryUsage();
  return { step, rssMib: mib(rss), wasmMib: mib(heap ?? 0), tensors: tf.memory().numTensors };
}

const foundBefore: Figures[] = [];
const every = Math.max(1, Math.round(steps / 10));
await fit(model, source, optimizer, variables, startState(), {
  ...config,
  maxSteps: steps,
  onStep: ({ step }) => {
    if (step % every !== 0) return;
    foundBefore.push(figures(step));
    const { rssMib, wasmMib, tensors } = foundBefore.at(-1) as Figures;
    console.log(
      `step ${step}: ${rssMib} MiB resident, ${wasmMib} MiB WASM heap, ${tensors} tensors`,
    );
  },
});
const [first] = foundBefore;
const last = foundBefore.at(-1) as Figures;
const flat =
  last.tensors === first.tensors &&
  last.wasmMib === first.wasmMib &&
  last.rssMib <= first.rssMib + slack;
console.log(flat ? `${name}: memory stays flat` : `${name}: memory grows`);
process.exitCode = flat ? 0 : 1;
