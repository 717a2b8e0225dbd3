// `pnpm --filter @hbnn/conformance many [FIRST] [COUNT]`: random networks, every other one with branches, on the WASM engine, each of its kernels,
// with weights packed and not, and with relaxed SIMD and without where the engine has it.
import { randomModel } from '@hbnn/model';
import { hasRelaxedSimd, type LoadOptions, loadModel, productKernelNames } from '@hbnn/wasm';
import { differenceFrom, pixelsFor } from '../src/difference.ts';

const [first = 0, count = 1000] = process.argv.slice(2).map(Number);
const ways: LoadOptions[] = [{}, ...productKernelNames.map((name) => ({ kernels: [name] }))]
  .flatMap((way) => [way, { ...way, pack: true }])
  .flatMap((way) => (hasRelaxedSimd() ? [way, { ...way, relaxed: false }] : [way]));
let failed = 0;
for (let seed = first; seed < first + count; seed++) {
  const model = randomModel(seed, { branches: seed % 2 === 1 });
  for (const way of ways) {
    const open = (m: typeof model) => loadModel(m, { batch: 2, ...way });
    const difference = await differenceFrom(model, open, pixelsFor(model, 3));
    if (difference === '') continue;
    failed++;
    console.error(`seed ${seed}, ${JSON.stringify(way)}: ${difference}`);
  }
}
console.log(`${count} random models in ${ways.length} ways each, ${failed} differences`);
process.exitCode = failed === 0 ? 0 : 1;
