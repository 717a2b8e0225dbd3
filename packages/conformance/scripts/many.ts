// `pnpm --filter @hbnn/conformance many [FIRST] [COUNT]`: random networks on the WASM engine and each of its kernels.
import { randomModel } from '@hbnn/core';
import { loadModel, type ProductKernelName, productKernelNames } from '@hbnn/wasm';
import { differenceFrom, pixelsFor } from '../src/difference.ts';

const [first = 0, count = 1000] = process.argv.slice(2).map(Number);
let failed = 0;
for (let seed = first; seed < first + count; seed++) {
  const model = randomModel(seed);
  const ways: readonly (readonly ProductKernelName[])[] = [
    [],
    ...productKernelNames.map((k) => [k]),
  ];
  for (const kernels of ways) {
    const open = (m: typeof model) => loadModel(m, { batch: 2, kernels });
    const difference = await differenceFrom(model, open, pixelsFor(model, 3));
    if (difference === '') continue;
    failed++;
    console.error(`seed ${seed}, ${kernels.join() || 'kernels by cost'}: ${difference}`);
  }
}
console.log(`${count} random models, ${failed} differences`);
process.exitCode = failed === 0 ? 0 : 1;
