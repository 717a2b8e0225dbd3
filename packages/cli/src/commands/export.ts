import { basename, dirname } from 'node:path';
import { chosenName, HbnnError } from '@hbnn/core';
import type { CheckedModel } from '@hbnn/model';
import { Command } from 'commander';
import { readModelFile } from '../modelFile.ts';
import { writeFolder } from '../npyFile.ts';
import { printResult, quietFlag } from '../output.ts';

interface Options {
  model: string;
  to: string;
  out: string;
  name?: string;
  json?: boolean;
}

/** Files by name without a folder, and what is printed of them. */
interface Exported {
  readonly files: Readonly<Record<string, Uint8Array>>;
  readonly about: Readonly<Record<string, unknown>>;
}

interface Format {
  readonly ending: string;
  make(model: CheckedModel, file: string, name: string | undefined): Promise<Exported>;
}

/** The package is loaded when something is exported, so that other commands start without it. */
const loaded = () => import('@hbnn/export');

/** A format of one file. */
const single = (
  ending: string,
  name: 'exportOnnx' | 'exportQonnx' | 'exportNpz' | 'exportSafetensors',
): Format => ({
  ending,
  make: async (model, file) => {
    const bytes = (await loaded())[name](model);
    return { files: { [file]: bytes }, about: { bytes: bytes.length } };
  },
});

const formats: Readonly<Record<string, Format>> = {
  c: { ending: '.h', make: program },
  onnx: single('.onnx', 'exportOnnx'),
  qonnx: single('.onnx', 'exportQonnx'),
  npz: single('.npz', 'exportNpz'),
  safetensors: single('.safetensors', 'exportSafetensors'),
};

async function program(
  model: CheckedModel,
  file: string,
  name: string | undefined,
): Promise<Exported> {
  const { exportC } = await loaded();
  const { files, flashBytes, ramBytes, prefix } = exportC(model, {
    stem: file.slice(0, -'.h'.length),
    ...(name !== undefined && { name }),
    placeOf: (option) => (option === 'name' ? '--name' : '--out'),
  });
  const encoder = new TextEncoder();
  return {
    files: Object.fromEntries(
      Object.entries(files).map(([file, text]) => [file, encoder.encode(text)]),
    ),
    about: { function: `${prefix}_run`, flashBytes, ramBytes },
  };
}

export function exportCommand(): Command {
  return new Command('export')
    .description('write an integer model for other programs: C99, ONNX, QONNX, NumPy, safetensors')
    .requiredOption('--model <file>', 'model file (hbnn lower, hbnn random)')
    .requiredOption('--to <format>', Object.keys(formats).join(', '))
    .requiredOption(
      '--out <file>',
      'file to write: net.h (net.c comes beside it), net.onnx, net.npz or net.safetensors',
    )
    .option(
      '--name <prefix>',
      'with --to c: prefix of all function names (default: the file’s name)',
    )
    .option('--json', 'print the result as JSON')
    .option(...quietFlag)
    .addHelpText(
      'after',
      `
Formats:
  c            a header and a program in C99, which allocates no memory
  onnx         the same scores as hbnn run, bit for bit, with the CPU provider of
               onnxruntime
  qonnx        a weight is a sum of signs times scales, by BipolarQuant
  npz          the tensors that hbnn dump writes: bits, signs, scales, thresholds
  safetensors  the same tensors as npz

c and qonnx also give the same scores as hbnn run, bit for bit.

With --to c the result has these fields:
  flashBytes  the size of the constants of the program, without the code
  ramBytes    the size of its static memory

Examples:
  hbnn export --model m.hbnn --to c --out net.h
  hbnn export --model m.hbnn --to onnx --out net.onnx`,
    )
    .action((o: Options) => run(o));
}

async function run(o: Options): Promise<void> {
  const name = chosenName(o.to, Object.keys(formats), '--to');
  const { ending, make } = formats[name];
  if (o.name !== undefined && name !== 'c')
    throw new HbnnError(
      `--name: has no effect with --to ${name}; it is for --to c, or leave it out`,
    );
  const file = basename(o.out);
  if (!file.endsWith(ending) || file === ending)
    throw new HbnnError(
      `--out: expected a file whose name ends in ${ending} for --to ${name}, got '${o.out}'; write --out net${ending}`,
    );
  const { files, about } = await make(await readModelFile(o.model), file, o.name);
  writeFolder(dirname(o.out), files);
  const written = Object.keys(files).map((each) => o.out.slice(0, -file.length) + each);
  printResult({ model: o.model, files: written, ...about }, o.json);
}
