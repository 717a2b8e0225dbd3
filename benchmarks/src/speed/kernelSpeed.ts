/**
 * Inference speed of whole networks and of single layers at their full size: our kernels beside LiteRT.js, TensorFlow.js's
 * WASM backend and onnxruntime, in one run, on one thread.
 *
 *   pnpm bench:kernels [--networks alexnet,…] [--batch 8] [--seconds 1] [--whole] [--ways] [--json]
 *     [--save] [--processor vnni] [--note …]
 *
 * Engines take turns, round after round, so that they meet the same load of the machine; a row has the lower quartile. Ours
 * has random bitwidths for each weight and for each input channel, and scales of 1 to 3 (`hbnn lower --scale-bits 2`);
 * its time is that from bits to int32 sums, theirs that from float32 (or 8-bit) to the same. onnxruntime is measured
 * where `pnpm setup:peers` has installed it.
 * The limit of table lookup is its inner loop's speed on data in the first-level cache (`lookupLimit`), measured in
 * turns with the rest, by the average bits of the inputs: each plane of them is looked up.
 *
 * Whole networks are random ones of the paper's size, 1, 1.4 and 2 bits on both sides (first and last layers, and
 * MobileNet's depthwise ones, 8 bits), pixels to scores, beside the same layers in float32, and in 8 bits in LiteRT.js (XNNPACK
 * with relaxed SIMD), whose models `benchmarks/peers/litert_models.py` writes. Ours runs on two threads too, and rows have
 * the minimum and the median beside the lower quartile. `--whole` measures nothing else, takes several batches
 * (`--batch 1,8`), and `--save` keeps its rows in a file of their own; `--processor` adds a name to that file's, and
 * `--note` says in it what ran beside.
 *
 * `--ways` measures every kernel that fits a layer instead, beside what it was thought to take
 * (packages/wasm/src/inference/costs.ts) and which one the engine chooses.
 */
import { positiveDecimal, positiveNumber } from '@hbnn/cli/numbers';
import { scriptOptions } from '@hbnn/cli/scriptOptions';
import { chosenName, HbnnError } from '@hbnn/core';
import { hasRelaxedSimd, lookupLimit, productKernelNames } from '@hbnn/wasm';
import { alexNetModel, mobileNetModel, vgg8Model } from '../networks/fullModels.ts';
import { fileOf, saveSpeed } from '../results/storedRows.ts';
import { hbnnEngine, layerModel } from './engines/hbnnEngine.ts';
import {
  type BenchLayer,
  benchLayers,
  bitCombinations,
  type LayerBits,
  type LayerEngine,
  macsOf,
} from './engines/layers.ts';
import {
  type Litert,
  litertName,
  litertNetwork,
  litertWayOut,
  startLitert,
} from './engines/litertNetwork.ts';
import { hasPeers, onnxEngine, onnxRuntimes } from './engines/onnxEngine.ts';
import { tensorflowEngine } from './engines/tensorflowEngine.ts';
import { takeTurns, turnTimes } from './engines/turns.ts';
import {
  hbnnNetwork,
  hbnnThreads,
  networkMacs,
  tensorflowNetwork,
} from './engines/wholeNetwork.ts';

interface Row {
  readonly network: string;
  readonly layer: string;
  readonly engine: string;
  readonly bits?: LayerBits;
  readonly how?: string;
  readonly batch: number;
  /** The lower quartile of the whole batch's times; whole networks have the minimum and the median beside it. */
  readonly ms: number;
  readonly minimumMs?: number;
  readonly medianMs?: number;
  readonly gigamacsPerSecond: number;
  readonly imagesPerSecond: number;
  /** TensorFlow.js's time in this run over this one. */
  readonly ratio?: number;
  /** LiteRT.js's time in this run over this one. */
  readonly int8Ratio?: number;
  /** The share of the limit of table lookup. */
  readonly limitShare?: number;
}

interface Options {
  readonly batch: number;
  readonly seconds: number;
}

const baseline = 'tfjs-wasm float32';

async function enginesFor(layer: BenchLayer, batch: number): Promise<LayerEngine[]> {
  const engines: LayerEngine[] = [await tensorflowEngine(layer, batch)];
  for (const bits of bitCombinations)
    engines.push(await hbnnEngine(layerModel(layer, bits), bits, batch));
  for (const name of hasPeers() ? onnxRuntimes : [])
    for (const quantized of [false, true])
      engines.push(await onnxEngine(name, layer, batch, quantized));
  return engines;
}

