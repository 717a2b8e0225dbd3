import type { MarkdownRenderer } from 'vitepress';

/** Characters of a column's longest cell: up to `short` its cells stay on one line, from `long` on they need room. */
const short = 16;
const long = 34;
const longest = 70;
/** A table of more columns has no room to give. */
const manyColumns = 6;

/** The text of a cell as a reader sees it, nearly. */
const textOf = (content: string): string =>
  content.replaceAll(/\]\([^)]*\)|<[^>]*>|[[`*]/g, '').trim();

function classOf(length: number, columns: number): string {
  if (length <= short) return 'short';
  if (length < long) return '';
  if (columns > manyColumns) return length > longest ? 'long' : '';
  return columns > 2 && length > longest ? 'longest' : 'long';
}

/** Give each cell a class for the longest text of its column, so that the style sheet can make the column wide enough. */
export function tableColumns(md: MarkdownRenderer): void {
  md.core.ruler.push('table columns', ({ tokens }) => {
    tokens.forEach(({ type }, from) => {
      if (type !== 'table_open') return;
      const to = tokens.findIndex((token, i) => i > from && token.type === 'table_close');
      const lengths: number[] = [];
      const cells: { column: number; cell: (typeof tokens)[number] }[] = [];
      let column = 0;
      for (let i = from; i < to; i++) {
        if (tokens[i].type === 'tr_open') column = 0;
        if (tokens[i].type !== 'td_open') continue;
        const { length } = textOf(tokens[i + 1].content);
        lengths[column] = Math.max(lengths[column] ?? 0, length);
        cells.push({ column, cell: tokens[i] });
        column++;
      }
      for (const { column: at, cell } of cells) {
        const name = classOf(lengths[at], lengths.length);
        if (name !== '') cell.attrJoin('class', name);
      }
    });
  });
}
