/**
 * Inference speed of single layers at their full size: our kernels beside TensorFlow.js's WASM backend and onnxruntime,
 * in one run, on one thread.
 *
 *   pnpm bench:kernels [--networks alexnet,…] [--batch 8] [--seconds 1] [--json] [--save]
 *
 * Engines take turns, round after round, so that they meet the same load of the machine; a row has the median. Ours
 * has random bitwidths for each weight and for each input channel; its time is that from bits to int32 sums, theirs
 * that from float32 (or 8-bit) to the same. onnxruntime is measured where `pnpm setup:peers` has installed it.
 * The limit of table lookup is its inner loop's speed on data in the first-level cache (`lookupLimit`), by the
 * average bits of the inputs: each plane of them is looked up.
 */
import { parseArgs } from 'node:util';
import { HbnnError } from '@hbnn/core';
import { hasRelaxedSimd, lookupLimit } from '@hbnn/wasm';
import { hbnnEngine } from './kernels/hbnnEngine.ts';
import {
  type BenchLayer,
  benchLayers,
  type LayerBits,
  type LayerEngine,
  macsOf,
} from './kernels/layers.ts';
import { hasPeers, onnxEngine, onnxRuntimes } from './kernels/onnxEngine.ts';
import { tensorflowEngine } from './kernels/tensorflowEngine.ts';
import { saveSpeed } from './report/speed.ts';

const combinations: readonly LayerBits[] = [
  { weights: 1, inputs: 1 },
  { weights: 1.4, inputs: 1 },
  { weights: 1, inputs: 1.4 },
  { weights: 1.4, inputs: 1.4 },
  { weights: 2, inputs: 2 },
];
const rounds = 9;