async function measure(layer: BenchLayer, o: Options): Promise<Row[]> {
  const engines = await enginesFor(layer, o.batch);
  const limit = await lookupLimit();
  /** Milliseconds of a billion multiply-adds. */
  const limitTurn = { turn: async () => 1e12 / limit.measure() };
  const [limitMs, ...times] = await takeTurns([limitTurn, ...engines], o.seconds);
  for (const engine of engines) await engine.dispose();
  const alternative = times[engines.findIndex(({ engine }) => engine === baseline)];
  return engines.map(({ engine, bits, how }, i): Row => {
    const row = rowOf(layer, { engine, bits, how }, o.batch, times[i]);
    const share = (row.gigamacsPerSecond * (bits?.inputs ?? 1) * limitMs) / 1000;
    return {
      ...row,
      ratio: alternative / times[i],
      ...(how === 'lookup' && { limitShare: share }),
    };
  });
}

function rowOf(
  layer: BenchLayer,
  { engine, bits, how }: Pick<LayerEngine, 'engine' | 'bits' | 'how'>,
  batch: number,
  ms: number,
): Row {
  return {
    network: layer.network,
    layer: layer.name,
    engine,
    batch,
    ms,
    ...(bits && { bits }),
    ...(how !== undefined && { how }),
    gigamacsPerSecond: (macsOf(layer) * batch) / ms / 1e6,
    imagesPerSecond: (batch * 1000) / ms,
  };
}

/** All binarized convolutions of a network together: their times added up. */
function together(rows: readonly Row[], network: string): Row[] {
  const own = rows.filter((row) => row.network === network && !row.layer.startsWith('dense'));
  const kind = ({ engine, bits }: Row): string => `${engine} ${bits?.weights}/${bits?.inputs}`;
  const sums = new Map<string, { row: Row; ms: number; macs: number }>();
  for (const row of own) {
    const sum = sums.get(kind(row)) ?? { row, ms: 0, macs: 0 };
    sum.ms += row.ms;
    sum.macs += row.gigamacsPerSecond * row.ms;
    sums.set(kind(row), sum);
  }
  const all = [...sums.values()];
  const alternative = all.find(({ row }) => row.engine === baseline);
  return all.map(({ row: { engine, bits, batch }, ms, macs }): Row => {
    return {
      network,
      layer: 'all convolutions',
      engine,
      batch,
      ms,
      ...(bits && { bits }),
      gigamacsPerSecond: macs / ms,
      imagesPerSecond: (batch * 1000) / ms,
      ...(alternative && { ratio: alternative.ms / ms }),
    };
  });
}

const averageBits = [1, 1.4, 2] as const;
const fullModels = { alexnet: alexNetModel, mobilenet: mobileNetModel, vgg8: vgg8Model } as const;

async function wholeEngines(
  network: BenchLayer['network'],
  batch: number,
  runtime: Litert | undefined,
): Promise<LayerEngine[]> {
  const model = fullModels[network](1);
  const engines: LayerEngine[] = [await tensorflowNetwork(model, batch)];
  const litert = await litertNetwork(runtime, network, model.input.shape, batch);
  if (litert !== undefined) engines.push(litert);
  else console.error(litertWayOut(network, batch));
  for (const bits of averageBits)
    engines.push(await hbnnNetwork(fullModels[network](1, bits), bits, batch));
  for (const bits of averageBits.slice(1))
    engines.push(await hbnnThreads(fullModels[network](1, bits), bits, batch));
  return engines;
}

async function measureWhole(
  network: BenchLayer['network'],
  o: Options,
  litert: Litert | undefined,
): Promise<Row[]> {
  const model = fullModels[network](1);
  const engines = await wholeEngines(network, o.batch, litert);
  const macs = networkMacs(model) * o.batch;
  const times = await turnTimes(engines, o.seconds);
  for (const engine of engines) await engine.dispose();
  const int8 = times[engines.findIndex(({ engine }) => engine === litertName)]?.lowerQuartile;
  return engines.map(({ engine, bits }, i): Row => {
    const { lowerQuartile: ms, minimum, median } = times[i];
    return {
      network,
      layer: 'whole network',
      engine,
      batch: o.batch,
      ms,
      minimumMs: minimum,
      medianMs: median,
      ...(bits && { bits }),
      gigamacsPerSecond: macs / ms / 1e6,
      imagesPerSecond: (o.batch * 1000) / ms,
      ratio: times[0].lowerQuartile / ms,
      ...(int8 !== undefined && { int8Ratio: int8 / ms }),
    };
  });
}

const bitsText = (bits?: LayerBits): string => (bits ? `${bits.weights}/${bits.inputs}` : '');

