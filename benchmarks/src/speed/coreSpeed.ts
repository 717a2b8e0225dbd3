/**
 * How fast core chooses maps and binarizes: elements per second at 1.4 bits on normal float32
 * tensors, next to a full sort of the same keys in the same run.
 *
 *     pnpm bench:core [--json] [--save] [--max 1e7]
 *
 * --max is the most elements that a tensor may have, from 1e4 to 6e7 (default 6e7): larger ones are left out.
 * --save keeps the rows in benchmarks/results/speed/core.json.
 */
import { cpus } from 'node:os';
import { decimal } from '@hbnn/cli/numbers';
import { scriptOptions } from '@hbnn/cli/scriptOptions';
import { floatTensor, HbnnError, random } from '@hbnn/core';
import { binarizer } from '@hbnn/core/binarizer';
import { optimal } from '@hbnn/core/optimal';
import { saveSpeed } from '../results/storedRows.ts';

const sizes = [1e4, 1e5, 1e6, 1e7, 6e7];
const average = 1.4;

interface Row {
  readonly elements: number;
  readonly operation: string;
  readonly seconds: number;
  readonly elementsPerSecond: number;
}

/** The best of several runs, each of at least about 5 million elements, after a warm-up. */
function measure(elements: number, operation: string, work: () => void): Row {
  const repeats = Math.ceil(5e6 / elements);
  const rounds = elements > 2e7 ? 2 : 5;
  for (let i = 0; i < Math.min(repeats, 100); i++) work();
  let seconds = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    for (let i = 0; i < repeats; i++) work();
    seconds = Math.min(seconds, (performance.now() - start) / 1000 / repeats);
  }
  return { elements, operation, seconds, elementsPerSecond: elements / seconds };
}

function measureSize(elements: number): Row[] {
  const rng = random(1, 'coreSpeed', elements);
  const x = new Float32Array(elements);
  for (let i = 0; i < elements; i++) x[i] = rng.normal();
  const out = new Float32Array(elements);
  const spec = { shape: [elements], layout: 'outputs-first', average } as const;
  const middleOut = binarizer({ ...spec, select: 'middle-out' });
  const joint = binarizer({ ...spec, select: 'optimal' });
  const t = floatTensor(x, [elements]);
  const keys = new Float64Array(elements);
  const fillKeys = () => {
    for (let i = 0; i < elements; i++) keys[i] = Math.abs(Math.abs(x[i]) - 0.8);
  };
  return [
    measure(elements, 'select (middle-out)', () => middleOut.renew(x)),
    measure(elements, 'binarize', () => middleOut.apply(x, out)),
    measure(elements, 'select and binarize', () => {
      middleOut.renew(x);
      middleOut.apply(x, out);
    }),
    measure(elements, 'optimal, renewed', () => {
      joint.renew(x);
      joint.apply(x, out);
    }),
    ...(elements > 2e7
      ? []
      : [measureOnce(elements, 'optimal, from scratch', () => optimal(t, { average }))]),
    measure(elements, 'full sort of the keys', () => {
      fillKeys();
      keys.sort();
    }),
  ];
}

function measureOnce(elements: number, operation: string, work: () => void): Row {
  const start = performance.now();
  work();
  const seconds = (performance.now() - start) / 1000;
  return { elements, operation, seconds, elementsPerSecond: elements / seconds };
}

function print(row: Row): void {
  const size = row.elements.toExponential(0).replace('+', '');
  const rate = (row.elementsPerSecond / 1e6).toFixed(1);
  console.log(
    `${size.padStart(6)}  ${row.operation.padEnd(24)} ${rate.padStart(8)} M elements/s  ${(row.seconds * 1000).toFixed(3)} ms`,
  );
}

const { values } = scriptOptions(import.meta.url, {
  options: {
    json: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
    max: { type: 'string', default: '6e7' },
  },
});
const max = decimal(values.max, '--max', 'of elements, such as 1e7');
const chosenSizes = sizes.filter((size) => size <= max);
if (chosenSizes.length === 0)
  throw new HbnnError(
    `--max: expected at least ${sizes[0]} elements, the smallest size, got ${values.max}; give more, as in --max 1e7`,
  );
const rows = chosenSizes.flatMap(measureSize);
if (values.json)
  console.log(
    JSON.stringify({ average, node: process.version, cpu: cpus()[0]?.model, rows }, null, 2),
  );
else rows.forEach(print);
if (values.save) saveSpeed('core', 'none needed', rows);
