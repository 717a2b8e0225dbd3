import { HbnnError } from '@hbnn/core';
import { openDataset } from '@hbnn/datasets';
import { backendChoices } from '@hbnn/train/backends';
import { Command } from 'commander';
import { backendFrom } from '../backend.ts';
import { printResult } from '../output.ts';
import { progressMeter } from '../progress.ts';

interface Options {
  run: string;
  data?: string;
  from?: string;
  weights: string;
  backend: string;
  json?: boolean;
}

export function evalCommand(): Command {
  return new Command('eval')
    .description('measure a trained run on its test images')
    .requiredOption('--run <folder>', 'run folder of hbnn train')
    .option('--weights <which>', 'last: the end of the training; best: by validation', 'last')
    .option('--data <name>', 'another data set of the same image size and classes')
    .option('--from <path>', 'local folder or archive of the data set')
    .option('--backend <name>', backendChoices, process.env.HBNN_BACKEND ?? 'auto')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExample (after the one of hbnn train):\n  hbnn eval --run runs/first')
    .action((o: Options) => run(o));
}

async function run(o: Options): Promise<void> {
  const { evaluate, openRun, storedConfig } = await import('@hbnn/train');
  const config = storedConfig(o.run);
  const weights = weightsFrom(o.weights);
  const backend = await backendFrom(o.backend);
  const data = o.data ?? config.data;
  const source = await openDataset(data, {
    ...config,
    from: o.from ?? config.from,
    // Test images are as they are; a data set that augments by itself has nothing to refuse.
    augment: undefined,
  });
  const { model } = openRun(o.run, source.train, weights);
  const meter = progressMeter('testing');
  const { top1, top5, loss, images } = await evaluate(model, source.test, {
    onBatch: (done) => meter.update(done, source.test.count, 'images'),
  });
  meter.stop();
  model.dispose();
  printResult(
    { run: o.run, weights, data: source.label, backend, top1, top5, loss, images },
    o.json,
  );
}

function weightsFrom(text: string): 'last' | 'best' {
  if (text === 'last' || text === 'best') return text;
  throw new HbnnError(`--weights: expected last or best, got '${text}'`);
}
