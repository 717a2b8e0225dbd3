import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeNpy } from '@hbnn/core';
import { runConfig } from '@hbnn/train';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { commands as generated } from '../../../docs/scripts/commands.mjs';
import { program } from '../src/program.ts';
import { trainFlags } from '../src/trainFlags.ts';
import { hbnn, hbnnArguments, temporary } from './process.ts';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const about = JSON.parse(readFileSync(here('../package.json'), 'utf8')) as { version: string };

describe('a wrong usage names what was typed, and what was meant', () => {
  const dir = temporary();
  const model = join(dir, 'm.hbnn');
  hbnn('random', '--layer', 'dense:8x4', '--out', model);
  const tensor = join(dir, 'w.npy');
  hbnn('random', '--tensor', '3', '--out', tensor);
  const out = join(dir, 'out');
  const settings = join(dir, 'settings.json');
  writeFileSync(settings, '{"learningRte": 0.1}');
  const wrong = join(dir, 'wrong.json');
  writeFileSync(wrong, '{"epochs": -3}');
  const [binary, escapes] = [join(dir, 'binary.json'), join(dir, 'escapes.json')];
  writeFileSync(binary, new Uint8Array(300).fill(0xfe));
  writeFileSync(escapes, '\u001b]0;x\u0007');
  const text = join(dir, 'text');
  writeFileSync(text, 'hello');
  const network = join(dir, 'network.onnx');
  writeFileSync(network, 'hello');
  const train = ['train', '--out', out];
  const cases: [string[], string][] = [
    [
      ['binarize', tensor, '--average', '1.4', '--out', out, '--svg=3'],
      "expected no value for '--svg', got '3'; write --svg alone",
    ],
    [['init', ''], 'folder: expected the name of a folder to make, got an empty one'],
    [
      ['import', network, '--mean', '0.5', '--deviation', '0', '--out', out],
      '--deviation: expected numbers from 0.000001 to 1, as pixels from 0 to 1 have, got 0; give',
    ],
    [[...train, '--weights', '9'], '--weights: expected an average from 0 to 8 bits, got 9'],
    [[...train, '--network', 'alexnet'], "got 'alexnet'; did you mean 'alexnet-bn'?"],
    [
      [...train, '--select', 'middleout'],
      "--select: expected one of middle-out, top-down, bottom-up, random, gain, curvature, optimal, got 'middleout'; did you mean 'middle-out'?",
    ],
    [
      [...train, '--inputs', '1', '--input-map', 'statc'],
      "--input-map: expected one of dynamic, static, got 'statc'; did you mean 'static'?",
    ],
    [
      [...train, '--schedule', 'cosin'],
      "--schedule: expected one of constant, cosine, steps, got 'cosin'; did you mean 'cosine'?",
    ],
    [
      [...train, '--data', 'cifar'],
      "--data: expected one of fashion-mnist-subset, fashion-mnist, cifar10, idx, folder, got 'cifar'; did you mean 'cifar10'?",
    ],
    [
      [...train, '--backend', 'wsm'],
      "--backend: expected one of auto, tensorflow, wasm, cpu, webgpu, got 'wsm'; did you mean 'wasm'?",
    ],
    [[...train, '--epochs', 'two'], "--epochs: expected a whole number such as 6, got 'two'"],
    [[...train, '--epochs', '1.5'], "--epochs: expected a whole number such as 6, got '1.5'"],
    [[...train, '--learning-rate', '-1'], '--learning-rate: expected more than 0, got -1'],
    [
      [...train, '--limit', '10', '--validation', '10'],
      '--validation: expected fewer images than the 10 training images, got 10',
    ],
    [[...train, '--validation', 'x'], "--validation: expected a whole number such as 6, got 'x'"],
    [[...train, '--shrink', '29'], '--shrink: expected at most 28, a side of the 28×28 images'],
    [
      [...train, '--data', 'folder'],
      '--data folder: expected a folder of images in class folders by --from, got none; add --from',
    ],
    [[...train, '--data', 'idx'], '--data idx: expected a folder of IDX files by --from, got none'],
    [
      [...train, '--data', 'folder', '--from', '/no/where'],
      '--from: /no/where: could not be read: there is no such file or folder; name a folder of images',
    ],
    [[...train, '--momentum', '1'], '--momentum: expected less than 1, got 1'],
    [[...train, '--freeze-maps', '1.5'], '--freeze-maps: expected at most 1, got 1.5'],
    [
      [...train, '--weights', '0.7/0.2/0.2'],
      "--weights '0.7/0.2/0.2': expected fractions that sum to 1, got a sum of 1.1;",
    ],
    [[...train, '--inputs', '0.3/0.6'], 'got a sum of 0.9;'],
    [
      [...train, '--config', join(dir, 'nope.json')],
      'nope.json: could not be read: there is no such file',
    ],
    [
      [...train, '--config', settings],
      `${settings}: unknown setting 'learningRte'; did you mean 'learningRate'?`,
    ],
    [[...train, '--config', wrong], `${wrong}: epochs: expected more than 0, got -3`],
    [
      [...train, '--config', binary],
      'expected text, got 300 bytes that are none; name a file of settings',
    ],
    [[...train, '--config', escapes], 'is not JSON (Unexpected token \'\\x1b\', "\\x1b]0;x\\x07"'],
    [[...train, '--weights', '0'], '--weights: expected more than 0 bits on average, got 0, with'],
    [[...train, '--weights', '0:1'], '--weights: expected more than 0 bits on average, got 0:1,'],
    [[...train, '--layer-bits', '0,0,0,0'], '--layer-bits: expected more than 0 bits on average'],
    [[...train, '--inputs', '0'], '--inputs: expected more than 0 bits on average, got 0, with'],
    [
      ['compare-settings', '--weights', '0,1', '--out', out],
      '--weights: expected more than 0 bits',
    ],
    [[...train, '--colour'], "unknown option '--colour'; see 'hbnn train --help'"],
    [
      [...train, '--epoch', '3'],
      "unknown option '--epoch'; did you mean '--epochs'?; see 'hbnn train --help'",
    ],
    ...(
      [
        ['--lr', '--learning-rate'],
        ['--bs', '--batch'],
        ['--batch_size', '--batch'],
        ['--batchSize', '--batch'],
        ['--output', '--out'],
        ['-o', '--out'],
        ['--dataset', '--data'],
        ['--data-dir', '--from'],
        ['--bits', '--weights'],
        ['--wbits', '--weights'],
        ['--abits', '--inputs'],
        ['--model', '--network'],
        ['--arch', '--network'],
        ['--wd', '--weight-decay'],
        ['--num-epochs', '--epochs'],
        ['--random-seed', '--seed'],
        ['--device', '--backend'],
        ['--Learning_Rate', '--learning-rate'],
      ] as const
    ).flatMap(([name, known]): [string[], string][] => [
      [
        [...train, name, '3'],
        `unknown option '${name}'; did you mean '${known}'?; see 'hbnn train --help'`,
      ],
      [['train', `${name}=3`], `unknown option '${name}`],
    ]),
    [['binarize', 'a.npy', '--bits', '1.4', '--out', out], "did you mean '--average'?"],
    [['eval', '--run', dir, '--limit', '5'], "did you mean '--test-limit'?"],
    [['synth', '--rtl', dir, '--library', 'x.lib'], "unknown option '--library'"],
    [['estimate', '--model', model, '--lib', 'x.lib'], "did you mean '--liberty'?"],
    [
      ['eval', '--run', dir, '--size', '28'],
      "unknown option '--size': images come in the size that the run or model takes; leave it out",
    ],
    [
      ['run', model, '--in', 'x.npy'],
      `expected an option before '${model}', got none; write it as --model ${model}; see 'hbnn run --help'`,
    ],
    [['run', model, 'x.npy'], `write it as --model ${model}`],
    [['run', '--model', model, 'x.png'], 'write it as --in x.png'],
    [['verilog', '--model', model, out], `write it as --out ${out}`],
    [['estimate', '--model', model, 'zc706'], 'write it as --target zc706'],
    [['train', 'fashion-mnist-subset'], 'write it as --data fashion-mnist-subset'],
    [['networks', 'x'], "expected no argument 'x'; take it out"],
    [
      ['eval', '--run', model],
      `--run: expected a run folder of 'hbnn train', got the model file ${model}; give it as --model ${model}`,
    ],
    [['lower', '--run', model, '--out', out], `got the model file ${model}; it is lowered already`],
    [['plot', '--run', model, '--out', out], 'give the run that it was lowered from'],
    [['eval', '--run', settings], `got the file ${settings}`],
    [['eval', '--model', dir], `${dir}: expected a model file, got a folder`],
    [
      ['synth', '--rtl', model],
      `got the model file ${model}; write its Verilog with 'hbnn verilog`,
    ],
    [['verify', '--model', model, '--rtl', settings], `got the file ${settings}; give the folder`],
    [['train', '--resume'], '--resume: expected the run folder to continue; give it by --out'],
    [['binarize', '--out', out, '--average', '1'], "give it as in 'hbnn binarize w.npy'"],
    [
      ['binarize', 'a.npy', '--in', 'b.npy', '--out', out, '--average', '1'],
      'got a.npy and --in b.npy',
    ],
    [
      ['binarize', 'a.npy', '--average', '1.4'],
      "required option '--out <folder>' not specified; see 'hbnn binarize --help'",
    ],
    [['eval', '--model', model], `${model}: expected a data set by --data`],
    [
      ['eval', '--model', model, '--engine', 'wsm'],
      "--engine: expected one of reference, wasm, verilog, verilog-folded, got 'wsm'; did you mean 'wasm'?",
    ],
    [
      ['eval', '--run', join(dir, 'none'), '--weights', 'best'],
      'none: could not be read: there is no such folder; make it with',
    ],
    [['lower', '--run', dir, '--out', '/nodir/x.hbnn'], 'expected a run folder'],
    [
      ['random', '--out', '/nodir/x.hbnn'],
      '/nodir/x.hbnn: could not be written: the folder /nodir does not exist',
    ],
    ...[
      ['random', '--tensor', '3'],
      ['random', '--layer', 'dense:4x2'],
      ['binarize', '--in', tensor, '--average', '1'],
      ['verilog', '--model', model],
      ['dump', model],
      ['train', '--max-steps', '1'],
      ['compare-settings', '--weights', '1,2', '--seeds', '2'],
    ].map((line): [string[], string] => [[...line, '--out', `${model}/x`], model]),
    ...[
      ['run', '--in', 'x.npy', '--out', 'y.npy', '--model'],
      ['dump', '--out', out],
      ['eval', '--run'],
      ['plot', '--out', `${out}.html`, '--run'],
      ['synth', '--target', 'ice40', '--rtl'],
      ['verify', '--model', model, '--rtl'],
      ['estimate', '--target', 'zc706', '--model'],
      ['estimate', '--model', model, '--liberty'],
      ['binarize', '--average', '1', '--out', out],
    ].map((line): [string[], string] => [[...line, `${model}/x`], `${model}/x`]),
    [['run', `${model}/x`], '--model'],
    [
      ['random', '--layer', 'pool:4x4', '--out', out],
      "--layer: expected dense:144x16 or conv:8x8x16,k3x3,o32,s1,p1 (also depthwise:…), got 'pool:4x4'",
    ],
    [
      ['estimate', '--model', model, '--target', 'zc706', '--fold', '1x1,2x2'],
      '--fold: expected 1 fold, one per layer with weights (layer), got 2',
    ],
    [
      ['estimate', '--model', model, '--liberty', '/nowhere.lib'],
      '--liberty: /nowhere.lib: could not be read: there is no such file; name a Liberty file',
    ],
    ...(
      [
        [['compare', network, model], `expected a model file first, got ${network}, which is`],
        [['compare', model, network, '--in', tensor], 'expected images of shape [images, 1, 1, 8]'],
        [['compare', model, network], 'expected images by either --in or --data'],
        [['compare', model, model, '--tolerance', '1'], '--tolerance: has no effect between whole'],
        [['compare', model, network, '--tolerance', '0'], '--tolerance: expected a number above 0'],
        [['inspect', network], `${network}: expected an ONNX file, got other or truncated bytes`],
        [['inspect', dir], 'expected a folder of a run, a network, Verilog or a binarized tensor'],
        [['inspect', settings], `${settings}: expected a modelTopology, got none`],
        [['inspect', text], `${text}: expected a .hbnn file, got other bytes at its start`],
        [['run', '--model', text, '--in', tensor, '--out', out], `${text}: expected a .hbnn file`],
        [
          ['fine-tune', model, '--out', out],
          `${model}: expected a folder of 'hbnn import', got a m`,
        ],
        [['quantize', network, '--out', out], `import it with 'hbnn import ${network} --out net'`],
        [['import', network, '--out', out], `${network}: expected an ONNX file, got other or trun`],
        [
          ['export', '--model', model, '--to', 'qonx', '--out', out],
          "--to: expected one of c, onnx, qonnx, npz, safetensors, got 'qonx'; did you mean 'qonnx'?",
        ],
        [
          ['export', '--model', model, '--to', 'qonnx', '--out', `${out}.qonnx`],
          "--out: expected a file whose name ends in .onnx for --to qonnx, got '",
        ],
      ] as const
    ).map(([line, message]): [string[], string] => [[...line], message]),
    [['random', '--out', dir], 'it is a folder; give the name of a file'],
    [
      ['random', '--out', out, '--tensor', '3x0'],
      "--tensor: expected a shape such as 64x3x3x32 or 64,3,3,32, got '3x0'",
    ],
    [
      ['random', '--out', out, '--tensor', '3x3', '--map-per', 'element'],
      '--map-per: has no effect with --tensor',
    ],
    [
      ['random', '--out', out, '--mix', '0.5/0.6'],
      "--mix '0.5/0.6': expected fractions that sum to 1, got a sum of 1.1",
    ],
    [['estimate', '--model', model, '--target', 'zc707'], "got 'zc707'; did you mean 'zc706'?"],
    [['estimate', '--model', model], 'expected an FPGA such as zc706'],
    [
      ['verilog', '--model', model, '--out', out, '--target', 'zc706'],
      "got 'zc706'; for XC7Z045 give xc7",
    ],
    [
      ['verilog', '--model', model, '--out', out, '--target', 'ice40'],
      "got 'ice40'; for iCE40HX8K give generic",
    ],
    [['verilog', '--model', model, '--out', out, '--target', 'generik'], "did you mean 'generic'?"],
    [
      ['synth', '--rtl', join(dir, 'nope')],
      'nope: could not be read: there is no such folder; write it with',
    ],
    [['datasets', 'fetch', 'cifar'], "did you mean 'cifar10'?"],
    [
      ['datasets', 'fetch'],
      "missing required argument 'name': fashion-mnist or cifar10; see 'hbnn datasets fetch --help'",
    ],
    [
      ['datasets', 'ftch'],
      "unknown command 'ftch'; did you mean 'fetch'?; see 'hbnn datasets --help'",
    ],
    [['help', 'trian'], "unknown command 'trian'; did you mean 'train'?; see 'hbnn --help'"],
    [
      ['help', 'datasets', 'lst'],
      "unknown command 'lst'; did you mean 'list'?; see 'hbnn datasets --help'",
    ],
    [['trian'], "unknown command 'trian'; did you mean 'train'?"],
    [
      ['completion', 'bsh'],
      "completion: expected one of bash, zsh, fish, got 'bsh'; did you mean 'bash'?",
    ],
  ];

  it.each(cases)('%j', (args, message) => {
    const { code, err, out: printed } = hbnn(...args, '--json');
    expect(code).toBe(2);
    expect(err.trimEnd().split('\n')).toHaveLength(1);
    expect(err).toContain(message);
    expect(JSON.parse(printed)).toEqual({ error: err.trimEnd().replace(/^hbnn: /, '') });
    expect(existsSync(out)).toBe(false);
  });
});

