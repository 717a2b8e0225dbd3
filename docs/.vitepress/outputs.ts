import type { MarkdownRenderer } from 'vitepress';

/** A line with three columns or more. */
const columns = /\S {2,}\S.* {2,}\S/;
/** A line of a name and its value. */
const nameAndValue = /^(\S(?: ?\S)* {2,})\S/;
/** A value that starts farther right leaves too little room on a phone. */
const widestName = 24;

/** How many characters of an output's line stand before its value; undefined where the line is no name with a value. */
export const valueColumn = (line: string): number | undefined =>
  nameAndValue.exec(line)?.[1].length;

/** Whether the lines of an output stand in columns, or are indented, or draw something: broken lines would be hard to read. */
function isAligned(output: string): boolean {
  const lines = output.trimEnd().split('\n');
  return (
    /─|│/.test(output) ||
    lines.some((line, i) => columns.test(line) && columns.test(lines[i + 1] ?? '')) ||
    (lines.length > 1 && lines.some((line) => line.startsWith('  '))) ||
    lines.some((line) => (valueColumn(line) ?? 0) > widestName)
  );
}

/** Give an output that is no table a class by which its long lines break; a table scrolls sideways. */
export function outputs(md: MarkdownRenderer): void {
  const { fence } = md.renderer.rules;
  if (fence === undefined) throw new Error('outputs: expected a rule for programs, found none');
  md.renderer.rules.fence = (tokens, i, ...rest) => {
    const html = fence(tokens, i, ...rest);
    const { info, content } = tokens[i];
    return info.startsWith('txt') && !isAligned(content)
      ? html.replace('class="language-txt', 'class="wraps language-txt')
      : html;
  };
}
