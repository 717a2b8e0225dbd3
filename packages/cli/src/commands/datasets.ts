import { datasets, fetchDataset } from '@hbnn/datasets';
import { Command } from 'commander';
import { Interruption, untilInterrupted } from '../interruption.ts';
import { placeAmong } from '../openData.ts';
import {
  commandName,
  type OutputOptions,
  printNext,
  printResult,
  quietFlag,
  shellWord,
  typedCommand,
} from '../output.ts';
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
  return command;
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
