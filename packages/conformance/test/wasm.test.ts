import { hasRelaxedSimd, type LoadOptions, loadModel, productKernelNames } from '@hbnn/wasm';
import { conformance } from '../src/index.ts';

/** Engines without relaxed SIMD have the plain kernels alone. */
const ways: readonly LoadOptions[] = hasRelaxedSimd() ? [{}, { relaxed: false }] : [{}];

for (const way of ways) {
  const kind = way.relaxed === false ? ', without relaxed SIMD' : '';
  // Two images at a time, so that the last batch is not a full one.
  conformance(`wasm${kind}`, (model) => loadModel(model, { batch: 2, ...way }));
  conformance(
    `wasm with packed weights${kind}`,
    (model) => loadModel(model, { batch: 3, pack: true, ...way }),
    { random: 100 },
  );
  for (const name of productKernelNames)
    conformance(
      `wasm with ${name} wherever it fits${kind}`,
      (model) => loadModel(model, { batch: 3, pack: name === 'dot', kernels: [name], ...way }),
      { random: 100 },
    );
}
