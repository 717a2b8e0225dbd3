import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeNpy } from '@hbnn/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { hbnn, temporary } from './process.ts';

const has = (program: string, flag: string): boolean =>
  spawnSync(program, [flag], { encoding: 'utf8' }).error === undefined;
const icarus = has('iverilog', '-V');
const verilator = has('verilator', '--version');
if (!icarus) console.log('iverilog is not installed: its tests are skipped');
if (!verilator) console.log('verilator is not installed: its tests are skipped');

/** `pnpm --filter @hbnn/cli chains`: the designs of all kinds, not one of each style alone. */
const all = process.env.HBNN_CHAINS === 'all';
const more = ['generic', 'xc7', 'generic --max-levels 3', 'generic --style folded --max-levels 6'];

describe.each([...(all ? more : []), 'xc7 --max-levels 8', 'xc7 --style folded --luts 3000'])(
  'hbnn verilog --target %s',
  (target) => {
    const dir = temporary();
    const [model, rtl] = [join(dir, 'm.hbnn'), join(dir, 'rtl')];
    let top = '';

    beforeAll(() => {
      expect(hbnn('random', '--seed', '36', '--out', model).code).toBe(0);
      const made = hbnn(
        'verilog',
        '--model',
        model,
        '--out',
        rtl,
        '--target',
        ...target.split(' '),
        '--json',
      );
      expect(made.err).toBe('');
      top = JSON.parse(made.out).top;
    });

    it('writes what hbnn verify finds equal', () => {
      const { code, out } = hbnn('verify', '--model', model, '--rtl', rtl, '--json');
      expect([code, JSON.parse(out)]).toMatchObject([0, { equal: true, images: 256 }]);
    });

    it.skipIf(!icarus)('passes its own testbench in Icarus', () => {
      const run = (command: string, ...args: string[]) =>
        spawnSync(command, args, { cwd: rtl, encoding: 'utf8' });
      const sources = readdirSync(rtl).filter((name) => name.endsWith('.v'));
      const built = run('iverilog', '-g2005', '-o', '../tb', ...sources);
      expect([built.status, built.stderr]).toEqual([0, '']);
      expect(run('vvp', '-n', '../tb').stdout).toContain('PASS 20 images');
    });

    it.skipIf(!verilator)('is clean under verilator -Wall', () => {
      const sources = readdirSync(rtl).filter((name) => /^(?!testbench).*\.v$/.test(name));
      const args = ['--lint-only', '-Wall', '--top-module', top, ...sources];
      const { status, stderr } = spawnSync('verilator', args, { cwd: rtl, encoding: 'utf8' });
      expect([status, stderr]).toEqual([0, '']);
    });
  },
);

it('hbnn verify says what was not edited, and leaves out what only checks of edited text count', () => {
  const dir = temporary();
  const [model, rtl] = [join(dir, 'm.hbnn'), join(dir, 'rtl')];
  hbnn('random', '--seed', '4', '--layer', 'dense:20x3', '--out', model);
  hbnn('verilog', '--model', model, '--out', rtl);
  const text = hbnn('verify', '--model', model, '--rtl', rtl).out;
  expect(text).toMatch(/^text +as hbnn verilog wrote it$/m);
  expect(text).toMatch(/^testbench +as hbnn verilog wrote it; it was not run$/m);
  expect(text).not.toContain('vectors per layer');
  writeFileSync(join(rtl, 'layer.v'), `${readFileSync(join(rtl, 'layer.v'), 'utf8')}// seen\n`);
  const edited = hbnn('verify', '--model', model, '--rtl', rtl).out;
  expect(edited).toMatch(/^text +edited; see hbnn verify --help$/m);
  expect(edited).toMatch(/^vectors per layer +[1-9]/m);
});

it('hbnn verify names the layer of a broken line, with exit code 3', () => {
  const dir = temporary();
  const [model, rtl] = [join(dir, 'm.hbnn'), join(dir, 'rtl')];
  hbnn('random', '--seed', '4', '--layer', 'dense:20x3', '--out', model);
  expect(hbnn('verilog', '--model', model, '--out', rtl).code).toBe(0);
  const file = join(rtl, 'layer.v');
  const text = readFileSync(file, 'utf8');
  const broken = text.replace(/= (~?\S+) \^ /, '= $1 & ');
  expect(broken).not.toBe(text);
  writeFileSync(file, broken);
  const { code, out } = hbnn('verify', '--model', model, '--rtl', rtl, '--json');
  expect(code).toBe(3);
  const { equal, difference } = JSON.parse(out);
  expect(equal).toBe(false);
  expect(difference.layer).toBe('layer');
  expect(difference.expected).not.toBe(difference.got);
});

