import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { cellFile } from '@hbnn/estimator';
import { findNextpnr } from '@hbnn/verilog';
import { expect, it } from 'vitest';
import { hbnn, temporary } from './process.ts';

it('hbnn synth counts each layer and keeps the result', () => {
  const dir = temporary();
  const [model, rtl] = [join(dir, 'm.hbnn'), join(dir, 'rtl')];
  process.env.HBNN_CACHE = join(dir, 'cache');
  hbnn('random', '--seed', '4', '--layer', 'dense:20x3', '--mix', '1', '--out', model);
  hbnn('verilog', '--model', model, '--out', rtl, '--target', 'xc7');
  const results = [1, 2].map(() => JSON.parse(hbnn('synth', '--rtl', rtl, '--json').out));
  const [{ filesFromCache: before }, { filesFromCache: after }] = results;
  expect(before).toBe(0);
  expect(after).toBeGreaterThan(0);
  expect({ ...results[1], seconds: 0, filesFromCache: 0 }).toEqual({ ...results[0], seconds: 0 });
  const { layers, luts, sites, flipFlops } = results[0];
  expect(layers.map(({ layer }: { layer: string }) => layer)).toContain('layer');
  const sum = layers.reduce((n: number, layer: { luts: number }) => n + layer.luts, 0);
  expect(luts).toBe(sum);
  expect(sites).toBeLessThanOrEqual(luts);
  expect(flipFlops).toBe(0);
  expect(results[0]).toMatchObject({ yosys: 'npm', blockRams: 0, memoryLuts: 0 });
  const missing = hbnn('synth', '--rtl', rtl, '--yosys', '/no/yosys');
  expect(missing).toMatchObject({
    code: 2,
    err: expect.stringContaining("--yosys: expected Yosys at '/no/yosys'"),
  });
  const refused = hbnn('synth', '--rtl', rtl, '--target', 'ice40');
  expect([refused.code, refused.err]).toEqual([2, expect.stringContaining('--target generic')]);
});

it('hbnn synth names file and line of what is wrong in a library', () => {
  const dir = temporary();
  const [model, rtl, lib] = [join(dir, 'm.hbnn'), join(dir, 'rtl'), join(dir, 'cells.lib')];
  process.env.HBNN_CACHE = join(dir, 'cache');
  hbnn('random', '--seed', '4', '--layer', 'dense:8x2', '--mix', '1', '--out', model);
  hbnn('verilog', '--model', model, '--out', rtl);
  const whole = readFileSync(new URL('../../estimator/test/small.lib', import.meta.url), 'utf8');
  const synth = (from: string, to: string) => {
    const text = whole.replace(from, to);
    expect(text).not.toBe(whole);
    writeFileSync(lib, text);
    return hbnn('synth', '--rtl', rtl, '--target', `liberty:${lib}`, '--json');
  };
  const deep = `${'x () {\n'.repeat(100_000)}`;
  for (const [from, to, message] of [
    ['area : 1.5;', 'area : -1.5;', 'line 14: expected at least 0 as area of cell (INV), got -1.5'],
    ['area : 1.5;', 'area : 0;', 'line 14: expected more than 0 as area of cell (INV), got 0'],
    ['area : 1.5;', 'area : big;', "line 14: expected a number as area of cell (INV), got 'big'"],
    ['area : 1.5;', `area : 1.5;\n${deep}`, 'line 114: expected at most 100 groups within'],
  ]) {
    const { code, err } = synth(from, to);
    expect([code, err.trim().split('\n').length]).toEqual([2, 1]);
    expect(err).toContain(`${lib}, ${message}`);
  }
  // A cell that is not used may be of no area, and so may a latch.
  const free = (from: string, to: string) => whole.replace(from, to);
  for (const [text, dontUse] of [
    [free('area : 10.0;', 'area : 0;'), ['F*']],
    [free('area : 10.0;', 'area : 0; dont_use : true;'), []],
    [free('area : 10.0;', 'area : 0; latch (IQ, IQN) { enable : "A"; }'), []],
  ] as const)
    expect(cellFile(text, 'cells.lib', { dontUse }).dontUse).toEqual(['FA']);
});