describe('help', () => {
  it('is printed on stdout when nothing is asked for', () => {
    const { code, out, err } = hbnn();
    expect([code, err]).toEqual([0, '']);
    for (const heading of ['Training:', 'Integer models:', 'Hardware:', 'Data:'])
      expect(out).toContain(`\n${heading}\n`);
    expect(hbnn('help').out).toBe(out);
    expect(hbnn('datasets')).toMatchObject({
      code: 0,
      out: hbnn('datasets', '--help').out,
    });
    expect(hbnn('help', 'datasets', 'fetch').out).toBe(hbnn('datasets', 'fetch', '--help').out);
  });

  it('of train has groups, and every default that the configuration has', () => {
    const defaults = runConfig({}) as Record<string, unknown>;
    const flags = Object.values(trainFlags).flat();
    for (const { flag, field, fallback } of flags)
      if (field in defaults) expect(fallback, flag).toBe(defaults[field]);
    const fields = flags.map(({ field }) => field as string);
    expect(fields).toEqual(expect.arrayContaining(Object.keys(defaults)));
    const { out } = hbnn('train', '--help');
    for (const heading of Object.keys(trainFlags)) expect(out).toContain(`\n${heading}\n`);
    const text = out.replaceAll(/\s+/g, ' ');
    for (const { flag, fallback } of flags)
      expect(text).toMatch(new RegExp(`${flag} [^<]*\\(default: ${fallback}\\)`));
  });

  it('shows defaults in one form, and no line wider than 100 columns', () => {
    const within = (command: Command, path: string[]): string[][] => [
      ...(path.length > 0 ? [path] : []),
      ...command.commands.flatMap((one) => within(one, [...path, one.name()])),
    ];
    for (const path of within(program(), [])) {
      const { out } = hbnn(...path, '--help');
      expect(out, path.join(' ')).not.toMatch(/\(default: "/);
      expect(out, path.join(' ')).not.toMatch(/[;,] default /);
      expect(
        Math.max(...out.split('\n').map(({ length }) => length)),
        path.join(' '),
      ).toBeLessThanOrEqual(100);
    }
  });

  it('has bold headings only where there are colors to be', () => {
    const help = (env: Record<string, string>): string =>
      spawnSync(process.execPath, hbnnArguments('--help'), {
        encoding: 'utf8',
        env: { ...process.env, NO_COLOR: undefined, ...env },
      }).stdout;
    expect(help({ FORCE_COLOR: '1' })).toContain('\u001b[1mTraining:\u001b[22m');
    expect(help({ NO_COLOR: '1' })).not.toContain('\u001b[');
    expect(help({})).not.toContain('\u001b[');
  });
});

describe('hbnn', () => {
  it('says its version, Node’s, and the backend', () => {
    for (const args of [['--version'], ['-v'], ['version']]) {
      const { code, out } = hbnn(...args);
      expect(code).toBe(0);
      expect(out).toMatch(new RegExp(`^hbnn +${about.version}\\nnode +${process.version} `));
      expect(out).toMatch(/\nbackend +\w+: /);
    }
    expect(JSON.parse(hbnn('--version', '--json').out)).toMatchObject({
      version: about.version,
      node: process.version,
    });
  });

  it('takes --json before the command as after it', () => {
    const list = hbnn('datasets', 'list', '--json').out;
    expect(JSON.parse(list)).toHaveProperty('datasets');
    expect(hbnn('--json', 'datasets', 'list').out).toBe(list);
    expect(hbnn('--json', 'trian').out).toContain('{"error":');
  });

  it('completes commands and options in bash', () => {
    const { code, out } = hbnn('completion', 'bash');
    expect(code).toBe(0);
    const print = `echo "\${COMPREPLY[*]}"`;
    const ask = `COMP_WORDS=(hbnn datasets ""); COMP_CWORD=2; _hbnn; ${print}`;
    const { stdout, status } = spawnSync('bash', ['-c', `${out}\n${ask}`], { encoding: 'utf8' });
    expect([status, stdout]).toEqual([0, 'list fetch save --help\n']);
    const options = `COMP_WORDS=(hbnn train --we); COMP_CWORD=2; _hbnn; ${print}`;
    const { stdout: found } = spawnSync('bash', ['-c', `${out}\n${options}`], { encoding: 'utf8' });
    expect(found).toBe('--weights --weight-decay\n');
    for (const shell of ['zsh', 'fish'])
      expect(hbnn('completion', shell).out).toContain('--weights');
  });

  it('makes a random tensor, the same for a seed everywhere', () => {
    const [a, b] = ['a.npy', 'b.npy'].map((name) => join(temporary(), name));
    expect(hbnn('random', '--tensor', '4x3x2', '--out', a).out).toContain(`hbnn binarize ${a} `);
    expect(hbnn('--json', 'random', '--tensor', '4x3x2', '--seed', '1', '--out', b).code).toBe(0);
    expect(readFileSync(a).equals(readFileSync(b))).toBe(true);
    expect(decodeNpy(readFileSync(a), a).shape).toEqual([4, 3, 2]);
    const commas = join(temporary(), 'c.npy');
    expect(hbnn('random', '--tensor', '4,3,2', '--out', commas).code).toBe(0);
    expect(readFileSync(commas).equals(readFileSync(a))).toBe(true);
    const large = join(temporary(), 'large.npy');
    hbnn('random', '--tensor', '64,3,3,32', '--seed', '2', '--out', large, '--quiet');
    const values = [...decodeNpy(readFileSync(large), large).data].map(Number);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const square = values.reduce((sum, value) => sum + value ** 2, 0) / values.length;
    // Of 18,432 standard normal numbers; the deviation of the mean is 0.0074.
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(Math.abs(square - 1)).toBeLessThan(0.05);
  });

  const leaves = (command: Command, path: string): string[] =>
    // A command with others below it may do something itself, as hbnn sweep does.
    command.commands.length === 0 || command.registeredArguments.length > 0
      ? [path, ...command.commands.flatMap((one) => leaves(one, `${path} ${one.name()}`))]
      : command.commands.flatMap((one) => leaves(one, `${path} ${one.name()}`));

  it('shows the help of every command on the site', () => {
    const guide = '../../../docs/guide/command-line.md';
    const page = readFileSync(here(guide), 'utf8');
    const shown = [...page.matchAll(/^<!--@include: \.\.\/generated\/(hbnn.*)\.help\.md-->/gm)].map(
      ([, name]) => name,
    );
    const paths = leaves(program(), 'hbnn').filter((path) => path !== 'hbnn help');
    const names = paths.map((path) => path.replaceAll(' ', '-'));
    expect(shown.sort()).toEqual(['hbnn', ...names].sort());
    expect(Object.keys(generated).sort()).toEqual(shown);
    for (const [name, words] of Object.entries(generated))
      expect(name).toBe(['hbnn', ...words].join('-'));
  });

  it('names every command in the README', () => {
    const readme = readFileSync(here('../README.md'), 'utf8');
    const table = readme.slice(readme.indexOf('## Commands'));
    for (const name of leaves(program(), 'hbnn')) expect(table).toContain(`\`${name}`);
  });
});

it('a training without --out makes a folder of its moment, and says what to do next', () => {
  const cwd = temporary();
  mkdirSync(cwd, { recursive: true });
  const args = ['train', '--limit', '100', '--test-limit', '50', '--max-steps', '2'];
  const ran = spawnSync(process.execPath, hbnnArguments(...args), { cwd, encoding: 'utf8' });
  expect(ran.status, ran.stderr).toBe(0);
  const folder = /^run +(runs\/\d{4}-\d\d-\d\d-\d{6})$/m.exec(ran.stdout)?.[1] ?? '';
  expect(existsSync(join(cwd, folder, 'result.json'))).toBe(true);
  expect(ran.stdout).toMatch(/^test accuracy +[\d.]+ % of 50 images$/m);
  expect(ran.stdout).not.toMatch(/[{}]|\d\.\d{6}/);
  for (const next of [
    `hbnn eval --run ${folder}`,
    `hbnn plot --run ${folder} --out ${folder}.html`,
    `hbnn lower --run ${folder} --out ${folder}.hbnn`,
  ])
    expect(ran.stdout).toContain(`\n  ${next}\n`);
  // The backend is said after the input was checked, and is no fault.
  expect(ran.stderr).toMatch(/^backend wasm: /m);
  expect(ran.stderr).not.toMatch(/did not start|not installed/);
  const lowered = hbnn('lower', '--run', join(cwd, folder), '--out', '/nodir/m.hbnn');
  expect([lowered.code, lowered.err]).toEqual([
    2,
    'hbnn: /nodir/m.hbnn: could not be written: the folder /nodir does not exist; make it or choose another place\n',
  ]);
});
