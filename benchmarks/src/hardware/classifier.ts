/**
 * Whole classifiers as pipelined circuits: trained, made whole numbers, tried on all test images, verified, synthesized.
 *
 *     pnpm bench:classifier --from FOLDER [--data fashion-mnist] [--only NAME] [--epochs N] [--seed 1]
 *         [--yosys npm|native|PATH] [--limit 3600] [--json] [--save]
 *
 * FOLDER has the four files of Fashion-MNIST (Debian: dataset-fashion-mnist, in /usr/share/datasets/fashion-mnist), or
 * with --data idx those of another data set of gray images, such as MNIST. `--data fashion-mnist-subset` needs no folder,
 * but has a sixth of the training images.
 *
 * Networks have one hidden layer of signs or two, weights of 0 to 2 bits, and pixels of 1 or 2 bits. The circuit begins
 * with the 8-bit pixels: its LUTs hold the thresholds of the pixels, all layers, the comparison of the scores and nothing
 * else. It takes an image per clock. Accuracy is the integer model's on all test images; `verify` compares the circuit
 * with that model. Trained models are kept in .cache/classifier: Ctrl-C costs one network.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unrolledDesign } from '@hbnn/circuit';
import { evaluateModel } from '@hbnn/cli/evaluateModel';
import { positiveNumber, seedNumber } from '@hbnn/cli/numbers';
import { progressMeter } from '@hbnn/cli/progress';
import { scriptOptions } from '@hbnn/cli/scriptOptions';
import { HbnnError } from '@hbnn/core';
import { type Dataset, openDataset } from '@hbnn/datasets';
import { type CheckedModel, decodeModel, encodeModel } from '@hbnn/model';
import { useBackend } from '@hbnn/train';
import { writeWhole } from '@hbnn/train/files';
import { synthesisTarget, synthesize, verify, verilogFiles } from '@hbnn/verilog';
import { saveRows } from '../results/storedRows.ts';
import { limitedYosys } from './circuits/counts.ts';
import { pixelsOf } from './classifier/images.ts';
import { integerClassifier } from './classifier/integers.ts';
import { type NamedClassifier, namedClassifiers } from './classifier/specs.ts';
import { trainClassifier } from './classifier/training.ts';

const { values } = scriptOptions(import.meta.url, {
  options: {
    data: { type: 'string', default: 'fashion-mnist' },
    from: { type: 'string' },
    only: { type: 'string', default: '' },
    epochs: { type: 'string' },
    seed: { type: 'string', default: '1' },
    yosys: { type: 'string', default: 'npm' },
    limit: { type: 'string', default: '3600' },
    json: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
  },
});
const seed = seedNumber(values.seed, '--seed');
const epochs = values.epochs === undefined ? undefined : positiveNumber(values.epochs, '--epochs');
const limit = positiveNumber(values.limit, '--limit');
const chosen = namedClassifiers.filter(({ name }) => name.includes(values.only));
if (chosen.length === 0)
  throw new HbnnError(
    `--only: expected a part of ${namedClassifiers.map(({ name }) => name).join(', ')}, got '${values.only}'; leave it out for all`,
  );
const data = await openDataset(values.data, {
  from: values.from,
  place: (option) => `--${option}`,
});
const yosys = limitedYosys(values.yosys, limit);

/** What was measured of a network. */
interface Row extends Omit<NamedClassifier, 'mixes'> {
  readonly mixes: readonly string[];
  readonly data: string;
  readonly seed: number;
  readonly trainImages: number;
  readonly testImages: number;
  /** Shares of images where the label's score alone is the largest, of the integer model. */
  readonly trainTop1: number;
  readonly top1: number;
  /** Weights of 1 bit or more, of all weights, and the average bits of all. */
  readonly weights: number;
  readonly members: number;
  readonly averageBits: number;
  /** Pixels that some weight reads. */
  readonly pixels: number;
  readonly luts: number;
  readonly sites: number;
  readonly flipFlops: number;
  readonly carry4: number;
  /** Tables on the longest way between registers. */
  readonly depth: number;
  readonly latencyCycles: number;
  /** LUTs of each layer by its module; `pixels` are their thresholds. */
  readonly lutsOfLayers: Readonly<Record<string, number>>;
  /** Images for which the circuit was found equal to the integer model, layer by layer. */
  readonly verifiedImages: number;
  readonly yosys: string;
}

/** Levels of gates between registers. */
const maxLevels = 8;

