import { chosenName, HbnnError } from '@hbnn/core';
import type { CheckedModel } from '@hbnn/model';
import { Command } from 'commander';
import { compareWithFloat, type FloatComparison, type FloatParting } from '../compareFloat.ts';
import {
  type Comparison,
  compareExecutors,
  compareModels,
  type Executor,
  type Parting,
} from '../compareModels.ts';
import { engineNames, openEngine } from '../engines.ts';
import { isFloatNetwork } from '../floatNetwork.ts';
import { dataFor, imagesOfNetwork, imagesOfRun } from '../floatValues.ts';
import { readModelFile } from '../modelFile.ts';
import { readNpyFile } from '../npyFile.ts';
import { positiveDecimal, positiveNumber } from '../numbers.ts';
import { noteTo } from '../openData.ts';
import { numberText, type OutputOptions, printResult, quietFlag, tableText } from '../output.ts';
import { kindAt } from '../pathKind.ts';
import { somePixelsFrom } from '../pixels.ts';

interface Options extends OutputOptions {
  engines?: string;
  in?: string;
  data?: string;
  from?: string;
  testLimit?: string;
  tolerance?: string;
}

/** How far a layer may be from that of a float network, as a part of the deviation of its values. */
/** Lowered models were up to 0.1 off their run; a layer that is binarized and one that is not are further apart. */
const defaultTolerance = '0.2';

/** Test images that are compared where no number is given. */
const defaultImages = 100;

/** The two differ: not what was asked for, but no fault of hbnn. */
const differ = 3;

export function compareCommand(): Command {
  return new Command('compare')
    .description(
      'find the first layer and position where two models, engines or networks give different values',
    )
    .argument('<model>', 'model file')
    .argument(
      '[other]',
      'another model file for images of the same size; or what the model was made from: a run folder or a float network',
    )
    .option('--engines <two>', `in place of another model, two of ${engineNames.join(', ')}`)
    .option(
      '--in <file>',
      '.npy of pixels, whole numbers 0 to 255: [images, height, width, channels] or one image',
    )
    .option('--data <name>', 'in place of --in: test images of a data set')
    .option('--from <path>', 'local folder or archive of the data set')
    .option(
      '--test-limit <n>',
      `with --data: the number of test images (default: ${defaultImages})`,
    )
    .option(
      '--tolerance <share>',
      `with a run or float network: the largest error of a layer, relative to the standard deviation of its values (default: ${defaultTolerance})`,
    )
    .option('--json', 'print the result as JSON')
    .option(...quietFlag)
    .addHelpText(
      'after',
      `
If you give two models, the interpreter computes both, and each layer is compared.

If you give two engines, their scores are compared. If these differ, the network is cut off after each layer in turn, to
find the first layer that differs.

With a run or a float network, layers of the same name are compared. For this, the whole numbers of each channel are
scaled and shifted such that they are as close to the float values as possible.

Exit codes:
  3  there is a difference

Examples:
  hbnn compare m.hbnn n.hbnn --in images.npy
  hbnn compare m.hbnn --engines reference,wasm --data fashion-mnist-subset
  hbnn compare tuned.hbnn tuned`,
    )
    .action((model: string, other: string | undefined, o: Options) => run(model, other, o));
}

async function run(file: string, other: string | undefined, o: Options): Promise<void> {
  if ((other === undefined) === (o.engines === undefined))
    throw new HbnnError(
      `compare: expected either a second model or --engines, such as --engines reference,wasm, got ${other === undefined ? 'neither' : 'both'}; give one of them`,
    );
  if (trainedAt(file) !== undefined)
    throw new HbnnError(
      `compare: expected a model file first, got ${file}, which is ${isFloatNetwork(file) ? 'a float network' : 'a run folder'}; give the model first, as in hbnn compare m.hbnn ${file}`,
    );
  const engines = o.engines === undefined ? undefined : twoEngines(o.engines);
  const trained = other === undefined ? undefined : trainedAt(other);
  if (o.tolerance !== undefined && trained === undefined)
    throw new HbnnError(
      '--tolerance: has no effect between whole numbers, which are the same or not; it is for a float network or a run, or leave it out',
    );
  const tolerance = positiveDecimal(o.tolerance ?? defaultTolerance, '--tolerance', 'such as 0.1');
  const model = await readModelFile(file);
  if (other !== undefined && trained !== undefined) {
    const given = o.in === undefined ? undefined : await imagesFor(model, o);
    if (given === undefined && trained !== imagesOfRun) checkImages(o);
    const { pixels, layers } = await trained(other, model, given, imageOptions(o));
    reportFloat(
      { first: file, second: other },
      compareWithFloat(model, pixels, layers, tolerance),
      o,
    );
    return;
  }
  const second = other === undefined ? undefined : await readModelFile(other);
  const pixels = await imagesFor(model, o);
  if (second !== undefined) {
    report({ first: file, second: other }, compareModels(model, second, pixels), o);
    return;
  }
  const [first, last] = engines as readonly [string, string];
  const compared = await compareExecutors(model, [executor(first, o), executor(last, o)], pixels);
  report({ model: file, first, second: last }, compared, o);
}