function print(row: Row): void {
  const share =
    row.limitShare === undefined ? '' : `${(100 * row.limitShare).toFixed(0)}% of the limit`;
  const cells = [
    row.network.padEnd(9),
    row.layer.padEnd(16),
    `${row.engine} ${bitsText(row.bits)}`.padEnd(24),
    (row.how ?? '').padEnd(10),
    `${row.ms.toFixed(3).padStart(9)} ms`,
    `${row.gigamacsPerSecond.toFixed(1).padStart(6)} GMAC/s`,
    `${row.imagesPerSecond.toFixed(1).padStart(9)} img/s`,
    row.ratio === undefined ? '' : `${row.ratio.toFixed(2).padStart(6)}x`,
    share,
    row.int8Ratio === undefined ? '' : `${row.int8Ratio.toFixed(2)}x of ${litertName}`,
  ];
  console.log(cells.join(' ').trimEnd());
}

interface WayRow extends Row {
  readonly expectedMs: number;
  readonly chosen: boolean;
}

/** Every kernel that fits a layer. */
async function measureWays(layer: BenchLayer, bits: LayerBits, o: Options): Promise<WayRow[]> {
  const model = layerModel(layer, bits);
  const usual = await hbnnEngine(model, bits, o.batch);
  usual.dispose();
  const engines = new Map<string, Awaited<ReturnType<typeof hbnnEngine>>>();
  for (const kernel of productKernelNames) {
    const engine = await hbnnEngine(model, bits, o.batch, { kernels: [kernel] });
    if (engines.has(engine.how ?? '')) engine.dispose();
    else engines.set(engine.how ?? '', engine);
  }
  const all = [...engines.values()];
  const times = await takeTurns(all, o.seconds);
  for (const engine of all) await engine.dispose();
  return all.map((engine, i) => ({
    ...rowOf(layer, engine, o.batch, times[i]),
    expectedMs: engine.expectedMs,
    chosen: engine.how === usual.how,
  }));
}

function printWay(row: WayRow): void {
  console.log(
    `${row.network.padEnd(9)} ${row.layer.padEnd(12)} ${bitsText(row.bits).padEnd(8)} ${(row.how ?? '').padEnd(14)} ${row.ms.toFixed(3).padStart(9)} ms, thought ${row.expectedMs.toFixed(3).padStart(9)}${row.chosen ? '  chosen' : ''}`,
  );
}

/** Batches that are measured. @param several whether more than one is allowed */
function batchesFrom(text: string, several: boolean): number[] {
  const batches = text.split(',').map((each) => positiveNumber(each, '--batch'));
  if (batches.length === 1 || several) return batches;
  throw new HbnnError(`--batch: expected one number, got '${text}'; give one, or --whole too`);
}

function networksFrom(text: string): BenchLayer['network'][] {
  const known = [...new Set(benchLayers.map(({ network }) => network))];
  return text.split(',').map((name) => chosenName(name, known, '--networks'));
}

async function main(): Promise<void> {
  const { values } = scriptOptions(import.meta.url, {
    options: {
      networks: { type: 'string', default: 'alexnet,mobilenet,vgg8' },
      batch: { type: 'string', default: '8' },
      seconds: { type: 'string', default: '1' },
      ways: { type: 'boolean', default: false },
      whole: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
      processor: { type: 'string' },
      note: { type: 'string' },
    },
  });
  const batches = batchesFrom(values.batch, values.whole);
  const seconds = positiveDecimal(values.seconds, '--seconds', 'of seconds, such as 1');
  const o: Options = { batch: batches[0], seconds };
  const networks = networksFrom(values.networks);
  if (values.whole && values.ways)
    throw new HbnnError(
      '--ways: expected no --whole beside it, whose networks have no single kernel; leave out either',
    );
  const bench = values.whole ? 'whole-networks' : values.ways ? 'kernel-ways' : 'kernels';
  const file = fileOf(bench, values.processor);
  const rows: Row[] = [];
  const keep = <R extends Row>(found: readonly R[], show: (row: R) => void): void => {
    rows.push(...found);
    if (!values.json) found.forEach(show);
  };
  if (!hasPeers() && !values.ways)
    console.error('onnxruntime is not installed: run `pnpm setup:peers` to measure it too');
  const litert = values.ways ? undefined : await startLitert();
  for (const network of values.ways ? [] : networks)
    for (const batch of batches)
      keep(await measureWhole(network, { batch, seconds }, litert), print);
  for (const network of values.whole ? [] : networks) {
    for (const layer of benchLayers.filter((each) => each.network === network))
      if (values.ways)
        for (const bits of bitCombinations) keep(await measureWays(layer, bits, o), printWay);
      else keep(await measure(layer, o), print);
    if (values.ways) continue;
    keep(together(rows, network), print);
  }
  const relaxedSimd = hasRelaxedSimd();
  if (values.json) console.log(JSON.stringify({ relaxedSimd, rows }, null, 2));
  const backend = relaxedSimd ? 'wasm, relaxed SIMD' : 'wasm';
  if (values.save) saveSpeed('kernels', backend, rows, { file, note: values.note });
}

await main();
