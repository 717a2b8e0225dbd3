/**
 * Training speed: steps of registry networks (forward, backward, update) on each backend of this machine.
 *
 *   pnpm bench:training [--backends wasm,tensorflow] [--networks vgg8,…] [--ops] [--json] [--save]
 *
 * Weights and inputs have 1.4 bits, middle-out, maps chosen anew at every step: the costliest ordinary setting.
 * Backends take turns, round after round, so that they meet the same load of the machine; a row has the medians.
 * Images per CPU-second (process.cpuUsage, all threads) beside images per second, because other work on the
 * machine touches them less; for a GPU only the latter says anything.
 * `--ops` adds a breakdown by kernel: time without the kernels called from it, and for products the speed beside
 * that of the backend's own matrix product of the same sizes.
 */
import { positiveDecimal, positiveNumber } from '@hbnn/cli/numbers';
import { scriptOptions } from '@hbnn/cli/scriptOptions';
import { chosenName, HbnnError } from '@hbnn/core';
import { type BackendName, type NetworkName, networkNames, useBackend } from '@hbnn/train';
import { backendNames } from '@hbnn/train/backends';
import { saveSpeed } from '../results/storedRows.ts';
import { profileSteps, type StepProfile } from './kernelTimes.ts';
import { type Trainer, trainer } from './trainer.ts';

/** Small ones, in which what is not a product weighs most, and one wide enough for products to rule. */
const usual: readonly NetworkName[] = ['alexnet-bn', 'mobilenet', 'vgg8', 'vgg8-full'];
const bits = 1.4;
const rounds = 5;

interface Row {
  readonly network: NetworkName;
  readonly backend: BackendName;
  readonly bits: number;
  readonly batch: number;
  readonly stepMs: number;
  readonly imagesPerSecond: number;
  readonly imagesPerCpuSecond: number;
  /** The share that products alone take of the whole step. */
  readonly gigaflops: number;
  readonly profile?: StepProfile;
}

interface Turn {
  readonly stepMs: number;
  readonly stepCpuMs: number;
}

interface Runner {
  readonly backend: BackendName;
  readonly trainer: Trainer;
  readonly steps: number;
  readonly turns: Turn[];
}

async function takeTurn({ backend, trainer }: Runner, steps: number): Promise<Turn> {
  await useBackend({ prefer: backend });
  const cpu = process.cpuUsage();
  const start = performance.now();
  await trainer.steps(steps);
  const stepMs = (performance.now() - start) / steps;
  const { user, system } = process.cpuUsage(cpu);
  return { stepMs, stepCpuMs: (user + system) / 1000 / steps };
}

/** Make a network on a backend and warm it up; as many steps to a turn as fit its time. */
async function prepare(
  network: NetworkName,
  backend: BackendName,
  batch: number,
  seconds: number,
): Promise<Runner> {
  await useBackend({ prefer: backend });
  const own = trainer({ network, batch, weights: bits, inputs: bits });
  const runner = { backend, trainer: own, steps: 0, turns: [] };
  const { stepMs: first } = await takeTurn(runner, 1);
  const { stepMs } = first > 2000 ? { stepMs: first } : await takeTurn(runner, 4);
  const steps = Math.max(1, Math.round((seconds * 1000) / rounds / stepMs));
  return { ...runner, steps };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

async function measure(
  network: NetworkName,
  backends: readonly BackendName[],
  o: { batch: number; seconds: number; ops: boolean },
): Promise<Row[]> {
  const runners: Runner[] = [];
  for (const backend of backends) runners.push(await prepare(network, backend, o.batch, o.seconds));
  for (let round = 0; round < rounds; round++)
    for (const runner of runners) runner.turns.push(await takeTurn(runner, runner.steps));
  const rows: Row[] = [];
  for (const { backend, trainer, steps, turns } of runners) {
    await useBackend({ prefer: backend });
    const profile = o.ops
      ? await profileSteps(trainer, backend, Math.max(5, Math.min(steps, 20)))
      : undefined;
    trainer.dispose();
    const stepMs = median(turns.map((turn) => turn.stepMs));
    const stepCpuMs = median(turns.map((turn) => turn.stepCpuMs));
    rows.push({
      network,
      backend,
      bits,
      batch: o.batch,
      stepMs,
      imagesPerSecond: (1000 * o.batch) / stepMs,
      imagesPerCpuSecond: (1000 * o.batch) / stepCpuMs,
      gigaflops: (2 * trainer.products) / stepMs / 1e6,
      ...(profile && { profile }),
    });
  }
  return rows;
}

/** The backends to measure: those asked for, or all that start but the cpu backend, which takes minutes. */
async function backendsFrom(text: string | undefined): Promise<BackendName[]> {
  if (text !== undefined)
    return text.split(',').map((name) => chosenName(name, backendNames, '--backends'));
  const found: BackendName[] = [];
  for (const name of backendNames.filter((each) => each !== 'cpu')) {
    try {
      console.error((await useBackend({ prefer: name })).why);
      found.push(name);
    } catch (error) {
      if (!(error instanceof HbnnError)) throw error;
      console.error(error.message);
    }
  }
  return found;
}

const column = (value: number, width: number, digits = 1): string =>
  value.toFixed(digits).padStart(width);

function print(row: Row): void {
  console.log(
    `${row.network.padEnd(16)} ${row.backend.padEnd(10)} ${column(row.imagesPerSecond, 8)} img/s ${column(row.imagesPerCpuSecond, 8)} img/cpu-s ${column(row.stepMs, 9)} ms/step ${column(row.gigaflops, 6)} GFLOP/s`,
  );
  if (row.profile) printProfile(row.profile);
}

function printProfile({ stepMs, kernels, binarizationShare }: StepProfile): void {
  console.log('        ms  share calls  kernel');
  for (const { kernel, ms, calls, gigaflops, matMulGigaflops } of kernels) {
    if (ms < stepMs / 100) continue;
    const speed =
      gigaflops && matMulGigaflops
        ? `${gigaflops.toFixed(1)} GFLOP/s, matrix product ${matMulGigaflops.toFixed(1)}: ${(matMulGigaflops / gigaflops).toFixed(2)}x`
        : '';
    console.log(
      `  ${column(ms, 8, 2)} ${column((100 * ms) / stepMs, 5)}% ${column(calls, 5, 0)}  ${kernel.padEnd(40)} ${speed}`,
    );
  }
  console.log(`  binarization of weights and inputs: ${(100 * binarizationShare).toFixed(1)}%`);
}

async function main(): Promise<void> {
  const { values } = scriptOptions(import.meta.url, {
    options: {
      backends: { type: 'string' },
      networks: { type: 'string' },
      batch: { type: 'string', default: '64' },
      seconds: { type: 'string', default: '5' },
      ops: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
    },
  });
  const chosen = values.networks
    ?.split(',')
    .map((name) => chosenName(name, networkNames, '--networks'));
  const o = {
    batch: positiveNumber(values.batch, '--batch'),
    seconds: positiveDecimal(values.seconds, '--seconds', 'of seconds, such as 5'),
    ops: values.ops,
  };
  const backends = await backendsFrom(values.backends);
  const rows: Row[] = [];
  for (const network of chosen ?? usual) {
    const found = await measure(network, backends, o);
    rows.push(...found);
    if (!values.json) found.forEach(print);
  }
  if (values.json) console.log(JSON.stringify(rows, null, 2));
  if (values.save) saveSpeed('training', backends.join(', '), rows);
}

await main();
