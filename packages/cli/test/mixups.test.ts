import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeNpy } from '@hbnn/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { hbnn, temporary } from './process.ts';

describe('what was mixed up on the command line is refused in one line, and nothing is written', () => {
  const dir = temporary();
  const at = (name: string): string => join(dir, name);
  beforeAll(() => {
    expect(hbnn('random', '--layer', 'dense:8x2', '--out', at('m.hbnn')).code).toBe(0);
    expect(hbnn('random', '--tensor', '4x3', '--out', at('w.npy')).code).toBe(0);
    expect(hbnn('verilog', '--model', at('m.hbnn'), '--out', at('rtl')).code).toBe(0);
    const pixels = new Uint8Array(8);
    writeFileSync(at('px.npy'), encodeNpy({ shape: [1, 1, 1, 8], data: pixels }));
    writeFileSync(at('none.npy'), encodeNpy({ shape: [0, 1, 1, 8], data: new Uint8Array(0) }));
    const large = Float64Array.of(1e300, 1);
    writeFileSync(at('large.npy'), encodeNpy({ shape: [1, 2], data: large }));
    mkdirSync(at('run'));
    writeFileSync(at('run/config.json'), '{}');
  });

  const cases: [string, (path: typeof at) => string[], string][] = [
    [
      'scores over the model',
      (p) => ['run', '--model', p('m.hbnn'), '--in', p('px.npy'), '--out', p('m.hbnn')],
      '--out: expected another file than that of --model',
    ],
    [
      'bits into a folder of Verilog',
      (p) => ['binarize', p('w.npy'), '--average', '1.4', '--out', p('rtl')],
      'a Verilog folder; choose another',
    ],
    [
      'a training into a folder of Verilog',
      (p) => ['train', '--epochs', '1', '--out', p('rtl')],
      'a Verilog folder; choose another',
    ],
    [
      'bits into a run',
      (p) => ['binarize', p('w.npy'), '--average', '1.4', '--out', p('run')],
      'a run folder; choose another',
    ],
    [
      'crops beside the images',
      (p) => ['train', '--augment', 'crop:40', '--out', p('new')],
      '--augment: expected crop:N with N below 28, the shorter side of the 28×28 images of',
    ],
    [
      'too few scale bits',
      (p) => ['lower', '--run', p('run'), '--out', p('new'), '--scale-bits', '1'],
      '--scale-bits: expected 2 to 8, got 1',
    ],
    [
      'bits of layers that are not there',
      (p) => ['train', '--layer-bits', '1,2', '--out', p('new')],
      '--layer-bits',
    ],
    [
      'a layer without inputs',
      (p) => ['random', '--layer', 'dense:0x4', '--out', p('new')],
      "--layer: expected sizes and strides of at least 1, got 0 in 'dense:0x4'",
    ],
    [
      'a layer with strides of 0',
      (p) => ['random', '--layer', 'conv:4x4x2,k3x3,o3,s0,p1', '--out', p('new')],
      "--layer: expected sizes and strides of at least 1, got 0 in 'conv:4x4x2,k3x3,o3,s0,p1'",
    ],
    [
      'an engine for a run',
      (p) => ['eval', '--run', p('run'), '--engine', 'wasm'],
      '--engine: has no effect with --run',
    ],
    [
      'a seed without a random rule',
      (p) => ['binarize', p('w.npy'), '--average', '1.4', '--seed', '3', '--out', p('new')],
      '--seed: has no effect with --select middle-out',
    ],
    [
      'a page called a picture',
      (p) => ['plot', '--run', p('run'), '--out', p('new.png')],
      'ends in .html',
    ],
    [
      'magnitudes beyond float32',
      (p) => ['binarize', p('large.npy'), '--average', '1.4', '--out', p('new')],
      'large.npy: expected magnitudes whose mean fits float32',
    ],
    [
      'a seed that is too large',
      (p) => ['random', '--seed', '99999999999999999999', '--out', p('new')],
      '--seed: expected a whole number of at most 9007199254740991',
    ],
    [
      'hertz for folds',
      (p) => {
        const folded = ['--style', 'folded', '--fps', '10', '--clock', '100e6'];
        return ['verilog', '--model', p('m.hbnn'), '--out', p('new'), ...folded];
      },
      '--clock: expected at most 10000 MHz, got 100e6',
    ],
    [
      'hertz for constraints',
      (p) => [
        'verilog',
        '--model',
        p('m.hbnn'),
        '--out',
        p('new'),
        '--project-files',
        '--clock',
        '1e8',
      ],
      '--clock: expected at most 10000 MHz, got 1e8',
    ],
    [
      'no images to compare on',
      (p) => ['compare', p('m.hbnn'), p('m.hbnn'), '--in', p('none.npy')],
      'none.npy: expected at least one image',
    ],
    [
      'more images than a clock has cycles',
      (p) => ['estimate', '--model', p('m.hbnn'), '--target', 'asic:45', '--rate', '1e12'],
      '--rate: expected at most 10000000000 images per second',
    ],
    [
      'a pool behind a layer twice',
      (p) => ['train', '--widths', '8,8', '--pools', '0,0', '--out', p('new')],
      '--pools: expected each layer once, got [0,0]',
    ],
    ['a project in a file', (p) => ['init', p('w.npy')], 'new or empty, got a file'],
    [
      'folds of a file that is not there',
      (p) => {
        const folded = ['--style', 'folded', '--fold', p('nope.json')];
        return ['verilog', '--model', p('m.hbnn'), '--out', p('new'), ...folded];
      },
      'nope.json: could not be read: there is no such file; give JSON of folds by layer',
    ],
  ];

  it.each(cases)('%s', (_, args, message) => {
    const before = readdirSync(dir, { recursive: true }).sort();
    const model = readFileSync(at('m.hbnn'));
    const { code, err } = hbnn(...args(at));
    expect([code, err], err).toEqual([2, expect.stringContaining(message)]);
    expect(
      err
        .trim()
        .split('\n')
        .filter((line) => line.startsWith('hbnn: ')),
    ).toHaveLength(1);
    expect(existsSync(at('new'))).toBe(false);
    expect(readdirSync(dir, { recursive: true }).sort()).toEqual(before);
    expect(readFileSync(at('m.hbnn')).equals(model)).toBe(true);
  });
});
