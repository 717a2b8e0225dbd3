// Compile the AssemblyScript kernels: assembly/NAME.ts -> build/NAME.wasm.
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
mkdirSync('build', { recursive: true });
// --importMemory: the training kernels live in the heap of TensorFlow.js's WASM backend, those of integer
// models in a memory made for one model; with the stub runtime and no exported memory they have neither data
// segment nor globals of their own there.
for (const name of ['training', 'inference']) {
  const { error, stderr } = await asc.main([
    `assembly/${name}.ts`,
    ...['--outFile', `build/${name}.wasm`],
    ...['--importMemory', '--noExportMemory', '--runtime', 'stub', '--enable', 'simd'],
    ...['-O3', '--noAssert', '--use', 'abort='],
  ]);
  if (error) {
    console.error(stderr.toString());
    process.exit(1);
  }
}
