import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folders = [
  'packages/core',
  'packages/model',
  'packages/circuit',
  'packages/verilog',
  'packages/estimator',
  'packages/export',
  'packages/train',
  'packages/import',
  'packages/wasm',
  'packages/sweep',
  'packages/cli',
  'datasets',
];

/** What a process has once, whoever asks: an engine's own state, and what is prepared for a value that never changes. */
const allowed = [
  // TensorFlow.js' backends and the GPU are the process's own.
  'packages/train/src/backend/dawnEvents.ts: let queue: Queued[] = [];',
  'packages/train/src/backend/kernelHeap.ts: let shared: Promise<KernelHeap> | undefined;',
  'packages/train/src/backend/useBackend.ts: const started = new Map<BackendName, Promise<string | undefined>>();',
  'packages/train/src/backend/webGpu.ts: let held: Gpu | undefined;',
  'packages/train/src/web.ts: let started: Promise<void> | undefined;',
  // The locks that this process holds.
  'packages/train/src/run/runLock.ts: const held = new Set<string>();',
  // What a map needs at every step, which goes with the map.
  'packages/train/src/ops/binarizeInputs.ts: const preparedMaps = new WeakMap<InputMap, PreparedMap>();',
  // Compiled code of the package's own files.
  'packages/wasm/src/webAssembly.ts: const compiled = new Map<string, Promise<WasmModule>>();',
];

const files = execFileSync(
  'git',
  [
    'ls-files',
    '--cached',
    '--others',
    '--exclude-standard',
    ...folders.map((folder) => `${folder}/src/*.ts`),
  ],
  { cwd: root, encoding: 'utf8' },
)
  .split('\n')
  .filter(
    (file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && existsSync(join(root, file)),
  );

/** Something that is empty at first and filled later: a cache, or a buffer for scratch. */
const fillable =
  /\bnew (?:Map|Set|WeakMap|WeakSet)(?:<[^()]*>)?\(\)|\bnew (?:Float|Int|Uint|BigInt|BigUint)\w*Array\(\s*[\w.]+\s*\)|[=:] \[\](?:;|,|$)/m;

/** The statements of a module outside of functions and classes that hold state: `let`, or something to be filled. */
function stateOf(text: string): string[] {
  const statements = text.split(/\n(?=\S)/);
  return statements.filter((statement) => {
    if (/^(?:export )?let\b/.test(statement)) return true;
    if (!/^(?:export )?const\b/.test(statement)) return false;
    // What a function makes is new in every call.
    const value = statement.slice(0, statement.search(/=>|\bfunction\b|$(?![\s\S])/));
    return fillable.test(value);
  });
}

describe('state at module level', () => {
  it.each(folders)('is nowhere in %s, beside what a process has once', (folder) => {
    const own = files.filter((file) => file.startsWith(`${folder}/`));
    expect(own.length).toBeGreaterThan(5);
    const found = own.flatMap((file) =>
      stateOf(readFileSync(join(root, file), 'utf8')).map(
        (line) => `${file}: ${line.split('\n')[0]}`,
      ),
    );
    const listed = allowed.filter((line) => line.startsWith(`${folder}/`));
    expect(found.toSorted()).toEqual(listed.toSorted());
  });

  it.each([
    'const known = new Map<string, number>();',
    'const keys = new WeakMap<Form, string>();',
    'const table: Record<Style, Map<string, number>> = {\n  xc7: new Map(),\n  gates: new Map(),\n};',
    'const scratch = { keys: new Int32Array(0), order: new Int32Array(0) };',
    'const buffer = new Float64Array(size);',
    'const sums: Record<Style, number[]> = { xc7: [], gates: [] };',
    'const list: number[] = [];',
    'let count = 0;',
  ])('is found in %s', (text) => {
    expect(stateOf(`import { a } from './a.ts';\n\n${text}\n`)).toHaveLength(1);
  });

  it.each([
    "const names = new Set(['clk', 'aclk']);",
    'const numbers = new Map(kinds.map((kind, i) => [kind, i]));',
    'const made = (n: number) => new Float64Array(n).fill(0);',
    'function cached() {\n  const known = new Map();\n  return known;\n}',
  ])('is not seen in %s', (text) => {
    expect(stateOf(`${text}\n`)).toEqual([]);
  });
});
