// Compile the AssemblyScript kernels: assembly/NAME.ts -> build/NAME.wasm. The package imports them, and the worker of
// its threads, from modules beside them (build/NAME.mjs), so that every bundler puts them into a page.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import asc from 'assemblyscript/asc';
import ts from 'typescript';

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

/**
 * Write a module that exports texts, with its declarations.
 * @param {string} name
 * @param {Record<string, string>} texts
 */
function writeModule(name, texts) {
  const lines = Object.entries(texts).map(([key, text]) => [
    `export const ${key} =\n  ${JSON.stringify(text)};\n`,
    `export declare const ${key}: string;\n`,
  ]);
  writeFileSync(`build/${name}.mjs`, lines.map(([code]) => code).join(''));
  writeFileSync(`build/${name}.d.mts`, lines.map(([, types]) => types).join(''));
}

/** @param {string} name */
const packed = (name) =>
  gzipSync(readFileSync(`build/${name}.wasm`), { level: 9 }).toString('base64');

writeModule('training', { code: packed('training') });
writeModule('inference', { plain: packed('inference'), relaxed: packed('inference-relaxed') });
writeModule('inferenceShared', {
  plain: packed('inference-shared'),
  relaxed: packed('inference-relaxed-shared'),
});

// The script of a thread, without modules, types and comments: what threads that meet do, and what a thread does with
// messages.
const meeting = readFileSync('src/inference/meeting.ts', 'utf8').replace(/^export /gm, '');
const thread = readFileSync('worker/thread.mjs', 'utf8').replace(/^import .*\n/gm, '');
const { outputText: worker } = ts.transpileModule(meeting + thread, {
  compilerOptions: {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ES2022,
    removeComments: true,
  },
});
if (/^(import|export) /m.test(worker))
  throw new Error('the script of a thread must need no module');
writeFileSync('build/worker.js', worker);
writeModule('thread', { source: worker });