it('hbnn synth says that no flip-flop of a library may be used', () => {
  const dir = temporary();
  const [model, rtl] = [join(dir, 'm.hbnn'), join(dir, 'rtl')];
  process.env.HBNN_CACHE = join(dir, 'cache');
  hbnn('random', '--seed', '4', '--layer', 'dense:8x2', '--mix', '1', '--out', model);
  hbnn('verilog', '--model', model, '--out', rtl, '--style', 'folded', '--fold', '1x1');
  const { plain } = twistedLibrary(dir);
  const target = ['--target', `liberty:${plain}`];
  const { code, err } = hbnn('synth', '--rtl', rtl, ...target, '--dont-use', 'DFF');
  expect([code, err]).toEqual([2, expect.stringContaining('got a library without flip-flops')]);
  const scan = join(dir, 'scan.lib');
  const text = readFileSync(plain, 'utf8');
  writeFileSync(
    scan,
    text.replace('"D"', '"(SE SI) + (!SE D)"').replace('pin (D)', 'pin (D, SI, SE)'),
  );
  const refused = hbnn('synth', '--rtl', rtl, '--target', `liberty:${scan}`);
  expect(refused.code).toBe(2);
  expect(refused.err).toMatch(
    /\nhbnn: liberty:\S+scan.lib: expected a flip-flop that takes one data pin at one clock, for the registers of \S+, got a library where DFF holds bits otherwise, as scan cells and latches do; name the file/,
  );
});

/** One library, written plainly, and as vendors write it: included, zipped, with lists of pins and few parentheses. */
function twistedLibrary(dir: string): { readonly plain: string; readonly twisted: string } {
  const text = readFileSync(new URL('../../estimator/test/small.lib', import.meta.url), 'utf8');
  const buffer =
    'cell (BUF) { area : 2; pin (A) { direction : input; capacitance : 0.001; } pin (Y) { direction : output; function : "A"; } }';
  const whole = text.replace('cell (INV)', `${buffer} cell (INV)`);
  const plain = join(dir, 'plain.lib');
  writeFileSync(plain, whole);
  const cut = whole.indexOf('  cell (XNOR2)');
  const unused =
    'cell (NAND2_DFT) { area : 0.1; dont_use : true; pin (A, B) { direction : input; capacitance : 0.001; } pin (Y) { direction : output; function : "!(A B)"; } } cell (PAD) { pad_cell : true; pin (P) { direction : inout; } }';
  const rest = whole
    .slice(cut, whole.lastIndexOf('}'))
    .replace(
      /pin \(A\) \{ direction : input; capacitance : 0.003; \}[\s\S]*?pin \(CI\)/,
      'pin (A, B, CI)',
    )
    .replace('A*B + A*CI + B*CI', 'A B | CI & A ^ B');
  expect(rest).toContain('pin (A, B, CI)');
  expect(rest).toContain('CI & A ^ B');
  writeFileSync(join(dir, 'rest.inc.gz'), gzipSync(rest));
  const twisted = join(dir, 'twisted.lib.gz');
  writeFileSync(
    twisted,
    gzipSync(`${whole.slice(0, cut)}${unused} include_file ("rest.inc.gz"); }`),
  );
  return { plain, twisted };
}

/** The same library with marks, spaces, comments, quotes and names that Yosys and abc read otherwise or not at all. */
function oddLibrary(plain: string, dir: string): string {
  const changes = [
    ['library (small) {', '\ufefflibrary (small) { comment : "http://example.org /* old";'],
    ['(1, pf)', '(1, PF)'],
    ['area : 5.0;', 'area :\u00a05.0/*c*/; \f'],
    ['"!(A & B)"', '"!(A \\\n & B)"'],
    ['(IQ, IQN)', '("IQ,IQN")'],
    ['"IQ"', `"IQN'"`],
    [
      'cell (FA)',
      `cell ("N 1") { area : 0.1; pin (1A) { direction : input; } pin (Y) { direction : output; function : "\\"1A\\"'"; } } cell (FA)`,
    ],
    [
      'cell (FA)',
      `cell (MID) { area : 0.1; pin (A) { direction : input; } pin (N) { direction : internal; } pin (Y) { direction : output; function : "A'"; } } cell (FA)`,
    ],
  ];
  const text = changes.reduce(
    (whole, [from, to]) => {
      expect(whole).toContain(from);
      return whole.replace(from, to);
    },
    readFileSync(plain, 'utf8'),
  );
  const odd = join(dir, 'odd.lib');
  writeFileSync(odd, `${text.trimEnd()} // end`);
  return odd;
}

