// `pnpm cross-check [--models N] [--first SEED] [--log FILE]`: random models on every executor there is. Hardware
// that is too large for a simulator gives way to one layer; what compiles a program takes every `stride`th model.
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { randomModel } from '@hbnn/model';
import { type Compared, simulators, wasmEngines, wasmThreads } from '../src/executors/executors.ts';
import { programs } from '../src/executors/programs.ts';

const { values } = parseArgs({
  options: {
    models: { type: 'string', default: '1000' },
    first: { type: 'string', default: '0' },
    log: { type: 'string' },
  },
});
const [models, first] = [Number(values.models), Number(values.first)];
if (!Number.isSafeInteger(models) || !Number.isSafeInteger(first) || models < 1 || first < 0)
  throw new Error(
    `--models, --first: expected whole numbers, got ${values.models} and ${values.first}`,
  );

const { executors, missing } = programs();

/** Programs that take seconds to start get every 200th or 20th model alone. */
const strides: readonly (readonly [RegExp, number])[] = [
  [/^Verilator/, 200],
  [/^embedded/, 20],
  [/^(Icarus|exported C)/, 10],
];
const stride = (name: string): number => strides.find(([pattern]) => pattern.test(name))?.[1] ?? 1;

interface Tally {
  readonly executor: Compared;
  models: number;
  seconds: number;
  readonly differences: string[];
}

const tallies = [...wasmEngines(), wasmThreads, ...simulators, ...executors].map(
  (executor): Tally => ({ executor, models: 0, seconds: 0, differences: [] }),
);

for (let seed = first; seed < first + models; seed++) {
  const model = randomModel(seed);
  for (const tally of tallies) {
    const { executor } = tally;
    if ((seed - first) % stride(executor.name) !== 0) continue;
    const begun = performance.now();
    const difference = await executor
      .difference(model, seed)
      .catch((error: unknown) => (error as Error).message);
    tally.seconds += (performance.now() - begun) / 1000;
    tally.models++;
    if (difference === '') continue;
    tally.differences.push(`seed ${seed}: ${difference}`);
    console.error(`${executor.name}, seed ${seed}: ${difference}`);
  }
  if ((seed - first + 1) % 100 === 0) console.error(`${seed - first + 1} models`);
}

const failed = tallies.reduce((sum, { differences }) => sum + differences.length, 0);
const lines = [
  `\`pnpm cross-check --models ${models} --first ${first}\`, Node ${process.version}, ${cpus()[0].model}:`,
  `${models} random models, ${failed} differences. ${missing.length === 0 ? '' : `Not on this machine: ${missing.join(', ')}.`}`.trim(),
  '',
  '| executor | models | differences | seconds |',
  '| --- | --- | --- | --- |',
  ...tallies.map(
    ({ executor: { name }, models: count, differences, seconds }) =>
      `| ${name} | ${count} | ${differences.length} | ${seconds.toFixed(0)} |`,
  ),
  '',
];
console.log(lines.join('\n'));
if (values.log !== undefined) writeFileSync(values.log, lines.join('\n'));
process.exit(failed === 0 ? 0 : 1);
