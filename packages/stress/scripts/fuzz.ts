// `pnpm fuzz [READER …] [--inputs N] [--seconds S] [--seed K] [--log FILE]`: changed inputs for every reader of files,
// or for some, each in a process of its own. What is found is kept in packages/stress/.vitest/findings, and
// `pnpm fuzz READER --input FILE` reads one of them again.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { scriptOptions } from '@hbnn/cli/scriptOptions';
import { countedReader } from '../src/fuzz/coverage.ts';
import { type FuzzReport, fuzz } from '../src/fuzz/fuzz.ts';
import { fuzzedReaders } from '../src/fuzz/readerNames.ts';

const { values, positionals } = scriptOptions(import.meta.url, {
  allowPositionals: true,
  options: {
    inputs: { type: 'string' },
    seconds: { type: 'string' },
    seed: { type: 'string', default: '1' },
    log: { type: 'string' },
    'in-process': { type: 'string' },
    input: { type: 'string' },
  },
});

const findings = fileURLToPath(new URL('../.vitest/findings/', import.meta.url));

function wholeNumber(flag: 'inputs' | 'seconds' | 'seed'): number | undefined {
  const text = values[flag];
  if (text === undefined || /^\d+$/.test(text))
    return text === undefined ? undefined : Number(text);
  throw new Error(`--${flag}: expected a whole number, got '${text}'`);
}

const inputs = wholeNumber('inputs');
const seconds = wholeNumber('seconds') ?? (inputs === undefined ? 60 : undefined);
const seed = wholeNumber('seed') ?? 1;

/** Fuzz one reader here, and write its report to a file. */
async function inProcess(name: string, folder: string): Promise<void> {
  const { file, checksums } = fuzzedReaders[name];
  const counted = await countedReader(file, { checksums });
  const current = openSync(join(folder, 'input'), 'w');
  const onInput = (bytes: Uint8Array): void => {
    ftruncateSync(current, 0);
    writeSync(current, bytes, 0, bytes.length, 0);
  };
  const report = await fuzz(counted, { seed, inputs, seconds, onInput });
  closeSync(current);
  const found = report.findings.map(({ what, count, input }) => ({
    what,
    count,
    input: Buffer.from(input).toString('base64'),
  }));
  writeFileSync(join(folder, 'report.json'), JSON.stringify({ ...report, findings: found }));
}

interface Row extends Omit<FuzzReport, 'findings'> {
  readonly name: string;
  readonly seconds: number;
  readonly findings: readonly {
    readonly what: string;
    readonly count: number;
    readonly file: string;
  }[];
}

/** An input stands for so long before its process counts as one that hangs; a busy machine lets one wait. */
const hangSeconds = 120;

/** Keep an input that a reader failed at. */
function keep(name: string, input: Uint8Array): string {
  mkdirSync(findings, { recursive: true });
  const digest = createHash('sha256').update(input).digest('hex').slice(0, 12);
  const file = join(findings, `${name}-${digest}`);
  writeFileSync(file, input);
  return file;
}

