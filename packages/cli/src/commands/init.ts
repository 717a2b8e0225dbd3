import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { HbnnError } from '@hbnn/core';
import { makeFolder, writeWhole } from '@hbnn/train/files';
import { Command } from 'commander';
import { type OutputOptions, printNext, printResult, quietFlag, shellWord } from '../output.ts';
import { checkNewOrEmpty } from '../pathKind.ts';
import { ownVersion } from './ownVersion.ts';

/** Where templates lie: as far from the bundled command as from this file. */
const templates = fileURLToPath(new URL('../../templates', import.meta.url));
const require = createRequire(import.meta.url);
/** Vite as `pnpm check:bundlers` tries it. */
const viteVersion = '^8.4.0';

interface Options extends OutputOptions {
  readonly web?: boolean;
}

export function initCommand(): Command {
  return new Command('init')
    .description('begin a project of your own: from training to a circuit, or a web page')
    .argument('[folder]', 'a new or empty folder (default: the current one)')
    .option('--web', 'make a web page that runs a network, built by Vite')
    .option('--json', 'print the result as JSON')
    .option(...quietFlag)
    .addHelpText(
      'after',
      `
The project is a package.json, short scripts and a README that explains them. In the project, 'npm run demo' trains a
network, lowers it to whole numbers, runs it, writes Verilog, verifies the Verilog and estimates the size of the circuit.
This takes about a minute on two cores. Only npm packages are downloaded.

Examples:
  hbnn init first
  hbnn init page --web`,
    )
    .action((folder: string | undefined, o: Options) => run(folder ?? '.', o));
}

function run(folder: string, o: Options): void {
  const place = resolve(folder);
  checkEmpty(folder, place);
  const name = packageName(place);
  const kind = o.web ? 'web' : 'starter';
  const files = new Map(filesOf(kind, name));
  files.set('package.json', Buffer.from(`${JSON.stringify(manifest(kind, name), undefined, 2)}\n`));
  if (o.web && checkout() !== undefined) files.set('vite.config.js', Buffer.from(checkoutConfig()));
  for (const [file, bytes] of files) {
    mkdirSync(join(place, file, '..'), { recursive: true });
    writeWhole(join(place, file), [bytes]);
  }
  printResult({ project: folder, files: [...files.keys()].sort() }, o.json);
  const enter = place === resolve('.') ? [] : [`cd ${shellWord(folder)}`];
  const install = checkout() === undefined || o.web ? ['npm install'] : [];
  printNext([...enter, ...install, o.web ? 'npm run dev' : 'npm run demo'], o);
}

/** Nothing of the user's is replaced. */
function checkEmpty(folder: string, place: string): void {
  if (folder.trim() === '')
    throw new HbnnError(
      'folder: expected the name of a folder to make, got an empty one; name it, as in hbnn init first',
    );
  checkNewOrEmpty(folder, place, 'name another, as in hbnn init first');
  if (!existsSync(place)) makeProjectFolder(folder, place);
}

function makeProjectFolder(folder: string, place: string): void {
  try {
    makeFolder(place);
  } catch (error) {
    throw new HbnnError(
      `${folder}: could not be made (${(error as Error).message}); name a folder in a place that can be written`,
    );
  }
}

/** A folder's name as npm takes it for a package. */
const packageName = (place: string): string =>
  basename(place)
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .replaceAll(/^-+|-+$/g, '') || 'hbnn-project';

/** A template's files with the project's name in them, by their path in the project. */
function filesOf(kind: 'starter' | 'web', name: string): [string, Buffer][] {
  const root = checkout();
  const wasm =
    root === undefined
      ? '@hbnn/wasm'
      : pathToFileURL(join(root, 'packages', 'wasm', 'src', 'index.ts')).href;
  return readdirSync(join(templates, kind)).map((file) => {
    const bytes = readFileSync(join(templates, kind, file));
    // npm leaves files called .gitignore out of packages; a network is no text.
    if (file === 'network.hbnn') return [join('public', file), bytes];
    const text = bytes.toString('utf8').replaceAll('{{name}}', name).replaceAll('{{wasm}}', wasm);
    return [file === 'gitignore' ? '.gitignore' : file, Buffer.from(text)];
  });
}

function manifest(kind: 'starter' | 'web', name: string): object {
  const about = { name, version: '0.0.0', private: true, type: 'module' };
  const own = `^${ownVersion}`;
  const published = checkout() === undefined;
  if (kind === 'web')
    return {
      ...about,
      scripts: { dev: 'vite', build: 'vite build', preview: 'vite preview' },
      ...(published && { dependencies: { '@hbnn/wasm': own } }),
      devDependencies: { vite: viteVersion },
    };
  const dependencies = { '@hbnn/cli': own, '@hbnn/wasm': own };
  return { ...about, scripts: starterScripts(), ...(published && { dependencies }) };
}

function starterScripts(): Record<string, string> {
  const hbnn = 'npm run -s hbnn --';
  const steps = {
    train: `${hbnn} train --config train.json --out runs/first`,
    curves: `${hbnn} plot --run runs/first --out curves.html`,
    lower: `${hbnn} lower --run runs/first --out network.hbnn`,
    check: `${hbnn} eval --model network.hbnn --engine wasm --data fashion-mnist-subset`,
    inspect: `${hbnn} inspect network.hbnn`,
    own: `${nodeCommand()} run.mjs`,
    verilog: `${hbnn} verilog --model network.hbnn --out rtl --style folded --target xc7 --luts 12000`,
    verify: `${hbnn} verify --model network.hbnn --rtl rtl --images 2`,
    estimate: `${hbnn} estimate --model network.hbnn --target zc706 --fold luts:12000`,
  };
  const demo = Object.keys(steps).map((step) => `npm run ${step}`);
  return { demo: demo.join(' && '), ...steps, fresh: 'node fresh.mjs', hbnn: hbnnCommand() };
}

/** The repository that this command runs from; undefined where it is installed. */
function checkout(): string | undefined {
  const here = fileURLToPath(new URL('..', import.meta.url));
  return basename(here) === 'src' ? resolve(here, '..', '..', '..') : undefined;
}

/** A path between double quotes, which every shell of npm takes. */
const quoted = (text: string): string => JSON.stringify(text);

/** Node with what it needs to run the repository's sources. */
function nodeCommand(): string {
  if (checkout() === undefined) return 'node';
  const loader = pathToFileURL(require.resolve('tsx')).href;
  return `node --conditions=hbnn-source --import ${quoted(loader)}`;
}

function hbnnCommand(): string {
  const root = checkout();
  if (root === undefined) return 'hbnn';
  return `${nodeCommand()} ${quoted(join(root, 'packages', 'cli', 'src', 'main.ts'))}`;
}

/** In a checkout the page takes the kernels' package from there. */
function checkoutConfig(): string {
  const root = checkout() ?? '';
  return `// The packages of the checkout that made this project, in the place of installed ones.
import { defaultClientConditions } from 'vite';

export default {
  resolve: {
    alias: { '@hbnn/wasm': ${JSON.stringify(join(root, 'packages', 'wasm', 'src', 'index.ts'))} },
    conditions: ['hbnn-source', ...defaultClientConditions],
  },
  server: { fs: { allow: ['.', ${JSON.stringify(root)}] } },
};
`;
}
