import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { HbnnError } from '@hbnn/core';
import { ignoredOptions } from '@hbnn/datasets';
import type { StoredNetwork } from '@hbnn/import';
import type { RunConfig, RunConfigInput } from '@hbnn/train';
import { backendChoices } from '@hbnn/train/backends';
import { makeFolder, writeWhole } from '@hbnn/train/files';
import { Command } from 'commander';
import { backendFrom } from '../backend.ts';
import { refuseNoBits, refuseWithoutEffect } from '../effect.ts';
import {
  binarizedNetwork,
  checkImageSize,
  dataFor,
  type FineTuneFile,
  fineTuneFields,
  fineTuneFile,
  noteFaults,
  type TrainedNetwork,
  tuningOf,
} from '../fineTuned.ts';
import { keptAtEnd } from '../interruption.ts';
import { hbnnLine, lowerLine } from '../nextSteps.ts';
import { noteTo, openData } from '../openData.ts';
import {
  numberText,
  percentText,
  printNext,
  printResult,
  quietFlag,
  typedCommand,
} from '../output.ts';
import { checkNetworkFolder, wayToQuantize } from '../pathKind.ts';
import { progressMeter } from '../progress.ts';
import { allFlags, flagSettings, placeOfField, trainOptions, typedFields } from '../trainFlags.ts';

interface Options extends Record<string, string | boolean | undefined> {
  out: string;
  skip?: string;
  backend: string;
  json?: boolean;
  quiet?: boolean;
}

export function fineTuneCommand(): Command {
  const command = new Command('fine-tune')
    .description('binarize an imported network and train it a little more')
    .argument('<network>', 'folder of hbnn import')
    .requiredOption(
      '--out <folder>',
      'the folder to make, for hbnn lower --run and hbnn eval --run',
    )
    .option(
      '--skip <list>',
      'layers to leave float: names, or none (default: the first and the last)',
    )
    .option('--backend <name>', backendChoices, process.env.HBNN_BACKEND ?? 'auto')
    .option('--json', 'print the result as JSON')
    .option(...quietFlag);
  const flags = allFlags.filter(({ field }) => fineTuneFields.some((name) => name === field));
  const names = new Set(flags.map(({ flag }) => flag));
  for (const option of trainOptions()) if (names.has(option.flags)) command.addOption(option);
  return command
    .addHelpText(
      'after',
      '\nInputs are binarized by static maps, which hbnn lower takes.\n\nExample (after hbnn import network.onnx --out net):\n  hbnn fine-tune net --data cifar10 --weights 1.4 --epochs 2 --out tuned',
    )
    .action((network: string, o: Options) =>
      keptAtEnd(() => run(network, o), `nothing: ${o.out} is made at the end`, typedCommand()),
    );
}

/** The configuration that was typed, checked as that of a training. */
async function configFrom(o: Options): Promise<{ config: RunConfig; settings: RunConfigInput }> {
  const { runConfig } = await import('@hbnn/train');
  const given = flagSettings(o) as RunConfigInput;
  const inputMap = given.inputs === undefined || given.inputs === 'float' ? undefined : 'static';
  const config = runConfig({ ...given, inputMap }, placeOfField(o));
  refuseNoBits(config, placeOfField(o));
  refuseWithoutEffect(typedFields(o), config, ignoredOptions(config.data));
  const kept = Object.fromEntries(fineTuneFields.map((field) => [field, config[field]]));
  return { config, settings: { ...kept, inputMap } };
}

/**
 * Layers to leave float: those that were typed, else the first and the last with weights.
 *
 * @param groupedLayers layers whose zeros in place of groups or dilation would be lost: they have to stay float
 */
export function skipFrom(
  text: string | undefined,
  { model, groupedLayers }: Pick<StoredNetwork, 'model' | 'groupedLayers'>,
): string[] {
  const weighted = model.layers
    .filter((layer) => /Conv2D$|Dense$/.test(layer.getClassName()))
    .map(({ name }) => name);
  if (text === undefined) {
    const ends = weighted.filter((_, i) => i === 0 || i === weighted.length - 1);
    return [...new Set([...ends, ...groupedLayers])];
  }
  const names = text === 'none' ? [] : text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !weighted.includes(name));
  if (unknown !== undefined)
    throw new HbnnError(
      `--skip: expected layers with weights (${weighted.join(', ')}), got '${unknown}'; name some of these, or none`,
    );
  const grouped = groupedLayers.find((name) => !names.includes(name));
  if (grouped !== undefined)
    throw new HbnnError(
      `--skip: expected '${grouped}' among the layers, whose kernel has zeros in place of groups or dilation, got ${text}; add it, since a weight that is binarized while it is trained is never 0, or begin with 'hbnn quantize', which keeps the zeros`,
    );
  return names;
}

