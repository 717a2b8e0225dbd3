type Row = Readonly<Record<string, unknown>>;

/** Print a result: as one line of JSON, or as lines of `name: value` with lists of objects as tables. */
export function printResult(result: Row, json?: boolean): void {
  if (json) {
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return;
  }
  const width = Math.max(...Object.keys(result).map((name) => name.length));
  for (const [name, value] of Object.entries(result)) {
    if (isTable(value)) process.stdout.write(`${name}\n${tableText(value)}`);
    else process.stdout.write(`${name.padEnd(width)}  ${cellText(value)}\n`);
  }
}

const isTable = (value: unknown): value is readonly Row[] =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.every((row) => typeof row === 'object' && row !== null && !Array.isArray(row));

function cellText(value: unknown): string {
  if (value === undefined) return '';
  if (typeof value === 'number' && !Number.isInteger(value))
    return String(Number(value.toPrecision(6)));
  if (Array.isArray(value) && value.every((item) => typeof item !== 'object'))
    return value.join(', ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** One line per row, columns as wide as their widest cell; what is an object in some row has no column. */
function tableText(rows: readonly Row[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))].filter((name) =>
    rows.every(({ [name]: value }) => typeof value !== 'object' || Array.isArray(value)),
  );
  const lines = [columns, ...rows.map((row) => columns.map((name) => cellText(row[name])))];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => line[i].length)));
  return lines
    .map((line) => `  ${line.map((cell, i) => cell.padEnd(widths[i])).join('  ')}`.trimEnd())
    .join('\n')
    .concat('\n');
}
