import { readFileSync } from 'node:fs';
import { HbnnError } from '@hbnn/core';
import { randomModel } from '@hbnn/model';
import { describe, expect, it } from 'vitest';
import { estimateAsic } from '../../unrolled/unrolled.ts';
import { builtInTechnology } from '../technology.ts';
import { cellFile } from './cellFile.ts';
import { cellOfRole, readLiberty } from './liberty.ts';
import { parseFunction, truthTable, writeFunction } from './logic.ts';
import { parseLiberty } from './parse.ts';

const text = readFileSync(new URL('../../../test/small.lib', import.meta.url), 'utf8');
const small = readLiberty(text, 'small.lib');
const table = (f: string, inputs = ['A', 'B']): string =>
  truthTable(f, inputs, 'test').map(Number).join('');

describe('Options that are not known', () => {
  const options = { dontuse: ['NAND2'] };

  it('are refused by readLiberty', () => {
    expect(() => readLiberty(text, 'small.lib', options as object)).toThrow(
      "readLiberty: expected no other options than dontUse, include, got 'dontuse'",
    );
  });

  it('are refused by cellFile', () => {
    expect(() => cellFile(text, 'small.lib', options as object)).toThrow(
      "cellFile: expected no other options than dontUse, include, got 'dontuse'",
    );
  });

  it('are refused by estimateAsic', () => {
    const model = randomModel(1, { layer: 'dense:4x2' });
    const asked = { framesPerSecond: 1000, xnor: 3 };
    expect(() => estimateAsic(model, builtInTechnology(45), asked)).toThrow(
      "estimateAsic: expected no other options than framesPerSecond, activity, xnors, got 'xnor'",
    );
  });
});

describe('parseLiberty', () => {
  it('reads groups, attributes with and without semicolon, lists, comments and joined lines', () => {
    const library = parseLiberty(text, 'small.lib');
    expect(library.names).toEqual(['small']);
    expect(library.attributes.get('nom_voltage')).toBe('1.0');
    expect(library.lists.get('capacitive_load_unit')).toEqual([['1', 'pf']]);
    const nand = library.groups.find(({ names }) => names[0] === 'NAND2');
    expect(nand?.line).toBe(20);
    const power = nand?.groups[2].groups[0].groups[0];
    expect(power?.lists.get('values')?.[0].map((row) => row.trim())).toHaveLength(2);
  });

  it('takes semicolons behind groups, as some writers put them', () => {
    expect(parseLiberty('library (x) { cell (A) { }; };\n', 'x.lib').groups).toHaveLength(1);
  });

  it.each([
    ['module x;', 1, "'library (name) {'"],
    ['library (x) {\n  cell (A) {\n    area : 1;\n', 4, "'}' for 'cell (A)' of line 2"],
    ['library (x) {\n  cell (A {\n', 2, "')'"],
    ['library (x) {\n  area 1;\n}', 2, "':' or '('"],
    ['library (x) {\n  area : ;\n}', 2, "a value of 'area'"],
    ['library (x) {\n\n  date : "1\n', 3, 'a string that ends'],
    ['library (x) {\n  /* never\n', 2, 'a comment that ends'],
    ['library (x) { }\n}', 2, 'nothing after the library'],
    ['\u007fELF', 1, "'library (name) {'"],
    [`library (x) {\n${'  cell (A) {\n'.repeat(100_000)}`, 101, 'at most 100 groups'],
  ])('names the line of what is wrong: %j', (source, line, expected) => {
    expect(() => parseLiberty(source, 'bad.lib')).toThrow(HbnnError);
    expect(() => parseLiberty(source, 'bad.lib')).toThrow(`bad.lib, line ${line}: expected`);
    expect(() => parseLiberty(source, 'bad.lib')).toThrow(expected);
  });

  it('ends with its error or a library wherever a file breaks off', () => {
    for (let end = 0; end < text.length - 3; end += 7)
      expect(() => parseLiberty(text.slice(0, end), 'cut.lib')).toThrow(/^cut.lib, line \d+: /);
  });
});

