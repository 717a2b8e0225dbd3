import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { MarkdownRenderer } from 'vitepress';

const file = fileURLToPath(new URL('../generated/apiNames.json', import.meta.url));
/** Exported names, and where the API pages explain them; none before they are made. */
const names: Readonly<Record<string, string>> = existsSync(file)
  ? JSON.parse(readFileSync(file, 'utf8'))
  : {};

/** Pages whose prose names exports. */
const prose = /^(guide|packages|reference|idea|contributing\/)/;

/** Words that pages use for a rule of selection or a package, though an export has the same name. */
const otherMeanings: ReadonlySet<string> = new Set([
  // Rules of selection
  'middle-out',
  'top-down',
  'bottom-up',
  'random',
  'gain',
  'curvature',
  'optimal',
  // Packages
  'circuit',
  'conformance',
  'datasets',
  'estimator',
  'export',
  'import',
  'model',
  'sweep',
  'train',
  'verilog',
]);

/** The place of an export that a piece of code names: `loadModel` or `loadModel(model)`. */
function placeOf(code: string): string | undefined {
  const [, name] = /^([A-Za-z]\w{4,})(?:\(.*\))?$/.exec(code) ?? [];
  // A call, such as `curvature(…)`, can only be the export.
  if (name === undefined || otherMeanings.has(code)) return undefined;
  return Object.hasOwn(names, name) ? names[name] : undefined;
}

/** The page of this site that a piece of code names as a file: `docs/guide/web.md`. */
const pageOf = (code: string): string | undefined =>
  /^docs(\/(?:guide|reference)\/[\w-]+)\.md$/.exec(code)?.[1];

/** The title of a page of this site. */
const titleOf = (page: string): string | undefined =>
  /^# (.*)$/m.exec(
    readFileSync(fileURLToPath(new URL(`..${page}.md`, import.meta.url)), 'utf8'),
  )?.[1];

/** Make a link of an export or page where a section first names it, and where it is not one already. */
export function apiLinks(md: MarkdownRenderer): void {
  md.core.ruler.push('api links', (state) => {
    const { relativePath } = state.env as { relativePath: string };
    if (!prose.test(relativePath)) return;
    // A recipe names files to change, and the other pages name pages to read.
    const isRecipe = relativePath.startsWith('contributing/');
    // One link for a name is enough for the readers of a section.
    const linked = new Set<string>();
    state.tokens.forEach((block, i) => {
      if (block.type === 'heading_open') linked.clear();
      if (block.type !== 'inline' || state.tokens[i - 1]?.type === 'heading_open') return;
      let links = 0;
      block.children = (block.children ?? []).flatMap((token) => {
        if (token.type === 'link_open') links++;
        if (token.type === 'link_close') links--;
        if (token.type !== 'code_inline' || links > 0) return [token];
        const page = pageOf(token.content);
        const place = page ?? placeOf(token.content);
        if (place === undefined) return [token];
        const isPlain = page === undefined || isRecipe;
        if (isPlain && linked.has(place)) return [token];
        linked.add(place);
        const title = isPlain ? undefined : titleOf(page);
        if (title !== undefined) Object.assign(token, { type: 'text', content: title });
        const open = new state.Token('link_open', 'a', 1);
        open.attrSet('href', place);
        return [open, token, new state.Token('link_close', 'a', -1)];
      });
    });
  });
}
