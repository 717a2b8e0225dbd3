/** What this needs of a node of Shiki's tree. */
interface Node {
  type: string;
  value?: string;
  tagName?: string;
  properties?: Record<string, unknown>;
  children?: Node[];
}

/** The pieces of a line, each with its colour, cut where blanks are. */
const piecesOf = (line: Node): Node[] =>
  (line.children ?? []).flatMap((token) => {
    const text = token.children?.[0]?.value ?? '';
    return text
      .split(/( +)/)
      .filter((piece) => piece !== '')
      .map((value) =>
        value.startsWith(' ')
          ? { type: 'text', value }
          : { ...token, children: [{ type: 'text', value }] },
      );
  });

/** Put each word of a command into a span of its own, so that a line breaks between words only. */
function withWords(line: Node): void {
  const words: Node[] = [];
  const pieces = piecesOf(line);
  const isLast = (i: number): boolean =>
    i === pieces.length - 1 && pieces[i].children?.[0]?.value === '\\';
  for (const [i, piece] of pieces.entries()) {
    const last = words.at(-1);
    // The backslash at the end of a line stays beside the word before it.
    const joins = piece.type === 'element' || isLast(i + 1);
    if (last?.type === 'element' && joins) last.children?.push(piece);
    else if (piece.type === 'text') words.push(piece);
    else
      words.push({
        type: 'element',
        tagName: 'span',
        properties: { class: 'word' },
        children: [piece],
      });
  }
  line.children = words;
}

/** A transformer of Shiki for commands of a shell. */
export const commandWords = {
  name: 'words of commands',
  line(this: { options: { lang: string } }, line: Node): void {
    if (this.options.lang === 'sh') withWords(line);
  },
};
