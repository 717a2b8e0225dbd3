import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The TypeScript files that git knows or would add, by their path in the repository. */
const files = execFileSync(
  'git',
  ['ls-files', '--cached', '--others', '--exclude-standard', '*.ts'],
  { cwd: root, encoding: 'utf8' },
)
  .split('\n')
  .filter((file) => file !== '' && existsSync(join(root, file)));

type Graph = ReadonlyMap<string, readonly string[]>;

/** Find what each file imports by a relative path, type imports included; AssemblyScript leaves the `.ts` out. */
function importGraph(texts: ReadonlyMap<string, string>): Graph {
  const edges = new Map<string, string[]>();
  for (const [file, text] of texts) {
    const targets = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g)]
      .map(([, path]) => posix.join(posix.dirname(file), path))
      .map((path) => (texts.has(path) ? path : `${path}.ts`))
      .filter((path) => texts.has(path));
    edges.set(file, [...new Set(targets)]);
  }
  return edges;
}

/** Find one import circle, if there is any, as the files along it. */
function importCircle(graph: Graph): readonly string[] | undefined {
  const done = new Set<string>();
  const path: string[] = [];
  const follow = (file: string): readonly string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    path.push(file);
    for (const target of graph.get(file) ?? []) {
      const circle = follow(target);
      if (circle !== undefined) return circle;
    }
    path.pop();
    done.add(file);
    return undefined;
  };
  for (const file of graph.keys()) {
    const circle = follow(file);
    if (circle !== undefined) return circle;
  }
  return undefined;
}

/**
 * The folders of each package in the order in which data flows: a folder imports those before it, never one after it.
 * `.` is the package's own folder. Where it is not in the list, its files may import any folder, and the rule against
 * circles alone holds for them. `index.ts` sees all and is left out.
 */
const folderOrder: Readonly<Record<string, readonly string[]>> = {
  'packages/core/src': ['select', 'optimal'],
  'packages/model/src': ['.', 'lower', 'file', 'census'],
  'packages/circuit/src': ['netlist', 'sums', 'unrolled', 'folded'],
  'packages/verilog/src': ['yosys', 'emit', 'simulate', 'verify', 'synthesize', 'prove'],
  'packages/estimator/src': ['.', 'cells', 'folded', 'unrolled', 'rtl'],
  'packages/export/src': ['c', 'tensors', 'onnx'],
  'packages/wasm/src': ['layout', '.', 'training', 'inference'],
  'packages/wasm/assembly': ['training', 'inference', '.'],
  'packages/train/src': [
    'statistics',
    'backend',
    'ops',
    'quantizers',
    'layers',
    'quantize',
    'networks',
    'run',
  ],
  'packages/import/src': ['assemble', 'keras', 'tfjs', 'onnx', 'folder'],
  'packages/cli/src': ['compare', 'sweep', 'commands'],
  'packages/stress/src': ['fuzz', 'executors', 'crashes'],
  'benchmarks/src': ['results', 'networks', 'accuracy', 'reproduce', 'hardware', 'speed'],
};

const place =
  /^((?:packages\/[^/]+|benchmarks|datasets)\/(?:src|assembly))\/(?:([^/]+)\/(?:.+\/)?)?([^/]+)$/;

/** Find the imports from a folder to one that comes after it in its package. */
function forwardImports(
  graph: Graph,
  order: Readonly<Record<string, readonly string[]>>,
): readonly string[] {
  const faults: string[] = [];
  for (const [file, targets] of graph) {
    const [, root, folder = '.', name] = place.exec(file) ?? [];
    const folders = order[root];
    if (folders === undefined || name === 'index.ts' || name.endsWith('.test.ts')) continue;
    const own = folders.indexOf(folder);
    if (own < 0 && folder === '.') continue;
    if (own < 0) faults.push(`${file}: ${root} has no place for the folder ${folder}`);
    for (const target of targets) {
      const [, targetRoot, targetFolder = '.'] = place.exec(target) ?? [];
      if (targetRoot !== root) continue;
      if (folders.indexOf(targetFolder) > own)
        faults.push(`${file} imports ${target}, but ${folder} comes before ${targetFolder}`);
    }
  }
  return faults;
}

describe('imports', () => {
  const texts = new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]));
  const graph = importGraph(texts);

  it('go round in no circle, type imports included', () => {
    expect(graph.size).toBeGreaterThan(300);
    expect(importCircle(graph)?.join(' -> ')).toBeUndefined();
  });

  it('go from later folders to earlier ones', () => {
    expect(forwardImports(graph, folderOrder)).toEqual([]);
  });

  it('leave no folder of a package without a place in the order', () => {
    const roots = new Set(files.flatMap((file) => place.exec(file)?.[1] ?? []));
    const nested = [...roots].filter((root) =>
      files.some((file) => place.exec(file)?.[1] === root && place.exec(file)?.[2] !== undefined),
    );
    expect(Object.keys(folderOrder)).toEqual(expect.arrayContaining(nested));
  });

  it('name the circle and the forward import that are put in', () => {
    const made = importGraph(
      new Map([
        ['packages/x/src/a.ts', "import type { B } from './b.ts';"],
        ['packages/x/src/b.ts', "export { c } from './late/c.ts';"],
        ['packages/x/src/late/c.ts', "import { a } from '../a.ts';"],
      ]),
    );
    expect(importCircle(made)).toEqual([
      'packages/x/src/a.ts',
      'packages/x/src/b.ts',
      'packages/x/src/late/c.ts',
      'packages/x/src/a.ts',
    ]);
    expect(forwardImports(made, { 'packages/x/src': ['.', 'late'] })).toEqual([
      'packages/x/src/b.ts imports packages/x/src/late/c.ts, but . comes before late',
    ]);
  });
});
