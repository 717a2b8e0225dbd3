import { backendChoice } from '@hbnn/train/backends';
import { Command } from 'commander';
import { printResult, quietFlag } from '../output.ts';
import { ownVersion } from './ownVersion.ts';

export function versionCommand(): Command {
  return new Command('version')
    .description('print the versions of hbnn and Node, and the backend that trainings use')
    .option('--json', 'print the result as JSON')
    .option(...quietFlag)
    .addHelpText('after', '\nExample:\n  hbnn version')
    .action((o: { json?: boolean }) => run(o.json));
}

async function run(json?: boolean): Promise<void> {
  const prefer = backendChoice(process.env.HBNN_BACKEND ?? 'auto', 'HBNN_BACKEND');
  const { useBackend } = await import('@hbnn/train');
  const { name, why } = await useBackend({ prefer });
  const { platform, arch, version: node } = process;
  if (json) {
    printResult({ version: ownVersion, node, platform, arch, backend: name }, true);
    return;
  }
  printResult({ hbnn: ownVersion, node: `${node} (${platform} ${arch})`, backend: why });
}
