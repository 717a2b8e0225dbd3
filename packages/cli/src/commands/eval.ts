import { HbnnError } from '@hbnn/core';
import { openDataset } from '@hbnn/datasets';
import { Command } from 'commander';
import { backendFrom } from '../backend.ts';
import { defaultEngine, engineNames } from '../engines.ts';
import { evaluateModel } from '../evaluateModel.ts';
import { readModelFile } from '../modelFile.ts';
import { printResult } from '../output.ts';
import { progressMeter } from '../progress.ts';

interface Options {
  run?: string;
  model?: string;
  engine: string;
  data?: string;
  from?: string;
  backend: string;
  json?: boolean;
}

export function evalCommand(): Command {
  return new Command('eval')
    .description('measure a trained run, or an integer model, on test images')
    .option('--run <folder>', 'run folder of hbnn train')
    .option('--model <file>', 'integer model (hbnn lower) instead of a run; give --data')
    .option('--engine <name>', `of an integer model: ${engineNames.join(' or ')}`, defaultEngine)
    .option('--data <name>', 'another data set of the same image size and classes')
    .option('--from <path>', 'local folder or archive of the data set')
    .option('--backend <name>', 'auto, tensorflow, wasm or cpu', process.env.HBNN_BACKEND ?? 'auto')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExample (after the one of hbnn train):\n  hbnn eval --run runs/first')
    .action((o: Options) => run(o));
}

async function run(o: Options): Promise<void> {
  if ((o.run === undefined) === (o.model === undefined))
    throw new HbnnError('eval: expected either --run or --model; give one of them');
  if (o.model !== undefined) await runModel(o.model, o);
  else if (o.run !== undefined) await runTrained(o.run, o);
}

async function runModel(file: string, o: Options): Promise<void> {
  if (o.data === undefined)
    throw new HbnnError("eval: expected --data with --model; see 'hbnn datasets list'");
  const model = await readModelFile(file);
  const { test, label } = await openDataset(o.data, { from: o.from });
  const meter = progressMeter('testing');
  const accuracy = await evaluateModel(model, o.engine, test, (done) =>
    meter.update(done, test.count, 'images'),
  ).finally(() => meter.stop());
  printResult({ model: file, data: label, engine: o.engine, ...accuracy }, o.json);
}

async function runTrained(folder: string, o: Options): Promise<void> {
  const { evaluate, openRun, storedConfig } = await import('@hbnn/train');
  const config = storedConfig(folder);
  const backend = await backendFrom(o.backend);
  const data = o.data ?? config.data;
  const source = await openDataset(data, { ...config, from: o.from ?? config.from });
  const { model } = openRun(folder, source.train);
  const meter = progressMeter('testing');
  const { top1, top5, loss, images } = await evaluate(model, source.test, {
    onBatch: (done) => meter.update(done, source.test.count, 'images'),
  });
  meter.stop();
  model.dispose();
  printResult({ run: folder, data: source.label, backend, top1, top5, loss, images }, o.json);
}