it('hbnn synth and hbnn estimate read a library alike, however it is written', () => {
  const dir = temporary();
  process.env.HBNN_CACHE = join(dir, 'cache');
  const [model, rtl] = [join(dir, 'm.hbnn'), join(dir, 'rtl')];
  hbnn('random', '--seed', '4', '--layer', 'dense:8x2', '--mix', '1', '--out', model);
  hbnn('verilog', '--model', model, '--out', rtl);
  const { plain, twisted } = twistedLibrary(dir);
  const synthesized = (file: string) => {
    const { area, cells } = JSON.parse(
      hbnn('synth', '--rtl', rtl, '--target', `liberty:${file}`, '--json').out,
    );
    return { area, cells };
  };
  const estimated = (file: string) => {
    const found = JSON.parse(hbnn('estimate', '--model', model, '--liberty', file, '--json').out);
    return [found.areaUm2.value, found.energyPerFrameJ.value, found.leakageW.value];
  };
  const cells = synthesized(plain);
  expect(cells.cells.FA).toBeGreaterThan(0);
  const odd = oddLibrary(plain, dir);
  for (const file of [twisted, odd]) {
    expect(synthesized(file)).toEqual(cells);
    expect(estimated(file)).toEqual(estimated(plain));
  }
  writeFileSync(join(dir, 'cut.lib.gz'), gzipSync('library (l) { }').subarray(0, 20));
  writeFileSync(join(dir, 'packed.lib'), Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0));
  for (const [file, message] of [
    ['cut.lib.gz', 'expected a whole gzip file'],
    ['packed.lib', 'expected text or gzip, got xz'],
  ])
    for (const args of [
      ['synth', '--rtl', rtl, '--target', `liberty:${join(dir, file)}`],
      ['estimate', '--model', model, '--liberty', join(dir, file)],
    ])
      expect(hbnn(...args)).toMatchObject({
        code: 2,
        err: expect.stringContaining(message),
      });
});

it('hbnn synth and hbnn estimate refuse --dont-use that names no cell, whichever file it could be in', () => {
  const dir = temporary();
  process.env.HBNN_CACHE = join(dir, 'cache');
  const [model, rtl] = [join(dir, 'm.hbnn'), join(dir, 'rtl')];
  hbnn('random', '--seed', '4', '--layer', 'dense:8x2', '--mix', '1', '--out', model);
  hbnn('verilog', '--model', model, '--out', rtl);
  const { plain } = twistedLibrary(dir);
  const second = join(dir, 'second.lib');
  const cell =
    'cell (SPARE) { area : 1; pin (A) { direction : input; capacitance : 0.001; } pin (Y) { direction : output; function : "A"; } }';
  writeFileSync(
    second,
    `library (second) { nom_voltage : 1; capacitive_load_unit (1, pf); ${cell} }`,
  );
  const estimate = ['estimate', '--model', model, '--liberty', plain, second];
  const synth = ['synth', '--rtl', rtl, '--target', `liberty:${plain},${second}`];
  const fitting = ['SPARE', 'FA,SPARE', 'FA, NAND2_*'];
  for (const given of fitting) expect(hbnn(...estimate, '--dont-use', given).code).toBe(0);
  expect(hbnn(...synth, '--dont-use', fitting[1]).code).toBe(0);
  for (const command of [estimate, synth]) {
    for (const [given, message] of [
      ['fa', "capitals count: there is 'FA'"],
      ['FA,SPAER', "got 'SPAER', which none of its"],
      ['NAND2_', "did you mean '*NAND2_*', as in 'NAND2_LARGE'?"],
      ['FA,', "got 'FA,' with an empty one"],
    ]) {
      const { code, err } = hbnn(...command, '--dont-use', given);
      expect([code, err]).toEqual([2, expect.stringMatching(/^hbnn: --dont-use: expected .*\n$/)]);
      expect(err).toContain(message);
    }
  }
});

