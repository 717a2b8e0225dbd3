/**
 * How time and memory grow: with weights, images, layers and the size of a circuit, and how far 8 GiB reach.
 *
 *     pnpm bench:scale [--only WORK,…] [--seconds 120] [--rounds 3] [--largest] [--json] [--save]
 *
 * Each measurement is a process of its own. Time is the processor's (all threads), so that other work on the machine
 * hardly touches it; a row has the median of the rounds, fewer where one takes long. Memory is the most that the
 * process held while it worked, all its code and inputs with it. Exponents are fitted in logarithms (`growth.ts`).
 * --largest goes on with doubled sizes until a process takes more than 8 GiB or --seconds, or fails, and says which.
 * Works over images have no such end: they go batch by batch in the same memory.
 * --save keeps the rows in benchmarks/results/speed/scale.json, and draws them beside it. With --only, the rows of other
 * works stay there as they are, with the commit at which they were measured.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { drawSvg } from '@hbnn/cli/drawing';
import { positiveNumber } from '@hbnn/cli/numbers';
import { scriptOptions } from '@hbnn/cli/scriptOptions';
import { chosenName } from '@hbnn/core';
import { writeWhole } from '@hbnn/train/files';
import { saveSpeed } from '../../results/storedRows.ts';
import { type Growth, memoryGrowth, type Point, timeGrowth } from './growth.ts';
import { scaleChart } from './scaleChart.ts';
import { type Axis, type AxisName, axes, works } from './works.ts';

/** The end of what fits. */
interface Largest {
  /** The largest size that was done. */
  readonly size: number;
  /** The next one, and why it was not. */
  readonly next: number;
  readonly stoppedBy: string;
}

interface Row {
  /** The commit at which it was measured, where that is not the file's. */
  readonly commit?: string;
  readonly work: string;
  readonly axis: AxisName;
  readonly unit: string;
  readonly points: readonly Point[];
  /** The first of the sizes that was not done, and why. */
  readonly stopped?: { readonly size: number; readonly by: string };
  readonly time?: Growth;
  readonly memory?: Growth;
  readonly largest?: Largest;
}

const { values } = scriptOptions(import.meta.url, {
  options: {
    only: { type: 'string' },
    seconds: { type: 'string', default: '120' },
    rounds: { type: 'string', default: '3' },
    largest: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
  },
});
const maxSeconds = positiveNumber(values.seconds, '--seconds');
const rounds = positiveNumber(values.rounds, '--rounds');
const names = values.only?.split(',') ?? Object.keys(works);
for (const name of names) chosenName(name, Object.keys(works), '--only');

const maxBytes = 8 * 2 ** 30;
const program = fileURLToPath(new URL('./measure.ts', import.meta.url));

/** What a process holds now, and how long it has computed; undefined when it has ended. */
function usageOf(pid: number): { bytes: number; seconds: number } | undefined {
  try {
    const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    // Ticks are hundredths of a second on every Linux that Node runs on.
    return { bytes: 4096 * pages, seconds: (Number(fields[11]) + Number(fields[12])) / 100 };
  } catch {
    return undefined;
  }
}

