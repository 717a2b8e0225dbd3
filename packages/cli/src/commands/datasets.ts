import { join } from 'node:path';
import { datasets, fetchDataset, pngOf } from '@hbnn/datasets';
import { makeFolder, writeWhole } from '@hbnn/train/files';
import { Command } from 'commander';
import { pixelsOf } from '../evaluateModel.ts';
import { Interruption, untilInterrupted } from '../interruption.ts';
import { positiveNumber } from '../numbers.ts';
import { openData, placeAmong } from '../openData.ts';
import {
  commandName,
  type OutputOptions,
  printNext,
  printResult,
  quietFlag,
  shellWord,
  typedCommand,
} from '../output.ts';
import { checkNewOrEmpty } from '../pathKind.ts';
import { progressMeter } from '../progress.ts';

/** The data sets that are fetched. */
const fetched = Object.keys(datasets).filter((name) => datasets[name].fetch !== undefined);

export function datasetsCommand(): Command {
  const command = new Command('datasets')
    .description('list and fetch data sets')
    .addHelpText('after', '\nExample:\n  hbnn datasets list');
  command
    .command('list')
    .description('the data sets hbnn knows')
    .option('--json', 'print the result as JSON')
    .option(...quietFlag)
    .addHelpText('after', '\nExample:\n  hbnn datasets list')
    .action((o: OutputOptions) => list(o.json));
  command
    .command('fetch')
    .description('download a data set into the cache, or check a local copy')
    .argument('<name>', fetched.join(' or '))
    .option('--from <path>', 'a local folder or archive instead of a download')
    .option('--json', 'print the result as JSON')
    .option(...quietFlag)
    .addHelpText(
      'after',
      '\nExample:\n  hbnn datasets fetch fashion-mnist --from /usr/share/datasets/fashion-mnist',
    )
    .action((name: string, o: FetchOptions) => fetchOne(name, o));
  command
    .command('save')
    .description('save test images of a data set as pictures, in a folder for each class')
    .argument('<name>', 'a data set, as hbnn datasets list has them')
    .requiredOption('--out <folder>', 'a folder that is new or empty')
    .option('--count <n>', 'the number of images', '10')
    .option('--from <path>', 'local folder or archive of the data set')
    .option('--json', 'print the result as JSON')
    .option(...quietFlag)
    .addHelpText(
      'after',
      '\nExample:\n  hbnn datasets save fashion-mnist-subset --count 20 --out pictures',
    )
    .action((name: string, o: SaveOptions) => save(name, o));
  return command;
}

interface SaveOptions extends OutputOptions {
  readonly out: string;
  readonly count: string;
  readonly from?: string;
}

/** A folder's name for each class, no two alike: what file systems do not take becomes a dash. */
function folderNames(classes: readonly string[]): string[] {
  const taken = new Set<string>();
  return classes.map((name) => {
    const plain = name.replaceAll(/[^\p{L}\p{M}\p{N}_ -]+/gu, '-').trim() || '-';
    let folder = plain;
    // Some file systems do not tell capitals apart.
    for (let n = 2; taken.has(folder.toLowerCase()); n++) folder = `${plain}-${n}`;
    taken.add(folder.toLowerCase());
    return folder;
  });
}

async function save(name: string, o: SaveOptions): Promise<void> {
  const count = positiveNumber(o.count, '--count');
  checkNewOrEmpty(`--out ${o.out}`, o.out, 'choose another');
  const options = { from: o.from, testLimit: count, testOnly: true };
  const place = placeAmong('--from');
  const { test } = await openData(
    name,
    options,
    (option) => (option === 'data' ? 'datasets save' : place(option)),
    o,
  );
  const size = test.shape.reduce((product, n) => product * n, 1);
  const folders = folderNames(test.classes);
  const files: string[] = [];
  const all = test.batches({ batch: 50, shuffle: false, seed: 0, epoch: 0 });
  for await (const { images, labels, count: found } of all) {
    const pixels = pixelsOf(images, test);
    for (let i = 0; i < found; i++) {
      const folder = join(o.out, folders[labels[i]]);
      makeFolder(folder);
      const file = join(folder, `${String(files.length).padStart(5, '0')}.png`);
      writeWhole(file, [await pngOf(pixels.subarray(i * size, (i + 1) * size), test.shape)]);
      files.push(file);
    }
  }
  printResult({ data: test.name, images: files.length, first: files[0], folder: o.out }, o.json);
}

function list(json?: boolean): void {
  const rows = Object.entries(datasets).map(([name, { about, size, ready }]) => ({
    name,
    about,
    size,
    ready: ready(),
  }));
  if (json) printResult({ datasets: rows }, true);
  else
    printResult(
      Object.fromEntries(
        rows.map((r) => [r.name, `${r.about} (${r.size})${r.ready ? ' [ready]' : ''}`]),
      ),
    );
}

interface FetchOptions extends OutputOptions {
  readonly from?: string;
}

async function fetchOne(name: string, o: FetchOptions): Promise<void> {
  const meter = progressMeter(name, o);
  const fetching = untilInterrupted(() =>
    fetchDataset(name, {
      from: o.from,
      place: placeAmong('--from'),
      onProgress: (text, done, total) => meter.update(done, total ?? done, text),
    }),
  );
  const ready = await fetching
    .catch((error) => {
      if (!(error instanceof Interruption)) throw error;
      // What has come lies beside its place, and the next try continues there.
      throw new Interruption(error.signal, typedCommand(), 'what has come, beside its place');
    })
    .finally(() => meter.stop());
  printResult({ name, ready }, o.json);
  const from = o.from === undefined ? '' : ` --from ${shellWord(o.from)}`;
  printNext([`${commandName()} train --data ${name}${from}`], o);
}
