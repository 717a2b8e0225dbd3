// The changes of the next release, from the files in .changeset: the data of changelog.md.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createMarkdownRenderer } from 'vitepress';

const docs = fileURLToPath(new URL('.', import.meta.url));
const folder = join(docs, '..', '.changeset');

export interface PendingChange {
  readonly packages: readonly string[];
  /** The text of the change, rendered. */
  readonly html: string;
}

declare const data: readonly PendingChange[];

export { data };

/** The packages that a changeset names, and its text. */
function partsOf(changeset: string): { packages: string[]; text: string } {
  const [, head = '', text = ''] = /^---\n([\s\S]*?)^---\n([\s\S]*)$/m.exec(changeset) ?? [];
  const packages = [...head.matchAll(/^['"](@hbnn\/[a-z]+)['"]:/gm)].map(([, name]) => name);
  return { packages, text: text.trim() };
}

export default {
  watch: ['../.changeset/*.md'],
  async load(): Promise<readonly PendingChange[]> {
    const markdown = await createMarkdownRenderer(docs);
    return readdirSync(folder)
      .filter((file) => file.endsWith('.md') && file !== 'README.md')
      .sort()
      .map((file) => partsOf(readFileSync(join(folder, file), 'utf8')))
      .map(({ packages, text }) => ({ packages, html: markdown.render(text) }));
  },
};
