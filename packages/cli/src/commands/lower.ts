import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { HbnnError } from '@hbnn/core';
import { ignoredOptions } from '@hbnn/datasets';
import type { CheckedModel, LoweredLayer } from '@hbnn/model';
import type { RunConfig, RunConfigInput } from '@hbnn/train';
import { backendChoices } from '@hbnn/train/backends';
import { checkFolderOf, writeWhole } from '@hbnn/train/files';
import { Command } from 'commander';
import { refuseWithoutEffect } from '../effect.ts';
import { defaultEngine } from '../engines.ts';
import { evaluateModel } from '../evaluateModel.ts';
import { openImported, openTrained, type Trained } from '../fineTuned.ts';
import { Interruption, untilInterrupted } from '../interruption.ts';
import { loweredRun } from '../loweredRun.ts';
import { type LoweringAccuracy, lossNote } from '../loweringLoss.ts';
import { forgetManifest, type MadeManifest, sha256Of, writeMadeManifest } from '../madeManifest.ts';
import { type FileParts, fileParts, type ModelSizes, modelSizes } from '../modelSizes.ts';
import { evalLine, modelEstimateLine, verilogLine } from '../nextSteps.ts';
import { positiveNumber, wholeNumber } from '../numbers.ts';
import { noteTo } from '../openData.ts';
import { numberText, printNext, printResult, quietFlag } from '../output.ts';
import { checkNetworkFolder, checkNotRead, checkRunFolder, wayToModel } from '../pathKind.ts';
import { progressMeter } from '../progress.ts';
import { type ScoreChange, ScoreComparison } from '../scoreChange.ts';
import { allFlags, flagSettings, placeOfField, trainOptions, typedFields } from '../trainFlags.ts';

interface Options extends Record<string, string | boolean | undefined> {
  run?: string;
  out: string;
  from?: string;
  scaleBits: string;
  backend: string;
  evaluate: boolean;
  testLimit?: string;
  skipBadImages?: boolean;
  json?: boolean;
  quiet?: boolean;
}

export function lowerCommand(): Command {
  const command = new Command('lower')
    .description(
      'turn a trained network into an integer model, and measure the accuracy before and after',
    )
    .argument(
      '[network]',
      'in place of --run: a folder of hbnn import; quantized weights keep their whole numbers, float weights get 8 bits',
    )
    .option('--run <folder>', 'folder of hbnn train, hbnn fine-tune or hbnn quantize')
    .requiredOption('--out <file>', 'the model file to write')
    .option('--from <path>', 'local folder or archive of the data set')
    .option('--scale-bits <n>', 'bits of the whole numbers that scales become, 2 to 8', '4')
    .option('--backend <name>', backendChoices, process.env.HBNN_BACKEND ?? 'auto')
    .option('--no-evaluate', 'do not measure the accuracy before and after')
    .option('--test-limit <n>', 'use only n test images; classes keep their shares (default: all)')
    .option('--skip-bad-images', 'with --data folder: leave out images that cannot be read')
    .option('--json', 'print the result as JSON')
    .option(...quietFlag);
  const flags = new Set(
    allFlags.filter(({ field }) => networkFields.includes(field)).map(({ flag }) => flag),
  );
  for (const option of trainOptions()) if (flags.has(option.flags)) command.addOption(option);
  return command
    .addHelpText(
      'after',
      '\nExample (a run with --inputs and --input-map static, or with float inputs):\n  hbnn lower --run runs/first --out first.hbnn\n\nExample (an imported network as it is):\n  hbnn lower net --data cifar10 --out net.hbnn',
    )
    .action((network: string | undefined, o: Options) => {
      const progress: Progress = { written: false };
      return untilInterrupted(() => run(network, o, progress)).catch((error) => {
        if (!(error instanceof Interruption) || !progress.written) throw error;
        throw new Interruption(error.signal, undefined, `the whole model, in ${o.out}`);
      });
    });
}

/** How far a command has come. */
interface Progress {
  /** Whether the model's file is in its place. */
  written: boolean;
}

/** Flags that say which images an imported network gets; a run has those of its training. */
const networkFields: readonly string[] = ['data', 'size', 'shrink'];

/** What is lowered: the folder, and how it is opened. */
async function openerFor(
  network: string | undefined,
  o: Options,
): Promise<{ dir: string; opener: Trained }> {
  if ((network === undefined) === (o.run === undefined))
    throw new HbnnError(
      `lower: expected a network folder or --run, got ${network === undefined ? 'neither' : 'both'}; give one, as in 'hbnn lower net --data cifar10' or 'hbnn lower --run runs/first'`,
    );
  const typed = typedFields(o);
  if (network === undefined) {
    const dir = o.run as string;
    const [flag] = [...typed].find(([, field]) => networkFields.includes(field)) ?? [];
    if (flag !== undefined)
      throw new HbnnError(
        `${flag}: has no effect with --run, whose images are those of its training; leave it out`,
      );
    checkRunFolder(dir, `it is lowered already: give it to 'hbnn eval --model ${dir}'`);
    return { dir, opener: await openTrained(dir) };
  }
  checkNetworkFolder(network, wayToModel);
  const { runConfig } = await import('@hbnn/train');
  const settings = flagSettings(o) as RunConfigInput;
  const config = runConfig({ ...settings, weights: 'float' }, placeOfField(o));
  refuseWithoutEffect(typed, config, ignoredOptions(config.data));
  return { dir: network, opener: openImported(network, config) };
}

