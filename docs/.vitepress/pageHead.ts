import type { HeadConfig } from 'vitepress';

/** Letters that a search engine or a chat shows of a description. */
const maxLetters = 200;

/** A page's first paragraph without its marks, in as many whole sentences as are shown; undefined without a paragraph. */
export function descriptionOf(markdown: string): string | undefined {
  const body = markdown
    .replace(/^---\n[\s\S]*?\n---\n/, '')
    .replace(/<script[\s\S]*?<\/script>/g, '')
    .replace(/^(```|~~~)[\s\S]*?^\1$/gm, '');
  const paragraph = body
    .split(/\n\s*\n/)
    .map((part) => part.trim())
    .find((part) => /^[\p{L}`*_“[]/u.test(part));
  if (paragraph === undefined) return undefined;
  const text = paragraph
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/\*\*|`|\b_|_\b/g, '')
    .replace(/\s+/g, ' ');
  const [first, ...more] = text.split(/(?<=[.!?]) (?=\p{Lu})/u);
  let shown = first.replace(/:$/, '.');
  for (const sentence of more) {
    if (sentence.endsWith(':')) break;
    if (shown.length + 1 + sentence.length > maxLetters) break;
    shown += ` ${sentence}`;
  }
  return shown;
}

/** What a chat or a network shows of a link to a page. */
export const shareTags = (title: string, description: string): HeadConfig[] =>
  [
    ['og:type', 'website'],
    ['og:site_name', 'HBNN'],
    ['og:title', title],
    ['og:description', description],
  ].map(([property, content]) => ['meta', { property, content }]);
