import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

interface Budget {
  readonly name: string;
  readonly about: string;
  /** The exports that the page uses; all where it is left out. */
  readonly names?: readonly string[];
  readonly maxBytes: number;
}

/** What a page may have to load of a package, bundled, minified and gzipped, with its WebAssembly. */
const budgets: readonly Budget[] = [
  // What the paper needs: a bit map, its binarization, and how far that is from the weights.
  {
    name: 'core',
    about: 'the paper',
    names: ['approximate', 'binarize', 'distFromAverage', 'distance', 'floatTensor', 'selectBits'],
    maxBytes: 15_000,
  },
  // All of it holds the joint optimum, other rules, `.npy` and the trainer's fast paths too, which bundlers leave out of
  // a page that does not use them.
  { name: 'core', about: 'all of it', maxBytes: 21_000 },
  { name: 'wasm', about: 'all of it, with its binaries', maxBytes: 60_000 },
];

const gzipped = (bytes: Uint8Array): number => gzipSync(bytes, { level: 9 }).length;

/** Some or all of what a package's main entry exports; packages that it loads count for themselves. */
async function codeBytes(folder: string, names?: readonly string[]): Promise<number> {
  const used = names === undefined ? '*' : `{ ${names.join(', ')} }`;
  const { outputFiles } = await build({
    stdin: { contents: `export ${used} from './dist/index.js';`, resolveDir: folder },
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
  for (const { name, about, names, maxBytes } of budgets) {
    const folder = join(scope, name);
    const bytes = (await codeBytes(folder, names)) + binaryBytes(folder);
    const text = `@hbnn/${name} (${about}): ${(bytes / 1000).toFixed(1)} kB gzipped of ${maxBytes / 1000}`;
    lines.push(text);
    if (bytes >= maxBytes)
      faults.push(`${text}: more than its budget; load less, or raise the budget and say why`);
  }
  return { lines, faults };
}
