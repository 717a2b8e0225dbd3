import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

/** What a page may have to load of a package, bundled, minified and gzipped, with its WebAssembly. */
const budgets: readonly { readonly name: string; readonly maxBytes: number }[] = [
  { name: 'core', maxBytes: 15_000 },
  { name: 'wasm', maxBytes: 60_000 },
];

const gzipped = (bytes: Uint8Array): number => gzipSync(bytes, { level: 9 }).length;

/** Everything that a package's main entry exports; packages that it loads count for themselves. */
async function codeBytes(folder: string): Promise<number> {
  const { outputFiles } = await build({
    entryPoints: [join(folder, 'dist', 'index.js')],
    external: ['@hbnn/*', 'node:*'],
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    logLevel: 'silent',
  });
  return outputFiles.reduce((sum, { contents }) => sum + gzipped(contents), 0);
}

function binaryBytes(folder: string): number {
  const binaries = join(folder, 'build');
  if (!existsSync(binaries)) return 0;
  return readdirSync(binaries)
    .filter((file) => file.endsWith('.wasm'))
    .reduce((sum, file) => sum + gzipped(readFileSync(join(binaries, file))), 0);
}

/**
 * Measure the packages that pages load.
 *
 * @param scope folder of the installed packages, `node_modules/@hbnn`
 * @returns a line for each, and those that are over their budget
 */
export async function checkSizes(scope: string): Promise<{ lines: string[]; faults: string[] }> {
  const lines: string[] = [];
  const faults: string[] = [];
  for (const { name, maxBytes } of budgets) {
    const folder = join(scope, name);
    const bytes = (await codeBytes(folder)) + binaryBytes(folder);
    const text = `@hbnn/${name}: ${(bytes / 1000).toFixed(1)} kB gzipped of ${maxBytes / 1000}`;
    lines.push(text);
    if (bytes >= maxBytes)
      faults.push(`${text}: more than its budget; load less, or raise the budget and say why`);
  }
  return { lines, faults };
}