it('hbnn verify --proof says how each layer was shown to be right', () => {
  const dir = temporary();
  const [model, rtl] = [join(dir, 'm.hbnn'), join(dir, 'rtl')];
  hbnn('random', '--seed', '4', '--layer', 'dense:24x2', '--mix', '0.7/0.2/0.1', '--out', model);
  expect(hbnn('verilog', '--model', model, '--out', rtl, '--target', 'xc7').code).toBe(0);
  const { code, out } = hbnn('verify', '--model', model, '--rtl', rtl, '--proof', '--json');
  expect(code).toBe(0);
  const { equal, proved, primitives, layers } = JSON.parse(out);
  expect([equal, proved, primitives > 0]).toEqual([true, true, true]);
  expect(layers).toMatchObject([
    { layer: 'input', method: 'exhaustive', outputs: 24, proved: 24 },
    { layer: 'layer', method: 'adders', outputs: 2, proved: 2 },
  ]);
});

it.runIf(all)(
  'hbnn verify --proof --sat proves a pipelined design, against the latency that its folder claims',
  () => {
    const dir = temporary();
    const [model, rtl] = [join(dir, 'm.hbnn'), join(dir, 'rtl')];
    hbnn('random', '--seed', '4', '--layer', 'dense:16x3', '--mix', '0.7/0.2/0.1', '--out', model);
    hbnn('verilog', '--model', model, '--out', rtl, '--max-levels', '3');
    const verify = (...o: string[]) => hbnn('verify', '--model', model, '--rtl', rtl, ...o);
    const proof = JSON.parse(verify('--proof', '--sat', '--json').out);
    const manifest = JSON.parse(readFileSync(join(rtl, 'hbnn.json'), 'utf8'));
    expect(manifest.latencyCycles).toBeGreaterThan(0);
    expect(proof).toMatchObject({
      equal: true,
      proved: true,
      scores: { proved: 3 },
      largest: { proved: 1 },
      wires: { proved: true, latencyCycles: manifest.latencyCycles },
    });
    expect(proof.layers[1]).toMatchObject({ method: 'adders', proved: 3, bySat: 3 });
    expect(proof.layers[1].registers).toBeGreaterThan(0);
    const other = { ...manifest, latencyCycles: manifest.latencyCycles + 1 };
    writeFileSync(join(rtl, 'hbnn.json'), JSON.stringify(other));
    const unproved = verify('--proof', '--json');
    const { equal, proved, wires } = JSON.parse(unproved.out);
    expect([unproved.code, equal, proved]).toEqual([4, true, false]);
    expect(wires.reason).toContain('as is claimed');
    expect(verify('--sat').err).toContain('add --proof');
  },
);

it('hbnn verify --proof proves a folded design', () => {
  const dir = temporary();
  const [model, rtl] = [join(dir, 'streams.hbnn'), join(dir, 'streams-rtl')];
  hbnn('random', '--seed', '1', '--layer', 'dense:24x3', '--out', model);
  hbnn('verilog', '--model', model, '--out', rtl, '--style', 'folded', '--fold', '3x8');
  const { code, out } = hbnn('verify', '--model', model, '--rtl', rtl, '--proof', '--json');
  expect(code).toBe(0);
  const proof = JSON.parse(out);
  expect(proof).toMatchObject({ equal: true, proved: true, wires: { proved: true } });
  expect(proof.layers[1]).toMatchObject({ layer: 'layer', method: 'adders', proved: 3 });
});

