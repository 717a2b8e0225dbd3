import { dirname, isAbsolute, relative, sep } from 'node:path';

type Row = Readonly<Record<string, unknown>>;

/** Print a result: as one line of JSON, or as lines of `name  value` with lists of objects as tables. */
export function printResult(result: Row, json?: boolean): void {
  if (json) {
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return;
  }
  const width = Math.max(...Object.keys(result).map((name) => labelOf(name).length));
  for (const [name, value] of Object.entries(result)) {
    if (value === undefined) continue;
    if (isTable(value)) process.stdout.write(`${labelOf(name)}\n${tableText(value)}`);
    else process.stdout.write(`${labelOf(name).padEnd(width)}  ${cellText(value)}\n`);
  }
}

/** Units at the end of a field's name. */
const unitNames: Readonly<Record<string, string>> = {
  j: 'J',
  w: 'W',
  hz: 'Hz',
  um2: 'µm²',
  mib: 'MiB',
};

/** The words of a field's name and the unit at its end: `energyPerFrameJ` is energy per frame, in J. */
export function nameParts(name: string): { readonly words: string; readonly unit?: string } {
  if (!/^[a-z][a-z\d]*(?:[A-Z]\w*)$/.test(name) || name.includes('_')) return { words: name };
  const spaced = name.replace(/MiB$/, 'Mib').replace(/[A-Z]/g, (letter) => ` ${letter}`);
  const words = spaced.toLowerCase().split(' ');
  const unit = unitNames[words[words.length - 1]];
  return unit === undefined
    ? { words: words.join(' ') }
    : { words: words.slice(0, -1).join(' '), unit };
}

/** A field's name as people read it; the names of layers and files stay as they are. */
function labelOf(name: string): string {
  const { words, unit } = nameParts(name);
  return unit === undefined ? words : `${words} (${unit})`;
}

/** How a command prints. */
export interface OutputOptions {
  /** The result as one line of JSON. */
  readonly json?: boolean;
  /** Results and errors alone. */
  readonly quiet?: boolean;
}

/** The option that every command has beside --json. */
export const quietFlag = [
  '-q, --quiet',
  'print only results and errors: no progress, notes and next steps',
] as const;

/** Print the command lines that people commonly continue with; machines that read JSON need none. */
export function printNext(lines: readonly string[], { json, quiet }: OutputOptions): void {
  if (json || quiet || lines.length === 0) return;
  process.stdout.write(`\nNext:\n${lines.map((line) => `  ${line}\n`).join('')}`);
}

/**
 * How this command is called from the folder that the user is in: by its name, or as the script of that name in the
 * repository or a project, whose folder is named where the user is elsewhere.
 */
export function commandName(): string {
  const {
    npm_lifecycle_event: script,
    npm_package_json: manifest,
    INIT_CWD: typedIn,
  } = process.env;
  if (script !== 'hbnn') return 'hbnn';
  const project = manifest === undefined ? undefined : dirname(manifest);
  const isElsewhere =
    project !== undefined &&
    typedIn !== undefined &&
    (relative(project, typedIn).split(sep)[0] === '..' || isAbsolute(relative(project, typedIn)));
  if (process.env.npm_config_user_agent?.startsWith('npm/'))
    return isElsewhere ? `npm run -s --prefix ${shellWord(project)} hbnn --` : 'npm run -s hbnn --';
  return `${pnpmName()} -s ${isElsewhere ? `-C ${shellWord(project)} ` : ''}hbnn`;
}

/** How pnpm was called: by npx, with its version, where it is not on the machine. */
export function pnpmName(): string {
  const { npm_execpath: path = '', npm_config_user_agent: agent = '' } = process.env;
  const version = /^pnpm\/(\S+)/.exec(agent)?.[1];
  return version !== undefined && /[\\/]_npx[\\/]/.test(path) ? `npx -y pnpm@${version}` : 'pnpm';
}

/** A word of a command line as a shell takes it. */
export const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

/** The command line as it was typed. */
export const typedCommand = (): string =>
  [commandName(), ...process.argv.slice(2).map(shellWord)].join(' ');

/** A share of 1 as a percentage: 0.34375 is 34.4 %. */
export const percentText = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** A number as people read it: whole ones with thousands apart, others with four digits. */
export function numberText(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value)) return value.toLocaleString('en');
  const rounded = Number(value.toPrecision(4));
  const size = Math.abs(rounded);
  if (size < 1e-3 || size >= 1e9) return String(rounded);
  return rounded.toLocaleString('en', { maximumSignificantDigits: 4 });
}

/** A text with its control characters, and bytes that are no text, written in letters: \x1b. */
export const printable = (text: string): string =>
  text.replaceAll(/(?!\n)[\p{Cc}\u202a-\u202e\u2066-\u2069\ufffd]/gu, (character) => {
    const code = character.charCodeAt(0).toString(16);
    return code.length > 2 ? `\\u${code.padStart(4, '0')}` : `\\x${code.padStart(2, '0')}`;
  });

const isTable = (value: unknown): value is readonly Row[] =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.every((row) => typeof row === 'object' && row !== null && !Array.isArray(row));

const maxListed = 12;

function cellText(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'number') return numberText(value);
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) {
    const shown = value.slice(0, maxListed).map(cellText).join(', ');
    return value.length > maxListed ? `${shown}, … (${numberText(value.length)} values)` : shown;
  }
  if (typeof value !== 'object') return printable(String(value));
  return Object.entries(value)
    .map(([name, field]) => `${labelOf(name)} ${cellText(field)}`)
    .join(', ');
}

/** One line per row, numbers to the right; what is an object in some row has no column. */
export function tableText(rows: readonly Row[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))].filter((name) =>
    rows.every(({ [name]: value }) => typeof value !== 'object' || Array.isArray(value)),
  );
  const lines = [
    columns.map(labelOf),
    ...rows.map((row) => columns.map((name) => cellText(row[name]))),
  ];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => line[i].length)));
  const numeric = columns.map((name) =>
    rows.every(({ [name]: value }) => value === undefined || typeof value === 'number'),
  );
  return lines
    .map((line) =>
      `  ${line
        .map((cell, i) => (numeric[i] ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
        .join('  ')}`.trimEnd(),
    )
    .join('\n')
    .concat('\n');
}
