import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { HbnnError } from '@hbnn/core';
import { decodeModel, featureCount } from '@hbnn/model';
import { loadModel } from '@hbnn/wasm';
import type { BenchLayer } from './layers.ts';
import {
  litertFolder,
  litertModelFile,
  litertName,
  litertWayOut,
  startLitert,
} from './litertNetwork.ts';

type Network = BenchLayer['network'];

/** What a new process takes to load a network from the bytes of its file, and to run it. */
export interface Loading {
  /** Starting the engine itself; ours starts while it loads a model. */
  readonly startMs: number;
  readonly loadMs: number;
  /** Processor time of all threads, which other work on the machine touches less. */
  readonly loadCpuMs: number;
  readonly firstRunMs: number;
  /** The shortest of later runs. */
  readonly runMs: number;
}

/** The shortest times of an engine's processes. */
export interface LoadingRow extends Loading {
  readonly step: 'loading';
  readonly network: Network;
  readonly engine: string;
  /** Our time over that of LiteRT.js in this run. */
  readonly ratio?: number;
  readonly cpuRatio?: number;
}

const laterRuns = 10;

async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; cpuMs: number; result: T }> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  const result = await work();
  const ms = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return { ms, cpuMs: (user + system) / 1000, result };
}

/** @param run computes once, and returns the milliseconds that it took */
async function runTimes(run: () => Promise<number>) {
  const firstRunMs = await run();
  let runMs = Number.POSITIVE_INFINITY;
  for (let i = 0; i < laterRuns; i++) runMs = Math.min(runMs, await run());
  return { firstRunMs, runMs };
}

/** Load a .hbnn file in this process. */
export async function loadHbnn(file: string): Promise<Loading> {
  const bytes = new Uint8Array(readFileSync(file));
  const { ms, cpuMs, result } = await timed(() => loadModel(bytes, { batch: 1 }));
  const pixels = new Uint8Array(featureCount(result.shape)).fill(100);
  const times = await runTimes(async () => (await timed(async () => result.run(pixels))).ms);
  return { startMs: 0, loadMs: ms, loadCpuMs: cpuMs, ...times };
}

/** Load a network of 8 bits in LiteRT.js in this process. @param file the same network as a .hbnn file */
export async function loadLitert(network: Network, file: string): Promise<Loading> {
  const { shape } = decodeModel(new Uint8Array(readFileSync(file))).input;
  const { ms: startMs, result: litert } = await timed(() => startLitert());
  if (litert === undefined) throw new HbnnError(litertWayOut(network, 1));
  const bytes = new Uint8Array(readFileSync(litertModelFile(network, 1)));
  const { ms, cpuMs, result } = await timed(() =>
    litert.loadAndCompile(bytes, { accelerator: 'wasm' }),
  );
  const pixels = new Float32Array(featureCount(shape)).fill(100);
  const run = async (): Promise<void> => {
    const input = new litert.Tensor(pixels, [1, ...shape]);
    const [scores] = await result.run(input);
    scores.toTypedArray();
    scores.delete();
    input.delete();
  };
  const times = await runTimes(async () => (await timed(run)).ms);
  return { startMs, loadMs: ms, loadCpuMs: cpuMs, ...times };
}

/** A network's file for each of its two engines. */
export interface LoadingFiles {
  readonly network: Network;
  readonly file: string;
}

/**
 * The shortest times to load a network in new processes, of our engine and, where it is there, of LiteRT.js. They take
 * turns, so that both meet the same load of the machine.
 *
 * @param command the arguments of Node.js that print one loading as JSON, before the engine, network and file
 */
export function loadingRows(
  { network, file }: LoadingFiles,
  command: readonly string[],
  rounds: number,
): LoadingRow[] {
  const hasLitert = litertFolder() !== undefined && existsSync(litertModelFile(network, 1));
  if (!hasLitert) console.error(litertWayOut(network, 1));
  const engines = hasLitert ? [litertName, 'hbnn'] : ['hbnn'];
  const all = engines.map((): Loading[] => []);
  for (let round = 0; round < rounds; round++)
    engines.forEach((engine, i) => {
      const out = execFileSync(process.execPath, [...command, engine, network, file], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      // LiteRT.js prints lines of its own.
      const line = out.split('\n').findLast((text) => text.startsWith('{"startMs"'));
      all[i].push(JSON.parse(line ?? '') as Loading);
    });
  const rows = engines.map((engine, i): LoadingRow => {
    return { step: 'loading', network, engine, ...shortest(all[i]) };
  });
  const litert = rows.find(({ engine }) => engine === litertName);
  return rows.map((row) =>
    litert === undefined
      ? row
      : {
          ...row,
          ratio: row.loadMs / litert.loadMs,
          cpuRatio: row.loadCpuMs / litert.loadCpuMs,
        },
  );
}

function shortest(loadings: readonly Loading[]): Loading {
  const least = (field: keyof Loading): number =>
    Math.min(...loadings.map((loading) => loading[field]));
  return {
    startMs: least('startMs'),
    loadMs: least('loadMs'),
    loadCpuMs: least('loadCpuMs'),
    firstRunMs: least('firstRunMs'),
    runMs: least('runMs'),
  };
}
