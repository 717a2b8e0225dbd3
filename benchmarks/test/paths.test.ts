import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** CONTRIBUTING, the recipes, the guides, their reference, the glossary and every README that git knows. */
const pages = execFileSync(
  'git',
  ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'],
  { cwd: root, encoding: 'utf8' },
)
  .split('\n')
  .filter((file) =>
    /^(CONTRIBUTING|docs\/(glossary|changelog|(contributing|guide|reference)\/.*)|(.*\/)?README)\.md$/.test(
      file,
    ),
  )
  .filter((file) => existsSync(join(root, file)));

const scriptsOf = (folder: string): readonly string[] =>
  Object.keys(
    (
      JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as {
        scripts?: Record<string, string>;
      }
    ).scripts ?? {},
  );

/** How to add a thing: the pages that CONTRIBUTING calls recipes. */
const recipes = pages.filter((page) => /^docs\/contributing\/(add|change)-/.test(page));

const packageFolders: Readonly<Record<string, string>> = {
  '@hbnn/datasets': 'datasets',
  '@hbnn/benchmarks': 'benchmarks',
  '@hbnn/docs': 'docs',
};
const folderOf = (name: string): string =>
  packageFolders[name] ?? name.replace('@hbnn/', 'packages/');

/** Commands of pnpm itself, and those it runs from a package's dependencies. */
const ownCommands = [
  'test',
  'install',
  'rebuild',
  'vitest',
  'changeset',
  'pack',
  'add',
  'dlx',
  'exec',
  'i',
];

/** Find the faults of a page: a path of the repository, a link or a script of pnpm that does not exist. */
function deadNames(page: string, text: string): string[] {
  const faults: string[] = [];
  const prose = text.replace(/^```[\s\S]*?^```/gm, '');
  for (const [, path] of prose.matchAll(
    /`((?:packages|benchmarks|datasets|docs|scripts|\.changeset|\.github|\.ci|src|plans|peers|paper|assembly)\/[^`\s*…]*)`/g,
  )) {
    // A run writes its results there; git ignores them.
    if (path.startsWith('benchmarks/results/own/')) continue;
    if (/[A-Z]{4,}/.test(path) && !/README|CONTRIBUTING/.test(path)) continue;
    const beside = join(root, posix.dirname(page), path);
    if (!existsSync(join(root, path)) && !existsSync(beside))
      faults.push(`${page}: there is no ${path}`);
  }
  for (const [, address] of prose.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
    if (/^([a-z]+:|\/)/.test(address)) continue;
    const target = posix.join(posix.dirname(page), address);
    // The site makes its results pages from committed reports; git does not have them.
    if (target.startsWith('docs/results')) continue;
    const found = [target, `${target}.md`].some((file) => existsSync(join(root, file)));
    if (!found) faults.push(`${page}: its link leads to ${target}, which does not exist`);
  }
  for (const [, address] of text.matchAll(/<!--\s*@include:\s*(.*?)\s*-->/g)) {
    // VitePress leaves out what is not there without a word; a CHANGELOG comes with the first release.
    if (/generated\/|CHANGELOG\.md$/.test(address)) continue;
    const target = posix.join(posix.dirname(page), address);
    if (!existsSync(join(root, target)))
      faults.push(`${page}: it includes ${target}, which does not exist`);
  }
  const code = [...text.matchAll(/^```[\s\S]*?^```|`[^`\n]+`/gm)].map(([all]) => all).join('\n');
  for (const [, filter, script] of code.matchAll(
    /\bpnpm(?:@[\d.]+)?(?: -s)?(?: --filter (@hbnn\/[a-z]+))? ([a-z][\w:-]*)/g,
  )) {
    const known = scriptsOf(filter === undefined ? '' : folderOf(filter));
    if (!known.includes(script) && !ownCommands.includes(script))
      faults.push(`${page}: pnpm ${script} is no script of ${filter ?? 'the repository'}`);
  }
  return faults;
}

