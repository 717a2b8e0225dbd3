import { chosenName, HbnnError } from '@hbnn/core';
import { type Dataset, datasets } from '@hbnn/datasets';
import type { CheckedModel } from '@hbnn/model';
import { backendChoices } from '@hbnn/train/backends';
import { Command } from 'commander';
import { backendFrom } from '../backend.ts';
import { defaultEngine, engineNames, openEngine, openRtl } from '../engines.ts';
import { evaluateModel } from '../evaluateModel.ts';
import { openTrained } from '../fineTuned.ts';
import { untilInterrupted } from '../interruption.ts';
import { readModelWithSize } from '../modelFile.ts';
import { modelSizes } from '../modelSizes.ts';
import { canLower, lowerLine, modelEstimateLine, verilogLine } from '../nextSteps.ts';
import { wholeNumber } from '../numbers.ts';
import { noteTo, openData, placeAmong } from '../openData.ts';
import {
  numberText,
  type OutputOptions,
  percentText,
  printNext,
  printResult,
  quietFlag,
} from '../output.ts';
import { checkRunFolder } from '../pathKind.ts';
import { progressMeter } from '../progress.ts';

interface Options {
  run?: string;
  model?: string;
  engine: string;
  rtl?: string;
  data?: string;
  from?: string;
  testLimit?: string;
  skipBadImages?: boolean;
  weights: string;
  backend: string;
  json?: boolean;
  quiet?: boolean;
}

/** Flags that say how data is opened. */
const dataFlags = placeAmong('--data', '--from', '--test-limit', '--skip-bad-images');

export function evalCommand(): Command {
  return new Command('eval')
    .description('measure the accuracy of a trained network or an integer model on test images')
    .option('--run <folder>', 'folder of hbnn train, hbnn fine-tune or hbnn quantize')
    .option('--model <file>', 'integer model (hbnn lower) instead of a run')
    .option('--engine <name>', `with --model: ${engineNames.join(' or ')}`, defaultEngine)
    .option('--rtl <folder>', 'with --engine verilog: the Verilog of this folder (hbnn verilog)')
    .option(
      '--weights <which>',
      'with --run: last, the end of the training; best, the epoch with the best validation',
      'last',
    )
    .option(
      '--data <name>',
      'a data set with images of the same size and the same classes (default: that of the training; for a model, one that fits)',
    )
    .option('--from <path>', 'local folder or archive of the data set')
    .option('--test-limit <n>', 'use only n test images; classes keep their shares (default: all)')
    .option('--skip-bad-images', 'with --data folder: leave out images that cannot be read')
    .option('--backend <name>', backendChoices, process.env.HBNN_BACKEND ?? 'auto')
    .option('--json', 'print the result as JSON')
    .option(...quietFlag)
    .addHelpText(
      'after',
      '\nExample (after the example of hbnn train):\n  hbnn eval --run runs/first',
    )
    .action((o: Options, command: Command) => untilInterrupted(() => run(o, command)));
}

async function run(o: Options, command: Command): Promise<void> {
  if ((o.run === undefined) === (o.model === undefined))
    throw new HbnnError(
      `eval: expected either --run or --model, got ${o.run === undefined ? 'neither' : 'both'}; give one of them`,
    );
  if (o.model !== undefined) await runModel(o.model, o);
  else if (o.rtl !== undefined)
    throw new HbnnError('--rtl: expected --model beside it; give --model in place of --run');
  else if (command.getOptionValueSource('engine') === 'cli')
    throw new HbnnError(
      '--engine: has no effect with --run, which TensorFlow.js computes; give --model, or leave it out',
    );
  else if (o.run !== undefined) await runTrained(o.run, o);
}

