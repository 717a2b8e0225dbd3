import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { createInstrumenter } from 'istanbul-lib-instrument';
import type { Reader } from './reader.ts';

/** Where Istanbul's counters of a process are. */
const counterName = '__hbnn_fuzz_coverage__';

interface FileCounters {
  readonly s: Record<string, number>;
  readonly f: Record<string, number>;
  readonly b: Record<string, number[]>;
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const readersFolder = here('./readers/');
const builtFolder = here('../../.vitest/fuzz/');

/** Packages whose code is part of a reader, so that inputs are to reach all of it. */
const instrumentedPackages = /^(@hbnn\/|fflate$)/;

const sources: Plugin = {
  name: 'sources',
  setup({ onResolve, onLoad, resolve }) {
    onResolve({ filter: /^[^.]/ }, async ({ path, importer, resolveDir, kind, pluginData }) => {
      if (pluginData === 'resolved' || kind === 'entry-point') return undefined;
      if (isBuiltin(path)) return { path: `node:${path.replace('node:', '')}`, external: true };
      const found = await resolve(path, { importer, resolveDir, kind, pluginData: 'resolved' });
      if (found.errors.length > 0 || instrumentedPackages.test(path)) return found;
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

/** Without checksums, as fuzzing has to be: a changed byte would never get behind one. */
const noChecksums: Plugin = {
  name: 'no checksums',
  setup({ onLoad }) {
    onLoad({ filter: /model\/src\/file\/crc32\.ts$/ }, () => ({
      contents: 'export const crc32 = (): number => 0;',
      loader: 'ts',
    }));
  },
};

/**
 * One thread for many HDF5 files: starting one for each takes ten times as long as reading. A thread that has read
 * some hundred damaged files gives way to a new one, and so does one that does not end, which is seen sooner: the files
 * are small.
 */
const keptH5Thread: Plugin = {
  name: 'kept HDF5 thread',
  setup({ onLoad }) {
    onLoad({ filter: /import\/src\/keras\/h5Objects\.ts$/ }, ({ path }) => ({
      contents: `import { H5Thread } from './h5Thread.ts';
        let thread = new H5Thread();
        let reads = 0;
        let last = Promise.resolve();
        async function read(bytes) {
          if (thread.isOver || ++reads % 200 === 0) {
            await thread.end();
            thread = new H5Thread();
          }
          return thread.read(bytes, 200);
        }
        export function h5Objects(bytes) {
          const objects = last.then(() => read(bytes));
          last = objects.catch(() => {});
          return objects;
        }`,
      loader: 'ts',
      resolveDir: dirname(path),
    }));
  },
};

/** A reader whose code counts what of it runs. */
export interface CountedReader {
  readonly reader: Reader;
  readonly coverage: Pick<Coverage, 'take' | 'places'>;
}

/**
 * Bundle a reader with the code of this project that it runs, and count each statement and branch.
 *
 * @param o.checksums false to build without the checksums of .hbnn files
 */
export async function countedReader(
  name: string,
  o: { checksums?: boolean } = {},
): Promise<CountedReader> {
  const file = `${builtFolder}${name}-${process.pid}.mjs`;
  const { outputFiles } = await build({
    entryPoints: [`${readersFolder}${name}.ts`],
    write: false,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    conditions: ['hbnn-source', 'node', 'import'],
    plugins: [...(o.checksums === false ? [noChecksums] : []), keptH5Thread, sources],
    logLevel: 'error',
  });
  const instrumenter = createInstrumenter({
    esModules: true,
    compact: true,
    coverageVariable: counterName,
  });
  mkdirSync(builtFolder, { recursive: true });
  writeFileSync(file, instrumenter.instrumentSync(outputFiles[0].text, file));
  const { reader } = (await import(pathToFileURL(file).href)) as { reader: () => Promise<Reader> };
  const opened = await reader();
  const counters = (Reflect.get(globalThis, counterName) as Record<string, FileCounters>)[file];
  return { reader: opened, coverage: new Coverage(counters) };
}

/** What has run so far, by place and by how often within one input: 1, 2, 4, 8 … times are told apart. */
class Coverage {
  private readonly lists: {
    counts: Record<string, number> | number[];
    seen: Uint32Array;
    keys: string[];
  }[];
  /** Places that have run. */
  places = 0;

  constructor({ s, b }: FileCounters) {
    const all = [s, ...Object.values(b)];
    this.lists = all.map((counts) => {
      const keys = Object.keys(counts);
      return { counts, keys, seen: new Uint32Array(keys.length) };
    });
  }

  /** Take what one input ran, and clear the counters; true where it is new. */
  take(): boolean {
    let isNew = false;
    for (const { counts, keys, seen } of this.lists) {
      const held = counts as Record<string, number>;
      for (let i = 0; i < keys.length; i++) {
        const count = held[keys[i]];
        if (count === 0) continue;
        held[keys[i]] = 0;
        const bucket = 1 << Math.min(31, 32 - Math.clz32(count));
        if ((seen[i] & bucket) !== 0) continue;
        if (seen[i] === 0) this.places++;
        seen[i] |= bucket;
        isNew = true;
      }
    }
    return isNew;
  }
}
