import { HbnnError } from '@hbnn/core';
import { backendChoices } from '@hbnn/train/backends';
import { Command } from 'commander';
import { backendFrom } from '../backend.ts';
import { defaultEngine, engineNames, openEngine, openRtl } from '../engines.ts';
import { evaluateModel } from '../evaluateModel.ts';
import { readModelWithSize } from '../modelFile.ts';
import { modelSizes } from '../modelSizes.ts';
import { wholeNumber } from '../numbers.ts';
import { openData } from '../openData.ts';
import { printResult } from '../output.ts';
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
}

export function evalCommand(): Command {
  return new Command('eval')
    .description('measure a trained run, or an integer model, on test images')
    .option('--run <folder>', 'run folder of hbnn train')
    .option('--model <file>', 'integer model (hbnn lower) instead of a run; give --data')
    .option('--engine <name>', `of an integer model: ${engineNames.join(' or ')}`, defaultEngine)
    .option('--rtl <folder>', 'with --engine verilog: the Verilog of this folder (hbnn verilog)')
    .option(
      '--weights <which>',
      'of a run, last: the end of the training; best: by validation',
      'last',
    )
    .option('--data <name>', 'another data set of the same image size and classes')
    .option('--from <path>', 'local folder or archive of the data set')
    .option('--test-limit <n>', 'measure so many test images, stratified; default all')
    .option('--skip-bad-images', 'leave out images of a folder that cannot be read')
    .option('--backend <name>', backendChoices, process.env.HBNN_BACKEND ?? 'auto')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExample (after the one of hbnn train):\n  hbnn eval --run runs/first')
    .action((o: Options) => run(o));
}

async function run(o: Options): Promise<void> {
  if ((o.run === undefined) === (o.model === undefined))
    throw new HbnnError('eval: expected either --run or --model; give one of them');
  if (o.model !== undefined) await runModel(o.model, o);
  else if (o.rtl !== undefined) throw new HbnnError('--rtl: expected --model beside it');
  else if (o.run !== undefined) await runTrained(o.run, o);
}

async function runModel(file: string, o: Options): Promise<void> {
  if (o.rtl !== undefined && o.engine !== 'verilog')
    throw new HbnnError(`--rtl: expected --engine verilog beside it, got --engine ${o.engine}`);
  if (o.data === undefined)
    throw new HbnnError("eval: expected --data with --model; see 'hbnn datasets list'");
  const { model, bytes } = await readModelWithSize(file);
  const { test, label } = await openData(o.data, {
    from: o.from,
    testLimit: testLimit(o),
    testOnly: true,
    skipBadImages: o.skipBadImages,
    // Images come in the size that the model takes, where a data set has a choice.
    size: model.input.shape[0],
  });
  const engine =
    o.rtl === undefined ? await openEngine(o.engine, model) : await openRtl(o.rtl, model);
  const meter = progressMeter('testing');
  const accuracy = await evaluateModel(model, engine, test, (done) =>
    meter.update(done, test.count, 'images'),
  ).finally(() => meter.stop());
  printResult(
    { model: file, data: label, engine: o.engine, ...accuracy, ...modelSizes(model, bytes) },
    o.json,
  );
}

async function runTrained(folder: string, o: Options): Promise<void> {
  const { evaluate, openRun, storedConfig } = await import('@hbnn/train');
  const config = storedConfig(folder);
  const weights = weightsFrom(o.weights);
  const backend = await backendFrom(o.backend);
  const data = o.data ?? config.data;
  const source = await openData(data, {
    ...config,
    testOnly: true,
    skipBadImages: o.skipBadImages ?? config.skipBadImages,
    from: o.from ?? config.from,
    testLimit: testLimit(o) ?? config.testLimit,
    // Test images are as they are; a data set that augments by itself has nothing to refuse.
    augment: undefined,
  });
  const { model } = openRun(folder, source.train, weights);
  const meter = progressMeter('testing');
  const { top1, top5, loss, images } = await evaluate(model, source.test, {
    onBatch: (done) => meter.update(done, source.test.count, 'images'),
  });
  meter.stop();
  model.dispose();
  printResult(
    { run: folder, weights, data: source.label, backend, top1, top5, loss, images },
    o.json,
  );
}

function testLimit(o: Options): number | undefined {
  if (o.testLimit === undefined) return undefined;
  const limit = wholeNumber(o.testLimit, '--test-limit');
  if (limit >= 1) return limit;
  throw new HbnnError(`--test-limit: expected at least 1, got ${limit}`);
}

function weightsFrom(text: string): 'last' | 'best' {
  if (text === 'last' || text === 'best') return text;
  throw new HbnnError(`--weights: expected last or best, got '${text}'`);
}
