// Compile the AssemblyScript kernels: assembly/training.ts -> build/training.wasm.
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
mkdirSync('build', { recursive: true });
// --importMemory: the kernels live in the heap of TensorFlow.js's WASM backend; with the stub
// runtime and no exported memory they have neither data segment nor globals of their own there.
const { error, stderr } = await asc.main([
  'assembly/training.ts',
  ...['--outFile', 'build/training.wasm'],
  ...['--importMemory', '--noExportMemory', '--runtime', 'stub', '--enable', 'simd'],
  ...['-O3', '--noAssert', '--use', 'abort='],
]);
if (error) {
  console.error(stderr.toString());
  process.exit(1);
}
