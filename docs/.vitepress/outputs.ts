import type { MarkdownRenderer } from 'vitepress';

/** A line with three columns or more. */
const columns = /\S {2,}\S.* {2,}\S/;

/** Whether an output's lines stand in columns, or draw something: broken lines would be unreadable. */
function isAligned(output: string): boolean {
  const lines = output.split('\n');
  return (
    /─|│/.test(output) ||
    lines.some((line, i) => columns.test(line) && columns.test(lines[i + 1] ?? ''))
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
