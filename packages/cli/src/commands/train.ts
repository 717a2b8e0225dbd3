import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { HbnnError } from '@hbnn/core';
import { ignoredOptions } from '@hbnn/datasets';
import type { Progress, RunConfig, RunResult } from '@hbnn/train';
import { backendChoices } from '@hbnn/train/backends';
import { Command } from 'commander';
import { backendFrom } from '../backend.ts';
import { refuseNoBits, refuseWithoutEffect } from '../effect.ts';
import { isFineTuned } from '../fineTuned.ts';
import { Interruption, interruptible } from '../interruption.ts';
import { besideRun, canLower, hbnnLine, lowerLine } from '../nextSteps.ts';
import { openData } from '../openData.ts';
import {
  commandName,
  numberText,
  percentText,
  printNext,
  printResult,
  quietFlag,
  shellWord,
} from '../output.ts';
import { checkOwnFolder } from '../pathKind.ts';
import { duration, progressMeter } from '../progress.ts';
import { writeRunManifest } from '../runManifest.ts';
import { placeOfField, secondsFrom, trainOptions, typedFields } from '../trainFlags.ts';
import { settings } from '../trainSettings.ts';

interface Options extends Record<string, string | boolean | undefined> {
  config?: string;
  out?: string;
  resume?: boolean;
  backend: string;
  patience?: string;
  minEpochs?: string;
  checkpointSeconds?: string;
  tensorboard?: boolean;
  json?: boolean;
  quiet?: boolean;
}

export function trainCommand(): Command {
  const command = new Command('train')
    .description('train a network with heterogeneously binarized weights and inputs')
    .optionsGroup('The run:')
    .option(
      '--out <folder>',
      'run folder: checkpoint, metrics, weights, result (default: runs/<date>)',
    )
    .option('--resume', 'continue from the checkpoint of the run folder')
    .option('--config <file>', 'JSON file of settings; flags override it (default: none)')
    .option('--backend <name>', backendChoices, process.env.HBNN_BACKEND ?? 'auto')
    .option('--checkpoint-seconds <s>', 'seconds between checkpoints', '20')
    .option('--tensorboard', 'write event files for TensorBoard into the run folder')
    .option('--json', 'print the result as JSON')
    .option(...quietFlag)
    // Named here, the help option stands in this group, and not in one of its own at the end.
    .helpOption('-h, --help', 'display help for command');
  for (const option of trainOptions()) command.addOption(option);
  return command
    .optionsGroup('Early stopping:')
    .option(
      '--patience <n>',
      'end when n epochs bring no better validation accuracy (default: never)',
    )
    .option('--min-epochs <n>', 'but not before n epochs (default: 1)')
    .addHelpText(
      'after',
      `
Ctrl-C, or SIGTERM, saves the training; it continues to the same weights with --resume.

Example (some seconds on the embedded data):
  hbnn train --weights 1.4 --epochs 2 --limit 2000 --learning-rate 0.2 --out runs/first
  hbnn train --out runs/first --resume`,
    )
    .action((o: Options) => interruptible((signal) => run(o, signal)));
}

/** The run folder: as typed, or one of this moment. */
function folderFor(o: Options): string {
  if (o.out !== undefined) return o.out;
  if (o.resume)
    throw new HbnnError('--resume: expected the run folder to continue; give it by --out');
  const now = new Date();
  const two = (n: number): string => String(n).padStart(2, '0');
  const day = [now.getFullYear(), two(now.getMonth() + 1), two(now.getDate())].join('-');
  const time = [now.getHours(), now.getMinutes(), now.getSeconds()].map(two).join('');
  return join('runs', `${day}-${time}`);
}

