// What the API pages change in TypeDoc's text: fewer columns, and formulas as readers write them.

/** Columns that say the same in nearly every row, or only where a property comes from. */
const leftOut = ['Modifier', 'Inherited from', 'Overrides'];
/** What TypeDoc writes in a cell without content. */
const nothing = new Set(['', '-', '`undefined`']);

const cellsOf = (line) =>
  line
    .trim()
    .replaceAll(/^\||\|$/g, '')
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim());

/** A table without the columns that a reader does not need; a default stands behind the description. */
function simplerTable(table) {
  const [head, , ...rows] = table.trim().split('\n').map(cellsOf);
  const at = (name) => head.indexOf(name);
  const [defaults, about] = [at('Default value'), at('Description')];
  const kept = head.flatMap((name, i) =>
    leftOut.includes(name) || i === defaults || i === about ? [] : [i],
  );
  const abouts = rows.map((row) => {
    const text = nothing.has(row[about] ?? '') ? '' : row[about];
    const value = row[defaults] ?? '';
    return nothing.has(value) ? text : `${text === '' ? '' : `${text} `}(default: ${value})`;
  });
  const described = abouts.some((text) => text !== '');
  const line = (cells, last) => `| ${[...cells, ...(described ? [last] : [])].join(' | ')} |`;
  const plain = (cell) => (cell === '-' ? '' : cell);
  return [
    line(
      kept.map((i) => head[i]),
      'Description',
    ),
    line(
      kept.map(() => '---'),
      '---',
    ),
    ...rows.map((row, r) =>
      line(
        kept.map((i) => plain(row[i])),
        abouts[r],
      ),
    ),
  ].join('\n');
}

/** Prose with powers and indices set as such; pieces of code stay as they are. */
const formulas = (prose) =>
  prose
    .split(/(`[^`]*`|\]\([^)]*\)|<[^>]*>)/)
    .map((piece, i) =>
      i % 2 === 1
        ? piece
        : piece
            .replaceAll(
              /(?<=[\w)])\^(?:\(([^)]*)\)|([−-]?\w+(?:\[\w+\])?))/g,
              (_, inner, word) => `<sup>${inner ?? word}</sup>`,
            )
            .replaceAll(/(?<![\p{L}\d_])(\p{L})\\?_([A-Za-z])(?![\p{L}\d_])/gu, '$1<sub>$2</sub>')
            .replaceAll(/(?<= )\\?<=(?= )/g, '≤')
            .replaceAll(/(?<= )\\?>=(?= )/g, '≥'),
    )
    .join('');

/** The text of an API page, from TypeDoc's. */
export function apiText(text) {
  let code = false;
  return text
    .replaceAll(/(?:^\|.*\|$\n?)+/gm, (table) => `${simplerTable(table)}\n`)
    .split('\n')
    .map((line) => {
      if (line.startsWith('```')) code = !code;
      return code || /^(?:```|> |#)/.test(line) ? line : formulas(line);
    })
    .join('\n');
}
