// Compile the AssemblyScript kernels: assembly/NAME.ts -> build/NAME.wasm.
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
mkdirSync('build', { recursive: true });
const relaxed = ['--enable', 'relaxed-simd'];
const shared = [
  '--enable',
  'threads',
  '--sharedMemory',
  '--initialMemory',
  '1',
  '--maximumMemory',
  '65536',
];
// Those of integer models come in four kinds: engines without relaxed SIMD refuse code that has it, and a memory is
// shared or not.
const builds = [
  { from: 'training', to: 'training', features: [] },
  { from: 'inference', to: 'inference', features: [] },
  { from: 'inference', to: 'inference-relaxed', features: relaxed },
  { from: 'inference', to: 'inference-shared', features: shared },
  { from: 'inference', to: 'inference-relaxed-shared', features: [...relaxed, ...shared] },
];
// --importMemory: the training kernels live in the heap of TensorFlow.js's WASM backend, those of integer
// models in a memory made for one model; with the stub runtime and no exported memory they have neither data
// segment nor globals of their own there.
for (const { from, to, features } of builds) {
  const { error, stderr } = await asc.main([
    `assembly/${from}.ts`,
    ...['--outFile', `build/${to}.wasm`],
    ...['--importMemory', '--noExportMemory', '--runtime', 'stub', '--enable', 'simd', ...features],
    ...['-O3', '--noAssert', '--use', 'abort='],
  ]);
  if (error) {
    console.error(stderr.toString());
    process.exit(1);
  }
}