async function run(o: Options, signal: AbortSignal): Promise<void> {
  // TensorFlow.js takes a while to load: only the commands that need it do.
  const { runConfig, runTraining, storedConfig } = await import('@hbnn/train');
  const given = settings(o);
  const dir = folderFor(o);
  checkOwnFolder(dir, isFineTuned(dir) ? undefined : 'run folder');
  if (o.resume && !existsSync(join(dir, 'config.json'))) {
    throw new HbnnError(`--resume: there is no run in ${dir}; leave out --resume to start one`);
  }
  const alone = o.resume && Object.keys(given).length === 0;
  const config: RunConfig = alone ? storedConfig(dir) : runConfig(given, placeOfField(o, o.config));
  refuseNoBits(config, placeOfField(o, o.config));
  refuseWithoutEffect(typedFields(o), config, ignoredOptions(config.data));
  const checkpointSeconds = secondsFrom(o.checkpointSeconds, '--checkpoint-seconds');
  const sources = await openData(
    config.data,
    config,
    // What the file does not set can be set by its flag.
    (field) => placeOfField(o, field in given ? o.config : undefined)(field),
    o,
  );
  const backend = await backendFrom(o.backend, o);
  signal.throwIfAborted();
  const meter = progressMeter('training', o);
  try {
    const result = await runTraining(config, sources, {
      dir,
      resume: o.resume,
      tensorboard: o.tensorboard,
      backend: backend.name,
      checkpointSeconds,
      placeOf: placeOfField(o, o.config),
      signal,
      onProgress: (p) => {
        backend.announce();
        meter.update(p.step, p.steps, progressParts(p, config));
      },
    });
    meter.stop();
    await writeRunManifest(dir, result, sources);
    print(dir, result, sources.test.classes.length, o);
  } catch (error) {
    if (!(error instanceof Interruption) || !existsSync(join(dir, 'config.json'))) throw error;
    throw new Interruption(error.signal, resumeLine(dir, o), `the training so far, in ${dir}`);
  } finally {
    meter.stop();
  }
}

function progressParts(p: Progress, { epochs }: RunConfig): string[] {
  return [
    `accuracy ${percentText(p.accuracy)}`,
    `${Math.round(p.imagesPerSecond).toLocaleString('en')} images/s`,
    `${duration(p.secondsLeft)} left`,
    `epoch ${Math.min(p.epoch + 1, epochs)}/${epochs}`,
    `loss ${p.loss.toFixed(3)}`,
  ];
}

/** The command line that continues a training as it was asked for. */
function resumeLine(dir: string, o: Options): string {
  const words = ['train', '--out', dir, '--resume'];
  if (o.backend !== 'auto') words.push('--backend', o.backend);
  if (o.checkpointSeconds !== undefined && o.checkpointSeconds !== '20')
    words.push('--checkpoint-seconds', o.checkpointSeconds);
  if (o.tensorboard) words.push('--tensorboard');
  if (o.json) words.push('--json');
  if (o.quiet) words.push('--quiet');
  return `${commandName()} ${words.map(shellWord).join(' ')}`;
}

const networkText = ({ network, widthMultiplier }: RunResult['config']): string =>
  widthMultiplier === undefined ? network : `${network} with ${widthMultiplier} × its channels`;

function print(dir: string, result: RunResult, classes: number, o: Options): void {
  const { config, epochs, ...shown } = result;
  if (o.json) {
    printResult({ run: dir, ...shown }, true);
    return;
  }
  const { best, stoppedEarly, weightsSha256, data, trainImages, backend, steps } = result;
  const images = numberText(result.testImages);
  const trained = `${numberText(steps)} steps in ${duration(result.seconds)} (${backend})`;
  const ended = stoppedEarly ? `, ended early after ${epochs.length} epochs` : '';
  printResult({
    run: dir,
    data: `${data}, ${numberText(trainImages)} training images`,
    network: `${networkText(config)}, ${numberText(result.parameters)} parameters, running statistics included`,
    'bits per weight': result.weightBits && numberText(result.weightBits),
    'test accuracy': `${percentText(result.top1)} of ${images} images`,
    'among the best 5': classes > 5 ? percentText(result.top5) : undefined,
    'test loss': numberText(result.testLoss),
    'training loss': numberText(result.trainLoss),
    'best epoch': best && `${best.epoch + 1}, validation accuracy ${percentText(best.accuracy)}`,
    training: `${trained}, tests included${ended}`,
    weights: `SHA-256 ${weightsSha256.slice(0, 16)}…`,
  });
  const page = `${besideRun(dir)}.html`;
  const next = [hbnnLine('eval', '--run', dir), hbnnLine('plot', '--run', dir, '--out', page)];
  printNext(canLower(config) ? [...next, lowerLine(dir)] : next, o);
  if (!o.quiet && config.inputs !== 'float' && config.inputMap !== 'static')
    process.stdout.write(
      `
This run cannot become an integer model (hbnn lower), since each image gets input maps of its own (dynamic).
For one that can, train with --input-map static.
`,
    );
}
