// The changes of the next release, from the files in .changeset: the data of changelog.md.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createMarkdownRenderer } from 'vitepress';

const docs = fileURLToPath(new URL('.', import.meta.url));
const folder = join(docs, '..', '.changeset');

/** Parts of the project, each with the packages whose changes are listed under it. */
const areas: Readonly<Record<string, readonly string[]>> = {
  'Bit maps and files': ['core'],
  'Training and data': ['train', 'import', 'datasets'],
  'Models and inference': ['model', 'wasm', 'export'],
  Hardware: ['circuit', 'verilog', 'estimator'],
  Commands: ['cli', 'sweep'],
};

export interface PendingChange {
  /** What changes for a reader, in a sentence. */
  readonly headline: string;
  /** The rest of the text, rendered; empty where the headline says all. */
  readonly details: string;
  readonly packages: readonly string[];
}

export interface ChangesOfArea {
  readonly area: string;
  readonly changes: readonly PendingChange[];
}

declare const data: readonly ChangesOfArea[];

export { data };

interface Changeset {
  readonly packages: readonly string[];
  readonly minor: boolean;
  readonly headline: string;
  readonly rest: string;
}

/** The packages that a changeset names, its first paragraph, and the others. */
function parseChangeset(changeset: string): Changeset {
  const [, head = '', text = ''] = /^---\n([\s\S]*?)^---\n([\s\S]*)$/m.exec(changeset) ?? [];
  const packages = [...head.matchAll(/^['"]@hbnn\/([a-z]+)['"]:/gm)].map(([, name]) => name);
  const [headline, ...rest] = text.trim().split('\n\n');
  return { packages, minor: /: minor$/m.test(head), headline, rest: rest.join('\n\n') };
}

/** The first release comes first, then new things, and patches last. */
const rankOf = ({ headline, minor }: Changeset): number =>
  4 * Number(headline.startsWith('The first release')) +
  2 * Number(/^New\b/.test(headline)) +
  Number(minor);

export default {
  watch: ['../.changeset/*.md'],
  async load(): Promise<readonly ChangesOfArea[]> {
    const markdown = await createMarkdownRenderer(docs);
    const changesets = readdirSync(folder)
      .filter((file) => file.endsWith('.md') && file !== 'README.md')
      .sort()
      .map((file) => parseChangeset(readFileSync(join(folder, file), 'utf8')))
      .sort((a, b) => rankOf(b) - rankOf(a));
    return Object.entries(areas).map(([area, packages]) => ({
      area,
      changes: changesets
        .filter((changeset) => packages.includes(changeset.packages[0]))
        .map(({ headline, rest, packages: all }) => ({
          headline: markdown.renderInline(headline.replaceAll('\n', ' ')),
          details: rest === '' ? '' : markdown.render(rest),
          packages: all.map((name) => `@hbnn/${name}`),
        })),
    }));
  },
};
