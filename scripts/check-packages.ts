// `pnpm check:packages`: build and pack the published packages, install the tarballs in an empty
// folder as a user would, and there run each README's example, the `hbnn` command, and a strict type
// check of the examples against the packed declarations; publint and are-the-types-wrong judge the
// tarballs, and what a page loads keeps to its size. Exits with 1 at the first fault.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { checkSizes } from './packageSizes.ts';
import { expect, Fault, install, pack, root, run, say } from './packedPackages.ts';
import { type Example, readmeExample, runExample } from './readmeExample.ts';

const names = [
  'core',
  'model',
  'circuit',
  'wasm',
  'verilog',
  'estimator',
  'export',
  'train',
  'import',
  'datasets',
  'sweep',
  'cli',
] as const;
type Name = (typeof names)[number];

/** The part of a package.json this check reads. */
interface Manifest {
  readonly name: string;
  readonly bin?: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** Where a package's sources are: in packages/, but for the data sets. */
const folderOf = (name: Name): string =>
  name === 'datasets' ? join(root, name) : join(root, 'packages', name);

/** The package of a tarball: `hbnn-core-0.1.0.tgz` is core's. */
function tarballOf(name: Name, tarballs: readonly string[]): string {
  const found = tarballs.find((file) => basename(file).startsWith(`hbnn-${name}-`));
  if (found === undefined) throw new Fault(`@hbnn/${name}: no tarball among ${tarballs}`);
  return found;
}

/** Entry points, formats and declarations of a tarball, as publint and are-the-types-wrong see them. */
async function lintTarball(name: Name, tarball: string): Promise<void> {
  const bytes = readFileSync(tarball);
  const data = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  const { messages, pkg } = await publint({ pack: { tarball: data }, strict: true });
  const faults = messages.map((message) => formatMessage(message, pkg, { color: false }));
  expect(faults.length === 0, `@hbnn/${name}: publint: ${faults.join('; ')}`);
  // Packages are ES modules alone: what CommonJS would make of them is not asked.
  const attw = join(dirname(load.resolve('@arethetypeswrong/cli/package.json')), 'dist/index.js');
  run(root, process.execPath, attw, tarball, '--profile', 'esm-only', '--no-emoji', '--no-color');
}

/** What is installed holds what its package.json names, a licence, and nothing that only we can use. */
function checkContents(folder: string): void {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
  const named = [
    'LICENSE',
    'README.md',
    ...Object.values(manifest.bin ?? {}),
    ...Object.values(manifest.exports).flatMap((conditions) => Object.values(conditions)),
  ];
  for (const file of named) {
    expect(existsSync(join(folder, file)), `${manifest.name}: ${file} is not in the package`);
  }
  for (const [name, range] of Object.entries(manifest.dependencies ?? {})) {
    expect(!range.startsWith('workspace:'), `${manifest.name}: depends on ${name} by ${range}`);
  }
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const tests = files.filter((file) => /\.test\.|^test\//.test(file) && !/node_modules/.test(file));
  expect(tests.length === 0, `${manifest.name}: packs tests: ${tests.join(', ')}`);
}

function checkExample(name: Name, example: Example, place: string): void {
  // Types are taken off by hand: Node 20 does not run TypeScript.
  const { code, err, lines } = runExample(
    example.language === 'ts'
      ? { ...example, language: 'js', code: withoutTypes(example.code) }
      : example,
    { place },
  );
  expect(code === 0, `@hbnn/${name}: its README's example ends with ${code}\n${err}`);
  const { promised } = example;
  // A promise that is not a value but words ("about 1.4") is the package's own test's to judge.
  promised.forEach((wanted, i) => {
    const words = /^about /.test(wanted);
    expect(
      words || lines[i] === wanted,
      `@hbnn/${name}: its README says ${wanted}, got ${lines[i]}`,
    );
  });
}

function withoutTypes(code: string): string {
  const { transpileModule, ScriptTarget, ModuleKind } = typescript;
  const compilerOptions = { target: ScriptTarget.ES2022, module: ModuleKind.ESNext };
  return transpileModule(code, { compilerOptions }).outputText;
}

const load = createRequire(import.meta.url);
const typescript = load('typescript') as typeof import('typescript');

/** Type-check the examples strictly, libraries included; faults in others' declarations are theirs. */
function checkTypes(folder: string, examples: ReadonlyMap<Name, Example>): string {
  const files = ['subpaths.ts'];
  writeFileSync(
    join(folder, 'subpaths.ts'),
    `import { duration, type ProgressMeter } from '@hbnn/cli/progress';
import { type Binarizer, type BinarizerSpec, binarizer } from '@hbnn/core/binarizer';
import { type OptimalOptions, optimal } from '@hbnn/core/optimal';
import { type NamedArray, readTensorFile } from '@hbnn/train/files';
import { trainingKernels, type TrainingKernels } from '@hbnn/wasm';
import { loadThreads, type ThreadedModel } from '@hbnn/wasm/threads';
export const text: string = duration(61);
export const read: (file: string) => { arrays: ReadonlyMap<string, NamedArray> } = readTensorFile;
export const threaded: (...args: Parameters<typeof loadThreads>) => Promise<ThreadedModel> = loadThreads;
export const make: (...args: Parameters<typeof trainingKernels>) => Promise<TrainingKernels> = trainingKernels;
export type Meter = ProgressMeter;
export const repeated: (spec: BinarizerSpec) => Binarizer = binarizer;
export const best: (...args: Parameters<typeof optimal>) => unknown = optimal;
export type Best = OptimalOptions;
`,
  );
  for (const [name, { language, code }] of examples) {
    if (language !== 'ts') continue;
    files.push(`${name}.ts`);
    writeFileSync(join(folder, `${name}.ts`), code);
  }
  const tsc = load.resolve('typescript/bin/tsc');
  const flags = ['--noEmit', '--strict', '--module', 'NodeNext', '--target', 'ES2022'];
  const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules', '@types')];
  const { stdout } = spawnSync(process.execPath, [tsc, ...flags, ...types, ...files], {
    cwd: folder,
    encoding: 'utf8',
  });
  const faults = stdout.split('\n').filter((line) => /error TS/.test(line));
  const foreign = faults.filter((line) => /^node_modules\/(?!@hbnn\/)|^\.\.\//.test(line));
  const ours = faults.filter((line) => !foreign.includes(line));
  expect(ours.length === 0, `types do not fit:\n${ours.join('\n')}`);
  return `${files.length} files, ${foreign.length} faults in other libraries' declarations`;
}

async function main(folder: string): Promise<void> {
  run(
    root,
    'pnpm',
    'exec',
    'turbo',
    'run',
    'build',
    '--filter=./packages/*',
    '--filter=./datasets',
  );
  say('built');
  const tarballs = pack(names.map(folderOf), join(folder, 'tarballs'));
  say(`packed ${tarballs.length} packages`);
  for (const name of names) await lintTarball(name, tarballOf(name, tarballs));
  say('publint and are-the-types-wrong find nothing');
  const user = join(folder, 'user');
  install(user, tarballs);
  say('installed the tarballs in an empty folder');
  const examples = new Map<Name, Example>();
  for (const name of names) {
    const installed = join(user, 'node_modules', '@hbnn', name);
    checkContents(installed);
    examples.set(name, readmeExample(join(installed, 'README.md')));
  }
  say('each package holds what it names');
  say(`types: ${checkTypes(user, examples)}`);
  for (const [name, example] of examples) {
    checkExample(name, example, user);
    say(`@hbnn/${name}: the README's example runs`);
  }
  const { lines, faults } = await checkSizes(join(user, 'node_modules', '@hbnn'));
  for (const line of lines) say(line);
  expect(faults.length === 0, faults.join('\n'));
}

const folder = mkdtempSync(join(tmpdir(), 'hbnn-packages-'));
try {
  await main(folder);
  console.log('packages: all checks passed');
} catch (error) {
  if (!(error instanceof Fault)) throw error;
  console.error(error.message);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
