// `pnpm crashes [SCENARIO …] [--kills N] [--seed K] [--log FILE]`: kills what writes files at random times, looks at what
// is left, starts it again, and compares the end with that of one that was never killed.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { scriptOptions } from '@hbnn/cli/scriptOptions';
import { type Random, random } from '@hbnn/core';
import bundle, { bundled } from '../../cli/test/bundle.ts';
import { locksBelow, type Scenario, sha256 } from '../src/crashes/scenario.ts';
import { type Sources, scenarios, training } from '../src/crashes/scenarios.ts';
import { smallDisk, temporaryBelow } from '../src/crashes/smallDisk.ts';

const { values, positionals } = scriptOptions(import.meta.url, {
  allowPositionals: true,
  options: {
    kills: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    log: { type: 'string' },
  },
});

const root = mkdtempSync(join(tmpdir(), 'hbnn-crashes-'));
const rng = random(Number(values.seed), 'crashes');

interface Ended {
  readonly code: number | null;
  readonly killed: boolean;
  readonly out: string;
  readonly err: string;
  readonly seconds: number;
}

/** Run Node, and kill it after some milliseconds. */
function start(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  killMs?: number,
): Promise<Ended> {
  const begun = performance.now();
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  const timer = killMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killMs);
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({
        code,
        killed: signal === 'SIGKILL',
        out,
        err,
        seconds: (performance.now() - begun) / 1000,
      });
    });
  });
}

