import type { ResultRow } from '../stage.ts';
import { listText, rowsText } from './listText.ts';
import type { StageReport } from './stageReport.ts';

/** What stands where there is no number. */
const missing = '–';

const minus = (text: string): string => text.replace(/^-/, '−');

/** Our number with its spread, as it stands in tables. */
function ownText(row: ResultRow): string {
  if (row.ours === undefined) return missing;
  const digits = row.unit.startsWith('%') && row.kind === 'measured' ? 2 : 4;
  const rounded =
    row.kind === 'estimated' ||
    (row.kind === 'measured' && row.seeds === undefined) ||
    (row.kind === 'computed' && !row.unit.startsWith('‖'));
  const value = rounded ? `${row.ours}` : row.ours.toFixed(digits);
  return minus(row.spread === undefined ? value : `${value} ± ${row.spread.toFixed(digits)}`);
}

/** The paper's numbers with equally many digits behind the point, where they are percentages. */
function paperTexts(rows: readonly ResultRow[]): (row: ResultRow) => string {
  const digits = rows.reduce((most, { paper = 0 }) => Math.max(most, decimals(paper)), 0);
  return ({ paper, unit }) => {
    if (paper === undefined) return missing;
    return unit.startsWith('%') ? paper.toFixed(digits) : `${paper}`;
  };
}

const decimals = (n: number): number => `${n}`.split('.')[1]?.length ?? 0;

/** What a number rests on: seeds, nothing but arithmetic, or a model with its error. */
function certainty({ kind, seeds, error = 0 }: ResultRow): string {
  switch (kind) {
    case 'measured':
      return `${seeds?.length ?? missing}`;
    case 'computed':
      return 'exact';
    case 'estimated':
      return `estimate ± ${Math.round(100 * error)} %`;
    case 'quoted':
      return '';
    default:
      return kind satisfies never;
  }
}

/** A name that does not break at its hyphens. */
const unbroken = (name: string): string => name.replaceAll('-', '\u2011');

/** A unit that stays on one line, such as "% top-1". */
const whole = (unit: string): string => unbroken(unit).replaceAll(' ', '\u00a0');

/** A stage's table; columns of numbers are aligned at their right. */
export interface ReportTable {
  readonly head: readonly string[];
  readonly body: readonly (readonly string[])[];
  readonly isNumeric: readonly boolean[];
}

/** Names of columns, in the order in which the rows have them. */
const namesIn = (columns: readonly (ResultRow['columns'] | undefined)[]): string[] =>
  Object.keys(Object.assign({}, ...columns));

/** The table of a stage: a unit that all rows have stands in its head, and a column without any value is left out. */
export function table({ rows }: StageReport): ReportTable {
  const own = namesIn(rows.map(({ columns }) => columns));
  const more = namesIn(rows.map(({ moreColumns }) => moreColumns));
  const units = new Set(rows.map(({ unit }) => unit));
  const [unit] = units.size === 1 ? units : [];
  // Rows of a table of the paper are named by their number and the other columns.
  const isLabelled =
    own.length === 0 || (!own.includes('row') && rows.every(({ kind }) => kind === 'measured'));
  const columns: [name: string, cell: (row: ResultRow) => string][] = [
    ...(isLabelled ? [column('setting', ({ label }) => label)] : []),
    ...own.map((name) => column(name, (row) => `${row.columns?.[name] ?? ''}`)),
    column(unit === undefined ? 'ours' : `ours, ${whole(unit)}`, (row) =>
      row.kind === 'quoted' ? 'quoted only' : ownText(row),
    ),
    column('paper', paperTexts(rows)),
    ...(unit === undefined ? [column('unit', (row) => whole(row.unit))] : []),
    ...more.map((name) => column(unbroken(name), (row) => `${row.moreColumns?.[name] ?? missing}`)),
    column('seeds', certainty),
  ];
  const shown = columns.filter(([, cell]) =>
    rows.some((row) => !['', missing].includes(cell(row))),
  );
  const body = rows.map((row) => shown.map(([, cell]) => cell(row)));
  return {
    head: shown.map(([name]) => name),
    body,
    isNumeric: shown.map((_, i) => hasNumbers(body.map((cells) => cells[i]))),
  };
}

/** A table of more rows is folded. */
const maxOpenRows = 6;

/** What stands on the part that opens to show a stage's table; undefined for a small table, which stands open. */
export function foldedTitle(
  { title }: StageReport,
  { head, body }: ReportTable,
): string | undefined {
  if (body.length <= maxOpenRows) return undefined;
  const columns = head.map((name) => name.split(',')[0]);
  return `The numbers of “${title.split(':')[0]}” (${rowsText(body.length)}): ${listText(columns)}`;
}

const column = (
  name: string,
  cell: (row: ResultRow) => string,
): [name: string, cell: (row: ResultRow) => string] => [name, cell];

/** Whether most values of a column are numbers. */
function hasNumbers(cells: readonly string[]): boolean {
  const values = cells.filter((cell) => !['', missing].includes(cell));
  const numbers = values.filter((cell) => /^−?[\d.]+( ± [\d.]+)?$/.test(cell));
  return 2 * numbers.length > values.length;
}
