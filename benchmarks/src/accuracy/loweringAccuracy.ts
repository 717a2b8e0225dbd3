/**
 * What lowering costs: accuracy of trained networks before and after they become integer models, on all test images.
 *
 *     pnpm bench:lowering --runs FOLDER [--from PATH] [--networks alexnet-bn,…] [--seeds 1,2] [--json] [--save]
 *
 * CIFAR-10, weights and static inputs of 1.4 bits, middle-out, 4 epochs; float first and last layers, which lowering
 * turns to 8 bits, and batch norms, which it turns to thresholds. Trainings are kept in FOLDER/NETWORK-SEED, and those
 * that are there are taken. Both engines compute every image's scores, which must be the same to the last bit. The
 * second accuracy has scales of 8 bits instead of 4: what is left of the loss then is not theirs.
 */
import { join } from 'node:path';
import { accuracyMeter, modelScores } from '@hbnn/cli/evaluateModel';
import { modelSizes } from '@hbnn/cli/modelSizes';
import { seedNumber } from '@hbnn/cli/numbers';
import { scriptOptions } from '@hbnn/cli/scriptOptions';
import { chosenName, HbnnError } from '@hbnn/core';
import { type Dataset, openDataset } from '@hbnn/datasets';
import { type CheckedModel, encodeModel, lower } from '@hbnn/model';
import {
  type BackendName,
  evaluate,
  exportModel,
  type NetworkName,
  networkNames,
  openRun,
  runConfig,
  runTraining,
  useBackend,
} from '@hbnn/train';
import { checkSourcePath, checkWritable } from '../results/paths.ts';
import { saveRows } from '../results/storedRows.ts';

const usual = ['alexnet-bn', 'mobilenet', 'vgg8'] as const;

interface Row {
  readonly network: NetworkName;
  readonly seed: number;
  readonly images: number;
  readonly top1Before: number;
  readonly top1After: number;
  readonly lossInPoints: number;
  readonly top1With8BitScales: number;
  /** Scores that differ between the engines. */
  readonly unequalScores: number;
  readonly bytes: number;
  readonly smallerThanFloat32: number;
  /** The largest ‖lowered − trained‖ / ‖trained‖ of a layer's weights or scales, and where. */
  readonly largestError: number;
  readonly largestErrorAt: string;
}

async function trainedRun(
  network: NetworkName,
  seed: number,
  dir: string,
  o: { from?: string; backend: BackendName },
): Promise<{ dataset: Dataset; dir: string }> {
  const config = runConfig({
    data: 'cifar10',
    network,
    weights: 1.4,
    inputs: 1.4,
    inputMap: 'static',
    inputMapPer: 'channel',
    epochs: 4,
    learningRate: 0.1,
    seed,
    ...(o.from !== undefined && { from: o.from }),
  });
  const dataset = await openDataset(config.data, {
    ...config,
    place: (option) => `--${option}`,
  });
  const run = join(dir, `${network}-${seed}`);
  await runTraining(config, dataset, { dir: run, backend: o.backend, resume: true });
  return { dataset, dir: run };
}

/** Accuracy on the fast engine, and how many scores the interpreter has otherwise. */
async function compare(
  model: CheckedModel,
  source: Dataset['test'],
): Promise<{ top1: number; images: number; unequalScores: number }> {
  const meter = accuracyMeter(model.scoreOffsets.length);
  const wanted = modelScores(model, 'reference', source);
  let unequalScores = 0;
  for await (const batch of modelScores(model, 'wasm', source)) {
    const reference = (await wanted.next()).value;
    if (reference === undefined) throw new Error('the engines saw different images');
    meter.add(batch);
    batch.scores.forEach((score, i) => {
      if (score !== reference.scores[i]) unequalScores++;
    });
  }
  return { ...meter.accuracy, unequalScores };
}

async function fastTop1(model: CheckedModel, source: Dataset['test']): Promise<number> {
  const meter = accuracyMeter(model.scoreOffsets.length);
  for await (const batch of modelScores(model, 'wasm', source)) meter.add(batch);
  return meter.accuracy.top1;
}

async function measure(
  network: NetworkName,
  seed: number,
  dir: string,
  o: { from?: string; backend: BackendName },
): Promise<Row> {
  const run = await trainedRun(network, seed, dir, o);
  const { train, test } = run.dataset;
  const { model } = openRun(run.dir, train);
  const trained = await exportModel(model, train);
  const before = await evaluate(model, test);
  model.dispose();
  const lowered = lower(trained);
  const after = await compare(lowered.model, test);
  const worst = lowered.layers.reduce((a, b) => (b.error > a.error ? b : a));
  const { bytes, smallerThanFloat32 } = modelSizes(
    lowered.model,
    encodeModel(lowered.model).length,
  );
  return {
    network,
    seed,
    images: after.images,
    top1Before: before.top1,
    top1After: after.top1,
    lossInPoints: Number((100 * (before.top1 - after.top1)).toFixed(2)),
    top1With8BitScales: await fastTop1(lower(trained, { scaleBits: 8 }).model, test),
    unequalScores: after.unequalScores,
    bytes,
    smallerThanFloat32,
    largestError: Number(worst.error.toFixed(4)),
    largestErrorAt: `${worst.name}, ${worst.what}`,
  };
}

function print(row: Row): void {
  const percent = (value: number): string => (100 * value).toFixed(2).padStart(6);
  console.log(
    `${row.network.padEnd(12)} seed ${row.seed}  before ${percent(row.top1Before)}  after ${percent(row.top1After)}  ` +
      `loss ${row.lossInPoints.toFixed(2).padStart(5)} points  8-bit scales ${percent(row.top1With8BitScales)}  ` +
      `${row.unequalScores} unequal scores in ${row.images} images  ${row.smallerThanFloat32}x smaller than float32`,
  );
}

async function main(): Promise<void> {
  const { values } = scriptOptions(import.meta.url, {
    options: {
      runs: { type: 'string' },
      from: { type: 'string' },
      networks: { type: 'string', default: usual.join(',') },
      seeds: { type: 'string', default: '1,2' },
      json: { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
    },
  });
  if (values.runs === undefined)
    throw new HbnnError('--runs: expected a folder to keep trainings in, got none; name one');
  checkWritable(values.runs, '--runs');
  checkSourcePath(values.from);
  const networks = values.networks
    .split(',')
    .map((name) => chosenName(name, networkNames, '--networks'));
  const seeds = values.seeds.split(',').map((seed) => seedNumber(seed, '--seeds'));
  const { name: backend } = await useBackend({ prefer: 'wasm' });
  const rows: Row[] = [];
  for (const network of networks)
    for (const seed of seeds) {
      const row = await measure(network, seed, values.runs, { backend, from: values.from });
      rows.push(row);
      if (!values.json) print(row);
    }
  if (values.json) console.log(JSON.stringify(rows, null, 2));
  if (values.save) saveRows('accuracy', 'lowering', `${backend}, engines wasm and reference`, rows);
}

await main();