interface Row {
  readonly network: string;
  readonly layer: string;
  readonly engine: string;
  readonly bits?: LayerBits;
  readonly how?: string;
  readonly batch: number;
  /** Of the whole batch, the median. */
  readonly ms: number;
  readonly gigamacsPerSecond: number;
  readonly imagesPerSecond: number;
  /** How many times TensorFlow.js's time in this run. */
  readonly ratio: number;
  /** Of the limit of table lookup. */
  readonly limitShare?: number;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

const baseline = 'tfjs-wasm float32';

async function enginesFor(layer: BenchLayer, batch: number): Promise<LayerEngine[]> {
  const ours: LayerEngine[] = [];
  for (const bits of combinations) ours.push(await hbnnEngine(layer, bits, batch, {}));
  const onnx: LayerEngine[] = [];
  if (hasPeers())
    for (const name of onnxRuntimes)
      for (const quantized of [false, true])
        onnx.push(await onnxEngine(name, layer, batch, quantized));
  return [await tensorflowEngine(layer, batch), ...ours, ...onnx];
}

async function measure(
  layer: BenchLayer,
  limit: number,
  o: { batch: number; seconds: number },
): Promise<Row[]> {
  const engines = await enginesFor(layer, o.batch);
  const times = engines.map((): number[] => []);
  // Warm up, and see how many calls make a turn.
  const calls: number[] = [];
  for (const engine of engines) {
    await engine.turn();
    calls.push(Math.max(1, Math.ceil((o.seconds * 1000) / rounds / (await engine.turn()))));
  }
  for (let round = 0; round < rounds; round++)
    for (const [i, engine] of engines.entries()) {
      let ms = 0;
      for (let call = 0; call < calls[i]; call++) ms += await engine.turn();
      times[i].push(ms / calls[i]);
    }
  for (const engine of engines) await engine.dispose();
  const medians = times.map(median);
  const alternative = medians[engines.findIndex(({ engine }) => engine === baseline)];
  return engines.map(({ engine, bits, how }, i): Row => {
    const rate = (macsOf(layer) * o.batch * 1000) / medians[i];
    return {
      ...{ network: layer.network, layer: layer.name, engine },
      ...(bits && { bits }),
      ...(how !== undefined && { how }),
      ...{ batch: o.batch, ms: medians[i], gigamacsPerSecond: rate / 1e9 },
      imagesPerSecond: (o.batch * 1000) / medians[i],
      ratio: alternative / medians[i],
      ...(how === 'lookup' && { limitShare: (rate * (bits?.inputs ?? 1)) / limit }),
    };
  });
}

const same = (a: Row, b: Row): boolean =>
  a.engine === b.engine && a.bits?.weights === b.bits?.weights && a.bits?.inputs === b.bits?.inputs;

/** All binarized convolutions of a network together: their times added up. */
function together(rows: readonly Row[], network: string): Row[] {
  const own = rows.filter((row) => row.network === network && !row.layer.startsWith('dense'));
  const first = own.filter((row) => row.layer === own[0].layer);
  const total = (of: Row): number =>
    own.filter((row) => same(row, of)).reduce((sum, { ms }) => sum + ms, 0);
  const macs = own
    .filter((row) => same(row, first[0]))
    .reduce((sum, row) => sum + row.gigamacsPerSecond * row.ms, 0);
  const alternative = total(first[0]);
  return first.map(({ engine, bits, batch }): Row => {
    const ms = own
      .filter((row) => same(row, { ...first[0], engine, bits } as Row))
      .reduce((sum, row) => sum + row.ms, 0);
    return {
      ...{ network, layer: 'all convolutions', engine, batch, ms },
      ...(bits && { bits }),
      gigamacsPerSecond: macs / ms,
      imagesPerSecond: (batch * 1000) / ms,
      ratio: alternative / ms,
    };
  });
}

function print(row: Row): void {
  const bits = row.bits ? `${row.bits.weights}/${row.bits.inputs}` : '';
  const share =
    row.limitShare === undefined ? '' : `${(100 * row.limitShare).toFixed(0)}% of the limit`;
  console.log(
    `${row.network.padEnd(10)} ${row.layer.padEnd(17)} ${`${row.engine} ${bits}`.padEnd(25)} ${(row.how ?? '').padEnd(7)} ${row.ms.toFixed(3).padStart(10)} ms ${row.gigamacsPerSecond.toFixed(1).padStart(7)} GMAC/s ${row.imagesPerSecond.toFixed(1).padStart(9)} img/s ${row.ratio.toFixed(2).padStart(6)}x ${share}`,
  );
}

function positive(text: string, option: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new HbnnError(`${option}: expected a number above 0, got '${text}'`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      networks: { type: 'string', default: 'alexnet,mobilenet,vgg8' },
      batch: { type: 'string', default: '8' },
      seconds: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
    },
  });
  const o = {
    batch: positive(values.batch, '--batch'),
    seconds: positive(values.seconds, '--seconds'),
  };
  const networks = values.networks.split(',');
  const known = new Set(benchLayers.map(({ network }) => network as string));
  const odd = networks.find((name) => !known.has(name));
  if (odd !== undefined)
    throw new HbnnError(`--networks: expected some of ${[...known].join(', ')}, got '${odd}'`);
  if (!hasPeers())
    console.error('onnxruntime is not installed: run `pnpm setup:peers` to measure it too');
  const limit = await lookupLimit();
  const relaxed = hasRelaxedSimd();
  console.error(
    `limit of table lookup: ${(limit / 1e9).toFixed(1)} GMAC/s${relaxed ? ', relaxed SIMD' : ''}`,
  );
  const rows: Row[] = [];
  for (const network of networks) {
    for (const layer of benchLayers.filter((each) => each.network === network)) {
      const found = await measure(layer, limit, o);
      rows.push(...found);
      if (!values.json) found.forEach(print);
    }
    const all = together(rows, network);
    rows.push(...all);
    if (!values.json) all.forEach(print);
  }
  const result = { limitGigamacsPerSecond: limit / 1e9, relaxedSimd: relaxed, rows };
  if (values.json) console.log(JSON.stringify(result, null, 2));
  if (values.save) saveSpeed('kernels', relaxed ? 'wasm, relaxed SIMD' : 'wasm', [result]);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof HbnnError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
