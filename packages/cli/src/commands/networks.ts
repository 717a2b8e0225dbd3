import { Command } from 'commander';
import { decimal } from '../numbers.ts';
import { printResult, quietFlag, tableText } from '../output.ts';

export function networksCommand(): Command {
  return new Command('networks')
    .description('list the networks with their parameters and multiply-accumulates per image')
    .option(
      '--width-multiplier <x>',
      'count the networks with their channels multiplied by x; leaves out fcn4 (default: 1)',
    )
    .option('--json', 'print the result as JSON, layer by layer')
    .option(...quietFlag)
    .addHelpText('after', '\nExample:\n  hbnn networks')
    .action(run);
}

interface Options {
  widthMultiplier?: string;
  json?: boolean;
}

async function run({ widthMultiplier: typed, json }: Options): Promise<void> {
  const { countNetwork, networkNames, networks, runConfig, takesWidthMultiplier, useBackend } =
    await import('@hbnn/train');
  const flag = '--width-multiplier';
  const { widthMultiplier } = runConfig(
    {
      network: 'alexnet-bn',
      widthMultiplier: typed === undefined ? undefined : decimal(typed, flag),
    },
    () => flag,
  );
  const names = networkNames.filter(
    (name) => widthMultiplier === undefined || takesWidthMultiplier(name),
  );
  // Nothing is computed: the networks are only built and counted.
  await useBackend({ prefer: 'cpu' });
  const rows = names.map((name) => {
    const { title, input, classes, build } = networks[name];
    const model = build({ input, classes, precision: {}, widthMultiplier });
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
