// The networks and images of the playgrounds: trained, lowered and drawn by the project's own commands. Run by hand
// (`pnpm --filter @hbnn/docs demo-models`, about five minutes); what it writes is committed, with where it is from.
// `--only NAME` (more than once: `--only NAME --only NAME`) trains the named networks and keeps all other files.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type BatchSource, encodeNpy, outputsFirst } from '@hbnn/core';
import { openDataset } from '@hbnn/datasets';
import { readTensorFile } from '@hbnn/train/files';
import sharp from 'sharp';

const root = fileURLToPath(new URL('../..', import.meta.url));
const models = join(root, 'docs', 'public', 'models');
const work = mkdtempSync(join(tmpdir(), 'hbnn-demo-'));

const shared = '--network alexnet-bn --epochs 20 --learning-rate 0.1 --seed 1';
const buildable = '--input-map static --input-map-per channel';
const settings = [
  { name: 'float', title: 'float', flags: '--weights float' },
  { name: 'bits-1', title: '1 bit', flags: `--weights 1 --inputs 1 ${buildable}` },
  { name: 'bits-1.4', title: '1.4 bits', flags: `--weights 1.4 --inputs 1.4 ${buildable}` },
  {
    name: 'bits-1.4-optimal',
    title: '1.4 bits, optimal',
    flags: `--weights 1.4 --select optimal --inputs 1.4 ${buildable}`,
  },
  { name: 'bits-2', title: '2 bits', flags: `--weights 2 --inputs 2 ${buildable}` },
];

function hbnn(args: string): string {
  const flags = ['--conditions=hbnn-source', '--import', 'tsx', 'packages/cli/src/main.ts'];
  console.log(`hbnn ${args}`);
  const ran = spawnSync(process.execPath, [...flags, ...args.split(' ').filter(Boolean)], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (ran.status !== 0) throw new Error(`hbnn ${args}: exit code ${ran.status}`);
  return ran.stdout;
}

const git = (...args: string[]): string =>
  spawnSync('git', args, { cwd: root, encoding: 'utf8' }).stdout.trim();

/** Train and lower one setting; what the page says of it. */
function trained({ name, title, flags }: (typeof settings)[number]): object {
  const run = join(work, name);
  const command = `train ${shared} ${flags}`.replaceAll(/ +/g, ' ').trim();
  const { top1, testImages } = JSON.parse(hbnn(`${command} --out ${run} --json`));
  const said = { name, title, command: `hbnn ${command}`, trainedTop1: top1, testImages };
  if (name === 'float') {
    const bytes = writeFloat(run);
    return { ...said, file: 'float.bin', bytes, top1 };
  }
  const file = join(work, `${name}.hbnn`);
  const { bytes, top1After } = JSON.parse(hbnn(`lower --run ${run} --out ${file} --json`));
  copyFileSync(file, join(models, `${name}.hbnn`));
  return { ...said, file: `${name}.hbnn`, bytes, top1: top1After };
}

/** The float network's weights in one file, in the order that float.json names; some layers as .npy for the page on bits. */
function writeFloat(run: string): number {
  const arrays = [...readTensorFile(join(run, 'weights.bin')).arrays.values()];
  const list = arrays.map(({ name, shape }) => ({ name, shape }));
  const bytes = Buffer.concat(
    arrays.map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength)),
  );
  writeFileSync(join(models, 'float.bin'), bytes);
  writeFileSync(join(models, 'float.json'), `${JSON.stringify(list)}\n`);
  mkdirSync(join(models, 'weights'), { recursive: true });
  for (const layer of ['conv2', 'conv3', 'conv4', 'dense6']) {
    const found = arrays.find(({ name }) => name === `${layer}/kernel`);
    if (!found) throw new Error(`${layer}/kernel: the network has ${arrays.map((a) => a.name)}`);
    const { data, shape } = outputsFirst({ data: found.data as Float32Array, shape: found.shape });
    writeFileSync(
      join(models, 'weights', `${layer}.npy`),
      encodeNpy({ data: data as Float32Array, shape: [...shape] }),
    );
  }
  return bytes.length;
}

