// How each bundler makes a page of an app's folder, as its own documentation begins: no configuration file.
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, run } from './packedPackages.ts';

/** What is installed beside the packages. */
export const bundlerPackages = [
  'vite7@npm:vite@7.3.8',
  'vite8@npm:vite@8.4.0',
  'webpack@5.113.0',
  'webpack-cli@6.0.1',
  'esbuild@0.28.2',
  'rollup@4.68.8',
  '@rollup/plugin-node-resolve@16.0.3',
];

/** An app: `main.js`, `index.html` and what it fetches, in `public/`; packages are in the folder above. */
export interface App {
  readonly folder: string;
  readonly installed: string;
}

export interface Bundler {
  readonly name: string;
  /** Build the app; returns the folder to be served. */
  build(app: App): string;
}

/** A page that loads `main.js`. */
const pageOf = (script: string): string =>
  `<!doctype html><meta charset="utf-8"><title>HBNN</title><link rel="icon" href="data:,">\n${script}\n`;

const moduleScript = '<script type="module" src="/main.js"></script>';
const classicScript = '<script src="/main.js"></script>';

/** The page that Vite starts from. */
export const sourcePage = pageOf(moduleScript);

/** Run a bundler's command; a warning is a fault. */
function command(app: App, script: string, ...args: string[]): void {
  const file = join(app.installed, 'node_modules', script);
  // Installed, esbuild's command is no script but a program.
  const start = file.endsWith('.js') ? [process.execPath, file] : [file];
  const printed = run(app.folder, start[0], ...start.slice(1), ...args);
  expect(!/warn/i.test(printed), `${script} ${args.join(' ')} warns:\n${printed}`);
}

/** Build by a command that writes its scripts into a folder; the page and its files come beside them. */
const written = (
  name: string,
  script: string,
  args: (out: string) => readonly string[],
  tag = classicScript,
): Bundler => ({
  name,
  build(app) {
    const out = join(app.folder, name.replaceAll(' ', '-'));
    command(app, script, ...args(out));
    cpSync(join(app.folder, 'public'), out, { recursive: true });
    writeFileSync(join(out, 'index.html'), pageOf(tag));
    return out;
  },
});

const viteBuild = (name: string): Bundler => ({
  name: `${name} build`,
  build(app) {
    const out = join(app.folder, `${name}-build`);
    command(app, `${name}/bin/vite.js`, 'build', '--outDir', out);
    return out;
  },
});

const webpack = (mode: string): Bundler =>
  written(`webpack ${mode}`, 'webpack-cli/bin/cli.js', (out) => [
    '--mode',
    mode,
    '--entry',
    './main.js',
    '--output-path',
    out,
  ]);

const esbuild = (format: string, tag: string, ...more: string[]): Bundler =>
  written(
    `esbuild ${format}`,
    'esbuild/bin/esbuild',
    (out) => ['main.js', '--bundle', `--format=${format}`, `--outdir=${out}`, ...more],
    tag,
  );

const rollup = (format: string, tag: string): Bundler =>
  written(
    `rollup ${format}`,
    'rollup/dist/bin/rollup',
    (out) => ['-p', 'node-resolve', '-f', format, '-i', 'main.js', '-o', join(out, 'main.js')],
    tag,
  );

/** No bundler: the packages lie beside the page, which names their entries in an import map. */
const importMap: Bundler = {
  name: 'import map',
  build(app) {
    const out = join(app.folder, 'import-map');
    mkdirSync(out);
    for (const name of ['core', 'model', 'wasm'])
      cpSync(join(app.installed, 'node_modules/@hbnn', name), join(out, name), { recursive: true });
    cpSync(join(app.folder, 'public'), out, { recursive: true });
    cpSync(join(app.folder, 'main.js'), join(out, 'main.js'));
    const imports = {
      '@hbnn/core': './core/dist/index.js',
      '@hbnn/model': './model/dist/index.js',
      '@hbnn/wasm': './wasm/dist/index.js',
      '@hbnn/wasm/threads': './wasm/dist/inference/loadThreads.js',
    };
    const map = `<script type="importmap">${JSON.stringify({ imports })}</script>`;
    writeFileSync(join(out, 'index.html'), pageOf(`${map}\n${moduleScript}`));
    return out;
  },
};

export const bundlers: readonly Bundler[] = [
  viteBuild('vite7'),
  viteBuild('vite8'),
  webpack('production'),
  webpack('development'),
  esbuild('iife', classicScript),
  esbuild('esm', moduleScript, '--minify', '--splitting'),
  rollup('es', moduleScript),
  rollup('iife', classicScript),
  importMap,
];

/** Vite's development servers, which build as the page asks. */
export const devServers = ['vite7', 'vite8'] as const;
