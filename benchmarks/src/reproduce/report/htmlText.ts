import { escapeHtml } from '@hbnn/cli/drawing';

/** A piece of code whose options, such as --from-ledger, do not break at their hyphens. */
export const codeHtml = (code: string): string =>
  `<code>${code
    .split(' ')
    .map((word) =>
      word.includes('-') ? `<span class="whole">${escapeHtml(word)}</span>` : escapeHtml(word),
    )
    .join(' ')}</code>`;

/** A line of Markdown with `code`, **bold** words and [links](address) as HTML. */
export const inlineHtml = (text: string): string =>
  text
    .split(/(`[^`]+`|\*\*[^*]+\*\*|\[[^\]]+\]\([^)\s]+\))/)
    .map((part) => {
      if (/^`[^`]+`$/.test(part)) return codeHtml(part.slice(1, -1));
      if (/^\*\*[^*]+\*\*$/.test(part)) return `<b>${escapeHtml(part.slice(2, -2))}</b>`;
      const [, text, address] = /^\[([^\]]+)\]\(([^)\s]+)\)$/.exec(part) ?? [];
      if (address !== undefined) return `<a href="${escapeHtml(address)}">${escapeHtml(text)}</a>`;
      return escapeHtml(part);
    })
    .join('');

/** Paragraphs and lists of Markdown as HTML. */
export const blocksHtml = (text: string): string =>
  text
    .split('\n\n')
    .map((block) => {
      const lines = block.split('\n');
      if (!lines.every((line) => line.startsWith('- '))) return `<p>${inlineHtml(block)}</p>`;
      return `<ul>${lines.map((line) => `<li>${inlineHtml(line.slice(2))}</li>`).join('\n')}</ul>`;
    })
    .join('\n');
