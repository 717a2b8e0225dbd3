import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { hbnn, temporary } from './process.ts';

/** The command lines of hbnn between quotes in an error. */
const advisedIn = (err: string): string[][] =>
  [...err.matchAll(/'hbnn ([^']*)'/g)].map(([, line]) => line.split(' '));

describe('what an error advises works on the very input', () => {
  const dir = temporary();
  const at = (name: string): string => join(dir, name);
  const few = ['--epochs', '1', '--limit', '100', '--test-limit', '50'];
  beforeAll(() => {
    const train = (name: string, ...o: string[]): void => {
      const { code, err } = hbnn('train', ...few, ...o, '--out', at(name));
      expect(code, err).toBe(0);
    };
    train('run');
    train('dynamic', '--inputs', '1.4');
    train('float', '--weights', 'float');
    expect(hbnn('quantize', '--run', at('float'), '--out', at('quantized')).code).toBe(0);
    expect(hbnn('random', '--layer', 'dense:8x2', '--out', at('m.hbnn')).code).toBe(0);
    expect(hbnn('verilog', '--model', at('m.hbnn'), '--out', at('rtl')).code).toBe(0);
    expect(hbnn('dump', at('m.hbnn'), '--out', at('dumped')).code).toBe(0);
    for (const name of ['empty', 'other', 'below', 'below/runs', 'tfjs']) mkdirSync(at(name));
    writeFileSync(at('other/notes'), 'x');
    writeFileSync(at('tfjs/model.json'), '{"modelTopology": {}}');
    expect(hbnn('train', ...few, '--out', at('below/runs/one')).code).toBe(0);
  });

  const [model, rtl, run] = ['--model', '--rtl', '--run'];
  /** Command lines that are refused, and what they advise; a command in quotes is run. */
  const cases: [(path: typeof at) => string[], string][] = [
    [(p) => ['verify', model, p('run'), rtl, p('rtl')], 'lower it with '],
    [(p) => ['verify', model, p('rtl'), rtl, p('rtl')], 'm.hbnn\n'],
    [(p) => ['verify', model, p('dumped'), rtl, p('rtl')], 'give the file that it was dumped from'],
    [(p) => ['verify', model, p('dynamic'), rtl, p('rtl')], 'train one with --input-map static\n'],
    [(p) => ['verify', model, p('m.hbnn'), rtl, p('dumped')], 'give the file that it was dumped'],
    [(p) => ['verify', model, p('m.hbnn'), rtl, p('other')], 'give the --out of hbnn verilog\n'],
    [(p) => ['verify', model, p('m.hbnn'), rtl, p('empty')], 'an empty one; write it with '],
    [(p) => ['verify', model, p('m.hbnn'), rtl, p('quantized')], 'lower it with '],
    [(p) => ['plot', run, p('quantized'), '--out', p('x.html')], 'give a run of hbnn train\n'],
    [(p) => ['plot', run, p('dumped'), '--out', p('x.html')], 'give the file that it was dumped'],
    [(p) => ['plot', run, p('below'), '--out', p('x.html')], 'below/runs/one\n'],
    [(p) => ['plot', run, p('other'), '--out', p('x.html')], 'give the --out of hbnn train\n'],
    [(p) => ['lower', run, p('dumped'), '--out', p('x.hbnn')], 'give the file that it was dumped'],
    [(p) => ['lower', p('run'), '--out', p('x.hbnn')], 'lower it with '],
    [(p) => ['lower', p('dynamic'), '--out', p('x.hbnn')], 'train one with --input-map static\n'],
    [(p) => ['lower', p('other'), '--out', p('x.hbnn')], 'give the --out of hbnn import\n'],
    [
      (p) => ['fine-tune', p('run'), '--out', p('tuned')],
      'binarized already; give a float network',
    ],
    [(p) => ['fine-tune', p('float'), '--out', p('tuned')], 'binarize it without training by '],
    [
      (p) => ['lower', p('tfjs'), '--out', p('x.hbnn')],
      'got a TensorFlow.js folder; import it with',
    ],
    [(p) => ['inspect', p('dumped')], 'give the file that it was dumped from'],
    [(p) => ['verify-results', p('other')], 'name the --out of hbnn train, lower or verilog\n'],
    [(p) => ['verify-results', p('quantized')], 'cannot be made again yet\n'],
    [(p) => ['train', '--out', p('quantized')], 'a run folder; choose another\n'],
  ];

  it.each(cases)('%s', (line, way) => {
    const { code, err } = hbnn(...line(at));
    expect([code, err], err).toEqual([2, expect.stringContaining(way)]);
    for (const advised of advisedIn(err)) {
      // What only somebody else knows is in capitals; the names of commands have no words after them.
      if (advised.length === 1 || /\b(MODEL|DATA)\b/.test(advised.join(' '))) continue;
      if (err.includes('TensorFlow.js folder')) continue;
      const words = advised.map((word) => (word === 'quantized' ? at('again') : word));
      const { code: again, err: told } = hbnn(...words);
      expect([words.join(' '), again], told).toEqual([words.join(' '), 0]);
    }
  });

  it('continues a run that has begun, whatever asks for it', () => {
    mkdirSync(at('begun'));
    writeFileSync(
      at('begun/config.json'),
      JSON.stringify({ epochs: 1, limit: 100, testLimit: 50 }),
    );
    const lines = [
      ['plot', '--run', at('begun'), '--out', at('x.html')],
      ['eval', '--run', at('begun')],
      ['lower', '--run', at('begun'), '--out', at('x.hbnn')],
      ['inspect', at('begun')],
      ['verify-results', at('begun')],
    ];
    for (const line of lines) {
      const { code, err } = hbnn(...line);
      expect(code, err).toBe(2);
      expect(err).toMatch(/'hbnn train (--out \S+ --resume|--resume --out \S+)'\n$/);
    }
    expect(hbnn('train', '--out', at('begun'), '--resume').code).toBe(0);
  });
});
