import type { MarkdownRenderer } from 'vitepress';

/** A blank at which no line breaks. */
const noBreak = '\u00a0';

/** Units that stay beside their number. */
const units =
  '%|‰|×|s|ms|µs|ns|min|h|B|kB|MB|GB|KiB|MiB|GiB|W|mW|V|J|mJ|µJ|nJ|pJ|fJ|Hz|kHz|MHz|GHz|nm|µm|mm|µm²|mm²';
const numberAndUnit = new RegExp(`(?<=\\d) (?=(?:${units})(?![\\p{L}\\p{N}²]))`, 'gu');
/** Between two numbers, such as in 63.2 ± 1.1, 1,351 + 613 and 0.1 … 0.4. */
const betweenNumbers = /(?<=[\d%)])[ \u00a0]([±…+×])[ \u00a0](?=[−+-]?\d)/gu;
/** Around the sign of a product of short words, such as PE × SIMD. */
const product = /(?<=(?:^|[\s(])[\p{L}\d]{1,4}) × (?=[\p{L}\d]{1,4}(?:$|[^\p{L}\d]))/gu;
/** An interval or another pair of numbers in round brackets. */
const number = '(?:[<>≤≥] ?)?[−+±-]?\\d[\\d.,]*(?: ?(?:%|×))?';
const bracket = new RegExp(`\\(${number}(?:(?:,| …| to| ±| \\+| –) ${number})+\\)`, 'gu');

/** The text with blanks that do not break where a reader would not break a line: between a number and its unit, and within an interval. */
export function withNoBreaks(text: string): string {
  return text
    .replaceAll(bracket, (found) => found.replaceAll(' ', noBreak))
    .replaceAll(numberAndUnit, noBreak)
    .replaceAll(betweenNumbers, `${noBreak}$1${noBreak}`)
    .replaceAll(product, `${noBreak}×${noBreak}`);
}

/** Keep numbers with their units, and intervals whole, in all texts of a page. */
export function noBreaks(md: MarkdownRenderer): void {
  md.core.ruler.push('no breaks', ({ tokens }) => {
    for (const { type, children } of tokens) {
      if (type !== 'inline') continue;
      for (const child of children ?? [])
        if (child.type === 'text') child.content = withNoBreaks(child.content);
    }
  });
}
