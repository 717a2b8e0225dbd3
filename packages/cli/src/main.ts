#!/usr/bin/env node
import { HbnnError } from '@hbnn/core';
import { Command, CommanderError } from 'commander';
import { binarizeCommand } from './commands/binarize.ts';
import { compareSettingsCommand } from './commands/compareSettings.ts';
import { datasetsCommand } from './commands/datasets.ts';
import { dumpCommand } from './commands/dump.ts';
import { estimateCommand } from './commands/estimate.ts';
import { evalCommand } from './commands/eval.ts';
import { lowerCommand } from './commands/lower.ts';
import { networksCommand } from './commands/networks.ts';
import { plotCommand } from './commands/plot.ts';
import { randomCommand } from './commands/random.ts';
import { runCommand } from './commands/run.ts';
import { synthCommand } from './commands/synth.ts';
import { trainCommand } from './commands/train.ts';
import { verifyCommand } from './commands/verify.ts';
import { verilogCommand } from './commands/verilog.ts';

const badInput = 2;
const bug = 1;

const commands = (): Command[] => [
  binarizeCommand(),
  trainCommand(),
  evalCommand(),
  plotCommand(),
  compareSettingsCommand(),
  lowerCommand(),
  runCommand(),
  randomCommand(),
  dumpCommand(),
  verilogCommand(),
  verifyCommand(),
  synthCommand(),
  estimateCommand(),
  networksCommand(),
  datasetsCommand(),
];

function program(): Command {
  const hbnn = new Command('hbnn')
    .description('Heterogeneous bitwidth binarization of neural networks')
    .showHelpAfterError(false)
    .addHelpText(
      'after',
      `
Examples:
  hbnn binarize --in weights.npy --average 1.4 --out binarized
  hbnn train --weights 1.4 --epochs 2 --out runs/first
  hbnn eval --run runs/first
  hbnn plot --run runs/first --out first.html
  hbnn datasets list

Every command takes --json (machine-readable result on stdout; progress goes to stderr).
Exit codes: 0 done, 1 a fault in hbnn, 2 the input or a file it names is at fault, 3 hbnn verify found a difference.`,
    );
  for (const command of commands()) {
    hbnn.addCommand(command);
  }
  for (const command of [hbnn, ...hbnn.commands, ...hbnn.commands.flatMap((c) => c.commands)]) {
    command.exitOverride().configureOutput({ outputError: () => {} });
  }
  return hbnn;
}

/** One line for what the user can mend; a stack for what we must. */
function report(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    if (error.code === 'commander.help') return badInput;
    const text = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
    process.stderr.write(`hbnn: ${text}; see 'hbnn --help'\n`);
    return badInput;
  }
  if (error instanceof HbnnError) {
    process.stderr.write(`hbnn: ${error.message.replaceAll('\n', ' ')}\n`);
    return badInput;
  }
  process.stderr.write(`hbnn: fault in hbnn itself, please report it\n${(error as Error).stack}\n`);
  return bug;
}

// A reader that closes early (`hbnn … | head`) is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  process.stderr.write(`hbnn: the result could not be printed: ${error.message}\n`);
  process.exit(badInput);
});

try {
  await program().parseAsync(process.argv);
} catch (error) {
  process.exitCode = report(error);
}
