// The API pages: one for each package and sub-path, by TypeDoc from the doc comments.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { apiText } from './apiText.mjs';

const packages = [
  'core',
  'model',
  'circuit',
  'train',
  'import',
  'wasm',
  'verilog',
  'export',
  'estimator',
  'sweep',
];

/** What the parts of packages are that have an entry of their own. */
const parts = {
  '@hbnn/core/binarizer': 'Binarizing one tensor again and again, as its values change',
  '@hbnn/core/optimal': 'The rule “optimal”, which chooses bits, signs and scales together',
  '@hbnn/train/files': 'Files of named tensors, written whole or not at all',
  '@hbnn/train/metrics': 'The file `metrics.jsonl` of a training: reading, appending and cutting',
  '@hbnn/train/web': 'Training in a web page, with the WASM backend of TensorFlow.js',
  '@hbnn/train/statistics': 'Paired tests of settings that were trained with the same seeds',
  '@hbnn/train/backends': 'The names of the backends, and the choice of one',
  '@hbnn/wasm/threads': 'Inference of integer models on several threads',
};

/** What people import, the source file it is, TypeDoc's page of it, and the page here. */
function pagesOf(root) {
  return [...packages.map((name) => `packages/${name}`), 'datasets'].flatMap((folder) => {
    const { name, exports, description } = JSON.parse(
      readFileSync(join(root, folder, 'package.json'), 'utf8'),
    );
    return Object.entries(exports).flatMap(([path, entry]) => {
      const source = entry['hbnn-source'];
      if (source === undefined) return [];
      const file = join(folder, source);
      const short = name.slice('@hbnn/'.length);
      const entryName = name + path.slice(1);
      const about = path === '.' ? description : parts[entryName];
      if (about === undefined) throw new Error(`${entryName}: say in api.mjs what it is`);
      return {
        file,
        name: entryName,
        about,
        page: `/packages/${short}`,
        from: `${file.replace(/\.ts$/, '').replace(/\/index$/, '')}.md`,
        to: `${[short, ...path.split('/').slice(1)].join('-')}.md`,
      };
    });
  });
}

export function writeApi(docs) {
  const out = join(docs, 'api');
  const root = dirname(docs.replace(/\/$/, ''));
  const pages = pagesOf(root);
  rmSync(out, { recursive: true, force: true });
  const typedoc = join(
    dirname(createRequire(import.meta.url).resolve('typedoc')),
    '..',
    'bin',
    'typedoc',
  );
  const entries = pages.flatMap(({ file }) => ['--entryPoints', join(root, file)]);
  const flags = [typedoc, '--options', join(docs, 'typedoc.json'), ...entries];
  const ran = spawnSync(process.execPath, flags, { cwd: docs, encoding: 'utf8' });
  if (ran.status !== 0)
    throw new Error(`typedoc: exit code ${ran.status}\n${ran.stdout}${ran.stderr}`);
  const texts = pages.map(({ from }) => readFileSync(join(out, from), 'utf8'));
  rmSync(out, { recursive: true });
  mkdirSync(out);
  pages.forEach(({ from, to, name, about, page: guide }, i) => {
    const linked = texts[i].replaceAll(/\]\(([^)#\s]+\.md)(#[^)]*)?\)/g, (_, path, anchor = '') => {
      const target = join(dirname(from), path);
      const page = pages.find((other) => other.from === target);
      if (page === undefined) throw new Error(`${from}: a link to ${target}, which is no page`);
      return `](${page.to}${anchor})`;
    });
    const intro = `${about}. The page [\`${name.split('/').slice(0, 2).join('/')}\`](${guide}) has examples.`;
    const titled = linked.replace(/^# .*$/m, `# ${name}\n\n${intro}`);
    writeFileSync(join(out, to), apiText(titled));
  });
  writeNames(docs, out, pages);
  const list = pages.map(({ to, name, about }) => `- [\`${name}\`](${to}): ${about}`);
  const text = ['# API', '', 'All that the packages export.', '', ...list];
  writeFileSync(join(out, 'index.md'), `${text.join('\n')}\n`);
}

/** Where each exported name is explained: the site links to it wherever a page names it. */
function writeNames(docs, out, pages) {
  const names = {};
  const several = new Set();
  for (const { to } of pages) {
    for (const [, name] of readFileSync(join(out, to), 'utf8').matchAll(
      /^### (\w+?)(?:\(\)|<.*>)?$/gm,
    )) {
      const place = `/api/${to.replace(/\.md$/, '')}#${name.toLowerCase()}`;
      // A part of a package exports again what the package exports; two packages mean two things by a name.
      const [before, now] = [names[name], place].map(
        (link) => /^\/api\/([a-z]+)/.exec(link ?? '')?.[1],
      );
      if (before !== undefined && before !== now) several.add(name);
      names[name] ??= place;
    }
  }
  for (const name of several) delete names[name];
  mkdirSync(join(docs, 'generated'), { recursive: true });
  writeFileSync(join(docs, 'generated', 'apiNames.json'), `${JSON.stringify(names)}\n`);
}
