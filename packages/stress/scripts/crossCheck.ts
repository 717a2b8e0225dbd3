// `pnpm cross-check [--models N] [--first SEED] [--minutes M] [--log FILE]`: random models on every executor there is.
// Hardware that is too large for a simulator gives way to one layer; what compiles a program takes every `stride`th
// model. The log is written after every 100 models, so that a run which is stopped leaves its figures.
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { scriptOptions } from '@hbnn/cli/scriptOptions';
import { randomModel } from '@hbnn/model';
import { type Compared, simulators, wasmEngines, wasmThreads } from '../src/executors/executors.ts';
import { programs } from '../src/executors/programs.ts';

const { values } = scriptOptions(import.meta.url, {
  options: {
    models: { type: 'string', default: '1000' },
    first: { type: 'string', default: '0' },
    minutes: { type: 'string', default: 'Infinity' },
    log: { type: 'string' },
  },
});
const [models, first] = [Number(values.models), Number(values.first)];
const minutes = Number(values.minutes);
if (!Number.isSafeInteger(models) || !Number.isSafeInteger(first) || models < 1 || first < 0)
  throw new Error(
    `--models, --first: expected whole numbers, got ${values.models} and ${values.first}`,
  );
if (!(minutes > 0)) throw new Error(`--minutes: expected minutes above 0, got ${values.minutes}`);

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

const failed = (): number => tallies.reduce((sum, { differences }) => sum + differences.length, 0);

/** What the first models of the run came to. */
function logText(done: number): string {
  const wanted = done === models ? '' : ` Ended after ${done} of the ${models} models asked for.`;
  const absent = missing.length === 0 ? '' : ` Not on this machine: ${missing.join(', ')}.`;
  return [
    `\`pnpm cross-check --models ${models} --first ${first}\`, Node ${process.version}, ${cpus()[0].model}:`,
    `${done} random models, ${failed()} differences.${wanted}${absent}`,
    '',
    '| executor | models | differences | seconds |',
    '| --- | --- | --- | --- |',
    ...tallies.map(
      ({ executor: { name }, models: count, differences, seconds }) =>
        `| ${name} | ${count} | ${differences.length} | ${seconds.toFixed(0)} |`,
    ),
    '',
  ].join('\n');
}

/** Compare one model on every executor whose turn it is. */
async function compare(seed: number): Promise<void> {
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
}

const begun = performance.now();
let done = 0;
while (done < models && performance.now() - begun < 60_000 * minutes) {
  await compare(first + done);
  done++;
  if (done % 100 !== 0) continue;
  console.error(`${done} models`);
  if (values.log !== undefined) writeFileSync(values.log, logText(done));
}
console.log(logText(done));
if (values.log !== undefined) writeFileSync(values.log, logText(done));
process.exit(failed() === 0 ? 0 : 1);
