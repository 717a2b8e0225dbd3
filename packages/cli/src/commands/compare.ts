import { chosenName, HbnnError } from '@hbnn/core';
import type { CheckedModel } from '@hbnn/model';
import { Command } from 'commander';
import {
  type Comparison,
  compareExecutors,
  compareModels,
  type Executor,
  type Parting,
} from '../compareModels.ts';
import { engineNames, openEngine } from '../engines.ts';
import { modelPixels } from '../evaluateModel.ts';
import { readModelFile } from '../modelFile.ts';
import { readNpyFile } from '../npyFile.ts';
import { positiveNumber } from '../numbers.ts';
import { noteTo, openData, placeAmong } from '../openData.ts';
import { numberText, type OutputOptions, printResult, quietFlag } from '../output.ts';
import { pixelsFrom } from '../pixels.ts';

interface Options extends OutputOptions {
  engines?: string;
  in?: string;
  data?: string;
  from?: string;
  testLimit?: string;
}

/** Test images that are compared where no number is given. */
const defaultImages = 100;

/** The two differ: not what was asked for, but no fault of hbnn. */
const differ = 3;

export function compareCommand(): Command {
  return new Command('compare')
    .description('find the first layer, place and values at which two models, or two engines, part')
    .argument('<model>', 'model file')
    .argument('[other]', 'another model file, of images of the same size')
    .option('--engines <two>', `in place of another model, two of ${engineNames.join(', ')}`)
    .option('--in <file>', '.npy of uint8: [images, height, width, channels] or one image')
    .option('--data <name>', 'in place of --in: test images of a data set')
    .option('--from <path>', 'local folder or archive of the data set')
    .option(
      '--test-limit <n>',
      `with --data: the number of test images (default: ${defaultImages})`,
    )
    .option('--json', 'print the result as JSON')
    .option(...quietFlag)
    .addHelpText(
      'after',
      '\nExit code 3 where they part. Two models are compared layer by layer as the interpreter computes them, two\nengines by their scores; where these differ, the network is cut behind each layer in turn to find the first.\n\nExamples:\n  hbnn compare m.hbnn n.hbnn --in images.npy\n  hbnn compare m.hbnn --engines reference,wasm --data fashion-mnist-subset',
    )
    .action((model: string, other: string | undefined, o: Options) => run(model, other, o));
}

async function run(file: string, other: string | undefined, o: Options): Promise<void> {
  if ((other === undefined) === (o.engines === undefined))
    throw new HbnnError(
      'compare: expected either a second model or --engines, such as --engines reference,wasm; give one of them',
    );
  const engines = o.engines === undefined ? undefined : twoEngines(o.engines);
  const model = await readModelFile(file);
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

async function imagesFor(model: CheckedModel, o: Options): Promise<Uint8Array> {
  if ((o.in === undefined) === (o.data === undefined))
    throw new HbnnError(
      'compare: expected images by either --in or --data; give one of them, such as --in images.npy',
    );
  if (o.in !== undefined) {
    for (const name of ['from', 'testLimit'] as const)
      if (o[name] !== undefined)
        throw new HbnnError(
          `--${name === 'from' ? 'from' : 'test-limit'}: has no effect with --in; it is for --data, or leave it out`,
        );
    return pixelsFrom(readNpyFile(o.in), model.input.shape, o.in);
  }
  const testLimit =
    o.testLimit === undefined ? defaultImages : positiveNumber(o.testLimit, '--test-limit');
  const place = placeAmong('--data', '--from', '--test-limit');
  const options = { from: o.from, testLimit, testOnly: true, size: model.input.shape[0] };
  const { test } = await openData(o.data ?? '', options, place, o);
  const parts: Uint8Array[] = [];
  for await (const { pixels } of modelPixels(model, test)) parts.push(pixels);
  return Buffer.concat(parts);
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

/** The place at which two models part, with the values there. */
function partingText({ first, second, differing, values, ...where }: Parting): object {
  return {
    ...where,
    'value in the first': first,
    'value in the second': second,
    differing: differing && `${numberText(differing)} of ${numberText(values ?? differing)} values`,
  };
}