it('hbnn run takes the Verilog of a folder', () => {
  const dir = temporary();
  const file = (name: string): string => join(dir, name);
  const fold = { layer: { pe: 3, simd: 5 } };
  writeFileSync(file('fold.json'), JSON.stringify(fold));
  writeFileSync(
    file('in.npy'),
    encodeNpy({ shape: [5, 1, 1, 20], data: Uint8Array.from({ length: 100 }, (_, i) => 37 * i) }),
  );
  hbnn('random', '--seed', '4', '--layer', 'dense:20x3', '--out', file('m.hbnn'));
  const made = hbnn(
    'verilog',
    '--model',
    file('m.hbnn'),
    '--out',
    file('rtl'),
    '--style',
    'folded',
    '--fold',
    file('fold.json'),
    '--json',
  );
  expect(JSON.parse(made.out).layers[1]).toMatchObject({ pe: 3, simd: 5, constant: false });
  const run = (out: string, ...args: string[]) =>
    hbnn('run', '--model', file('m.hbnn'), '--in', file('in.npy'), '--out', file(out), ...args);
  expect(run('a.npy', '--engine', 'verilog', '--rtl', file('rtl')).code).toBe(0);
  expect(run('b.npy').code).toBe(0);
  expect(run('c.npy', '--engine', 'verilog-folded').code).toBe(0);
  expect(readFileSync(file('a.npy'))).toEqual(readFileSync(file('b.npy')));
  expect(readFileSync(file('c.npy'))).toEqual(readFileSync(file('b.npy')));
  expect(run('a.npy', '--rtl', file('rtl')).err).toContain('--engine verilog');
});

it('hbnn verilog chooses folds for layers that the fold file leaves out', () => {
  const dir = temporary();
  const [model, table] = [join(dir, 'm.hbnn'), join(dir, 'fold.json')];
  hbnn('random', '--seed', '17', '--out', model);
  const layersOf = (...args: string[]) => {
    const out = ['--out', join(dir, 'rtl'), '--style', 'folded', '--json'];
    const { layers } = JSON.parse(hbnn('verilog', '--model', model, ...out, ...args).out);
    type Chosen = { layer: string; pe?: number; simd?: number; constant?: boolean };
    // How deep buffers are, and who holds a window, depends on the other layers.
    return layers
      .filter(({ pe }: Chosen) => pe !== undefined)
      .map(({ layer, pe, simd, constant }: Chosen) => ({ layer, pe, simd, constant }));
  };
  const chosen = layersOf();
  expect(chosen.length).toBeGreaterThan(1);
  const [first] = chosen;
  writeFileSync(table, JSON.stringify({ [first.layer]: { pe: 1, simd: 1 } }));
  const given = layersOf('--fold', table);
  expect(given[0]).toMatchObject({ layer: first.layer, pe: 1, simd: 1 });
  expect(given.slice(1)).toEqual(chosen.slice(1));
  expect(chosen.slice(1).some(({ pe, simd }: { pe: number; simd: number }) => pe * simd > 1)).toBe(
    true,
  );
  const goal = ['--fps', '100', '--clock', '1'];
  expect(layersOf('--fold', table, ...goal).slice(1)).toEqual(layersOf(...goal).slice(1));
});

it('hbnn verilog takes folds in the same words as hbnn estimate', () => {
  const dir = temporary();
  const model = join(dir, 'm.hbnn');
  hbnn('random', '--seed', '4', '--layer', 'dense:20x3', '--out', model);
  const table = join(dir, 'fold.json');
  const whole = join(dir, 'whole.json');
  writeFileSync(table, JSON.stringify({ layer: { pe: 3, simd: 5 } }));
  writeFileSync(whole, JSON.stringify({ layer: 'constant' }));
  const rtl = (...args: string[]) => {
    const out = join(dir, args.join('_').replaceAll(/[^a-z0-9]/g, '_'));
    const made = hbnn(
      'verilog',
      '--model',
      model,
      '--out',
      out,
      '--style',
      'folded',
      ...args,
      '--json',
    );
    const { pe, simd } = JSON.parse(made.out).layers[1];
    return `${pe}x${simd}`;
  };
  const estimated = (fold: string, target = 'pynq') => {
    const on = ['--target', target, '--fold', fold, '--json'];
    const made = hbnn('estimate', '--model', model, ...on);
    return JSON.parse(made.out).folds.map(
      ({ pe, simd }: { pe: number; simd: number }) => `${pe}x${simd}`,
    );
  };
  for (const [fold, wanted] of [
    ['3x5', '3x5'],
    [table, '3x5'],
    ['constant', '3x20'],
    [whole, '3x20'],
  ]) {
    expect(rtl('--fold', fold)).toBe(wanted);
    expect(estimated(fold)).toEqual([wanted]);
  }
  const small = rtl('--luts', '400');
  expect(rtl('--fold', 'luts:400')).toBe(small);
  expect(estimated('luts:400', 'up5k')).toEqual([small]);
  // Xilinx's families have an estimate of the Verilog, which both choose by.
  expect(estimated('luts:900')).toEqual([rtl('--luts', '900', '--target', 'xc7')]);
  expect(rtl('--fold', 'fps:1e7', '--clock', '100')).toBe(rtl('--fps', '1e7', '--clock', '100'));
});