/** The first images of each class in turn, side by side in one picture of a byte per pixel. */
async function writeSprite(source: BatchSource, file: string, perClass: number): Promise<number[]> {
  const [height, width] = source.shape;
  const columns = 20;
  const left = source.classes.map(() => perClass);
  const count = perClass * source.classes.length;
  const sheet = new Uint8Array(Math.ceil(count / columns) * height * columns * width);
  const labels: number[] = [];
  for await (const batch of source.batches({ batch: 100, shuffle: false, seed: 0, epoch: 0 })) {
    for (let i = 0; i < batch.count && labels.length < count; i++) {
      const label = batch.labels[i];
      if (left[label]-- <= 0) continue;
      const [row, column] = [Math.floor(labels.length / columns), labels.length % columns];
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++) {
          const value = batch.images[(i * height + y) * width + x];
          sheet[(row * height + y) * columns * width + column * width + x] = pixelOf(value, source);
        }
      labels.push(label);
    }
  }
  const raw = {
    width: columns * width,
    height: sheet.length / (columns * width),
    channels: 1 as const,
  };
  const png = await sharp(sheet, { raw })
    .toColourspace('b-w')
    .png({ compressionLevel: 9 })
    .toBuffer();
  writeFileSync(join(models, file), png);
  return labels;
}

/** The byte that a normalized value was made of. */
function pixelOf(value: number, { normalization }: BatchSource): number {
  if (!normalization) throw new Error('the data set does not say how its pixels were normalized');
  const { mean, deviation } = normalization;
  return Math.round(255 * (value * deviation[0] + mean[0]));
}

/** The images of both sheets, and what the page says of them. */
async function imageSheets(): Promise<object> {
  const { train, test } = await openDataset('fashion-mnist-subset', {});
  const testLabels = await writeSprite(test, 'test.png', 10);
  const trainLabels = await writeSprite(train, 'train.png', 100);
  return {
    data: 'Fashion-MNIST, embedded subset',
    classes: test.classes,
    normalization: test.normalization,
    testLabels: testLabels.join(''),
    trainLabels: trainLabels.join(''),
  };
}

type Stored = { readonly networks: readonly { readonly name: string }[] } & Readonly<Origin>;
/** Where networks were trained. */
type Origin = Record<'commit' | 'machine' | 'node', string>;

/** The file as it is, with the named networks trained anew. They say where they were trained, where it is elsewhere. */
function withTrained(stored: Stored, names: readonly string[], here: Origin): object {
  const differs = Object.entries(here).filter(
    ([key, value]) => stored[key as keyof Origin] !== value,
  );
  const networks = settings.flatMap((setting) => {
    if (names.includes(setting.name))
      return [{ ...trained(setting), ...Object.fromEntries(differs) }];
    return stored.networks.filter(({ name }) => name === setting.name);
  });
  return { ...stored, networks };
}

const { values } = parseArgs({ options: { only: { type: 'string', multiple: true } } });
for (const name of values.only ?? [])
  if (!settings.some((setting) => setting.name === name))
    throw new Error(
      `--only: expected one of ${settings.map((s) => s.name).join(', ')}, got ${name}`,
    );
mkdirSync(models, { recursive: true });
const listFile = join(models, 'models.json');
const here = { commit: git('rev-parse', 'HEAD'), machine: cpus()[0].model, node: process.version };
const about = values.only
  ? withTrained(JSON.parse(readFileSync(listFile, 'utf8')), values.only, here)
  : {
      ...(await imageSheets()),
      ...here,
      madeBy: 'pnpm --filter @hbnn/docs demo-models',
      networks: settings.map(trained),
    };
writeFileSync(listFile, `${JSON.stringify(about, undefined, 1)}\n`);
rmSync(work, { recursive: true });
console.log(readFileSync(listFile, 'utf8'));
