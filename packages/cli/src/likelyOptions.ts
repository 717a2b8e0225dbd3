import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { datasets } from '@hbnn/datasets';
import { findDevice } from '@hbnn/estimator';
import type { Command, CommanderError } from 'commander';

/** What other tools call the options of hbnn: each name with the options that it may mean, the likeliest first. */
const otherNames: Readonly<Record<string, readonly string[]>> = {
  '--a-bits': ['--inputs'],
  '--abits': ['--inputs'],
  '--act-bits': ['--inputs'],
  '--activation-bits': ['--inputs'],
  '--activations': ['--inputs'],
  '--arch': ['--network'],
  '--architecture': ['--style', '--network'],
  '--augmentation': ['--augment'],
  '--avg': ['--average'],
  '--backbone': ['--network'],
  '--batch-size': ['--batch'],
  '--batchsize': ['--batch'],
  '--bits': ['--weights', '--average', '--scale-bits'],
  '--board': ['--target', '--device'],
  '--bs': ['--batch'],
  '--cells': ['--liberty'],
  '--channels': ['--widths'],
  '--checkpoint': ['--run', '--resume'],
  '--ckpt': ['--run', '--resume'],
  '--classes-from': ['--from'],
  '--clk': ['--clock', '--freq'],
  '--continue': ['--resume'],
  '--data-dir': ['--from'],
  '--data-path': ['--from'],
  '--data-root': ['--from'],
  '--dataset': ['--data'],
  '--decay': ['--weight-decay'],
  '--density': ['--average'],
  '--destination': ['--out'],
  '--device': ['--backend', '--target'],
  '--dir': ['--out', '--rtl', '--run'],
  '--dont-touch': ['--dont-use'],
  '--early-stopping': ['--patience'],
  '--eta': ['--learning-rate'],
  '--executor': ['--engine'],
  '--file': ['--model', '--in', '--out'],
  '--folder': ['--run', '--rtl', '--out'],
  '--folding': ['--fold'],
  '--folds': ['--fold'],
  '--fpga': ['--target'],
  '--frequency': ['--clock', '--freq'],
  '--gpu': ['--backend'],
  '--image': ['--in'],
  '--image-size': ['--size'],
  '--img-size': ['--size'],
  '--input': ['--in', '--inputs'],
  '--input-bits': ['--inputs'],
  '--iterations': ['--max-steps'],
  '--iters': ['--max-steps'],
  '--jobs': ['--workers'],
  '--lib': ['--liberty'],
  '--library': ['--liberty'],
  '--log-dir': ['--out'],
  '--logdir': ['--out'],
  '--lr': ['--learning-rate'],
  '--max-epochs': ['--epochs'],
  '--max-images': ['--test-limit', '--images', '--limit'],
  '--max-iter': ['--max-steps'],
  '--max-iterations': ['--max-steps'],
  '--mhz': ['--clock', '--freq'],
  '--mom': ['--momentum'],
  '--net': ['--network'],
  '--num-epochs': ['--epochs'],
  '--num-images': ['--images', '--test-limit', '--limit'],
  '--num-samples': ['--limit', '--test-limit', '--images'],
  '--num-seeds': ['--seeds'],
  '--num-workers': ['--workers', '--jobs'],
  '--output': ['--out'],
  '--output-dir': ['--out'],
  '--output-folder': ['--out'],
  '--path': ['--from', '--model', '--run', '--rtl', '--in'],
  '--precision': ['--weights', '--average'],
  '--process': ['--target'],
  '--prove': ['--proof'],
  '--random-seed': ['--seed'],
  '--rate': ['--learning-rate', '--fps'],
  '--resolution': ['--size'],
  '--root': ['--from'],
  '--rule': ['--select'],
  '--samples': ['--limit', '--test-limit', '--images'],
  '--save': ['--out'],
  '--save-dir': ['--out'],
  '--scheduler': ['--schedule'],
  '--shape': ['--tensor'],
  '--silent': ['--quiet'],
  '--steps': ['--max-steps'],
  '--threads': ['--workers', '--jobs'],
  '--tolerance': ['--margin'],
  '--top': ['--layer'],
  '--train-limit': ['--limit'],
  '--train-size': ['--limit'],
  '--val': ['--validation'],
  '--verilog': ['--rtl'],
  '--w-bits': ['--weights'],
  '--wbits': ['--weights'],
  '--wd': ['--weight-decay'],
  '--weight-bits': ['--weights'],
  '--width': ['--widths'],
  '--workdir': ['--out'],
  '-b': ['--batch'],
  '-c': ['--config'],
  '-d': ['--data'],
  '-e': ['--epochs'],
  '-i': ['--in'],
  '-m': ['--model'],
  '-n': ['--images', '--limit'],
  '-o': ['--out'],
  '-r': ['--run', '--resume'],
  '-s': ['--seed'],
  '-t': ['--target', '--tensor'],
};