describe('truthTable', () => {
  it('knows the operators and their order', () => {
    expect(table("A'")).toBe('1010');
    expect(table('!A')).toBe('1010');
    expect(table('A B')).toBe('0001');
    expect(table('A + B')).toBe('0111');
    expect(table('A ^ B')).toBe('0110');
    expect(table("(A*B)' | 0")).toBe('1110');
  });

  // Yosys reads the same: `read_liberty` makes an $_AND_ of an $_XOR_ of the first.
  it.each([
    ['A ^ B & C', '(A ^ B) & C'],
    ['C & A ^ B', 'C & (A ^ B)'],
    ['A ^ B C', '(A ^ B) & C'],
    ["C A ^ B'", "C & (A ^ (B'))"],
    ["A ^ (B C)' A", "(A ^ ((B & C)')) & A"],
    ["!A ^ B' * C", '((!A) ^ (!B)) * C'],
    ['A | B ^ C', 'A | (B ^ C)'],
    ['A ^ B + C', '(A ^ B) + C'],
    ['A & B | C', '(A & B) | C'],
    ['A + B C', 'A + (B C)'],
    ['A & B | C & A ^ B', '(A & B) | (C & (A ^ B))'],
    ['A ^ B ^ C', '(A ^ B) ^ C'],
    ["A''", 'A'],
    ['!(A ^ B)', "(A ^ B)'"],
  ])('binds inversion, exclusive or, AND, OR in this order: %s is %s', (text, wanted) => {
    const inputs = ['A', 'B', 'C'];
    expect(table(text, inputs)).toBe(table(wanted, inputs));
    const where = 'test';
    expect(table(writeFunction(parseFunction(text, where)), inputs)).toBe(table(text, inputs));
  });

  it('takes exclusive or before AND, value by value', () => {
    // True exactly where A differs from B and C is 1: entries 5 (A, C) and 6 (B, C).
    expect(table('A ^ B & C', ['A', 'B', 'C'])).toBe('00000110');
  });

  it('knows inversion of a whole', () => {
    expect(table('!(A&B) (A|B)')).toBe('0110');
  });

  it.each(['A &', '(A', 'A)', 'A & X', 'A $ B', `${'('.repeat(50_000)}A`])('refuses %s', (f) => {
    expect(() => table(f)).toThrow(HbnnError);
  });
});

describe('readLiberty', () => {
  const nand = cellOfRole([small], 'nand2');

  it('finds the smallest cell of each role by its function', () => {
    const name = (role: Parameters<typeof cellOfRole>[1]) => cellOfRole([small], role)?.name;
    expect(name('nand2')).toBe('NAND2');
    expect(name('inverter')).toBe('INV');
    expect(name('xnor2')).toBe('XNOR2');
    expect(name('xor2')).toBeUndefined();
    expect(name('fullAdder')).toBe('FA');
    expect(name('flipFlop')).toBe('DFF');
  });

  it('gives areas, leakage and capacitance in plain units', () => {
    expect(nand?.areaUm2).toBe(2);
    expect(nand?.leakageW).toBeCloseTo(3e-9, 15);
    expect(nand?.pins[0].capacitanceF).toBeCloseTo(1e-15, 20);
    // The mean over states.
    expect(cellOfRole([small], 'xnor2')?.leakageW).toBeCloseTo(5e-9, 15);
  });

  it('adds the energy of the load to the mean of the tables at that load', () => {
    // At 2 fF: rise (10 + 30) / 2, fall (0 + 10) / 2 fJ, mean 12.5 fJ; ½ · 2 fF · 1 V² = 1 fJ.
    expect(nand?.toggleEnergyJ(2e-15)).toBeCloseTo(13.5e-15, 20);
    // Beyond the ends the tables stay as they are.
    expect(nand?.toggleEnergyJ(1e-16)).toBeCloseTo(5.05e-15, 20);
    expect(cellOfRole([small], 'inverter')?.toggleEnergyJ(1e-15)).toBeUndefined();
  });

  it.each([
    ['area : 1.5;', 'area : big;', "line 14: expected a number as area of cell (INV), got 'big'"],
    ['area : 1.5;', 'area : 0;', 'line 14: expected more than 0 as area of cell (INV), got 0'],
    ['area : 1.5;', 'area : -1.5;', 'line 14: expected at least 0 as area of cell (INV), got -1.5'],
    [
      'capacitance : 0.001',
      'capacitance : -1',
      'line 17: expected at least 0 as capacitance of pin (A)',
    ],
    ['nom_voltage : 1.0', 'nom_voltage : 0', 'line 2: expected a nom_voltage above 0'],
    ['"1nW"', '"1 horse"', "leakage_power_unit: expected a unit such as 1pw, got '1 horse'"],
    ['capacitive_load_unit (1, pf);', '', 'expected capacitive_load_unit of the library'],
    ['"0.000, 0.010"', '"0.000, x"', "expected numbers in the table, got 'x'"],
    ['"0.000, 0.010"', '"0.000"', 'expected 2 × 2 values, got 3'],
    ['nom_voltage : 1.0', '', 'expected a number as nom_voltage of library (small)'],
  ])('says what is wrong with %s as %s', (from, to, message) => {
    const broken = text.replace(from, to);
    expect(() => readLiberty(broken, 'small.lib')).toThrow(HbnnError);
    expect(() => readLiberty(broken, 'small.lib')).toThrow(message);
  });

  const cell = (extra: string): string =>
    text.replace('  cell (INV) {', `${extra}\n  cell (INV) {`);
  const gate = (f: string, power = '', name = 'NEW'): string =>
    cell(`cell (${name}) { area : 2; ${power}
      pin (A) { direction : input; }
      pin (Y) { direction : output; function : "${f}"; } }`);
  const readers = {
    readLiberty: (source: string) => readLiberty(source, 'small.lib'),
    cellFile: (source: string) => cellFile(source, 'small.lib'),
  };

  it.each(Object.keys(readers) as (keyof typeof readers)[])(
    '%s refuses names that are not there, and two cells of one name',
    (name) => {
      const read = readers[name];
      expect(() => read(gate("A'"))).not.toThrow();
      expect(() => read(gate("B'"))).toThrow(
        "small.lib, line 16: expected a pin of cell (NEW) in its function 'B'', got 'B'; the cell has A, Y; mend the file, or stay away from the cell by --dont-use NEW",
      );
      expect(() => read(gate("A'", 'leakage_power () { value : 1; when : "C & A"; }'))).toThrow(
        "small.lib, line 14: expected a pin of cell (NEW) in its when 'C & A', got 'C'",
      );
      expect(() => read(gate("A'", '', 'NAND2'))).toThrow(
        'small.lib, line 23: expected each cell of the library once, got cell (NAND2) again, which is at small.lib, line 14 already; take one of them out',
      );
    },
  );

  it('passes over names of cells that are not built with', () => {
    const read = (o: object) => () => readLiberty(gate("B'"), 'small.lib', o);
    expect(read({ dontUse: ['NEW'] })).not.toThrow();
    expect(() => readLiberty(gate("B'", 'dont_use : true;'), 'small.lib')).not.toThrow();
  });
});

