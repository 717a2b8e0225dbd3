// A process of its own for one work at one size: `measure.ts WORK SIZE` prints a line of JSON.
import { readFileSync, writeFileSync } from 'node:fs';
import type { Point } from './growth.ts';
import { works } from './works.ts';

const mebi = 2 ** 20;
const self = '/proc/self';

/** The most memory that this process has held since `forgetPeak`. */
const peakBytes = (): number => {
  const found = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`${self}/status`, 'utf8'));
  if (found === null) throw new Error(`${self}/status: expected VmHWM; measure on Linux`);
  return 1024 * Number(found[1]);
};
const forgetPeak = (): void => writeFileSync(`${self}/clear_refs`, '5');

const [name, size] = process.argv.slice(2);
const work = await works[name].prepare(Number(size));
(globalThis as { gc?: () => void }).gc?.();
forgetPeak();
const cpu = process.cpuUsage();
await work();
const { user, system } = process.cpuUsage(cpu);
const point: Point = {
  size: Number(size),
  cpuSeconds: Number(((user + system) / 1e6).toFixed(4)),
  peakMiB: Number((peakBytes() / mebi).toFixed(1)),
};
process.stdout.write(`${JSON.stringify(point)}\n`, () => process.exit(0));
