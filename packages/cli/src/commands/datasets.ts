import { datasets, fetchDataset } from '@hbnn/datasets';
import { Command } from 'commander';
import { printResult } from '../output.ts';
import { progressMeter } from '../progress.ts';

export function datasetsCommand(): Command {
  const command = new Command('datasets')
    .description('list and fetch data sets')
    .addHelpText('after', '\nExample:\n  hbnn datasets list');
  command
    .command('list')
    .description('the data sets hbnn knows')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExample:\n  hbnn datasets list')
    .action((o: { json?: boolean }) => list(o.json));
  command
    .command('fetch')
    .description('download a data set into the cache, or check a local copy')
    .argument('<name>', 'fashion-mnist or cifar10')
    .option('--from <path>', 'a local folder or archive instead of a download')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nExample:\n  hbnn datasets fetch fashion-mnist --from /usr/share/datasets/fashion-mnist',
    )
    .action((name: string, o: { from?: string; json?: boolean }) => fetchOne(name, o));
  return command;
}

function list(json?: boolean): void {
  const rows = Object.entries(datasets).map(([name, { about, size, ready }]) => ({
    ...{ name, about, size },
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

async function fetchOne(name: string, o: { from?: string; json?: boolean }): Promise<void> {
  const meter = progressMeter(name);
  try {
    const ready = await fetchDataset(name, {
      from: o.from,
      onProgress: (text, done, total) => meter.update(done, total ?? done, text),
    });
    printResult({ name, ready }, o.json);
  } finally {
    meter.stop();
  }
}
