import { describe, expect, it } from 'vitest';
import { cellFile } from './cellFile.ts';
import { cellOfRole, readLiberty } from './liberty.ts';

const input = (name: string) => `pin (${name}) { direction : input; capacitance : 1; }`;
const output = (name: string, f: string) =>
  `pin (${name}) { direction : output; function : "${f}"; }`;
const cell = (name: string, area: string, body: string) => `cell (${name}) { ${area} ${body} }\n`;
const library = (...cells: string[]) =>
  `library (l) { nom_voltage : 1; capacitive_load_unit (1, ff);\n${cells.join('')}}`;
const nand = (name: string, area: string, more = '') =>
  cell(name, `${area} ${more}`, input('A') + input('B') + output('Y', '!(A B)'));

/** A gate whose output may be let go. */
const letGo = (attribute: string): string =>
  `cell (SMALL) { area : 1; ${input('A, B')} pin (Y) { direction : output; function : "!(A B)"; ${attribute} } }`;

describe('a library for synthesis', () => {
  it('stays as it is where every reader takes it alike', () => {
    const text = library(
      nand('N', 'area : 2;'),
      cell('X', 'area : 3;', input('A') + input('B') + output('Y', "(A ^ B)' | A B")),
    );
    expect(cellFile(text, 'l.lib')).toEqual({ text, dontUse: [] });
  });

  it('has a group for each pin, and parentheses where abc binds otherwise', () => {
    const adder = output('S', 'A ^ B ^ CI') + output('CO', 'A & B | CI & A ^ B');
    const { text } = cellFile(
      library(cell('FA', 'area : 9;', input('A, B, CI') + adder), nand('N', 'area : 2;')),
      'l.lib',
    );
    expect(text).toContain('function : "((A & B) | (CI & (A ^ B)))"');
    for (const pin of ['A', 'B', 'CI']) expect(text).toContain(`pin (${pin}) {`);
    // What is written is read as what was given.
    expect(cellFile(text, 'l.lib').text).toBe(text);
    expect(cellOfRole([readLiberty(text, 'l.lib')], 'fullAdder')?.name).toBe('FA');
  });

  it.each([
    ['dont_use', nand('SMALL', 'area : 1;', 'dont_use : true;'), []],
    ['dont_use in quotes', nand('SMALL', 'area : 1;', 'dont_use : "TRUE";'), []],
    ['no area', nand('SMALL', ''), []],
    ['a pad', nand('SMALL', 'area : 1;', 'pad_cell : true;'), []],
    ['a three-state output', letGo('three_state : "B";'), []],
    ['an open drain', letGo('driver_type : "open_drain";'), []],
    ['a name that the user gives', nand('SMALL', 'area : 1;'), ['SM*']],
    ['a cell of isolated power domains', nand('SMALL_lpflow_1', 'area : 1;'), []],
  ])(
    'says which cells not to use, and estimates do not use them either: %s',
    (_, small, dontUse) => {
      const text = library(small, nand('LARGE', 'area : 4;'));
      expect(cellFile(text, 'l.lib', { dontUse }).dontUse).toEqual([
        small.slice(small.indexOf('(') + 1, small.indexOf(')')),
      ]);
      const read = readLiberty(text, 'l.lib', { dontUse });
      expect(cellOfRole([read], 'nand2')?.name).toBe('LARGE');
    },
  );

  it.each(['area : 0;', 'area : -1;', 'area : big;'])('refuses %s in both', (area) => {
    const text = library(nand('N', area));
    expect(() => cellFile(text, 'l.lib')).toThrow(
      /l.lib, line 2: expected .* as area of cell \(N\)/,
    );
    expect(() => readLiberty(text, 'l.lib')).toThrow(/l.lib, line 2: expected .* as area of cell/);
  });

  it('takes cells of no area that hold no gates: fillers, ties, pads', () => {
    const text = library(
      cell('FILL', 'area : 0;', ''),
      cell('TIE', 'area : 0;', output('Y', '1')),
      cell('PAD', 'area : 0; pad_cell : true;', input('A') + output('Y', 'A')),
      nand('N', 'area : 2;'),
    );
    expect(cellOfRole([readLiberty(text, 'l.lib')], 'nand2')?.name).toBe('N');
    expect(cellFile(text, 'l.lib').text).toBe(text);
  });
});

describe('included files', () => {
  const files: Readonly<Record<string, string>> = {
    'a.inc': `${nand('N', 'area : 2;')} include_file (b.inc);`,
    'b.inc': cell('INV', 'area : 1;', input('A') + output('Y', 'A &')),
    'loop.inc': 'include_file (loop.inc);',
    'library.inc': library(nand('M', 'area : 2;')),
  };
  const include = (name: string) => ({ text: files[name] ?? '', file: name });
  const outer = (name: string) => library(`include_file ("${name}");\n`);

  it('are read in their place, and messages name them', () => {
    expect(() => readLiberty(outer('a.inc'), 'l.lib', { include })).toThrow(
      /^b.inc, line 1: function/,
    );
    const whole = (name: string) => ({
      text: (files[name] ?? '').replace('A &', '!A'),
      file: name,
    });
    const read = readLiberty(outer('a.inc'), 'l.lib', { include: whole });
    expect(read.cells.map(({ name, file }) => [name, file])).toEqual([
      ['N', 'a.inc'],
      ['INV', 'b.inc'],
    ]);
    const { text } = cellFile(outer('a.inc'), 'l.lib', { include: whole });
    expect(text).not.toContain('include_file');
    expect(readLiberty(text, 'l.lib').cells.map(({ name }) => name)).toEqual(['N', 'INV']);
  });

  it.each([
    [
      'loop.inc',
      /loop.inc, line 1: include_file \(loop.inc\): expected a file that does not include itself/,
    ],
    [
      'library.inc',
      /library.inc, line 1: expected an attribute or a group of the library, got 'library'/,
    ],
  ])('are refused where they cannot be: %s', (name, message) => {
    expect(() => readLiberty(outer(name), 'l.lib', { include })).toThrow(message);
  });

  it('are refused, not passed over, where nothing reads them', () => {
    expect(() => readLiberty(outer('a.inc'), 'l.lib')).toThrow(/line 2: include_file \(a.inc\)/);
  });
});