async function run(dir: string, o: Options): Promise<void> {
  checkNetworkFolder(dir, wayToQuantize);
  const { config, settings } = await configFrom(o);
  const { checkFree, openNetwork } = await import('@hbnn/import');
  checkFree(o.out);
  const backend = await backendFrom(o.backend, o);
  const network = openNetwork(dir);
  const skip = skipFrom(typeof o.skip === 'string' ? o.skip : undefined, network);
  const model = await binarizedNetwork(network, config, skip);
  // Said before the data are opened and time goes into training.
  await noteFaults(model, noteTo(o));
  if (!(await isBinarized(model)))
    noteTo(o)(
      `nothing is binarized: the network is trained as it is; ${config.weights === 'float' && config.inputs === 'float' ? 'give bits, such as --weights 1.4' : 'name fewer layers in --skip'}`,
    );
  const data = await openData(config.data, config, placeOfField(o), o);
  checkImageSize(network.model, data.train, config, '--data');
  const { train, test } = await dataFor(network, data);
  if (network.normalization === undefined)
    noteTo(o)(
      `${dir} has no normalization: it gets the images as ${config.data} normalizes them; import it with --mean and --deviation if it was trained with others`,
    );
  const { evaluate, fineTune } = await import('@hbnn/train');
  backend.announce();
  const meter = progressMeter('fine-tuning', o);
  try {
    const before = await evaluate(network.model, test);
    const summaries = await fineTune(model, train, {
      ...tuningOf(config),
      onEpoch: ({ epoch, accuracy }) =>
        meter.update(epoch + 1, config.epochs, `epochs, accuracy ${percentText(accuracy)}`),
    });
    const after = await evaluate(model, test);
    meter.stop();
    const result = {
      run: o.out,
      network: dir,
      data: data.label,
      skip,
      top1Float: before.top1,
      top1: after.top1,
      testLoss: after.loss,
      testImages: after.images,
      epochs: summaries.length,
    };
    await writeTunedFolder(o.out, network, { settings, skip }, result, async (file) => {
      const { writeModelWeights } = await import('@hbnn/train');
      writeModelWeights(file, model, data.train);
    });
    print(result, o);
  } finally {
    meter.stop();
  }
}

async function isBinarized(model: TrainedNetwork): Promise<boolean> {
  const { binarizedLayers } = await import('@hbnn/train');
  return binarizedLayers(model).some(
    ({ precision }) => precision.weights !== undefined || precision.inputs !== undefined,
  );
}

/** Write the folder under another name first, so that it appears whole or not at all. */
export async function writeTunedFolder(
  out: string,
  network: StoredNetwork | undefined,
  about: Omit<FineTuneFile, 'format' | 'version'>,
  result: object,
  writeWeights: (file: string) => Promise<void>,
): Promise<void> {
  const { saveNetwork } = await import('@hbnn/import');
  const temporary = `${out.replace(/(?<=.)\/+$/, '')}.${process.pid}.tmp`;
  const file: FineTuneFile = { format: 'hbnn fine-tuned network', version: 1, ...about };
  const remove = (): void => rmSync(temporary, { recursive: true, force: true });
  // An interruption ends the process, and with it this function, where it stands.
  process.once('exit', remove);
  try {
    makeFolder(temporary);
    if (network !== undefined) await saveNetwork(join(temporary, 'network'), network);
    await writeWeights(join(temporary, 'weights.bin'));
    writeWhole(fineTuneFile(temporary), `${JSON.stringify(file, null, 2)}\n`);
    writeWhole(join(temporary, 'result.json'), `${JSON.stringify(result, null, 2)}\n`);
    renameSync(temporary, out);
  } finally {
    process.off('exit', remove);
    remove();
  }
}

interface Result {
  readonly run: string;
  readonly data: string;
  readonly skip: readonly string[];
  readonly top1Float: number;
  readonly top1: number;
  readonly testLoss: number;
  readonly testImages: number;
}

function print(result: Result, o: Options): void {
  if (o.json) {
    printResult({ ...result }, true);
    return;
  }
  const { run: folder, data, skip, top1Float, top1, testLoss, testImages } = result;
  printResult({
    run: folder,
    data,
    'float layers': skip.length === 0 ? 'none' : skip.join(', '),
    'float accuracy': `${percentText(top1Float)} of ${numberText(testImages)} images`,
    'test accuracy': `${percentText(top1)} of ${numberText(testImages)} images`,
    'test loss': numberText(testLoss),
  });
  printNext([hbnnLine('eval', '--run', folder), lowerLine(folder)], o);
}