it('bad input is answered with one line and exit code 2', () => {
  const dir = temporary();
  const model = join(dir, 'm.hbnn');
  hbnn('random', '--seed', '1', '--layer', 'dense:20x3', '--out', model);
  writeFileSync(join(dir, 'own.v'), '');
  const fold = join(dir, 'fold.json');
  writeFileSync(fold, JSON.stringify({ layer: { pe: 2, simd: 5 } }));
  const folded = ['verilog', '--model', model, '--out', join(dir, 'r'), '--style', 'folded'];
  const cases: [string[], string][] = [
    [['verilog', '--model', model, '--out', dir], 'expected an empty folder or one of'],
    [['verilog', '--model', model, '--out', join(dir, 'r'), '--target', 'x'], 'generic or xc7'],
    [
      ['verilog', '--model', model, '--out', join(dir, 'r'), '--target', 'zc706'],
      "got 'zc706'; for XC7Z045 give xc7",
    ],
    [
      ['verilog', '--model', model, '--out', join(dir, 'r'), '--target', 'hx8k'],
      'for iCE40HX8K give generic',
    ],
    [
      ['verilog', '--model', model, '--out', join(dir, 'r'), '--target', 'genric'],
      "did you mean 'generic'?",
    ],
    [['verilog', '--model', model, '--out', join(dir, 'r'), '--budget', '3'], 'budget'],
    [['verilog', '--model', model, '--out', join(dir, 'r'), '--vectors', '0'], '--vectors'],
    [['verilog', '--model', model, '--out', join(dir, 'r'), '--max-levels', '0'], 'at least 1'],
    [[...folded, '--fold', join(dir, 'none')], 'JSON of folds'],
    [[...folded, '--fold', fold], 'pe divides its 3 outputs'],
    [[...folded, '--fold', fold, '--luts', '9000'], '--luts: has no effect where --fold has all'],
    [[...folded, '--fps', '10'], '--clock'],
    [[...folded, '--fold', 'fps:10'], '--clock'],
    [[...folded, '--fold', 'largest'], 'give luts:N'],
    [[...folded, '--fold', '2x5'], 'pe divides its 3 outputs'],
    [[...folded, '--fold', '1x1,1x1'], 'expected 1 fold,'],
    [[...folded, '--fps', '1e9', '--clock', '1'], 'ask for fewer images'],
    [[...folded, '--luts', '1'], '--luts'],
    [['verilog', '--model', model, '--out', join(dir, 'r'), '--luts', '9'], '--style folded'],
    [
      ['verilog', '--model', model, '--out', join(dir, 'r'), '--style', 'x'],
      'expected one of unrolled, folded',
    ],
    [[...folded, '--budget', '9'], '--budget: has no effect with --style folded'],
    [
      ['verify', '--model', model, '--rtl', dir, '--seconds-per-layer', '9'],
      '--seconds-per-layer: has no effect without --proof',
    ],
    [
      ['verify', '--model', model, '--rtl', join(dir, 'none')],
      'none: could not be read: there is no such folder; write it with',
    ],
    [
      ['synth', '--rtl', join(dir, 'none')],
      'none: could not be read: there is no such folder; write it with',
    ],
  ];
  for (const [args, named] of cases) {
    const { code, err } = hbnn(...args);
    expect([code, err], args.join(' ')).toEqual([2, expect.stringContaining(named)]);
    expect(err.trimEnd().split('\n')).toHaveLength(1);
  }
});
