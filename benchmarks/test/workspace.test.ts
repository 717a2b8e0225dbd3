import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

interface Manifest {
  readonly folder: string;
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly description?: string;
  readonly license?: string;
  readonly type?: string;
  readonly repository?: { readonly url?: string; readonly directory?: string };
  readonly homepage?: string;
  readonly bugs?: { readonly url?: string };
  readonly keywords?: readonly string[];
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly files?: readonly string[];
  readonly engines?: { readonly node?: string };
  readonly publishConfig?: { readonly access?: string };
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

const packages = ['packages', '.']
  .flatMap((parent) => readdirSync(join(root, parent)).map((name) => join(parent, name)))
  .filter((folder) => !/(^|\/)(\.|node_modules)/.test(folder))
  .filter((folder) => existsSync(join(root, folder, 'package.json')))
  .map((folder): Manifest => {
    const text = readFileSync(join(root, folder, 'package.json'), 'utf8');
    return { folder, ...(JSON.parse(text) as Omit<Manifest, 'folder'>) };
  });

/**
 * What each package may load of the others, in the order in which data flows: numbers (core), a network in whole
 * numbers (model), netlists and cycles (circuit), and what is made of them. Commands and benchmarks come on top; docs
 * read committed results alone.
 */
const mayLoad: Readonly<Record<string, readonly string[]>> = {
  core: [],
  model: ['core'],
  circuit: ['core', 'model'],
  wasm: ['core', 'model'],
  train: ['core', 'model', 'wasm'],
  import: ['core', 'train'],
  verilog: ['core', 'model', 'circuit'],
  estimator: ['core', 'model', 'circuit'],
  export: ['core', 'model'],
  datasets: ['core'],
  conformance: ['core', 'model'],
  sweep: ['core'],
  cli: [
    'core',
    'model',
    'circuit',
    'wasm',
    'train',
    'import',
    'verilog',
    'estimator',
    'export',
    'datasets',
  ],
  benchmarks: [
    'core',
    'model',
    'circuit',
    'wasm',
    'train',
    'verilog',
    'estimator',
    'datasets',
    'sweep',
    'cli',
  ],
  stress: [
    'core',
    'model',
    'circuit',
    'wasm',
    'train',
    'import',
    'verilog',
    'estimator',
    'export',
    'datasets',
    'conformance',
    'cli',
  ],
  docs: [],
};

/** Further edges for tests and builds only. */
const mayUseInDevelopment: Readonly<Record<string, readonly string[]>> = {
  docs: ['core', 'model', 'circuit', 'wasm', 'train', 'verilog', 'estimator', 'export', 'datasets'],
  wasm: ['conformance'],
  // Who wants no queue need not install it: the command loads it where it is there.
  cli: ['sweep'],
  verilog: ['conformance'],
  train: ['conformance'],
  conformance: ['circuit', 'wasm', 'verilog', 'train'],
};

const scope = '@hbnn/';
const shortName = ({ name }: Manifest): string => name.slice(scope.length);
const ownNames = (list: Readonly<Record<string, string>> = {}): string[] =>
  Object.keys(list)
    .filter((name) => name.startsWith(scope))
    .map((name) => name.slice(scope.length));
const loaded = (p: Manifest): Record<string, string> => ({
  ...p.dependencies,
  ...p.optionalDependencies,
  ...p.peerDependencies,
});
const published = packages.filter((p) => !p.private);

/** The packages of ours that a folder's sources import, by name or by a path out of their package. */
function imported(folder: string): Set<string> {
  const source = join(root, folder, 'src');
  const files = existsSync(source)
    ? readdirSync(source, { recursive: true, encoding: 'utf8' })
    : [];
  const found = files
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .flatMap((file) => [
      ...readFileSync(join(source, file), 'utf8').matchAll(
        /(?:from|import)\s*\(?\s*'(?:@hbnn\/|(?:\.\.\/)+packages\/)([a-z]+)/g,
      ),
    ]);
  return new Set(found.map(([, name]) => name));
}

describe('the workspace', () => {
  it('is made of the packages the rules know', () => {
    expect(packages.length).toBeGreaterThanOrEqual(6);
    for (const p of packages) {
      expect(p.name.startsWith(scope), p.folder).toBe(true);
      expect(Object.keys(mayLoad), `${p.folder}: say in this test what it may load`).toContain(
        shortName(p),
      );
    }
  });

  it.each(packages.map((p) => [p.name, p] as const))('%s depends only downwards', (_, p) => {
    const allowed = mayLoad[shortName(p)];
    expect(allowed).toEqual(expect.arrayContaining(ownNames(loaded(p))));
    const development = [...allowed, ...(mayUseInDevelopment[shortName(p)] ?? [])];
    expect(development).toEqual(expect.arrayContaining(ownNames(p.devDependencies)));
  });

  it.each(packages.map((p) => [p.name, p] as const))('%s imports what it declares', (_, p) => {
    const declared = new Set([...ownNames(loaded(p)), ...ownNames(p.devDependencies)]);
    declared.add(shortName(p));
    expect([...declared]).toEqual(expect.arrayContaining([...imported(p.folder)]));
  });

  it('leaves core without dependencies', () => {
    const core = packages.find((p) => shortName(p) === 'core') as Manifest;
    expect(loaded(core)).toEqual({});
  });

  it('pins every dependency from outside to what was tried, or to a major version', () => {
    for (const p of packages) {
      for (const [name, range] of Object.entries({ ...loaded(p), ...p.devDependencies })) {
        const own = name.startsWith(scope);
        expect(range, `${p.name}: ${name}`).toMatch(own ? /^workspace:\^$/ : /^\^?\d+\.\d+\.\d+$/);
      }
    }
  });

  it('publishes nothing that loads a private package', () => {
    const names = new Set(published.map(shortName));
    for (const p of published) {
      for (const name of ownNames(loaded(p)))
        expect(names, `${p.name} loads ${name}`).toContain(name);
    }
  });
});

describe('published packages', () => {
  it.each(published.map((p) => [p.name, p] as const))('%s says what a registry asks', (_, p) => {
    const folder = join(root, p.folder);
    expect(p.license).toBe('Apache-2.0');
    expect(p.description?.length).toBeGreaterThan(20);
    expect(p.version).toMatch(/^\d+\.\d+\.\d+/);
    expect(p.type).toBe('module');
    expect(p.engines?.node).toBe('>=20.19');
    expect(p.publishConfig?.access).toBe('public');
    expect(existsSync(join(folder, 'README.md'))).toBe(true);
    // Packing adds the project's licence, except where a file of that name lies anywhere in the package.
    const licences = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
      /^(?!.*(node_modules|dist)).*LICENSE$/.test(file),
    );
    if (licences.length > 0)
      expect(readFileSync(join(folder, 'LICENSE'), 'utf8')).toBe(
        readFileSync(join(root, 'LICENSE'), 'utf8'),
      );
    expect(p.files).toEqual(expect.arrayContaining(['dist', 'src', '!src/**/*.test.ts']));
  });

  it.each(published.map((p) => [p.name, p] as const))(
    '%s exports source and build alike',
    (_, p) => {
      expect(Object.keys(p.exports ?? {}).length).toBeGreaterThan(0);
      for (const conditions of Object.values(p.exports ?? {})) {
        if (typeof conditions === 'string') throw new Error(`${p.name}: exports without types`);
        const { 'hbnn-source': source, types, default: built } = conditions;
        expect(existsSync(join(root, p.folder, source)), source).toBe(true);
        expect(Object.keys(conditions)).toEqual(['hbnn-source', 'types', 'default']);
        const stem = source.replace('./src/', './dist/').replace(/\.ts$/, '');
        expect([types, built]).toEqual([`${stem}.d.ts`, `${stem}.js`]);
      }
    },
  );

  it('share one version and the repository that the root names', () => {
    expect(new Set(published.map(({ version }) => version)).size).toBe(1);
    const text = readFileSync(join(root, 'package.json'), 'utf8');
    const { repository: own } = JSON.parse(text) as Pick<Manifest, 'repository'>;
    const page = own?.url?.replace(/^git\+|\.git$/g, '');
    expect(page).toMatch(/^https:\/\/github\.com\/[^/]+\/[^/]+$/);
    for (const { name, folder, repository, homepage, bugs, keywords } of published) {
      // Provenance is refused for packages that name another repository than the one that publishes them.
      expect(repository, name).toEqual({ type: 'git', url: own?.url, directory: folder });
      expect(homepage, name).toBe(`${page}/tree/main/${folder}#readme`);
      expect(bugs?.url, name).toBe(`${page}/issues`);
      expect(keywords?.length, name).toBeGreaterThanOrEqual(5);
    }
  });

  it('are released together, and checked before', () => {
    const { fixed } = JSON.parse(readFileSync(join(root, '.changeset/config.json'), 'utf8')) as {
      fixed: readonly string[][];
    };
    expect([...fixed[0]].sort()).toEqual(published.map(({ name }) => name).sort());
    const script = readFileSync(join(root, 'scripts/check-packages.ts'), 'utf8');
    const checked = /const names = \[([^\]]*)\]/.exec(script)?.[1].match(/[a-z]+/g) ?? [];
    expect([...checked].sort()).toEqual(published.map(shortName).sort());
  });

  it('are published by trust in the workflow, without a token', () => {
    const workflow = readFileSync(join(root, '.github/workflows/release.yml'), 'utf8');
    expect(workflow).toMatch(/^ {6}id-token: write/m);
    expect(workflow).not.toMatch(/NPM_TOKEN|NODE_AUTH_TOKEN/);
  });
});