async function runModel(file: string, o: Options): Promise<void> {
  if (o.rtl !== undefined && o.engine !== 'verilog')
    throw new HbnnError(
      `--rtl: expected --engine verilog beside it, got --engine ${o.engine}; add --engine verilog or leave --rtl out`,
    );
  chosenName(o.engine, engineNames, '--engine');
  const limit = testLimit(o);
  const { model, bytes } = await readModelWithSize(file);
  const options = {
    from: o.from,
    testLimit: limit,
    testOnly: true,
    skipBadImages: o.skipBadImages,
    // Images come in the size that the model takes, where a data set has a choice.
    size: [model.input.shape[0], model.input.shape[1]] as const,
  };
  const { test, label } =
    o.data === undefined
      ? await fittingDataset(file, model, options, o)
      : await openData(o.data, options, dataFlags, o);
  const engine =
    o.rtl === undefined
      ? await openEngine(o.engine, model, noteTo(o))
      : await openRtl(o.rtl, model);
  const meter = progressMeter('testing', o);
  const accuracy = await evaluateModel(model, engine, test, (done) =>
    meter.update(done, test.count, 'images'),
  ).finally(() => meter.stop());
  const sizes = modelSizes(model, bytes);
  if (o.json) {
    printResult({ model: file, data: label, engine: o.engine, ...accuracy, ...sizes }, true);
    return;
  }
  printResult({
    model: file,
    data: label,
    engine: o.engine,
    ...accuracyLines(accuracy, test.classes.length),
    size: `${numberText(bytes)} bytes, ${numberText(sizes.bitsPerWeight)} bits for each of ${numberText(sizes.weights)} weights`,
  });
  printNext([verilogLine(model, file), modelEstimateLine(model, file)], o);
}

/** What is said of an accuracy: of few classes, the best five say nothing. */
const accuracyLines = (
  { top1, top5, images }: { readonly top1: number; readonly top5: number; readonly images: number },
  classes: number,
): Record<string, string | undefined> => ({
  'test accuracy': `${percentText(top1)} of ${numberText(images)} images`,
  'among the best 5': classes > 5 ? percentText(top5) : undefined,
});

/** The first data set at hand whose images and classes are the model's. */
async function fittingDataset(
  file: string,
  { classes, input }: CheckedModel,
  options: Parameters<typeof openData>[1],
  output: OutputOptions,
): Promise<Dataset> {
  if (options.from !== undefined)
    throw new HbnnError('--from: has no effect without --data; name the data set');
  for (const [name, { ready }] of Object.entries(datasets)) {
    if (!ready()) continue;
    const dataset = await openData(
      name,
      { testOnly: true, testLimit: options.testLimit },
      dataFlags,
      output,
    );
    const { test } = dataset;
    if (test.shape.join() === input.shape.join() && test.classes.join() === classes.join())
      return dataset;
  }
  throw new HbnnError(
    `${file}: expected a data set by --data, as none at hand has its images of ${input.shape.join('×')} in these ${classes.length} classes; see 'hbnn datasets list'`,
  );
}

async function runTrained(folder: string, o: Options): Promise<void> {
  checkRunFolder(folder, `give it as --model ${folder}`);
  const { evaluate } = await import('@hbnn/train');
  const weights = chosenName(o.weights, ['last', 'best'] as const, '--weights');
  const opener = await openTrained(folder, weights);
  const { config } = opener;
  const data = o.data ?? config.data;
  const options = {
    ...config,
    testOnly: true,
    skipBadImages: o.skipBadImages ?? config.skipBadImages,
    from: o.from ?? config.from,
    testLimit: testLimit(o) ?? config.testLimit,
    // Test images are as they are; a data set that augments by itself has nothing to refuse.
    augment: undefined,
  };
  const dataset = await openData(data, options, dataFlags, o);
  const backend = await backendFrom(o.backend, o);
  const { model, test } = await opener.open(dataset);
  backend.announce();
  const meter = progressMeter('testing', o);
  const { top1, top5, loss, images } = await evaluate(model, test, {
    onBatch: (done) => meter.update(done, test.count, 'images'),
  }).finally(() => meter.stop());
  model.dispose();
  const head = { run: folder, weights, data: dataset.label, backend: backend.name };
  if (o.json) {
    printResult({ ...head, top1, top5, loss, images }, true);
    return;
  }
  printResult({
    ...head,
    ...accuracyLines({ top1, top5, images }, test.classes.length),
    'test loss': loss,
  });
  printNext(canLower(config) ? [lowerLine(folder)] : [], o);
}

function testLimit(o: Options): number | undefined {
  if (o.testLimit === undefined) return undefined;
  const limit = wholeNumber(o.testLimit, '--test-limit');
  if (limit >= 1) return limit;
  throw new HbnnError(
    `--test-limit: expected at least 1, got ${limit}; give 1 or more, or leave it out for all`,
  );
}
