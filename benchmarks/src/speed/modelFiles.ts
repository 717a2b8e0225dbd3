/**
 * Model files: how large, how fast written and read, and in how much memory, for AlexNet-BN at the paper's size with
 * 62 million random weights of 1.4 bits (first and last layer 8 bits).
 *
 *     pnpm bench:files [--json] [--save] [--rounds 5] [--loading [--networks mobilenet,…]]
 *
 * Each reading happens in a new process, as a user's does: `read` streams the file, decodes and checks it, `load` packs
 * the model for the WASM engine, `run` computes one image. Peak memory is what the process has at most, less what it has before the reading.
 * Rows have medians; CPU seconds beside seconds, because other work on the machine touches them less.
 *
 * `--loading` measures instead how long new processes take to load AlexNet, MobileNet and VGG-8 from the bytes of their
 * files and to run them first, in turns with LiteRT.js, where it is there (see `bench:kernels`). Rows have the shortest
 * times, and `--save` keeps them in a file of their own.
 */
import { execFileSync } from 'node:child_process';
import { createReadStream, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { positiveNumber } from '@hbnn/cli/numbers';
import { scriptOptions } from '@hbnn/cli/scriptOptions';
import { chosenName, HbnnError } from '@hbnn/core';
import { encodeModel, encodeWithSize, readModel, weightCount } from '@hbnn/model';
import { type LoadedModel, loadModel } from '@hbnn/wasm';
import { bundleSources } from '../../../scripts/bundleSources.ts';
import { alexNetModel, mobileNetModel, vgg8Model } from '../networks/fullModels.ts';
import { saveSpeed } from '../results/storedRows.ts';
import { type LoadingRow, loadHbnn, loadingRows, loadLitert } from './engines/loading.ts';

interface Row {
  readonly step: 'write' | 'read' | 'load' | 'run';
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakMiB: number;
  /** What a process keeps that has loaded the model and let go of all else: beyond what it had before. */
  readonly keptMiB?: number;
  /** The engine's own account of it: weights and maps, and feature maps with scratch space. */
  readonly constantMiB?: number;
  readonly arenaMiB?: number;
}

const mebi = 2 ** 20;
const peak = (): number => 1024 * process.resourceUsage().maxRSS;

async function timed<T>(step: Row['step'], work: () => T | Promise<T>): Promise<[Row, T]> {
  const before = process.memoryUsage().rss;
  const cpu = process.cpuUsage();
  const start = performance.now();
  const result = await work();
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const peakMiB = Math.round((peak() - before) / mebi);
  return [{ step, seconds, cpuSeconds: (user + system) / 1e6, peakMiB }, result];
}

/** What a process of its own does with the file. */
async function readOnce(file: string): Promise<Row[]> {
  await collect();
  const before = process.memoryUsage().rss;
  const { rows, loaded } = await readAndLoad(file);
  const [run] = await timed('run', () => loaded.run(new Uint8Array(imageSize)));
  await collect();
  const keptMiB = Math.round((process.memoryUsage().rss - before) / mebi);
  const { constantBytes, arenaBytes } = loaded.plan;
  const own = { constantMiB: constantBytes / mebi, arenaMiB: arenaBytes / mebi };
  return [...rows, { ...run, keptMiB, ...own }];
}

/** Collect garbage, and give what is freed in the background its time. */
async function collect(): Promise<void> {
  for (let i = 0; i < 4; i++) {
    (globalThis as { gc?: () => void }).gc?.();
    await new Promise((done) => setTimeout(done, 100));
  }
}

const imageSize = 224 * 224 * 3;

/** One function, so that nothing holds on to the model. */
async function readAndLoad(file: string): Promise<{ rows: Row[]; loaded: LoadedModel }> {
  const stream = createReadStream(file, { highWaterMark: mebi });
  const [read, model] = await timed('read', () => readModel(stream, file, statSync(file).size));
  const [load, loaded] = await timed('load', () => loadModel(model));
  return { rows: [read, load], loaded };
}

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
};

function medians(rows: readonly Row[]): Row {
  const fields = Object.keys(rows[0]).filter((field) => field !== 'step') as (keyof Omit<
    Row,
    'step'
  >)[];
  const middle = fields.map((field) => [
    field,
    Number(median(rows.map((row) => row[field] ?? Number.NaN)).toFixed(3)),
  ]);
  return { ...rows[0], ...Object.fromEntries(middle) };
}

