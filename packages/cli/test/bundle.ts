// Tests start the command some hundred times. Bundled once from its sources, it starts in a quarter of the time that it
// takes through a loader.
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Where the bundled command lies, as a program and as a function. */
export const bundled = here('../.vitest/hbnn/main.mjs');
export const bundledCommand = here('../.vitest/hbnn/runTyped.mjs');

/** Leave what is not this project's own where it is, and let each source find the files that lie beside it. */
const ownSourcesOnly: Plugin = {
  name: 'own sources only',
  setup({ onResolve, onLoad, resolve }) {
    onResolve({ filter: /^[^.]/ }, async ({ path, importer, resolveDir, kind, pluginData }) => {
      if (pluginData === 'resolved' || kind === 'entry-point' || path.startsWith('node:'))
        return undefined;
      const found = await resolve(path, { importer, resolveDir, kind, pluginData: 'resolved' });
      if (found.errors.length > 0 || path.startsWith('@hbnn/')) return found;
      return { path: pathToFileURL(found.path).href, external: true };
    });
    onLoad({ filter: /\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replaceAll(
        'import.meta.url',
        JSON.stringify(pathToFileURL(path).href),
      ),
      loader: 'ts',
      resolveDir: dirname(path),
    }));
  },
};

/** Vitest's global setup. */
export default async function bundle(): Promise<void> {
  await build({
    entryPoints: [here('../src/main.ts'), here('../src/runTyped.ts')],
    outdir: dirname(bundled),
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    conditions: ['hbnn-source', 'node', 'import'],
    plugins: [ownSourcesOnly],
    logLevel: 'error',
  });
}