describe('the supply of a library', () => {
  const conditions = (name: string, volts: number): string =>
    `operating_conditions (${name}) { voltage : ${volts}; }\n  default_operating_conditions : ${name};`;
  const read = (supply: string): number =>
    readLiberty(text.replace('nom_voltage : 1.0\n', `${supply}\n`), 'lib').voltageV;

  it('is nom_voltage, or without it the voltage of the default operating conditions', () => {
    expect(text).toContain('nom_voltage : 1.0\n');
    expect(read('nom_voltage : 0.7;')).toBe(0.7);
    expect(read(conditions('slow', 0.63))).toBe(0.63);
    expect(read(`nom_voltage : 0.63; ${conditions('slow', 0.63)}`)).toBe(0.63);
  });

  it.each([
    ['', /expected a number as nom_voltage of library \(small\), got none/],
    [`nom_voltage : 1.0; ${conditions('slow', 0.63)}`, /tables are not scaled .*got 0\.63/],
    ['default_operating_conditions : slow;', /expected operating_conditions \(slow\) in library/],
  ])('is refused where it is not told: %j', (supply, message) => {
    expect(() => read(supply)).toThrow(message);
  });
});

describe('the capacitance of a pin', () => {
  const inputPin = /capacitance : ([\d.e-]+);/;
  const first = (source: string): number | undefined =>
    readLiberty(source, 'lib')
      .cells.flatMap(({ pins }) => pins)
      .find(({ direction }) => direction === 'input')?.capacitanceF;

  it('is the mean of both edges where it is not given as one', () => {
    const whole = first(text);
    const [, given] = inputPin.exec(text) ?? [];
    expect(whole).toBeGreaterThan(0);
    const edges = text.replace(
      inputPin,
      `rise_capacitance : ${0.5 * Number(given)}; fall_capacitance : ${1.5 * Number(given)};`,
    );
    expect(first(edges)).toBeCloseTo(whole as number, 25);
    const rise = text.replace(inputPin, `rise_capacitance : ${given};`);
    expect(first(rise)).toBe(whole);
  });
});
