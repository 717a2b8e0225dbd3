import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

interface Budget {
  readonly name: string;
  readonly about: string;
  /** The file of the package's entry. */
  readonly entry: string;
  /** The exports that the page uses; all where it is left out. */
  readonly names?: readonly string[];
  readonly maxBytes: number;
}

const main = './dist/index.js';

/** What a page may have to load of a package, bundled, minified and gzipped; its WebAssembly is part of the scripts. */
const budgets: readonly Budget[] = [
  { name: 'core', about: 'all of it', entry: main, maxBytes: 15_000 },
  // What the paper needs: a bit map, its binarization, and how far that is from the weights.
  {
    name: 'core',
    about: 'the paper',
    entry: main,
    names: ['approximate', 'binarize', 'distFromAverage', 'distance', 'floatTensor', 'selectBits'],
    maxBytes: 10_000,
  },
  // Both hold the joint optimum and what of the main entry they need; a page that loads both entries has that once.
  { name: 'core', about: '/optimal', entry: './dist/optimal/index.js', maxBytes: 15_000 },
  // For training loops: every rule of selection, and the fast paths.
  { name: 'core', about: '/binarizer', entry: './dist/binarizer.js', maxBytes: 16_500 },
  { name: 'wasm', about: 'all of it', entry: main, maxBytes: 58_500 },
  // A page that runs models takes the code with relaxed SIMD and without, both unrolled where that makes them faster, and
  // kernels that decode and lay out weights: they halve the time to load a model.
  { name: 'wasm', about: 'loadModel', entry: main, names: ['loadModel'], maxBytes: 50_000 },
  { name: 'wasm', about: '/threads', entry: './dist/inference/loadThreads.js', maxBytes: 79_500 },
];

const gzipped = (bytes: Uint8Array): number => gzipSync(bytes, { level: 9 }).length;

/** Some or all of what an entry exports; packages that it loads count for themselves. */
async function codeBytes(folder: string, { entry, names }: Budget): Promise<number> {
  const used = names === undefined ? '*' : `{ ${names.join(', ')} }`;
  const { outputFiles } = await build({
    stdin: { contents: `export ${used} from '${entry}';`, resolveDir: folder },
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

/**
 * Measure the packages that pages load.
 *
 * @param scope folder of the installed packages, `node_modules/@hbnn`
 * @returns a line for each, and those that are over their budget
 */
export async function checkSizes(scope: string): Promise<{ lines: string[]; faults: string[] }> {
  const lines: string[] = [];
  const faults: string[] = [];
  for (const budget of budgets) {
    const { name, about, maxBytes } = budget;
    const folder = join(scope, name);
    const bytes = await codeBytes(folder, budget);
    const text = `@hbnn/${name} (${about}): ${(bytes / 1000).toFixed(1)} kB gzipped of ${maxBytes / 1000}`;
    lines.push(text);
    if (bytes >= maxBytes)
      faults.push(`${text}: more than its budget; load less, or raise the budget and say why`);
  }
  return { lines, faults };
}