/** A folder in memory, where the system has one: each input is a file. */
const memoryFolder = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** Fuzz one reader in a process of its own, which may crash or hang. */
async function apart(name: string): Promise<Row> {
  const folder = mkdtempSync(join(memoryFolder, 'hbnn-fuzz-run-'));
  const script = fileURLToPath(import.meta.url);
  const args = process.argv.slice(2).filter((arg) => fuzzedReaders[arg] === undefined);
  const start = performance.now();
  const env = { ...process.env, TMPDIR: folder };
  const child = spawn(
    process.execPath,
    [
      '--max-old-space-size=1024',
      ...process.execArgv,
      script,
      name,
      ...args,
      '--in-process',
      folder,
    ],
    { stdio: ['ignore', 'inherit', 'inherit'], env },
  );
  const current = join(folder, 'input');
  let hangs = false;
  const watch = setInterval(() => {
    const stat = statSync(current, { throwIfNoEntry: false });
    if (stat === undefined || Date.now() - stat.mtimeMs < 1000 * hangSeconds) return;
    hangs = true;
    child.kill('SIGKILL');
  }, 1000);
  const status = await new Promise<string>((resolve) => {
    child.on('exit', (code, signal) => resolve(signal ?? String(code)));
  });
  clearInterval(watch);
  const lasted = (performance.now() - start) / 1000;
  try {
    if (status === '0') {
      const report = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as FuzzReport;
      const kept = report.findings.map(({ what, count, input }) => ({
        what,
        count,
        file: keep(name, Buffer.from(String(input), 'base64')),
      }));
      return { ...report, name, seconds: lasted, findings: kept };
    }
    const what = hangs ? `hangs for ${hangSeconds} s` : `ends its process (${status})`;
    const stat = statSync(current, { throwIfNoEntry: false });
    const file = stat === undefined ? 'before the first input' : keep(name, readFileSync(current));
    return {
      name,
      seconds: lasted,
      inputs: 0,
      loaded: 0,
      refused: 0,
      corpus: 0,
      places: 0,
      slowestSeconds: 0,
      findings: [{ what, count: 1, file }],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const columns = [
  'reader',
  'inputs',
  'loaded',
  'refused',
  'places',
  'corpus',
  'slowest s',
  's',
  'findings',
];

const cells = (row: Row): string[] => [
  row.name,
  ...[row.inputs, row.loaded, row.refused, row.places, row.corpus].map(String),
  row.slowestSeconds.toFixed(2),
  row.seconds.toFixed(0),
  String(row.findings.length),
];

function logText(rows: readonly Row[]): string {
  const total = rows.reduce((sum, row) => sum + row.inputs, 0);
  const table = [columns, columns.map(() => '---'), ...rows.map(cells)].map(
    (row) => `| ${row.join(' | ')} |`,
  );
  const found = rows.flatMap((row) =>
    row.findings.map(
      ({ what, count, file }) => `- ${row.name}: ${what} (${count} inputs, ${file})`,
    ),
  );
  const limits = `${inputs === undefined ? '' : ` --inputs ${inputs}`}${seconds === undefined ? '' : ` --seconds ${seconds}`}`;
  return [
    `\`pnpm fuzz ${positionals.join(' ')}${limits} --seed ${seed}\`, Node ${process.version}, ${cpus()[0].model}:`,
    `${total} inputs, ${found.length} findings.`,
    '',
    ...table,
    ...(found.length > 0 ? ['', ...found] : []),
    '',
  ].join('\n');
}

/** Read one input that was kept, and say what becomes of it. */
async function replay(name: string, file: string): Promise<void> {
  const { file: source, checksums } = fuzzedReaders[name];
  const { reader } = await countedReader(source, { checksums });
  const bytes = readFileSync(file);
  await reader.check(await reader.read(bytes), bytes);
  console.log(`${file}: loaded`);
}

if (values.input !== undefined) {
  await replay(positionals[0], values.input);
  process.exit(0);
}
if (values['in-process'] !== undefined) {
  await inProcess(positionals[0], values['in-process']);
  // Backends and pools keep a process alive.
  process.exit(0);
}
const unknown = positionals.find((name) => fuzzedReaders[name] === undefined);
if (unknown !== undefined) {
  console.error(`fuzz: expected one of ${Object.keys(fuzzedReaders).join(', ')}, got '${unknown}'`);
  process.exit(2);
}
const rows: Row[] = [];
for (const name of positionals.length > 0 ? positionals : Object.keys(fuzzedReaders)) {
  const row = await apart(name);
  rows.push(row);
  console.log(
    cells(row)
      .map((text, i) => `${columns[i]} ${text}`)
      .join(', '),
  );
  for (const { what, count, file } of row.findings)
    console.log(`  ${what} (${count} inputs): ${file}`);
}
if (values.log !== undefined) writeFileSync(values.log, logText(rows));
process.exitCode = rows.every(({ findings: { length } }) => length === 0) ? 0 : 1;