/** Measure once; a text says why that was not possible. */
async function measure(work: string, size: number): Promise<Point | string> {
  // The heap may be as large as the limit, so that it is the limit that stops.
  const flags = ['--expose-gc', '--max-old-space-size=8192', ...process.execArgv];
  const child = spawn(process.execPath, [...flags, program, work, `${size}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, error, stoppedBy] = ['', '', ''];
  child.stdout.on('data', (chunk) => (out += chunk));
  child.stderr.on('data', (chunk) => (error += chunk));
  const watch = setInterval(() => {
    const usage = child.pid === undefined ? undefined : usageOf(child.pid);
    if (usage === undefined) return;
    if (usage.bytes > maxBytes) stoppedBy = 'more than 8 GiB of memory';
    else if (usage.seconds > maxSeconds) stoppedBy = `more than ${maxSeconds} s of the processor`;
    if (stoppedBy !== '') child.kill('SIGKILL');
  }, 50);
  const code = await new Promise((done) => child.on('close', done));
  clearInterval(watch);
  if (stoppedBy !== '') return stoppedBy;
  return code === 0 ? (JSON.parse(out) as Point) : reasonIn(error);
}

/** The error that ended a process, from what it printed. */
const reasonIn = (error: string): string =>
  /^(?:.*Error(?: \[.*?\])?: |FATAL ERROR: )(.*)$/m.exec(error)?.[1] ?? error.trim().slice(-200);

async function medianOf(work: string, size: number): Promise<Point | string> {
  const points: Point[] = [];
  for (let round = 0; round < rounds; round++) {
    const point = await measure(work, size);
    if (typeof point === 'string') return point;
    points.push(point);
    if (point.cpuSeconds > 10) break;
  }
  const middle = (field: 'cpuSeconds' | 'peakMiB'): number =>
    points.map((point) => point[field]).sort((a, b) => a - b)[points.length >> 1];
  return { size, cpuSeconds: middle('cpuSeconds'), peakMiB: middle('peakMiB') };
}

async function largestOf(work: string, from: number): Promise<Largest> {
  for (let size = from; ; size *= 2) {
    const point = await measure(work, 2 * size);
    if (typeof point === 'string') return { size, next: 2 * size, stoppedBy: point };
    console.error(`${work}: ${2 * size} in ${point.cpuSeconds} s, ${point.peakMiB} MiB`);
  }
}

async function rowOf(work: string): Promise<Row> {
  const { axis, maxSize = Number.POSITIVE_INFINITY } = works[work];
  const { unit, sizes, unlimited = false }: Axis = axes[axis];
  const points: Point[] = [];
  let stopped: Row['stopped'];
  for (const size of sizes.filter((each) => each <= maxSize)) {
    const point = await medianOf(work, size);
    if (typeof point === 'string') {
      stopped = { size, by: point };
      console.error(`${work}: ${size} ${unit}: ${point}`);
      break;
    }
    points.push(point);
    console.error(`${work}: ${size} ${unit} in ${point.cpuSeconds} s, ${point.peakMiB} MiB`);
  }
  const last = points.at(-1);
  const [time, memory] = [timeGrowth(points), memoryGrowth(points)];
  return {
    work,
    axis,
    unit,
    points,
    ...(stopped !== undefined && { stopped }),
    ...(time !== undefined && { time }),
    ...(memory !== undefined && { memory }),
    ...(values.largest &&
      !unlimited &&
      last !== undefined && { largest: await largestOf(work, last.size) }),
  };
}

function print({ work, unit, points, stopped, time, memory, largest }: Row): void {
  const growth = (found: Growth | undefined): string =>
    found === undefined ? 'too small to say' : `size^${found.exponent} from ${found.from} on`;
  console.log(`${work}: time ${growth(time)}, memory ${growth(memory)}`);
  for (const { size, cpuSeconds, peakMiB } of points)
    console.log(`  ${`${size} ${unit}`.padEnd(18)} ${cpuSeconds} s  ${peakMiB} MiB`);
  if (stopped !== undefined) console.log(`  ${stopped.size} ${unit}: stopped by ${stopped.by}`);
  if (largest !== undefined)
    console.log(`  largest ${largest.size}; ${largest.next} is stopped by ${largest.stoppedBy}`);
}

/** The rows together with those of other works that are stored. */
function withStored(measured: readonly Row[]): Row[] {
  const file = new URL('../../../results/speed/scale.json', import.meta.url);
  const stored = JSON.parse(readFileSync(file, 'utf8')) as {
    readonly provenance: { readonly commit: string };
    readonly rows: readonly Row[];
  };
  const { commit } = stored.provenance;
  const kept = stored.rows.map((row) => ({ commit, ...row }));
  return Object.keys(works).flatMap(
    (name) =>
      measured.find(({ work }) => work === name) ?? kept.find(({ work }) => work === name) ?? [],
  );
}

const rows: Row[] = [];
for (const name of names) {
  const row = await rowOf(name);
  rows.push(row);
  if (!values.json) print(row);
}
if (values.json) console.log(JSON.stringify(rows));
if (values.save) {
  const all = values.only === undefined ? rows : withStored(rows);
  const file = saveSpeed('scale', 'wasm', all);
  writeWhole(file.replace(/json$/, 'svg'), await drawSvg(scaleChart(all)));
  writeWhole(file.replace(/\.json$/, '-narrow.svg'), await drawSvg(scaleChart(all, true)));
  console.error(file);
}