/** Find folders of results that several pages write: whoever follows them in one checkout is refused by the second. */
function sharedFolders(texts: ReadonlyMap<string, string>): string[] {
  const writers = new Map<string, string>();
  return [...texts].flatMap(([page, text]) => {
    const folders = [...text.matchAll(/^```sh.*\n[\s\S]*?^```/gm)]
      .flatMap(([block]) => block.replaceAll(/\\\n/g, ' ').split('\n'))
      .filter((line) => /hbnn (train|binarize|compare-settings) /.test(line))
      .filter((line) => !/--(resume|force)\b/.test(line))
      .flatMap((line) => / --out (\S+)/.exec(line)?.[1] ?? []);
    return folders.flatMap((folder) => {
      const writer = writers.get(folder);
      writers.set(folder, page);
      return writer === undefined ? [] : [`${page}: ${writer} writes ${folder} too`];
    });
  });
}

describe('pages for people who work on the code', () => {
  it('are found', () => {
    expect(pages).toEqual(expect.arrayContaining(['CONTRIBUTING.md', 'README.md']));
    expect(recipes.length).toBeGreaterThan(10);
  });

  it.each(pages)('%s names paths, links and commands that exist', (page) => {
    expect(deadNames(page, readFileSync(join(root, page), 'utf8'))).toEqual([]);
  });

  it('have their dead names found', () => {
    const text =
      'See `packages/core/src/gone.ts`, [this](gone.md) and run `pnpm bench:gone`. <!--@include: ./gone.svg-->';
    expect(deadNames('docs/page.md', text)).toEqual([
      'docs/page.md: there is no packages/core/src/gone.ts',
      'docs/page.md: its link leads to docs/gone.md, which does not exist',
      'docs/page.md: it includes docs/gone.svg, which does not exist',
      'docs/page.md: pnpm bench:gone is no script of the repository',
    ]);
  });

  it('can be followed one after the other in one checkout', () => {
    const followed = pages.filter((page) => /^README|^docs\/guide\//.test(page));
    expect(followed.length).toBeGreaterThan(10);
    const texts = followed.map((page) => [page, readFileSync(join(root, page), 'utf8')] as const);
    expect(sharedFolders(new Map(texts))).toEqual([]);
    const train = '```sh no-run\npnpm -s hbnn train --weights 2 \\\n  --out runs/a\n```\n';
    expect(
      sharedFolders(
        new Map([
          ['a.md', train],
          ['b.md', train],
        ]),
      ),
    ).toEqual(['b.md: a.md writes runs/a too']);
  });

  it('keep recipes within 12 lines under four heads', () => {
    for (const page of recipes) {
      const lines = readFileSync(join(root, page), 'utf8')
        .split('\n')
        .filter((line) => line !== '');
      expect(lines.length, page).toBeLessThanOrEqual(12);
      expect(lines[0], page).toMatch(/^# /);
      for (const head of ['To ', '1. ', 'In the documentation, ', 'To test the '])
        expect(
          lines.some((line) => line.startsWith(head)),
          `${page}: ${head}`,
        ).toBe(true);
    }
  });
});

describe('the route of the paper through core', () => {
  const route = ['sign', 'tensor', 'layout', 'granularity', 'mix', 'bitMap', 'residual'];

  it('takes less than 1,300 lines', () => {
    const lines = route.map(
      (name) => readFileSync(join(root, `packages/core/src/${name}.ts`), 'utf8').split('\n').length,
    );
    expect(lines.reduce((sum, count) => sum + count, 0)).toBeLessThan(1300);
  });

  it('has Equation 5 on one screen', () => {
    const text = readFileSync(join(root, 'packages/core/src/residual.ts'), 'utf8');
    const equation = /\/\*\*\n \* Equation 5[\s\S]*?\n}\n/.exec(text)?.[0] ?? '';
    expect(equation.split('\n').length).toBeGreaterThan(20);
    expect(equation.split('\n').length).toBeLessThan(50);
  });
});