async function bench(rounds: number): Promise<{ rows: Row[]; size: object }> {
  const folder = mkdtempSync(join(tmpdir(), 'hbnn-files-'));
  try {
    const file = join(folder, 'alexnet.hbnn');
    const model = alexNetModel(1);
    const [write, { bytes, size }] = await timed('write', () => encodeWithSize(model));
    writeFileSync(file, bytes);
    const self = [
      '--expose-gc',
      ...process.execArgv,
      fileURLToPath(import.meta.url),
      '--read',
      file,
    ];
    const read = Array.from({ length: rounds }, () => {
      const out = execFileSync(process.execPath, self, { encoding: 'utf8' });
      return JSON.parse(out) as Row[];
    });
    const rows = [write, ...[0, 1, 2].map((step) => medians(read.map((row) => row[step])))];
    return { rows, size: { weights: weightCount(model), ...size } };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const fullModels = { alexnet: alexNetModel, mobilenet: mobileNetModel, vgg8: vgg8Model } as const;
type Network = keyof typeof fullModels;

const networkNames = Object.keys(fullModels) as Network[];

const networksFrom = (text: string): Network[] =>
  text.split(',').map((name) => chosenName(name, networkNames, '--networks'));

/** Load networks in processes of their own, beside LiteRT.js. */
async function benchLoading(networks: readonly Network[], rounds: number): Promise<LoadingRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'hbnn-loading-'));
  try {
    // As published: a loader of TypeScript would add to the time of code that runs once.
    await bundleSources([fileURLToPath(import.meta.url)], folder);
    const command = [join(folder, 'modelFiles.mjs'), '--load'];
    return networks.flatMap((network) => {
      const file = join(folder, `${network}.hbnn`);
      writeFileSync(file, encodeModel(fullModels[network](1)));
      return loadingRows({ network, file }, command, rounds);
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function printLoading(row: LoadingRow): void {
  const ratio =
    row.ratio === undefined || row.cpuRatio === undefined
      ? ''
      : `  ${row.ratio.toFixed(2)}x of LiteRT.js, ${row.cpuRatio.toFixed(2)}x of its CPU time`;
  console.log(
    `${row.network.padEnd(9)} ${row.engine.padEnd(12)} start ${row.startMs.toFixed(0)} ms, load ${row.loadMs.toFixed(0)} ms (${row.loadCpuMs.toFixed(0)} CPU-ms), first run ${row.firstRunMs.toFixed(1)} ms, later ${row.runMs.toFixed(1)} ms${ratio}`,
  );
}

const { values, positionals } = scriptOptions(import.meta.url, {
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    read: { type: 'string' },
    load: { type: 'boolean', default: false },
    loading: { type: 'boolean', default: false },
    networks: { type: 'string' },
  },
});
const rounds = positiveNumber(values.rounds, '--rounds');
const networks = values.networks === undefined ? networkNames : networksFrom(values.networks);
if (values.networks !== undefined && !values.loading)
  throw new HbnnError('--networks: has no effect without --loading; give --loading too');
if (positionals.length > 0 && !values.load)
  throw new HbnnError(`expected options alone, got '${positionals[0]}'; leave it out`);
if (values.read !== undefined) console.log(JSON.stringify(await readOnce(values.read)));
else if (values.load) {
  const [engine, network, file] = positionals;
  const [own] = networksFrom(network);
  const loading = engine === 'hbnn' ? await loadHbnn(file) : await loadLitert(own, file);
  console.log(JSON.stringify(loading));
} else if (values.loading) {
  const rows = await benchLoading(networks, rounds);
  if (values.json) console.log(JSON.stringify({ rows }));
  else rows.forEach(printLoading);
  if (values.save) saveSpeed('files', 'wasm', rows, { file: 'loading' });
} else {
  const { rows, size } = await bench(rounds);
  if (values.json) console.log(JSON.stringify({ size, rows }));
  else {
    console.log(JSON.stringify(size));
    for (const { step, seconds, cpuSeconds, peakMiB, keptMiB, constantMiB, arenaMiB } of rows) {
      const kept =
        keptMiB === undefined
          ? ''
          : `, kept +${keptMiB} MiB (weights and maps ${constantMiB?.toFixed(1)}, feature maps ${arenaMiB?.toFixed(1)})`;
      console.log(
        `${step.padEnd(6)} ${seconds.toFixed(2)} s  ${cpuSeconds.toFixed(2)} CPU-s  peak +${peakMiB} MiB${kept}`,
      );
    }
  }
  if (values.save) saveSpeed('files', 'wasm', [{ size }, ...rows]);
}