const cacheFolder = fileURLToPath(new URL('../../../.cache/classifier/', import.meta.url));
const sources = ['training.ts', 'integers.ts', 'images.ts'].map((file) =>
  readFileSync(new URL(`classifier/${file}`, import.meta.url), 'utf8'),
);

async function modelOf(spec: NamedClassifier, data: Dataset): Promise<CheckedModel> {
  const { name: _, ...trained } = spec;
  const key = [trained, data.label, data.train.count, seed, sources];
  const digest = createHash('sha256').update(JSON.stringify(key)).digest('hex');
  const file = join(cacheFolder, `${digest.slice(0, 16)}.hbnn`);
  if (existsSync(file)) return decodeModel(readFileSync(file));
  const meter = progressMeter(`training ${spec.name}:`);
  const images = await pixelsOf(data.train);
  const { classes } = data.test;
  const layers = await trainClassifier(
    { ...trained, seed },
    images,
    classes.length,
    (epoch, loss) => meter.update(epoch, spec.epochs, `loss ${loss.toFixed(3)}`),
  );
  meter.stop();
  const [height, width] = data.train.shape;
  const model = integerClassifier('classifier', [height, width, 1], spec.encoding, layers, classes);
  mkdirSync(cacheFolder, { recursive: true });
  writeWhole(file, [encodeModel(model)]);
  return model;
}

async function measure(spec: NamedClassifier, data: Dataset): Promise<Row> {
  const model = await modelOf(spec, data);
  const onTest = await evaluateModel(model, 'wasm', data.test, () => {});
  const onTrain = await evaluateModel(model, 'wasm', data.train, () => {});
  const design = unrolledDesign(model, { style: 'xc7', maxLevels });
  const files = verilogFiles(design);
  const { equal, images } = await verify(model, design, files, { images: 128, rounds: 1 });
  if (!equal) throw new HbnnError(`${spec.name}: hardware is not the model's`);
  const cost = await synthesize(files, design.top, synthesisTarget('xc7', noLibrary), {
    runner: yosys,
    runnerName: yosys.version,
  });
  return {
    ...spec,
    mixes: spec.mixes.map(({ fractions }) =>
      fractions.map(({ bits, fraction }) => `${bits}:${fraction}`).join('/'),
    ),
    data: data.label,
    seed,
    trainImages: onTrain.images,
    testImages: onTest.images,
    trainTop1: onTrain.top1,
    top1: onTest.top1,
    ...weightCounts(model),
    luts: cost.luts,
    sites: cost.sites ?? 0,
    flipFlops: cost.flipFlops,
    carry4: cost.cells.CARRY4 ?? 0,
    depth: cost.depth,
    latencyCycles: design.latencyCycles,
    lutsOfLayers: Object.fromEntries(cost.layers.map(({ layer, luts }) => [layer, luts])),
    verifiedImages: images,
    yosys: yosys.version,
  };
}

const noLibrary = (file: string): never => {
  throw new HbnnError(`${file}: expected no library of cells; synthesize for xc7`);
};

function weightCounts({ layers }: CheckedModel) {
  const bits = layers.flatMap((layer) =>
    layer.kind === 'dense' && layer.weights.kind === 'planes' ? [layer.weights.bits] : [],
  );
  const weights = bits.reduce((sum, each) => sum + each.length, 0);
  const members = bits.reduce((sum, each) => sum + each.filter((b) => b > 0).length, 0);
  const total = bits.reduce((sum, each) => sum + each.reduce((a, b) => a + b, 0), 0);
  const [pixelLayer] = layers;
  const pixels = pixelLayer.kind === 'threshold' ? pixelLayer.bits.filter((b) => b > 0).length : 0;
  return { weights, members, averageBits: Number((total / weights).toFixed(3)), pixels };
}

function print(row: Row): void {
  const { name, top1, luts, sites, flipFlops, depth, averageBits, latencyCycles } = row;
  console.log(
    `${name.padEnd(14)} ${(100 * top1).toFixed(2)} %  ${luts} LUTs (pixels ${row.lutsOfLayers.pixels}), ` +
      `${sites} sites, ${flipFlops} FF, depth ${depth}, ${latencyCycles} cycles, ${averageBits} bits on average`,
  );
}

await useBackend({ prefer: 'wasm' });
const rows: Row[] = [];
for (const spec of chosen) {
  const row = await measure(epochs === undefined ? spec : { ...spec, epochs }, data);
  rows.push(row);
  if (!values.json) print(row);
  // After each network: the next one takes minutes.
  if (values.save) saveRows('hardware', 'classifier', 'wasm', rows);
}
await yosys.close();
if (values.json) console.log(JSON.stringify(rows, null, 2));
