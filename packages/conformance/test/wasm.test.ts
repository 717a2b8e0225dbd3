import { loadModel, productKernelNames } from '@hbnn/wasm';
import { conformance } from '../src/index.ts';

// Two images at a time, so that the last batch is not a full one.
conformance('wasm', (model) => loadModel(model, { batch: 2 }));
for (const name of productKernelNames)
  conformance(
    `wasm with ${name} wherever it fits`,
    (model) => loadModel(model, { batch: 3, kernels: [name] }),
    { random: 100 },
  );
