/**
 * What binarization without training costs: accuracy of float networks after `binarize` and after `quantize` at equal
 * average bits, before and after one epoch of fine-tuning.
 *
 *     pnpm bench:quantize --runs FOLDER --from PATH [--data folder] [--networks alexnet-bn,…] [--averages 1,1.4] [--json] [--save]
 *
 * CIFAR-10, as the archive or as class folders. Float trainings are kept in FOLDER/NETWORK, and those that are there are
 * taken. The first and the last layer stay float, inputs are float. Both ways have the same 512 calibration images, and
 * scales of each output: `binarize` (middle-out) has its batch norm statistics computed anew on them, too. Fine-tuning is
 * one epoch over the images that the training had.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { decimal } from '@hbnn/cli/numbers';
import { scriptOptions } from '@hbnn/cli/scriptOptions';
import { chosenName, distFromAverage, HbnnError } from '@hbnn/core';
import { type Dataset, datasets, openDataset } from '@hbnn/datasets';
import {
  type BackendName,
  binarize,
  binarizedLayers,
  evaluate,
  fineTune,
  type NetworkName,
  networkNames,
  openRun,
  quantize,
  recalibrate,
  runConfig,
  runTraining,
  storedConfig,
  useBackend,
  weightPrecision,
} from '@hbnn/train';
import { checkSourcePath, checkWritable } from '../results/paths.ts';
import { saveRows } from '../results/storedRows.ts';

const defaultNetworks = ['alexnet-bn', 'fcn4', 'mobilenet'] as const;
const images = 512;
const learningRate = 0.01;

interface Row {
  readonly network: NetworkName;
  readonly way: 'binarize' | 'quantize';
  /** Average bits that were asked for, and those of the binarized layers. */
  readonly average: number;
  readonly averageBits: number;
  readonly trainImages: number;
  readonly testImages: number;
  readonly top1Float: number;
  readonly top1: number;
  readonly loss: number;
  readonly seconds: number;
  readonly top1AfterEpoch: number;
}

interface Trained {
  readonly network: NetworkName;
  readonly data: Dataset;
  readonly model: ReturnType<typeof openRun>['model'];
  readonly skip: readonly string[];
}

interface Data {
  readonly data: string;
  readonly from: string | undefined;
  readonly backend: BackendName;
}

/** A float network of an earlier training, or of one that is done now. */
async function trainedFloat(network: NetworkName, dir: string, o: Data): Promise<Trained> {
  const run = join(dir, network);
  const config = existsSync(run)
    ? storedConfig(run)
    : runConfig({
        data: o.data,
        network,
        weights: 'float',
        epochs: 4,
        learningRate: 0.1,
        limit: 8000,
        testLimit: 2000,
        seed: 1,
        ...(network === 'fcn4' && { widths: [16, 32, 48] }),
        ...(o.data === 'folder' && { size: 32 }),
        ...(o.from !== undefined && { from: o.from }),
      });
  const data = await openDataset(config.data, {
    ...config,
    place: (option) => `--${option}`,
  });
  if (!existsSync(run)) await runTraining(config, data, { dir: run, backend: o.backend });
  const { model } = openRun(run, data.train);
  const names = binarizedLayers(model).map(({ name }) => name);
  return { network, data, model, skip: [names[0], names[names.length - 1]] };
}

/** A model binarized one way, its average bits over what was binarized, and the time that took. */
async function binarizedBy(
  way: Row['way'],
  { model, data, skip }: Trained,
  average: number,
): Promise<{ model: Trained['model']; averageBits: number; seconds: number }> {
  const begun = performance.now();
  const seconds = (): number => Number(((performance.now() - begun) / 1000).toFixed(1));
  if (way === 'quantize') {
    const made = await quantize(model, data.train, { weights: average, skip, images });
    return { model: made.model, averageBits: made.average, seconds: seconds() };
  }
  const weights = weightPrecision(distFromAverage(average), { scalePer: 'output' });
  const copy = binarize(model, { weights, skip });
  await recalibrate(copy, data.train, { images, batch: 64, seed: 1 });
  const maps = binarizedLayers(copy).flatMap((layer) => {
    const { binarized } = layer.trainedKernel();
    return binarized === undefined ? [] : [binarized.map.bits];
  });
  const bits = maps.reduce((sum, map) => sum + map.reduce((all, b) => all + b, 0), 0);
  const count = maps.reduce((sum, map) => sum + map.length, 0);
  return { model: copy, averageBits: bits / count, seconds: seconds() };
}

async function measure(trained: Trained, averages: readonly number[]): Promise<Row[]> {
  const { network, data } = trained;
  const { train, test } = data;
  const { top1: top1Float } = await evaluate(trained.model, test);
  const rows: Row[] = [];
  for (const average of averages)
    for (const way of ['binarize', 'quantize'] as const) {
      const { model, averageBits, seconds } = await binarizedBy(way, trained, average);
      const before = await evaluate(model, test);
      await fineTune(model, train, { epochs: 1, learningRate, seed: 1 });
      const after = await evaluate(model, test);
      model.dispose();
      rows.push({
        network,
        way,
        average,
        averageBits: Number(averageBits.toFixed(4)),
        trainImages: train.count,
        testImages: before.images,
        top1Float,
        top1: before.top1,
        loss: Number(before.loss.toFixed(4)),
        seconds,
        top1AfterEpoch: after.top1,
      });
      print(rows[rows.length - 1]);
    }
  return rows;
}

function print(row: Row): void {
  const percent = (value: number): string => (100 * value).toFixed(2).padStart(6);
  console.error(
    `${row.network.padEnd(12)} ${row.way.padEnd(9)} ${row.averageBits.toFixed(3)} bits  float ${percent(row.top1Float)}  ` +
      `binarized ${percent(row.top1)} (${row.seconds} s)  after an epoch ${percent(row.top1AfterEpoch)}`,
  );
}

function averageOf(text: string): number {
  const average = decimal(text, '--averages', 'from 1 to 4, such as 1.4');
  if (average >= 1 && average <= 4) return average;
  throw new HbnnError(`--averages: expected numbers from 1 to 4, got '${text}'; give such bits`);
}

async function main(): Promise<void> {
  const { values } = scriptOptions(import.meta.url, {
    options: {
      runs: { type: 'string' },
      from: { type: 'string' },
      data: { type: 'string', default: 'cifar10' },
      networks: { type: 'string', default: defaultNetworks.join(',') },
      averages: { type: 'string', default: '1,1.4,2,3' },
      json: { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
    },
  });
  const { runs, data, from } = values;
  if (runs === undefined)
    throw new HbnnError('--runs: expected a folder to keep trainings in, got none; name one');
  checkWritable(runs, '--runs');
  chosenName(data, Object.keys(datasets), '--data');
  checkSourcePath(from);
  const networks = values.networks
    .split(',')
    .map((name) => chosenName(name, networkNames, '--networks'));
  const averages = values.averages.split(',').map(averageOf);
  const { name: backend } = await useBackend({ prefer: 'wasm' });
  const rows: Row[] = [];
  for (const network of networks) {
    const trained = await trainedFloat(network, runs, { data, from, backend });
    rows.push(...(await measure(trained, averages)));
    trained.model.dispose();
  }
  if (values.json) console.log(JSON.stringify(rows, null, 2));
  if (values.save) saveRows('accuracy', 'quantize', backend, rows);
}

await main();