/** What commands called before, or other commands call, what a name may stand for: `--model` of a training is its network. */
const ofOtherCommands: Readonly<Record<string, readonly string[]>> = {
  '--model': ['--run', '--network', '--rtl'],
  '--run': ['--model', '--out'],
  '--limit': ['--test-limit', '--images'],
  '--test-limit': ['--images'],
  '--images': ['--test-limit', '--limit'],
  '--weights': ['--average', '--mix'],
  '--average': ['--weights', '--mix'],
  '--mix': ['--weights'],
  '--data': ['--in'],
  '--out': ['--rtl'],
  '--rtl': ['--out'],
};

/** `_` and capitals are as people write them in other tools: `--batch_size`, `--batchSize`. */
const plainName = (name: string): string =>
  name
    .replace(/(?<=[a-z0-9])[A-Z]/g, (letter) => `-${letter}`)
    .replaceAll('_', '-')
    .toLowerCase();

/** Options of `hbnn train` that commands on a trained run do not take, and why. */
const fixedByTraining: Readonly<Record<string, string>> = {
  '--size': 'images come in the size that the run or model takes',
  '--shrink': 'images are shrunk as in the training',
  '--network': 'the run has its network',
  '--batch': 'the result is the same for any number of images at a time',
};

/** Name the option that was likely meant by one that a command does not know. */
export function optionSuggestion(error: CommanderError, command: Command): CommanderError {
  const [, typed, value] = /^error: unknown option '([^'=]+)(?:=(.*?))?'/.exec(error.message) ?? [];
  if (typed === undefined) return error;
  const options = command.options.flatMap(({ long }) => long ?? []);
  // An option that the command has is unknown only with a value that it does not take.
  if (value !== undefined && options.includes(typed)) {
    error.message = `error: expected no value for '${typed}', got '${value}'; write ${typed} alone`;
    return error;
  }
  const name = plainName(typed);
  const meanings = [name, ...(otherNames[name] ?? []), ...(ofOtherCommands[name] ?? [])];
  if (Object.hasOwn(fixedByTraining, name) && ['eval', 'lower', 'run'].includes(command.name())) {
    error.message = `error: unknown option '${typed}': ${fixedByTraining[name]}; leave it out`;
    return error;
  }
  const likely = meanings.find((meaning) => options.includes(meaning));
  if (likely !== undefined)
    error.message = `error: unknown option '${typed}'\n(Did you mean ${likely}?)`;
  return error;
}

/** Options by what the file that they take looks like. */
const byFile: readonly (readonly [looks: (file: string) => boolean, options: readonly string[]])[] =
  [
    [(file) => /\.hbnn$/i.test(file), ['--model']],
    [(file) => has(file, 'hbnn.json'), ['--rtl']],
    [(file) => has(file, 'config.json'), ['--run']],
    [(file) => /\.lib(\.gz)?$/i.test(file), ['--liberty']],
    [(file) => /\.json$/i.test(file), ['--config', '--fold']],
    [(file) => /\.(npy|png|jpe?g|webp|gif|bmp|tiff?)$/i.test(file), ['--in']],
    [(file) => isFolder(file), ['--run', '--rtl', '--from', '--out']],
    [(name) => Object.hasOwn(datasets, name), ['--data']],
    [(name) => findDevice(name) !== undefined || /^asic:/i.test(name), ['--target']],
  ];

const isFolder = (name: string): boolean => existsSync(name) && statSync(name).isDirectory();
const has = (folder: string, file: string): boolean =>
  isFolder(folder) && existsSync(join(folder, file));

/** Say by which option a file goes that was typed without one: `hbnn run m.hbnn` is `hbnn run --model m.hbnn`. */
export function withTypedFile(error: CommanderError, command: Command): CommanderError {
  const isMissing = error.code === 'commander.missingMandatoryOptionValue';
  if (!isMissing && error.code !== 'commander.excessArguments') return error;
  const typed = command.args.at(command.registeredArguments.length);
  if (typed === undefined || typed.startsWith('-')) return error;
  const options = command.options
    .filter((option) => command.getOptionValue(option.attributeName()) === undefined)
    .flatMap(({ long }) => long ?? []);
  const missing = /^error: required option '(--\S+)/.exec(error.message)?.[1];
  const isFree = missing === '--out' && !existsSync(typed);
  const meant = isFree
    ? missing
    : byFile
        .filter(([looks]) => looks(typed))
        .flatMap(([, names]) => names)
        .find((name) => options.includes(name));
  if (meant !== undefined)
    error.message = `error: expected an option before '${typed}', got none; write it as ${meant} ${typed}`;
  else if (!isMissing)
    error.message = `error: expected no argument '${typed}'; take it out, or write the option that it belongs to`;
  return error;
}