/** What gives the values of a float network or a run; undefined for a model file. */
function trainedAt(path: string): typeof imagesOfNetwork | undefined {
  if (isFloatNetwork(path)) return imagesOfNetwork;
  return kindAt(path) === 'run folder' ? imagesOfRun : undefined;
}

function twoEngines(text: string): readonly [string, string] {
  const names = text.split(',').map((name) => chosenName(name.trim(), engineNames, '--engines'));
  const [first, second] = names;
  if (names.length !== 2 || first === second)
    throw new HbnnError(
      `--engines: expected two different engines, got '${text}'; write them as reference,wasm`,
    );
  return [first, second];
}

const executor =
  (name: string, o: OutputOptions): Executor =>
  async (model, pixels) => {
    const engine = await openEngine(name, model, noteTo(o));
    try {
      return engine.run(pixels);
    } finally {
      engine.dispose();
    }
  };

/** @throws HbnnError where images are given twice or not at all */
function checkImages(o: Options): void {
  if ((o.in === undefined) === (o.data === undefined))
    throw new HbnnError(
      `compare: expected images by either --in or --data, got ${o.in === undefined ? 'neither' : 'both'}; give one of them, such as --in images.npy`,
    );
}

const imageOptions = ({ data, from, testLimit, json, quiet }: Options) => ({
  data,
  from,
  json,
  quiet,
  testLimit: testLimit === undefined ? defaultImages : positiveNumber(testLimit, '--test-limit'),
});

async function imagesFor(model: CheckedModel, o: Options): Promise<Uint8Array> {
  checkImages(o);
  if (o.in !== undefined) {
    for (const name of ['from', 'testLimit'] as const)
      if (o[name] !== undefined)
        throw new HbnnError(
          `--${name === 'from' ? 'from' : 'test-limit'}: has no effect with --in; it is for --data, or leave it out`,
        );
    return somePixelsFrom(readNpyFile(o.in), model.input.shape, o.in);
  }
  return (await dataFor(model, imageOptions(o))).pixels;
}

function report(
  head: Readonly<Record<string, string | undefined>>,
  { equal, images, difference }: Comparison,
  o: OutputOptions,
): void {
  if (!equal) process.exitCode = differ;
  if (o.json) printResult({ ...head, equal, images, ...(!equal && { difference }) }, true);
  else printResult({ ...head, images, equal, ...(difference && partingText(difference)) });
}

function reportFloat(
  head: Readonly<Record<string, string>>,
  { equal, images, tolerance, layers, difference }: FloatComparison,
  o: OutputOptions,
): void {
  if (!equal) process.exitCode = differ;
  if (o.json) {
    const part = difference === undefined ? {} : { difference };
    printResult({ ...head, equal, images, tolerance, layers, ...part }, true);
    return;
  }
  printResult({
    ...head,
    images,
    equal: equal ? `yes, each layer within ${numberText(tolerance)}` : 'no',
    ...(difference && partingText(difference)),
  });
  process.stdout.write(`\n${tableText(layers.map((layer) => ({ ...layer })))}`);
}

/** The place at which two models part, with the values there. */
function partingText({
  first,
  second,
  differing,
  values,
  ...where
}: Parting | (Partial<Parting> & FloatParting)): object {
  return {
    ...where,
    'value in the first': first,
    'value in the second': second,
    differing: differing && `${numberText(differing)} of ${numberText(values ?? differing)} values`,
  };
}