/** Serves a file by ranges, and breaks connections off at random places. */
async function unreliableServer(
  file: Uint8Array,
  chance: Random,
): Promise<{ url: string; close: () => void }> {
  const server = createServer((request, response) => {
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    if (from >= file.length) {
      response.writeHead(416).end();
      return;
    }
    const rest = file.subarray(from);
    response.writeHead(from > 0 ? 206 : 200, { 'content-length': rest.length });
    const end = chance.below(3) > 0 ? rest.length : chance.below(rest.length);
    let at = 0;
    const send = (): void => {
      if (at >= end) {
        if (end < rest.length) response.destroy();
        else response.end();
        return;
      }
      response.write(rest.subarray(at, Math.min(end, at + 65536)));
      at += 65536;
      setTimeout(send, 2);
    };
    send();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/file.bin`, close: () => server.closeAllConnections() };
}

async function hbnn(...args: readonly string[]): Promise<void> {
  const { code, err } = await start([bundled, ...args], {});
  if (code !== 0) throw new Error(`hbnn ${args.join(' ')}: ${err}`);
}

async function sourcesIn(folder: string): Promise<{ sources: Sources; close: () => void }> {
  await bundle();
  const at = (name: string): string => join(folder, name);
  await hbnn('train', ...training, '--out', at('run'));
  await hbnn('random', '--layer', 'conv:4x4x2,k2x2,o4', '--seed', '1', '--out', at('net.hbnn'));
  await hbnn('random', '--layer', 'dense:8x4', '--seed', '2', '--out', at('other.hbnn'));
  await hbnn('random', '--tensor', '64x32', '--out', at('w.npy'));
  await hbnn('verilog', '--model', at('net.hbnn'), '--out', at('rtl'));
  await hbnn('verilog', '--model', at('other.hbnn'), '--style', 'folded', '--out', at('other-rtl'));
  const fetched = Uint8Array.from({ length: 3_000_000 }, (_, i) => (i * 2654435761) >>> 24);
  const server = await unreliableServer(fetched, random(1, 'server'));
  const fetchScript = fileURLToPath(new URL('fetchFile.ts', import.meta.url));
  const fetch = [...process.execArgv, fetchScript, server.url, sha256(fetched)];
  const sources: Sources = {
    hbnn: [bundled],
    run: at('run'),
    model: at('net.hbnn'),
    otherRtl: at('other-rtl'),
    rtl: at('rtl'),
    tensor: at('w.npy'),
    fetch,
    fetched,
  };
  return { sources, close: server.close };
}

interface Row {
  readonly name: string;
  readonly kills: number;
  readonly seconds: number;
  readonly faults: readonly string[];
}

/** Kill a scenario until the wanted number of kills has hit, and compare how each run ends. */
async function crash(scenario: Scenario, kills: number): Promise<Row> {
  const env = (folder: string): Readonly<Record<string, string>> => scenario.env?.(folder) ?? {};
  const fresh = (name: string): string => {
    const folder = join(root, scenario.name.replaceAll(' ', '-'), name);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    scenario.prepare?.(folder);
    return folder;
  };
  const first = fresh('reference');
  const whole = await start(scenario.command(first, false), env(first));
  if (whole.code !== 0)
    return { name: scenario.name, kills: 0, seconds: whole.seconds, faults: [whole.err] };
  const reference = scenario.digest(first, whole.out);
  const faults: string[] = [];
  let done = 0;
  for (let i = 0; done < kills; i++) {
    const folder = fresh('killed');
    let again = false;
    let ended: Ended;
    do {
      // Every second run may end by itself, so that a slow start does not go on for ever.
      const killMs =
        again && rng.below(2) === 0 ? undefined : 1000 * whole.seconds * 1.05 * rng.uniform();
      ended = await start(scenario.command(folder, again), env(folder), killMs);
      if (ended.killed) done++;
      const fault = faultAfter(scenario, folder, reference, ended);
      if (fault !== undefined) faults.push(`start ${i}: ${fault}`);
      again = true;
    } while (ended.killed);
    if (ended.code === 0 && scenario.digest(folder, ended.out) !== reference)
      faults.push(`start ${i}: the end differs`);
    if (ended.code === 0)
      for (const lock of locksBelow(folder)) faults.push(`start ${i}: ${lock} stays`);
  }
  return { name: scenario.name, kills: done, seconds: whole.seconds, faults };
}

function faultAfter(
  scenario: Scenario,
  folder: string,
  reference: string,
  ended: Ended,
): string | undefined {
  if (!ended.killed && ended.code !== 0)
    return `ends with ${ended.code}: ${ended.err.trim().slice(-300)}`;
  try {
    return scenario.faultOf?.(folder, reference);
  } catch (error) {
    return (error as Error).message;
  }
}

/** Free bytes of the small disk, from nothing to nearly enough. */
const freeSizes = [0, 4096, 16_384, 65_536, 131_072];

/** Let a scenario run out of space, and on a disk that becomes read-only: it ends by itself, with an error of ours. */
async function shortOfSpace(scenario: Scenario): Promise<readonly string[] | undefined> {
  const faults: string[] = [];
  const first = join(root, `${scenario.name.replaceAll(' ', '-')}/space`);
  mkdirSync(first, { recursive: true });
  scenario.prepare?.(first);
  const whole = await start(scenario.command(first, false), scenario.env?.(first) ?? {});
  const reference = scenario.digest(first, whole.out);
  for (const free of [...freeSizes, undefined]) {
    const disk = smallDisk(join(root, 'disk'));
    if (disk === undefined) return undefined;
    scenario.prepare?.(disk.folder);
    const where = free === undefined ? 'read-only' : `${free} bytes free`;
    if (free === undefined)
      setTimeout(() => disk.makeReadOnly(), 700 * whole.seconds * rng.uniform());
    else disk.fill(free);
    const command = scenario.command(disk.folder, false);
    const { code, out, err } = await start(command, scenario.env?.(disk.folder) ?? {});
    if (code === 0 && scenario.digest(disk.folder, out) !== reference)
      faults.push(`${where}: the end differs`);
    if (code !== 0 && / at .*:\d+:\d+/.test(err))
      faults.push(`${where}: ${err.trim().slice(0, 300)}`);
    const half =
      code === 0
        ? undefined
        : faultAfter(scenario, disk.folder, reference, {
            code: 0,
            killed: true,
            out,
            err,
            seconds: 0,
          });
    if (half !== undefined) faults.push(`${where}: ${half}`);
    if (free !== undefined)
      for (const name of temporaryBelow(disk.folder)) faults.push(`${where}: ${name} stays`);
    disk.remove();
  }
  return faults;
}

const { sources, close } = await sourcesIn(root);
const all = scenarios(sources);
const wanted =
  positionals.length === 0 ? all : all.filter(({ name }) => positionals.includes(name));
const each = Math.ceil(Number(values.kills) / wanted.length);
const rows: Row[] = [];
let disks = 0;
for (const scenario of wanted) {
  const crashed = await crash(scenario, each);
  const space = await shortOfSpace(scenario);
  if (space !== undefined) disks++;
  const row = { ...crashed, faults: [...crashed.faults, ...(space ?? [])] };
  rows.push(row);
  console.log(
    `${row.name}: ${row.kills} kills of a run of ${row.seconds.toFixed(1)} s, ${row.faults.length} faults`,
  );
  for (const fault of row.faults.slice(0, 5)) console.log(`  ${fault}`);
}
close();
rmSync(root, { recursive: true, force: true });
const faults = rows.flatMap((row) => row.faults.map((fault) => `- ${row.name}: ${fault}`));
const killed = rows.reduce((sum, row) => sum + row.kills, 0);
if (values.log !== undefined)
  writeFileSync(
    values.log,
    [
      `\`pnpm crashes --kills ${values.kills} --seed ${values.seed}\`, Node ${process.version}, ${cpus()[0].model}:`,
      `${killed} kills by SIGKILL, ${faults.length} faults. ${disks > 0 ? `Disks of 1 MiB that are full or become read-only: ${disks} scenarios with ${freeSizes.length + 1} disks each.` : 'Small disks may not be mounted here.'}`,
      '',
      '| what is killed | kills | whole run, s | faults |',
      '| --- | --- | --- | --- |',
      ...rows.map(
        (row) =>
          `| ${row.name} | ${row.kills} | ${row.seconds.toFixed(1)} | ${row.faults.length} |`,
      ),
      ...(faults.length > 0 ? ['', ...faults] : []),
      '',
    ].join('\n'),
  );
process.exit(faults.length === 0 ? 0 : 1);
