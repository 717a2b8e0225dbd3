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
  backend: string;
  json?: boolean;
}

export function evalCommand(): Command {
  return new Command('eval')
    .description('measure a trained run on its test images')
    .requiredOption('--run <folder>', 'run folder of hbnn train')
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
  const backend = await backendFrom(o.backend);
  const data = o.data ?? config.data;
  const source = await openDataset(data, { ...config, from: o.from ?? config.from });
  const { model } = openRun(o.run, source.train);
  const meter = progressMeter('testing');
  const { top1, top5, loss, images } = await evaluate(model, source.test, {
    onBatch: (done) => meter.update(done, source.test.count, 'images'),
  });
  meter.stop();
  model.dispose();
  printResult({ run: o.run, data: source.label, backend, top1, top5, loss, images }, o.json);
}
