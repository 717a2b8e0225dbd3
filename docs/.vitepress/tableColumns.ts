import type { MarkdownRenderer } from 'vitepress';

/** Characters of a column's longest cell: up to `short` its cells stay on one line, from `long` on they need room. */
const short = 19;
const wordy = 24;
const long = 34;
const longest = 70;
const essay = 200;
/** A table of more columns and more characters, or of still more columns, reaches almost to the edges of a phone's screen. */
const fewColumns = 3;
const broadFrom = 30;
const broadColumns = 4;
/** A table of more columns is set smaller, and has little room to give. */
const manyColumns = 6;
/** Numbers with signs, ranges and short units, such as 63.18 ± 1.08 or 12 ms. */
const numeric = /^(?:[\d.,+−±<≤×%…()/ –-]|(?<=\d) to (?=\d))+(?:[a-zA-Zµ²%]{1,4})?$/;
/** What stands where a table has nothing to say. */
const nothing = '–';
/** Characters of a number that stays on one line, in a table of few columns and of many. */
const longestNumber = { few: 24, many: 12 };
/** A longer one, such as an interval, may break on a phone. */
const phoneNumber = { few: 14, many: 9 };
/** Columns of a table whose first column stands above the others on a phone, if it has long texts. */
const headed = { min: 3, max: 9 };
/** Columns of a table whose last column may stand below the others on a phone, if it has the longest texts. */
const reasoned = { min: 3, max: 5 };
/** Such a text stands below the others on a wide page too, where it would make a wall of a narrow column. */
const argued = 350;

/** The text of a cell as a reader sees it, nearly. */
const textOf = (content: string): string =>
  content.replaceAll(/\]\([^)]*\)|<[^>]*>|[[`*]/g, '').trim();

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

function classOf(length: number, at: number, columns: number): string {
  if (columns > manyColumns) {
    if (length > longest) return 'long';
    if (length >= wordy) return 'wordy';
    return length <= (at === 0 ? short : longestNumber.many) ? 'short' : '';
  }
  if (length <= short) return 'short';
  if (length < long) return '';
  if (columns > 2 && length > essay) return 'essay';
  return columns > 2 && length > longest ? 'longest' : 'long';
}

/** Whether a cell is a number that must not break; a table of one column too many has room for intervals too. */
function isWholeNumber(text: string, columns: number): boolean {
  const few = columns <= manyColumns || (columns === manyColumns + 1 && text.includes('…'));
  const max = few ? longestNumber.few : longestNumber.many;
  return text.length <= max && numeric.test(text);
}

/** The classes of a table by the characters of each column's longest cell. */
function classesOf(lengths: readonly number[]): string[] {
  const columns = lengths.length;
  const isReasoned =
    columns >= reasoned.min && columns <= reasoned.max && lengths[columns - 1] > longest;
  const isHeaded =
    !isReasoned &&
    columns >= headed.min &&
    columns <= headed.max &&
    lengths[0] >= long &&
    lengths.slice(1).every((length) => length < long);
  return [
    ...(isHeaded ? ['headed', `columns-${columns}`] : []),
    ...(columns > broadColumns || (columns > fewColumns && sum(lengths) > broadFrom)
      ? ['broad']
      : []),
    ...(columns > manyColumns ? ['many'] : []),
    ...(isReasoned ? ['reasoned', `columns-${columns}`] : []),
    ...(isReasoned && lengths[columns - 1] > argued ? ['argued'] : []),
  ];
}

type Token = ReturnType<MarkdownRenderer['parse']>[number];

interface Cell {
  readonly column: number;
  readonly text: string;
  readonly open: Token;
  /** What stands in the cell. */
  readonly inline: Token;
}

/** The cells of the table whose tokens lie between two others, row by row; the heads are the first row. */
function rowsOf(tokens: readonly Token[], from: number, to: number): Cell[][] {
  const rows: Cell[][] = [];
  for (let i = from; i < to; i++) {
    if (tokens[i].type === 'tr_open') rows.push([]);
    if (!/^t[hd]_open$/.test(tokens[i].type)) continue;
    const row = rows[rows.length - 1];
    const [open, inline] = [tokens[i], tokens[i + 1]];
    row.push({ column: row.length, text: textOf(inline.content), open, inline });
  }
  return rows;
}

const isQuantity = (text: string): boolean =>
  text.length <= longestNumber.few && /\d/.test(text) && numeric.test(text);

/** Numbers stand below each other by their last digits; the first column names the rows. */
function alignNumbers(head: readonly Cell[], body: readonly Cell[][]): void {
  for (const { column } of head.slice(1)) {
    const cells = body.flatMap((row) => row[column] ?? []);
    const texts = cells.map(({ text }) => text).filter((text) => text !== '' && text !== nothing);
    if (texts.length === 0 || !texts.every((text) => isQuantity(text))) continue;
    for (const { open } of [head[column], ...cells])
      if (open.attrGet('style') === null) open.attrSet('style', 'text-align:right');
  }
}

/** Give each cell a class for the longest text of its column, so that the style sheet can make the column wide enough. */
export function tableColumns(md: MarkdownRenderer): void {
  // VitePress writes the start of a table without its classes.
  md.renderer.rules.table_open = (tokens, at, options, _, self) => {
    tokens[at].attrSet('tabindex', '0');
    return self.renderToken(tokens, at, options);
  };
  md.core.ruler.push('table columns', ({ tokens, Token: NewToken }) => {
    tokens.forEach(({ type }, from) => {
      if (type !== 'table_open') return;
      const to = tokens.findIndex((token, i) => i > from && token.type === 'table_close');
      const [head, ...body] = rowsOf(tokens, from, to);
      const lengths = head.map(({ column }) =>
        Math.max(0, ...body.map((row) => row[column]?.text.length ?? 0)),
      );
      const classes = classesOf(lengths);
      for (const name of classes) tokens[from].attrJoin('class', name);
      alignNumbers(head, body);
      for (const row of body) {
        for (const { column, text, open, inline } of row) {
          const name = classOf(lengths[column], column, lengths.length);
          if (name !== '') open.attrJoin('class', name);
          if (text === '') {
            const dash = new NewToken('text', '', 0);
            dash.content = nothing;
            inline.children = [dash];
            open.attrJoin('class', 'empty');
          } else if (isWholeNumber(text, lengths.length)) {
            const max = lengths.length > manyColumns ? phoneNumber.many : phoneNumber.few;
            open.attrJoin('class', text.length > max ? 'number long-number' : 'number');
          }
        }
        // A phone shows this cell on a line of its own, far from its head.
        if (classes.includes('reasoned') && head[row.length - 1].text !== '')
          row[row.length - 1].open.attrSet('data-label', head[row.length - 1].text);
      }
    });
  });
}
