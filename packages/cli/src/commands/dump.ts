import { encodeNpy } from '@hbnn/core';
import type { CheckedModel } from '@hbnn/model';
import { Command } from 'commander';
import { readModelFile } from '../modelFile.ts';
import { writeFolder } from '../npyFile.ts';
import { printResult, quietFlag } from '../output.ts';

interface Options {
  out: string;
  json?: boolean;
}

export function dumpCommand(): Command {
  return new Command('dump')
    .description(
      'write an integer model as model.json and .npy files, so that NumPy can compute it',
    )
    .argument('<model>', 'model file')
    .requiredOption('--out <folder>', 'folder to write')
    .option('--json', 'print the result as JSON')
    .option(...quietFlag)
    .addHelpText(
      'after',
      '\nmodel.json lists the layers in order, with the files of their tensors. The page Integer layers\nof the documentation says what each kind of layer computes.\n\nExample:\n  hbnn dump m.hbnn --out dumped',
    )
    .action((file: string, o: Options) => run(file, o));
}

async function run(file: string, o: Options): Promise<void> {
  const files = await dumpFiles(await readModelFile(file));
  writeFolder(o.out, files);
  printResult({ folder: o.out, files: Object.keys(files).length }, o.json);
}

/** Every tensor as .npy, and model.json that names them. */
export async function dumpFiles(model: CheckedModel): Promise<Record<string, Uint8Array>> {
  const { modelTensors } = await import('@hbnn/export');
  const { description, tensors } = modelTensors(model, '.npy');
  const files: Record<string, Uint8Array> = {};
  for (const [name, array] of Object.entries(tensors)) files[name] = encodeNpy(array);
  files['model.json'] = new TextEncoder().encode(`${JSON.stringify(description, null, 2)}\n`);
  return files;
}
