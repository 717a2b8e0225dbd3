import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ImportedNetwork } from '@hbnn/import';
import { networkReader, wholeFile } from '../network.ts';
import { placed } from '../placed.ts';
import type { Reader } from '../reader.ts';

const golden = fileURLToPath(new URL('../../../../import/test/golden/onnx/', import.meta.url));

export const reader = async (): Promise<Reader<ImportedNetwork>> => {
  const names = readdirSync(golden).filter((name) => name.endsWith('.onnx'));
  for (const name of readdirSync(golden).filter((each) => each.endsWith('.data')))
    placed(name, readFileSync(`${golden}${name}`));
  return networkReader(
    {
      form: 'bytes',
      seeds: names.map((name) => readFileSync(`${golden}${name}`)),
      words: [
        'Conv',
        'Gemm',
        'MatMul',
        'Relu',
        'Add',
        'Reshape',
        'Flatten',
        'MaxPool',
        'AveragePool',
        'Pad',
        'Constant',
        'BatchNormalization',
        'GlobalAveragePool',
        'Transpose',
        'Shape',
        'Gather',
        'Concat',
        'Slice',
        'Cast',
        'Clip',
        'auto_pad',
        'SAME_UPPER',
        'group',
        'dilations',
        'strides',
        'pads',
        'kernel_shape',
        'axis',
        'perm',
        '../x',
      ],
    },
    wholeFile('input.onnx'),
  );
};
