import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  approximate,
  binarize,
  bitMapFrom,
  decodeNpy,
  distance,
  distFromAverage,
  encodeNpy,
  type NpyArray,
  random,
  selectBits,
} from '@hbnn/core';
import { describe, expect, it } from 'vitest';
import { hbnn, hbnnTo, temporary } from './process.ts';

const seed = 8;
const shape = [6, 3, 3, 5];
const rng = random(seed, 'weights');
const data = Float32Array.from({ length: 270 }, () => rng.normal());

function saved(array: NpyArray): string {
  const file = join(temporary(), 'x.npy');
  writeFileSync(file, encodeNpy(array));
  return file;
}

const read = (folder: string, name: string): NpyArray =>
  decodeNpy(readFileSync(join(folder, name)), name);

interface Printed {
  averageBits: number;
  bits: Record<string, number>;
  scales: number[] | number[][];
  distance: number;
  storedBits: Record<string, number>;
}

describe('hbnn binarize', () => {
  it('writes map, approximation and planes, and prints what they come to', () => {
    const out = join(temporary(), 'deep', 'out');
    const { code, out: text } = hbnn(
      'binarize',
      '--in',
      saved({ shape, data }),
      '--average',
      '1.4',
      '--out',
      out,
      '--json',
    );
    expect(code).toBe(0);
    const map = selectBits({ shape, data }, { mix: distFromAverage(1.4), select: 'middle-out' });
    const r = binarize({ shape, data }, map);
    expect(read(out, 'map.npy')).toEqual({ shape, data: map.bits });
    expect(read(out, 'approximation.npy')).toEqual({ shape, data: approximate(r).data });
    const printed = JSON.parse(text) as Printed;
    expect(printed.bits).toEqual({ 1: 189, 2: 54, 3: 27 });
    expect(printed.averageBits).toBeCloseTo(1.4, 12);
    expect(printed.scales).toEqual(r.planes.map(({ scales }) => scales[0]));
    const { signs, mapEntropy, scales, total } = printed.storedBits;
    expect(signs).toBe(189 + 2 * 54 + 3 * 27);
    expect(total).toBeGreaterThanOrEqual(signs + mapEntropy + scales - 1e-9);
    const planes = JSON.parse(readFileSync(join(out, 'planes.json'), 'utf8')) as {
      planes: { members: string; signs: string }[];
    };
    const bits = Buffer.from(planes.planes[1].members, 'base64');
    const members = Array.from({ length: 270 }, (_, i) => (bits[i >> 3] >> (i & 7)) & 1);
    expect(members).toEqual([...r.planes[1].members]);
  });

  it.each(['some', '1,4', ''])('refuses the average %j by the flag', (average) => {
    const file = saved({ shape, data });
    const out = join(temporary(), 'out');
    const { code, err } = hbnn('binarize', file, '--average', average, '--out', out);
    expect([code, existsSync(out)]).toEqual([2, false]);
    expect(err).toContain(`--average: expected a number of bits, such as 1.4, got '${average}'`);
  });

  it('prints for people what it came to, beside whole numbers of bits', () => {
    const out = join(temporary(), 'out');
    const file = saved({ shape, data });
    const { code, out: text, err } = hbnn('binarize', file, '--average', '1.4', '--out', out);
    expect([code, err]).toEqual([0, '']);
    expect(text).not.toMatch(/[{}"]|\d\.\d{6}/);
    expect(text).toContain('1.4: 70.0 % 1 bit, 20.0 % 2 bits, 10.0 % 3 bits');
    const at = (bits: number): string => {
      const map = bitMapFrom(new Uint8Array(data.length).fill(bits), shape);
      const apart = distance({ shape, data }, approximate(binarize({ shape, data }, map)));
      return `${apart.toFixed(4)} at ${bits} bit`;
    };
    for (const bits of [1, 2, 3]) expect(text).toContain(at(bits));
    const json = hbnn('binarize', file, '--average', '1.4', '--out', out, '--force', '--json');
    const printed = JSON.parse(json.out) as Printed & { storedBitsPerWeight: number };
    expect(printed.storedBitsPerWeight).toBe(printed.storedBits.total / data.length);
    expect(text).toContain(`that is ${printed.storedBitsPerWeight.toPrecision(4)} per weight`);
    expect(text).toContain(`${out}: map.npy, approximation.npy, planes.json`);
    expect(text).toContain('Next:\n  hbnn train --weights 1.4');
    const none = hbnn('binarize', file, '--average', '0', '--out', join(out, 'none'));
    expect(none.err).toBe(
      'note: --average 0: all elements have 0 bits, so that every value of the result is 0; give more bits, as in --average 1.4\n',
    );
    expect(none.out).toContain('Next:\n  hbnn train --weights 1.4');
    const some = hbnn('binarize', file, '--mix', '0:0.5/1:0.5', '--out', join(out, 'some'));
    expect(some.err).toBe('');
    const outputs = ['--average', '1.4', '--scale-per', 'output', '--out', out, '--force'];
    const lines = hbnn('binarize', file, ...outputs).out.split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(140);
  });

  it('draws the bit map as SVG with a legend where asked to', () => {
    const out = join(temporary(), 'out');
    const file = saved({ shape, data });
    const {
      code,
      out: text,
      err,
    } = hbnn('binarize', file, '--average', '1.4', '--svg', '--out', out);
    expect([code, err]).toEqual([0, '']);
    expect(text).toContain(`${out}: map.npy, approximation.npy, planes.json, map.svg`);
    const svg = readFileSync(join(out, 'map.svg'), 'utf8');
    for (const legend of ['1 bit: 189 (70.0 %)', '2 bits: 54 (20.0 %)', '3 bits: 27 (10.0 %)'])
      expect(svg).toContain(`>${legend}</text>`);
    const again = hbnn('binarize', file, '--average', '1.4', '--out', out);
    expect(again.err).toContain('expected a folder without results');
  });

  it('takes float64, uint8 and int32 tensors and a map of one’s own', () => {
    const out = join(temporary(), 'out');
    const bits = Uint8Array.of(0, 1, 2, 8);
    const maps = [
      saved({ shape: [4], data: bits }),
      saved({ shape: [4], data: Int32Array.from(bits) }),
    ];
    const tensors: NpyArray['data'][] = [
      Float64Array.of(0.1, -2, 3, 7),
      Uint8Array.of(1, 2, 3, 250),
      Int32Array.of(-5, 0, 70000, 1),
    ];
    tensors.forEach((values, i) => {
      const file = saved({ shape: [4], data: values });
      const done = hbnn('binarize', '--in', file, '--map', maps[i % 2], '--out', out, '--force');
      expect(done).toMatchObject({ code: 0, err: '' });
      expect(read(out, 'map.npy').data).toEqual(bits);
      expect(read(out, 'approximation.npy').data[0]).toBe(0);
    });
  });

  it('takes every rule, unit and way of giving bits', () => {
    const file = saved({ shape, data });
    const out = join(temporary(), 'out');
    const variants = [
      ['--mix', '0.7/0.2/0.1', '--select', 'random', '--seed', '5'],
      ['--mix', '0:0.2/1:0.5/4:0.3', '--select', 'top-down'],
      ['--average', '2.3', '--select', 'bottom-up', '--scale-per', 'output'],
      ['--average', '1.4', '--map-per', 'block:3'],
      ['--average', '1.4', '--map-per', 'position', '--scale-per', 'output'],
      ['--average', '1.4', '--map-per', 'output'],
      ['--average', '1.4', '--select', 'optimal'],
    ];
    for (const variant of variants) {
      const done = hbnn('binarize', '--in', file, ...variant, '--out', out, '--force', '--json');
      expect(done, variant.join(' ')).toMatchObject({ code: 0, err: '' });
      const { scales } = JSON.parse(done.out) as Printed;
      expect(Array.isArray(scales[0])).toBe(variant.includes('--scale-per'));
    }
  });

  it('gives scales of the form asked for, with a map of its own or a given one', () => {
    const file = saved({ shape, data });
    const out = join(temporary(), 'out');
    const printed = (...args: string[]): Printed => {
      const done = hbnn('binarize', '--in', file, ...args, '--out', out, '--force', '--json');
      expect(done, args.join(' ')).toMatchObject({ code: 0, err: '' });
      return JSON.parse(done.out) as Printed;
    };
    for (const scaleForm of ['powers-of-two', 'integers:4'] as const) {
      const map = selectBits({ shape, data }, { mix: distFromAverage(1.4), select: 'middle-out' });
      const wanted = binarize({ shape, data }, map, { scaleForm }).planes.map((p) => p.scales[0]);
      expect(printed('--average', '1.4', '--scale-form', scaleForm).scales).toEqual(wanted);
      const given = join(temporary(), 'map.npy');
      writeFileSync(given, readFileSync(join(out, 'map.npy')));
      expect(printed('--map', given, '--scale-form', scaleForm).scales).toEqual(wanted);
      const ratio = Math.log2(wanted[0] / wanted[1]);
      if (scaleForm === 'powers-of-two') expect(ratio).toBe(Math.round(ratio));
    }
  });

  it('answers bad input with one line, exit code 2 and no file', () => {
    const file = saved({ shape, data });
    const bytes = readFileSync(file);
    const cut = join(temporary(), 'cut.npy');
    writeFileSync(cut, bytes.subarray(0, bytes.length - 5));
    const text = join(temporary(), 'text.npy');
    writeFileSync(text, 'not an array');
    const nan = saved({ shape: [2], data: Float32Array.of(1, Number.NaN) });
    const empty = saved({ shape: [0, 3], data: new Float32Array(0) });
    const scalar = saved({ shape: [], data: Float32Array.of(1) });
    const floats = saved({ shape, data: data.map(() => 1) });
    const wide = saved({ shape: [2], data: Int32Array.of(1, 9) });
    const average = ['--average', '1.4'];
    const cases: [string[], string][] = [
      [['--in', '/no/such.npy', ...average], '/no/such.npy'],
      [['--in', temporary(), ...average], 'folder'],
      [['--in', cut, ...average], 'cut.npy'],
      [['--in', text, ...average], 'text.npy'],
      [['--in', nan, ...average], 'index 1'],
      [['--in', empty, ...average], 'shape [0, 3]'],
      [['--in', scalar, ...average], 'x.npy'],
      [['--in', file], '--average, --mix and --map'],
      [['--in', file, ...average, '--mix', '1'], 'got 2'],
      [['--in', file, '--mix', '0.7/0.2'], 'sum'],
      [['--in', file, '--mix', '-1/2'], '-1/2'],
      [['--in', file, '--average', '8.5'], '8.5'],
      [['--in', file, '--average', '-1'], '-1'],
      [['--in', file, '--average', 'NaN'], 'NaN'],
      [['--in', file, ...average, '--select', 'best'], "'best'"],
      [['--in', file, ...average, '--map-per', 'row'], "'row'"],
      [['--in', file, ...average, '--scale-per', 'row'], "'row'"],
      [['--in', file, ...average, '--scale-form', 'integers:9'], "'integers:9'"],
      [
        ['--in', file, ...average, '--select', 'optimal', '--scale-form', 'powers-of-two'],
        'of its own',
      ],
      [['--in', file, ...average, '--seed', 'x'], '--seed'],
      [['--in', file, '--mix', '1', '--select', 'optimal'], '--average'],
      [['--in', file, '--map', floats], 'bit map of integers'],
      [['--in', file, '--map', wide], '[2]'],
      [['--in', file, '--map', floats, '--select', 'optimal'], '--select'],
      [['--in', file, '--map', floats, '--map-per', 'output'], '--map-per'],
      [['--in', file, '--average', '0x1'], "'0x1'"],
      [['--in', saved({ shape: [2], data: Float32Array.of(1, 2) }), '--map', wide], 'got 9'],
      [['--in', file, ...average, '--colour'], '--colour'],
    ];
    for (const [args, named] of cases) {
      const out = join(temporary(), 'out');
      const { code, err, out: printed } = hbnn('binarize', ...args, '--out', out, '--json');
      expect(code, args.join(' ')).toBe(2);
      expect(err.trimEnd().split('\n'), args.join(' ')).toHaveLength(1);
      expect(err).toContain(named);
      expect(JSON.parse(printed), printed).toEqual({ error: err.trimEnd().replace('hbnn: ', '') });
      expect(existsSync(out)).toBe(false);
    }
  });

  it('leaves nothing half-written when the output cannot be written', () => {
    const dir = temporary();
    writeFileSync(join(dir, 'taken'), 'a file');
    mkdirSync(join(dir, 'full', 'planes.json'), { recursive: true });
    writeFileSync(join(dir, 'full', 'map.npy'), 'old');
    const file = saved({ shape, data });
    for (const out of ['taken', 'taken/below', 'full']) {
      const path = join(dir, out);
      const args = ['--in', file, '--average', '1.4', '--out', path, '--force'];
      const { code, err } = hbnn('binarize', ...args);
      expect(code, out).toBe(2);
      expect(err).toContain(path);
    }
    expect(readdirSync(dir).sort()).toEqual(['full', 'taken']);
    expect(readdirSync(join(dir, 'full')).sort()).toEqual(['map.npy', 'planes.json']);
    expect(readFileSync(join(dir, 'full', 'map.npy'), 'utf8')).toBe('old');
    for (const out of ['', '/proc/new']) {
      expect(hbnn('binarize', '--in', file, '--average', '1.4', '--out', out).code, out).toBe(2);
    }
  });

  it('writes into a folder that is there and keeps its other files', () => {
    const out = temporary();
    writeFileSync(join(out, 'notes.txt'), 'mine');
    const args = ['--in', saved({ shape, data }), '--average', '1.4', '--out', out];
    expect(hbnn('binarize', ...args).code).toBe(0);
    const map = join(out, 'map.npy');
    writeFileSync(map, 'edited');
    const refused = hbnn('binarize', ...args);
    expect([refused.code, refused.err]).toEqual([2, expect.stringContaining(map)]);
    expect(readFileSync(map, 'utf8')).toBe('edited');
    expect(hbnn('binarize', ...args, '--force').code).toBe(0);
    expect(read(out, 'map.npy').shape).toEqual(shape);
    expect(readdirSync(out).sort()).toEqual([
      'approximation.npy',
      'map.npy',
      'notes.txt',
      'planes.json',
    ]);
  });

  it('says when so few units cannot reach the average', () => {
    const flat = saved({ shape: [270], data });
    const out = join(temporary(), 'out');
    const args = ['--in', flat, '--average', '1.4', '--map-per', 'output', '--out', out, '--json'];
    const { code, err } = hbnn('binarize', ...args);
    expect(code).toBe(0);
    expect(err).toContain('the average is 1 bits, not 1.4');
  });

  it.runIf(existsSync('/dev/full'))('fails when its result cannot be printed', () => {
    const out = join(temporary(), 'out');
    const args = ['--in', saved({ shape, data }), '--average', '1.4', '--out', out, '--json'];
    const { code, err } = hbnnTo('/dev/full', 'binarize', ...args);
    expect(code).toBe(2);
    expect(err).toContain('could not be printed');
  });
});
