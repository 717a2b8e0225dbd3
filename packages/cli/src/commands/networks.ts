import { Command } from 'commander';
import { printResult, quietFlag, tableText } from '../output.ts';

export function networksCommand(): Command {
  return new Command('networks')
    .description('list the networks with their parameters and multiply-accumulates per image')
    .option('--json', 'print the result as JSON, layer by layer')
    .option(...quietFlag)
    .addHelpText('after', '\nExample:\n  hbnn networks')
    .action((o: { json?: boolean }) => run(o.json));
}

async function run(json?: boolean): Promise<void> {
  const { countNetwork, networks, useBackend } = await import('@hbnn/train');
  // Nothing is computed: the networks are only built and counted.
  await useBackend({ prefer: 'cpu' });
  const rows = Object.entries(networks).map(([name, { title, input, classes, build }]) => {
    const model = build({ input, classes, precision: {} });
    const counts = countNetwork(model);
    model.dispose();
    return { name, title, input, classes, ...counts };
  });
  if (json) return printResult({ networks: rows }, true);
  const lines = rows.map(({ name, title, input, parameters, macs }) => ({
    network: name,
    images: input.join('×'),
    'trained parameters': parameters,
    macs,
    about: title,
  }));
  process.stdout.write(tableText(lines));
}
