import { valueColumn } from './outputs.ts';

/** What this needs of a node of Shiki's tree. */
interface Node {
  value?: string;
  properties?: Record<string, unknown>;
  children?: Node[];
}

const textOf = ({ value, children = [] }: Node): string =>
  value ?? children.map((child) => textOf(child)).join('');

/** Where a line of code breaks, the rest of it is indented by this many characters more than the line. */
const more = 2;

/**
 * A transformer of Shiki that tells the style sheet where a line's text goes on when it breaks: below its own indent, or
 * below the value of an output's line.
 */
export const hangingLines = {
  name: 'hanging lines',
  line(this: { options: { lang: string } }, line: Node): void {
    const text = textOf(line);
    const indent = text.length - text.trimStart().length;
    const value = this.options.lang === 'txt' ? valueColumn(text) : undefined;
    line.properties = { ...line.properties, style: `--hang:${value ?? indent + more}ch` };
  },
};