it('hbnn synth --place places a layer, or says how to get nextpnr', () => {
  const dir = temporary();
  const [model, rtl] = [join(dir, 'm.hbnn'), join(dir, 'rtl')];
  hbnn('random', '--seed', '4', '--layer', 'dense:20x3', '--mix', '1', '--out', model);
  hbnn('verilog', '--model', model, '--out', rtl);
  const placed = (...more: string[]) => hbnn('synth', '--rtl', rtl, '--target', 'ice40', ...more);
  expect(placed('--dont-use', 'X').err).toContain('it goes with --target liberty:FILE');
  expect(placed('--place', '--workers', '1').err).toContain(
    '--workers: has no effect with --place',
  );
  expect(placed('--place', '--no-cache').err).toContain('--no-cache: has no effect with --place');
  expect(placed('--device', 'up5k').err).toContain('--device: expected it with --place alone');
  expect(placed('--place', '--layer', 'none').err).toContain("(input, layer), got 'none'");
  expect(placed('--place', '--freq', '0').err).toContain('--freq: expected more than 0 MHz');
  expect(hbnn('synth', '--rtl', rtl, '--place').err).toContain('expected --target ice40');
  const { code, out, err } = placed('--place', '--layer', 'layer', '--device', 'hx1k', '--json');
  if (findNextpnr() === undefined) {
    expect(code).toBe(2);
    expect(JSON.parse(out).error).toContain('@yowasp/nextpnr-ice40');
    expect(err).toContain("'npm install @yowasp/nextpnr-ice40'");
    return;
  }
  expect(code).toBe(0);
  const { device, utilisation, logicCells } = JSON.parse(out);
  const used = { resource: 'ICESTORM_LC', used: logicCells, available: 1280 };
  expect([device, utilisation]).toEqual(['hx1k', expect.arrayContaining([used])]);
  hbnn('verilog', '--model', model, '--out', rtl, '--target', 'xc7');
  expect(placed('--place').err).toContain("write it with 'hbnn verilog --target generic'");
});

it('hbnn verilog writes project files for a clock, and takes its own away again', () => {
  const dir = temporary();
  const [model, rtl] = [join(dir, 'm.hbnn'), join(dir, 'rtl')];
  hbnn('random', '--seed', '4', '--layer', 'dense:8x2', '--out', model);
  const verilog = (...args: string[]) =>
    hbnn('verilog', '--model', model, '--out', rtl, '--json', ...args);
  const project = ['--project-files', '--clock', '125', '--prefix', 'net1'];
  expect(verilog(...project, '--style', 'folded', '--tlast')).toMatchObject({ code: 0, err: '' });
  const top = 'net1_dense_8x2';
  const named = [`${top}.f`, `${top}.xdc`, `${top}.sdc`, `${top}.core`, `${top}_sva.sv`];
  const all = [...named, `test_${top}.py`, 'cocotb.mk'];
  expect(readdirSync(rtl)).toEqual(expect.arrayContaining(all));
  expect(readFileSync(join(rtl, `${top}.xdc`), 'utf8')).toContain('-period 8.000 [get_ports aclk]');
  expect(readFileSync(join(rtl, `${top}.v`), 'utf8')).toContain('input  wire s_axis_tlast');
  const verified = hbnn('verify', '--model', model, '--rtl', rtl, '--json');
  expect(JSON.parse(verified.out)).toMatchObject({ equal: true, text: 'unchanged' });
  writeFileSync(join(rtl, 'mine.xdc'), '');
  expect(verilog('--project-files', '--clock', '50').code).toBe(0);
  const left = readdirSync(rtl).filter((name) => /\.(f|xdc|sdc|core|py|mk|sv)$/.test(name));
  expect(left.filter((name) => name.startsWith('net1'))).toEqual([]);
  expect(left).toContain('mine.xdc');
  for (const [args, message] of [
    [['--clock', '50'], '--clock: expected --style folded beside it'],
    [['--project-files', '--clock', '0'], '--clock: expected megahertz above 0, got 0'],
    [['--tlast'], '--tlast: expected --style folded beside it'],
    [['--prefix', '1a'], '--prefix: expected a letter and up to 19 more letters'],
  ] as const)
    expect(verilog(...args), message).toMatchObject({
      code: 2,
      out: expect.stringContaining(message),
    });
});
