import { existsSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { MarkdownRenderer } from 'vitepress';

const docs = fileURLToPath(new URL('..', import.meta.url));

/** Pages that include a file of the repository, and that file. */
const included: Readonly<Record<string, string>> = {
  'contributing.md': 'CONTRIBUTING.md',
  'packages/core.md': 'packages/core/README.md',
  'packages/model.md': 'packages/model/README.md',
  'packages/circuit.md': 'packages/circuit/README.md',
  'packages/train.md': 'packages/train/README.md',
  'packages/import.md': 'packages/import/README.md',
  'packages/wasm.md': 'packages/wasm/README.md',
  'packages/verilog.md': 'packages/verilog/README.md',
  'packages/estimator.md': 'packages/estimator/README.md',
  'packages/export.md': 'packages/export/README.md',
  'packages/sweep.md': 'packages/sweep/README.md',
  'packages/cli.md': 'packages/cli/README.md',
  'packages/datasets.md': 'datasets/README.md',
  'guide/reproduce.md': 'benchmarks/README.md',
};

const pages = new Map(
  Object.entries(included).map(([page, file]) => [file, `/${page.replace(/(index)?\.md$/, '')}`]),
);

/** Where a file of the repository is on the site; undefined when it is not there. */
function place(file: string): string | undefined {
  const page = pages.get(file);
  if (page !== undefined) return page;
  const [, own, anchor = ''] = /^docs\/(.+)\.md(#.*)?$/.exec(file) ?? [];
  if (own !== undefined) return existsSync(`${docs}${own}.md`) ? `/${own}${anchor}` : undefined;
  const [, profile, rest] = /^benchmarks\/results\/([^/]+)\/(.*)$/.exec(file) ?? [];
  if (profile === undefined) return undefined;
  if (rest === 'report.md' || rest === 'report.html') {
    return existsSync(`${docs}results/${profile}/index.md`) ? `/results/${profile}/` : '/results/';
  }
  return existsSync(`${docs}results/${profile}/${rest}`)
    ? `/results/${profile}/${rest}`
    : undefined;
}

const outside = (address: string): boolean => /^([a-z]+:|#|\/)/.test(address);

/**
 * Included files name others by their path in the repository, as a reader of the repository follows
 * them. On the site such a link leads to the page that includes the file, and one to a file that the
 * site has not is plain text.
 */
export function repositoryLinks(md: MarkdownRenderer): void {
  md.core.ruler.push('repository links', (state) => {
    const page = (state.env as { relativePath: string }).relativePath;
    const source = included[page];
    if (source === undefined) return;
    const target = (address: string): string | undefined =>
      place(posix.join(posix.dirname(source), address));
    for (const { children } of state.tokens) {
      const opened: boolean[] = [];
      for (const token of children ?? []) {
        if (token.type === 'link_open') {
          const address = token.attrGet('href') ?? '';
          const to = outside(address) ? address : target(address);
          if (to !== undefined) token.attrSet('href', to);
          opened.push(to !== undefined);
        }
        if (token.type === 'image') {
          const address = token.attrGet('src') ?? '';
          const to = outside(address) ? address : target(address);
          if (to === undefined) token.type = 'text';
          else token.attrSet('src', posix.relative(posix.dirname(`/${page}`), to));
          if (to === undefined) token.content = '';
        }
        const known = token.type === 'link_close' ? opened.pop() : opened.at(-1);
        if (known === false && /^link_(open|close)$/.test(token.type)) {
          token.type = 'text';
          token.content = '';
        }
      }
    }
  });
}
