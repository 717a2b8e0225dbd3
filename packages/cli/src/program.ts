import { suggestion } from '@hbnn/core';
import { Command, type CommanderError, type Help, type Option } from 'commander';
import { binarizeCommand } from './commands/binarize.ts';
import { compareCommand } from './commands/compare.ts';
import { compareSettingsCommand } from './commands/compareSettings.ts';
import { completionCommand } from './commands/completion.ts';
import { datasetsCommand } from './commands/datasets.ts';
import { dumpCommand } from './commands/dump.ts';
import { estimateCommand } from './commands/estimate.ts';
import { evalCommand } from './commands/eval.ts';
import { exportCommand } from './commands/export.ts';
import { fineTuneCommand } from './commands/fineTune.ts';
import { importCommand } from './commands/import.ts';
import { initCommand } from './commands/init.ts';
import { inspectCommand } from './commands/inspect.ts';
import { lowerCommand } from './commands/lower.ts';
import { networksCommand } from './commands/networks.ts';
import { plotCommand } from './commands/plot.ts';
import { quantizeCommand } from './commands/quantize.ts';
import { randomCommand } from './commands/random.ts';
import { runCommand } from './commands/run.ts';
import { sweepCommand } from './commands/sweep.ts';
import { synthCommand } from './commands/synth.ts';
import { trainCommand } from './commands/train.ts';
import { verifyCommand } from './commands/verify.ts';
import { verifyResultsCommand } from './commands/verifyResults.ts';
import { verilogCommand } from './commands/verilog.ts';
import { versionCommand } from './commands/version.ts';
import { optionSuggestion, withTypedFile } from './likelyOptions.ts';
import { type OutputOptions, quietFlag } from './output.ts';
import { UsageError } from './usageError.ts';
import { wrapProse } from './wrapProse.ts';

/** The commands under the headings of the help. */
const groups = (): readonly [heading: string, commands: readonly Command[]][] => [
  ['A project:', [initCommand()]],
  ['Bits of a tensor:', [binarizeCommand()]],
  [
    'Training:',
    [
      trainCommand(),
      compareSettingsCommand(),
      sweepCommand(),
      verifyResultsCommand(),
      evalCommand(),
      plotCommand(),
      networksCommand(),
    ],
  ],
  ['Networks of your own:', [importCommand(), quantizeCommand(), fineTuneCommand()]],
  [
    'Integer models:',
    [
      lowerCommand(),
      runCommand(),
      inspectCommand(),
      compareCommand(),
      exportCommand(),
      randomCommand(),
      dumpCommand(),
    ],
  ],
  ['Hardware:', [verilogCommand(), verifyCommand(), synthCommand(), estimateCommand()]],
  ['Data:', [datasetsCommand()]],
  ['About hbnn:', [helpCommand(), versionCommand(), completionCommand()]],
];

/** A command's name with those above it: `hbnn datasets fetch`. */
function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

const within = (command: Command): Command[] => [command, ...command.commands.flatMap(within)];

/** The whole command. */
export function program(): Command {
  const hbnn = new Command('hbnn')
    .description('Heterogeneous bitwidth binarization of neural networks')
    .option('--json', 'as with every command: print the result, or the error, as JSON')
    .option(...quietFlag)
    .option('-v, --version', 'print the versions of hbnn and Node, and the backend')
    .helpCommand(false)
    .addHelpText(
      'after',
      `
Examples:
  hbnn random --tensor 64,3,3,32 --out weights.npy
  hbnn binarize weights.npy --average 1.4 --out binarized
  hbnn train --weights 1.4 --epochs 2 --out runs/first
  hbnn eval --run runs/first
  hbnn plot --run runs/first --out first.html

Results are printed to stdout, and progress to stderr. --quiet leaves progress out. With --json the result is one line of
JSON; an error is {"error": "…"}. The variables NO_COLOR and FORCE_COLOR turn colors off and on.

Exit codes:
  0           the command did its work
  1           a fault in hbnn itself
  2           the input, or a file that it names, has a fault; the error says which
  3           hbnn verify, hbnn verify-results or hbnn compare found a difference
  4           hbnn verify --proof found no difference, but could not prove every part
  5           hbnn sweep ended, but some of its trainings failed
  130 or 143  stopped by Ctrl-C (SIGINT), or by SIGTERM`,
    );
  for (const [heading, commands] of groups())
    for (const command of commands) hbnn.addCommand(command.helpGroup(heading));
  for (const command of within(hbnn)) settle(command);
  return hbnn.hook('preAction', (_, action) => passDown(action));
}

/** What all commands have in common. */
function settle(command: Command): void {
  command
    .enablePositionalOptions()
    .showHelpAfterError(false)
    .configureHelp({ optionDescription: describeOption, styleTitle })
    .configureOutput({
      outputError: () => {},
      writeOut: writeHelp,
      // Help that is printed because nothing was asked for is what was asked for.
      writeErr: writeHelp,
    })
    .exitOverride((error) => {
      const told = withArguments(withTypedFile(optionSuggestion(error, command), command), command);
      throw new UsageError(told, pathOf(command));
    });
}

/** As wide as the terminal, up to 100 characters; 80 where there is none, as commander writes options. */
function writeHelp(text: string): void {
  process.stdout.write(wrapProse(text, Math.min(process.stdout.columns ?? 80, 100)));
}

/** `hbnn --json train …` is `hbnn train … --json`, and `--quiet` alike. */
function passDown(action: Command): void {
  for (let above = action.parent; above !== null; above = above.parent)
    for (const name of ['json', 'quiet'] as const)
      if (above.opts<OutputOptions>()[name] === true) action.setOptionValue(name, true);
}

/** An argument that is missing is named with what it may be. */
function withArguments(error: CommanderError, command: Command): CommanderError {
  const name = /^error: missing required argument '(.*)'$/.exec(error.message)?.[1];
  const about = command.registeredArguments.find((one) => one.name() === name)?.description;
  if (about) error.message += `: ${about}`;
  return error;
}

const bold = (text: string): string => `\u001b[1m${text}\u001b[22m`;

/** Commander leaves styles out where there are no colors to be. */
const styleTitle = bold;

/** An option's description with its default in one form: (default: 20). */
function describeOption(this: Help, option: Option): string {
  const { description, defaultValue, defaultValueDescription, argChoices } = option;
  const choices = argChoices === undefined ? '' : `: ${argChoices.join(', ')}`;
  const value = defaultValueDescription ?? defaultValue;
  const shown = value === undefined || typeof value === 'boolean' ? '' : ` (default: ${value})`;
  return `${description}${choices}${shown}`;
}

function helpCommand(): Command {
  return new Command('help')
    .description('print the help of hbnn or of a command')
    .argument('[command...]', 'a command, such as train or datasets fetch')
    .option('--json', 'print an error as JSON')
    .option(...quietFlag)
    .action((names: readonly string[], _, self: Command) => {
      let command = self.parent as Command;
      for (const name of names) {
        const below = command.commands.find((one) => one.name() === name);
        if (below === undefined) {
          const known = command.commands.map((one) => one.name());
          const message = `error: unknown command '${name}'${suggestion(name, known)}`;
          throw new UsageError({ exitCode: 2, code: 'hbnn.help', message }, pathOf(command));
        }
        command = below;
      }
      command.outputHelp();
    });
}
