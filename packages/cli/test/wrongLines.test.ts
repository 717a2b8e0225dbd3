import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { quantizedFile } from '../../import/test/quantizedSource.ts';
import { hbnn, temporary } from './process.ts';

const keras = fileURLToPath(new URL('../../import/test/golden/keras/vgg.keras', import.meta.url));

describe('a wrong command line says where, what was expected, what came and the way out', () => {
  const dir = temporary();
  const at = (name: string): string => join(dir, name);
  const [model, net, text, full, out] = ['m.hbnn', 'net', 'text', 'full', 'out'].map(at);
  hbnn('random', '--layer', 'dense:8x4', '--out', model);
  const normalization = ['--mean', '0.5', '--deviation', '0.25'];
  hbnn('import', quantizedFile('fashion-17.onnx'), ...normalization, '--out', net);
  writeFileSync(text, 'hello');
  mkdirSync(full);
  writeFileSync(join(full, 'a'), 'x');
  writeFileSync(at('model.json'), '{}');
  writeFileSync(at('cut.keras'), readFileSync(keras).subarray(0, 300));
  writeFileSync(at('cut.hbnn'), readFileSync(model).subarray(0, 60));
  const imported = ['import', keras, '--out', out];
  const data = ['--data', 'fashion-mnist-subset'];
  const quantized = ['quantize', net, ...data, '--out', out];
  const exported = ['export', '--model', model, '--to'];
  const below = join(text, 'new');
  const inTheWay = `${below}: expected a name for a new folder, got one below ${text}, which is a file; choose another place`;
  const cases: [string[], string][] = [
    [['import'], "required option '--out <folder>' not specified; see 'hbnn import --help'"],
    [
      ['import', at('none.onnx'), '--out', out],
      'none.onnx: could not be read: there is no such file; name the file of a network',
    ],
    [
      ['import', text, '--out', out],
      'text: expected a network in a file of .onnx, .keras, .h5 or .json, got a name without an ending; convert',
    ],
    [
      ['import', net, '--out', out],
      "net: expected a file of another program, got a folder of 'hbnn import'; lower, quantize or fine-tune it",
    ],
    [
      ['import', model, '--out', out],
      'm.hbnn: expected a network in a file of .onnx, .keras, .h5 or .json, got one of .hbnn; convert',
    ],
    [['import', full, '--out', out], 'full/model.json: could not be read: there is no such file'],
    [
      ['import', at('cut.keras'), '--out', out],
      'cut.keras: expected a .keras archive, got other or truncated bytes (invalid zip data); save the network again',
    ],
    [
      ['import', at('model.json'), '--out', out],
      'model.json: expected a modelTopology, got none; name the model.json of a layers model',
    ],
    [
      ['import', keras, '--out', net],
      'net: expected a folder that does not exist yet, got one that does; choose another',
    ],
    [['import', keras, '--out', below], inTheWay],
    [['import', keras, '--out', join(below, 'deeper')], 'which is a file; choose another place'],
    [
      [...imported, '--mean', '0.5,0.5', '--deviation', '0.2,0.2'],
      "--mean: expected as many numbers as the network's images have channels (3), got 2; give one for each",
    ],
    [
      [...imported, '--mean', '0.5,0.5,0.5', '--deviation', '0.2'],
      "--deviation: expected as many numbers as the network's images have channels (3), got 1",
    ],
    [
      [...imported, '--mean', '0.5,x,0.5', '--deviation', '1,1,1'],
      "--mean: expected a number for each channel, such as 0.5,0.5,0.5, got 'x'",
    ],
    [
      [...imported, '--mean', '0.5,0.5,0.5'],
      '--deviation: expected it beside --mean, got none; give both or none',
    ],
    [
      [...imported, '--mean', '127,127,127', '--deviation', '1,1,1'],
      '--mean: expected numbers from 0 to 1, as pixels from 0 to 1 have, got 127; divide',
    ],
    [[...imported, keras], "expected no argument '"],
    [
      ['quantize', net],
      "required option '--out <folder>' not specified; see 'hbnn quantize --help'",
    ],
    [
      ['quantize', at('none'), ...data, '--out', out],
      'none: could not be read: there is no such folder; make it with',
    ],
    [
      ['quantize', model, ...data, '--out', out],
      "m.hbnn: expected a folder of 'hbnn import', got a model file; give the network",
    ],
    [['quantize', net, ...data, '--out', below], inTheWay],
    [['fine-tune', net, ...data, '--weights', '1.4', '--out', below], inTheWay],
    [
      [...quantized, '--average', '9'],
      '--average: expected bits from 1 to 4, got 9; give a number such as 1.4',
    ],
    [
      [...quantized, '--average', 'two'],
      "--average: expected a number of bits, such as 1.4, got 'two'; write it in digits",
    ],
    [[...quantized, '--images', '0'], '--images: expected at least 1, got 0; give a larger number'],
    [
      ['synth', '--rtl', net],
      `--rtl: expected a folder of 'hbnn verilog', got the network folder ${net}; lower it with`,
    ],
    [
      ['verify', '--model', model, '--rtl', net],
      `--rtl: expected a folder of 'hbnn verilog', got the network folder ${net}; lower it with`,
    ],
    [[...exported, 'c'], "required option '--out <file>' not specified; see 'hbnn export --help'"],
    [
      [...exported, 'd', '--out', at('m.h')],
      "--to: expected one of c, onnx, qonnx, npz, safetensors, got 'd'; give one of these",
    ],
    [
      [...exported, 'c', '--out', at('m.c')],
      '--out: expected a file whose name ends in .h for --to c, got',
    ],
    [
      [...exported, 'onnx', '--out', at('m.h')],
      '--out: expected a file whose name ends in .onnx for --to onnx, got',
    ],
    [
      [...exported, 'c', '--out', at('string.h')],
      '--out: expected a file name of your own, got string.h, a header of the C library',
    ],
    [
      ['verilog', '--model', model, '--out', at('rr'), '--style', 'fold'],
      "--style: expected one of unrolled, folded, got 'fold'; did you mean 'folded'?",
    ],
    ...['--max-levels', '--budget'].map((flag): [string[], string] => [
      ['verilog', '--model', model, '--out', at('rr'), flag, '0'],
      `${flag}: expected at least 1, got 0; give 1 or more`,
    ]),
    [
      ['estimate', '--model', model, '--target', 'xc7', '--max-levels', '0'],
      '--max-levels: expected at least 1, got 0; give 1 or more',
    ],
    [
      ['train', '--patience', '1', '--min-epochs', '0', '--out', at('r')],
      '--min-epochs: expected more than 0, got 0; give a larger one',
    ],
    [
      ['train', '--augment', 'crop:4,flop', '--out', at('r')],
      "flip, or both, each once, as in crop:4,flip, got 'crop:4,flop'; did you mean 'flip'?",
    ],
    [
      [...exported, 'onnx', '--name', 'x', '--out', at('m.onnx')],
      '--name: has no effect with --to onnx; it is for --to c',
    ],
    [
      [...exported, 'c', '--name', '1x', '--out', at('m.h')],
      "--name: expected a name that begins with a letter and has letters, digits and _ only, got '1x'; choose one",
    ],
    [
      [...exported, 'c', '--out', join(text, 'm.h')],
      'text: could not be written: a file is in the way; choose another --out',
    ],
    [
      ['export', '--model', net, '--to', 'c', '--out', at('m.h')],
      'net: expected a model file, got a network folder; lower it with',
    ],
    [
      ['export', '--model', at('none.hbnn'), '--to', 'c', '--out', at('m.h')],
      'none.hbnn: could not be read: there is no such file; name a model file',
    ],
    [['export', '--model', at('cut.hbnn'), '--to', 'c', '--out', at('m.h')], 'cut.hbnn'],
    [['inspect'], "missing required argument 'path'"],
    [['inspect', at('none')], 'none: could not be read: there is no such file or folder; name a'],
    [
      ['inspect', full],
      'full: expected a folder of a run, a network, Verilog or a binarized tensor, got a folder without their files; give',
    ],
    [
      ['inspect', text],
      'text: expected a .hbnn file, got other bytes at its start; write one with',
    ],
    [['inspect', model, net], "expected no argument '"],
    [
      ['compare', model],
      'compare: expected either a second model or --engines, such as --engines reference,wasm, got neither; give one of them',
    ],
    [
      ['compare', model, at('none')],
      'none: could not be read: there is no such file; name a model file',
    ],
    [
      ['compare', model, model],
      'compare: expected images by either --in or --data, got neither; give one of them, such as --in images.npy',
    ],
    [['compare', model, text], 'text: expected a .hbnn file, got other bytes at its start'],
    [['compare', net, net], 'compare: expected a model file first, got'],
    [
      ['init', full],
      'full: expected a folder that is new or empty, got one with a; name another, as in hbnn init first',
    ],
    [
      ['eval', '--run', full, '--model', model],
      'eval: expected either --run or --model, got both; give one of them',
    ],
    [
      ['datasets', 'save', 'nodata', '--out', at('d')],
      'datasets save: expected one of fashion-mnist',
    ],
    [['init', text], 'text: expected a folder that is new or empty, got a file; name another'],
    [['init', join(text, 'x')], 'text is a file); name a folder in a place that can be written'],
    [['init', at('one'), at('two')], "expected no argument '"],
  ];

  it.each(cases)('%j', (line, answer) => {
    const { code, out: printed, err } = hbnn(...line);
    expect({ code, printed }).toEqual({ code: 2, printed: '' });
    expect(err).toMatch(/^hbnn: /);
    expect(err).toContain(answer);
    expect(existsSync(out)).toBe(false);
  });
});
