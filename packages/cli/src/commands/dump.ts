import { encodeNpy, type NpyArray } from '@hbnn/core';
import { type CheckedModel, type IntegerLayer, treeSize, weightValues } from '@hbnn/model';
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
      'write an integer model as model.json and .npy files, to be computed with numpy alone',
    )
    .argument('<model>', 'model file')
    .requiredOption('--out <folder>', 'folder to write')
    .option('--json', 'print the result as JSON')
    .option(...quietFlag)
    .addHelpText(
      'after',
      '\nmodel.json lists the layers in order with the files of their tensors; the documentation of @hbnn/core\nsays what each kind of layer computes.\n\nExample:\n  hbnn dump m.hbnn --out dumped',
    )
    .action((file: string, o: Options) => run(file, o));
}

async function run(file: string, o: Options): Promise<void> {
  const files = dumpFiles(await readModelFile(file));
  writeFolder(o.out, files);
  printResult({ folder: o.out, files: Object.keys(files).length }, o.json);
}

/** Every tensor as .npy, and model.json that names them. */
export function dumpFiles(model: CheckedModel): Record<string, Uint8Array> {
  const files: Record<string, Uint8Array> = {};
  const save = (name: string, array: NpyArray): string => {
    files[name] = encodeNpy(array);
    return name;
  };
  const layers = model.checkedLayers.map(({ layer, input, output }, i) => ({
    kind: layer.kind,
    name: layer.name,
    input,
    output,
    ...describe(layer, input, (what, array) =>
      save(`${String(i).padStart(2, '0')}-${layer.kind}-${what}.npy`, array),
    ),
  }));
  const int32 = (data: Int32Array): NpyArray => ({ shape: [data.length], data });
  const description = {
    format: 'HBNN integer model, version 1',
    name: model.name,
    classes: model.classes,
    input: { shape: model.input.shape, zeros: save('input-zeros.npy', int32(model.input.zeros)) },
    layers,
    scoreOffsets: save('score-offsets.npy', int32(model.scoreOffsets)),
    scoreFactor: model.scoreFactor,
  };
  files['model.json'] = new TextEncoder().encode(`${JSON.stringify(description, null, 2)}\n`);
  return files;
}

type Save = (what: string, array: NpyArray) => string;

function describe(
  layer: IntegerLayer,
  input: readonly number[],
  save: Save,
): Record<string, unknown> {
  switch (layer.kind) {
    case 'conv':
    case 'depthwise':
      return { strides: layer.strides, padding: layer.padding, ...dumpWeights(layer, save) };
    case 'dense':
      return dumpWeights(layer, save);
    case 'maxPool':
      return { size: layer.size, strides: layer.strides, padding: layer.padding };
    case 'sumPool':
      return { size: layer.size, strides: layer.strides };
    case 'threshold': {
      const { bits, multiples, thresholds, flips } = layer;
      const nodes = treeSize(multiples.length);
      return {
        bits: save('bits', { shape: [...input], data: bits }),
        multiples: save('multiples', { shape: [multiples.length], data: multiples }),
        thresholds: save('thresholds', { shape: [input[2], nodes], data: thresholds }),
        flips: save('flips', { shape: [flips.length], data: flips }),
      };
    }
    case 'requantize': {
      const { multipliers, offsets, shifts, minimum, maximum } = layer;
      const shape = [multipliers.length];
      return {
        multipliers: save('multipliers', { shape, data: Int32Array.from(multipliers) }),
        offsets: save('offsets', { shape, data: offsets }),
        shifts: save('shifts', { shape, data: shifts }),
        minimum,
        maximum,
      };
    }
    default:
      return layer satisfies never;
  }
}

function dumpWeights(
  { weights }: Extract<IntegerLayer, { weights: unknown }>,
  save: Save,
): Record<string, unknown> {
  const shape = [...weights.shape];
  const values = save('weights', { shape, data: Int32Array.from(weightValues(weights)) });
  if (weights.kind === 'int8') return { weights: values, weightKind: 'int8' };
  const { bits, signs, multiples, scalePer, mapPer } = weights;
  const groups = scalePer === 'tensor' ? 1 : shape[0];
  const all = Uint8Array.from(multiples.flatMap((plane) => [...plane]));
  return {
    weights: values,
    weightKind: 'planes',
    scalePer,
    mapPer,
    bits: save('weight-bits', { shape, data: bits }),
    signs: save('weight-signs', { shape, data: signs }),
    multiples: save('weight-multiples', { shape: [multiples.length, groups], data: all }),
  };
}