async function run(network: string | undefined, o: Options, progress: Progress): Promise<void> {
  const scaleBits = wholeNumber(o.scaleBits, '--scale-bits');
  if (scaleBits < 2 || scaleBits > 8)
    throw new HbnnError(`--scale-bits: expected 2 to 8, got ${scaleBits}; give one of these`);
  checkNotRead(o.out, { '--run': o.run, network });
  const { dir, opener } = await openerFor(network, o);
  checkFolderOf(o.out);
  const testLimit = testLimitFrom(o);
  const { from, backend, skipBadImages, quiet } = o;
  const source = { from, scaleBits, backend, testLimit, skipBadImages, quiet };
  const made = await loweredRun(opener, source);
  const { config, model, test, trained, lowered, bytes, size } = made;
  forgetManifest(o.out);
  writeWhole(o.out, [bytes]);
  writeMadeManifest(o.out, sourceOf(dir, o, scaleBits, made.backend), { [basename(o.out)]: bytes });
  progress.written = true;
  const result = {
    model: o.out,
    ...modelSizes(lowered.model, size.total),
    ...fileParts(lowered.model, size),
    layers: lowered.layers,
  };
  if (!o.evaluate) {
    if (o.json) printResult(result, true);
    else printResult(textOf(result));
    nextSteps(lowered.model, config, o);
    return;
  }
  const { evaluate } = await import('@hbnn/train');
  const { count } = test;
  const meter = progressMeter('testing', o);
  const report =
    (network: string) =>
    (done: number): void =>
      meter.update(done, count, `images, ${network}`);
  try {
    const { classes, scoreFactor } = lowered.model;
    const comparison = new ScoreComparison(classes.length);
    const before = await evaluate(model, test, {
      onBatch: report('trained network (1 of 2)'),
      onScores: (scores) => comparison.addNetwork(scores),
    });
    const onImages = report('integer model (2 of 2)');
    const after = await evaluateModel(lowered.model, defaultEngine, test, (done, { scores }) => {
      comparison.addModel(scores, scoreFactor);
      onImages(done);
    });
    const { change } = comparison;
    const accuracy = {
      top1Before: before.top1,
      top1After: after.top1,
      images: after.images,
      lossInPoints: Number((100 * (before.top1 - after.top1)).toFixed(4)),
    };
    meter.stop();
    if (o.json) printResult({ ...result, ...accuracy, scores: change }, true);
    else printResult({ ...textOf(result), ...accuracyText(accuracy, change) });
    const note = lossNote(accuracy, change, trained.layers, scaleBits);
    if (note !== undefined) noteTo(o)(note);
  } finally {
    meter.stop();
  }
  nextSteps(lowered.model, config, o);
}

/** What the manifest says that the model came from. */
function sourceOf(
  dir: string,
  o: Options,
  scaleBits: number,
  backend: string,
): MadeManifest['from'] {
  const weights = join(dir, 'weights.bin');
  return {
    run: relative(dirname(resolve(o.out)), resolve(dir)),
    ...(existsSync(weights) && { weightsFileSha256: sha256Of(readFileSync(weights)) }),
    // An imported network says nothing of its images; a run does.
    ...(o.run === undefined && { settings: flagSettings(o) }),
    ...(o.from !== undefined && { from: o.from }),
    scaleBits,
    backend,
  };
}

interface Result extends ModelSizes, FileParts {
  readonly model: string;
  readonly layers: readonly LoweredLayer[];
}

/** What a person reads of the result. */
function textOf(result: Result): Record<string, unknown> {
  const { model, weights, bytes, bitsPerBinarizedWeight, parts, layers } = result;
  return {
    model,
    weights,
    size: `${numberText(bytes)} bytes, ${numberText(result.bitsPerWeight)} bits per weight, ${numberText(result.smallerThanFloat32)} times smaller than float32`,
    'the weights alone': `${numberText(result.oneBitBytes)} bytes at 1 bit per weight, ${numberText(result.twoBitBytes)} at 2`,
    'stored bits per binarized weight': bitsPerBinarizedWeight,
    parts: parts.map(({ bitsPerWeight, ...part }) => ({
      ...part,
      'bits per weight': bitsPerWeight,
    })),
    layers,
  };
}

/** A share in percent, with as many digits as the loss in points has: fewer would hide a small loss. */
const percentOf = (share: number): string => `${numberText(100 * share)} %`;

const accuracyText = (
  accuracy: LoweringAccuracy & { lossInPoints: number },
  { otherClass, meanDifference, largestDifference }: ScoreChange,
): Record<string, string> => {
  const { top1Before, top1After, images, lossInPoints } = accuracy;
  const change = `${numberText(Math.abs(lossInPoints))} points ${lossInPoints < 0 ? 'gained' : 'lost'}`;
  return {
    'accuracy before': `${percentOf(top1Before)} of ${numberText(images)} images`,
    'accuracy after': `${percentOf(top1After)}, ${change}`,
    'another class than before': `${numberText(otherClass)} ${otherClass === 1 ? 'image' : 'images'}`,
    'scores differ by': `${percentOf(meanDifference)} of the largest in the mean, up to ${percentOf(largestDifference)}`,
  };
};

function nextSteps(model: CheckedModel, config: RunConfig, o: Options): void {
  const evaluate = evalLine(o.out, { ...config, from: o.from ?? config.from });
  const hardware = [verilogLine(model, o.out), modelEstimateLine(model, o.out)];
  printNext([...(evaluate === undefined ? [] : [evaluate]), ...hardware], o);
}

function testLimitFrom(o: Options): number | undefined {
  if (o.testLimit === undefined) return undefined;
  if (!o.evaluate)
    throw new HbnnError('--test-limit: has no effect with --no-evaluate; leave one of them out');
  return positiveNumber(o.testLimit, '--test-limit');
}
