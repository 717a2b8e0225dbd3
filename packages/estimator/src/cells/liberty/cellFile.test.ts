import { describe, expect, it } from 'vitest';
import { cellFile } from './cellFile.ts';
import { cellOfRole, readLiberty } from './liberty.ts';
import { truthTable } from './logic.ts';

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
    ['a byte order mark', (text: string) => `\ufeff${text}`],
    ['a space of Unicode', (text: string) => text.replace('area : 2', 'area :\u00a02')],
    ['a comment within a string', (text: string) => text.replace('{', '{ comment : "a//b";')],
    ['a comment at the end of the file', (text: string) => `${text} // end`],
    ['a backslash in a function', (text: string) => text.replace('!(A', '!(A\\\n')],
    ['blanks behind a backslash', (text: string) => text.replace('area : 2', 'area : \\  \n 2')],
    ['a unit in capitals', (text: string) => text.replace('(1, ff)', '(1, FF)')],
    ['a unit of other size', (text: string) => text.replace('(1, ff)', '(0.001, pf)')],
    ['a pin in quotes', (text: string) => text.replace('(A B)', '(\\"A\\" \\"B\\")')],
    ['variables in one string', (text: string) => text.replace('(IQ, IQN)', '("IQ IQN")')],
    ['an output in parentheses', (text: string) => text.replace('"IQ"', '"(IQ)"')],
    ['an output inverted twice', (text: string) => text.replace('"IQ"', `"!IQN"`)],
  ])('is written as every reader takes it: %s', (_, change) => {
    const flipFlop = `ff (IQ, IQN) { clocked_on : "A"; next_state : "B"; } ${input('A')} ${input('B')}`;
    const plain = library(
      nand('N', 'area : 2;'),
      cell('D', 'area : 9;', flipFlop + output('Q', 'IQ')),
    );
    expect(cellFile(plain, 'l.lib').text).toBe(plain);
    const changed = change(plain);
    expect(changed).not.toBe(plain);
    const { text } = cellFile(changed, 'l.lib');
    if (!/0.001, pf/.test(changed)) expect(text).not.toBe(changed);
    expect(text).not.toMatch(/[^\t\n -~]|\/[/*]|\\/);
    expect(cellFile(text, 'l.lib')).toEqual({ text, dontUse: [] });
    const cellsOf = (source: string) =>
      readLiberty(source, 'l.lib').cells.map(({ pins, areaUm2, usable }) => [
        areaUm2,
        usable,
        pins.map(({ capacitanceF }) => capacitanceF?.toPrecision(9)),
      ]);
    expect(cellsOf(text)).toEqual(cellsOf(plain));
    expect(cellsOf(changed)).toEqual(cellsOf(plain));
  });

  it('needs the unit of loads only where there are loads', () => {
    const bare = 'library (l) { cell (N) { area : 2; pin (A, B) { direction : input; }';
    const end = `${output('Y', '!(A B)')} } }`;
    expect(cellFile(`${bare} ${end}`, 'l.lib').text).toContain('capacitive_load_unit (1, ff);');
    expect(() => cellFile(`${bare} ${input('C, D')} ${end}`, 'l.lib')).toThrow(
      'l.lib, line 1: expected capacitive_load_unit of the library, got none; add it, as in capacitive_load_unit (1, ff)',
    );
  });

  it.each([
    ['a cell', 'cell ("N 1")', 'A'],
    ['a pin', 'cell (N1)', '1A'],
  ])('leaves out what abc cannot call by its name: %s', (_, head, pin) => {
    const odd = `${head} { area : 1; ${input(`"${pin}"`)} ${input('B')} ${output('Y', `!(\\"${pin}\\" B)`)} }`;
    const text = library(odd, nand('N', 'area : 2;'));
    expect(cellFile(text, 'l.lib').text).not.toContain(head);
    expect(cellOfRole([readLiberty(text, 'l.lib')], 'nand2')?.name).toBe('N');
  });

  it.each([
    ['dont_use', nand('SMALL', 'area : 1;', 'dont_use : true;'), []],
    ['dont_use in quotes', nand('SMALL', 'area : 1;', 'dont_use : "TRUE";'), []],
    ['no area', nand('SMALL', ''), []],
    ['a pad', nand('SMALL', 'area : 1;', 'pad_cell : true;'), []],
    ['a three-state output', letGo('three_state : "B";'), []],
    ['a pin inside', nand('SMALL', 'area : 1;', 'pin (X) { direction : internal; }'), []],
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

  it.each([
    ['A & 1', 'A'],
    ["A' | 0", '!A'],
    ['1 ^ A', '!A'],
    ['!(A B | 0) & 1', '!(A & B)'],
    ['(A & 0) | B', 'B'],
    ['!1', '0'],
    ["A + 0'", '1'],
    ['0 ^ A ^ B', '(A ^ B)'],
  ])('writes functions without constants, at which abc fails: %s', (given, without) => {
    const gate = (f: string) =>
      library(cell('G', 'area : 2;', input('A') + input('B') + output('Y', f)));
    const { text } = cellFile(gate(given), 'l.lib');
    expect(text).toContain(`function : ${/^\w$/.test(without) ? without : `"${without}"`};`);
    expect(cellFile(text, 'l.lib').text).toBe(text);
    const inputs = ['A', 'B'];
    expect(truthTable(given, inputs, 'given')).toEqual(truthTable(without, inputs, 'written'));
    expect(cellFile(gate('1'), 'l.lib').text).toBe(gate('1'));
  });

  it('writes what flip-flops take without constants, and leaves out those that hold no bit', () => {
    const register = (name: string, next: string, clock: string) =>
      cell(
        name,
        'area : 9;',
        `ff (IQ, IQN) { next_state : "${next}"; clocked_on : "${clock}"; } ${input('D, C')} ${output('Q', 'IQ')}`,
      );
    const text = library(
      register('PLAIN', 'D & 1', 'C | 0'),
      register('FIXED', 'D & 0', 'C'),
      register('NEVER', 'D', "1'"),
    );
    const made = cellFile(text, 'l.lib');
    expect(made.text).toMatch(/next_state : D;\s+clocked_on : C;/);
    expect(made.dontUse).toEqual(['FIXED', 'NEVER']);
    const { cells } = readLiberty(text, 'l.lib');
    expect(cells.filter(({ usable }) => usable).map(({ name }) => name)).toEqual(['PLAIN']);
  });

  it.each([
    ['area : 2;', 'area (2);', 'expected area of cell (N) behind a colon'],
    ['area : 2;', 'area : 0b11;', "expected a number as area of cell (N), got '0b11'"],
    ['area : 2;', 'area : 2; dont_use : yes;', "true or false as dont_use of cell (N), got 'yes'"],
    ['area : 2;', 'area : 2; cell_leakage_power : x;', 'expected a number as cell_leakage_power'],
    ['cell (N)', 'cell ()', "expected one name of a cell, got ''"],
    ['cell (N)', 'cell (N, M)', "expected one name of a cell, got 'N, M'"],
    ['pin (B)', 'pin (A)', 'expected each pin of cell (N) once, got pin (A) again'],
    ['pin (B)', 'pin (A, B)', 'expected each pin of cell (N) once, got pin (A) again'],
    ['!(A B)', '!(A Y)', "function of other pins of cell (N), got '!(A Y)' of pin (Y) itself"],
    ['capacitance : 1', 'capacitance : -1', 'expected at least 0 as capacitance of pin (A)'],
    ['direction : input', 'direction : in', "as direction of pin (A), got 'in'; write one of them"],
    ['direction : input;', '', 'as direction of pin (A), got none; write one of them'],
    ['nom_voltage : 1', 'nom_voltage : 0', 'expected a nom_voltage above 0'],
    ['nom_voltage : 1;', 'nom_voltage : 1; leakage_power_unit : "1xW";', 'expected a unit such as'],
    [
      '(1, ff);',
      '(1, 2, ff);',
      'expected a number and a unit as capacitive_load_unit, got (1, 2, ff)',
    ],
    [
      '(1, ff);',
      '(1, ff); capacitive_load_unit (1, pf);',
      'expected one capacitive_load_unit of library (l), got (1, ff) and (1, pf)',
    ],
    ['ff (IQ, IQN)', 'ff (IQ)', 'expected two names in ff (IQ), of the bit and of its opposite'],
    ['clocked_on : "C";', '', 'of ff (IQ, IQN), got no clocked_on; mend the file, or stay away'],
    ['next_state : "D"', 'next_state : "E"', "in its next_state 'E', got 'E'"],
    ['next_state : "D"', 'next_state : "D &"', "function 'D &': expected a pin of the cell"],
  ])(
    'refuses what Yosys or abc breaks off at, as an estimate does: %s as %s',
    (from, to, message) => {
      const flipFlop = `ff (IQ, IQN) { next_state : "D"; clocked_on : "C"; } ${input('D')} ${input('C')}`;
      const plain = library(
        nand('N', 'area : 2;'),
        cell('F', 'area : 9;', flipFlop + output('Q', 'IQ')),
      );
      const text = plain.replace(from, to);
      expect(text).not.toBe(plain);
      for (const read of [cellFile, readLiberty])
        expect(() => read(text, 'l.lib')).toThrow(/^l.lib, line [123]: .*/);
      for (const read of [cellFile, readLiberty])
        expect(() => read(text, 'l.lib')).toThrow(message);
    },
  );

  const tables = (more: string) =>
    library(
      'power_lut_template (p) { variable_1 : total_output_net_capacitance; index_1 ("1, 10"); }',
      nand('N', 'area : 2;').replace(
        'function',
        `internal_power () { related_pin : "A"; ${more} } function`,
      ),
    );

  it.each([
    ['power (p) { }', 'expected values of power, got none'],
    ['power (p) { values ("1, x"); }', "expected numbers in the table, got 'x'"],
    ['power (p) { values ("1, 2, 3"); }', 'expected 2 values, got 3'],
    [
      'power (scalar) { values ("1", "3"); }',
      'expected one value of power (scalar), which has no index_1, got 2; add the indices',
    ],
    ['power (q) { values ("1, 2"); }', "expected a template of the library for power, got 'q'"],
    [
      'rise_power (p) { index_1 ("2, 1"); values ("1, 2"); }',
      'expected numbers that rise as index_1',
    ],
    ['fall_power (p) { index_1 (""); values ("1, 2"); }', 'expected numbers as index_1, got none'],
  ])('refuses a power table as an estimate does: %s', (table, message) => {
    const plain = tables('power (p) { values ("1, 2"); }');
    expect(cellFile(plain, 'l.lib').text).toBe(plain);
    const text = tables(table);
    for (const read of [cellFile, readLiberty]) {
      expect(() => read(text, 'l.lib')).toThrow(message);
      expect(() => read(text, 'l.lib')).toThrow(/^l.lib, line 2: /);
    }
    const avoided = library(
      text.slice(text.indexOf('power_lut'), text.lastIndexOf('}')),
      nand('M', 'area : 3;'),
    );
    const dontUse = ['N'];
    expect(cellFile(avoided, 'l.lib', { dontUse }).text).not.toContain('(N)');
    expect(readLiberty(avoided, 'l.lib', { dontUse }).cells.map(({ name }) => name)).toEqual(['M']);
  });

  it.each([
    ['D', 'C', true, 'D'],
    ['(!D)', '!(C)', true, '!D'],
    ["(D')'", 'C', true, 'D'],
    ["E D + E' IQ", 'C', true, '((E & D) | (!E & IQ))'],
    ['(E & !D) | (!E & IQ)', 'C', false, '(E & !D) | (!E & IQ)'],
    ['SE SI + !SE D', 'C', false, '((SE & SI) | (!SE & D))'],
    ['D ^ IQ', 'C', false, 'D ^ IQ'],
    ['D', 'C & E', false, 'D'],
  ])('is built of flip-flops as Yosys takes them: %s at %s', (next, clock, isPlain, written) => {
    const pins = [...new Set(`${next} ${clock}`.match(/[A-Z]+/g))].filter((pin) => pin !== 'IQ');
    const text = library(
      cell(
        'F',
        'area : 9;',
        `ff (IQ, IQN) { next_state : "${next}"; clocked_on : "${clock}"; } ${pins.map(input).join('')} ${output('Q', 'IQ')}`,
      ),
    );
    expect(readLiberty(text, 'l.lib').cells.map(({ isFlipFlop }) => isFlipFlop)).toEqual([isPlain]);
    expect(cellFile(text, 'l.lib').text).toMatch(
      new RegExp(`next_state : "?${written.replace(/[()^|]/g, '\\$&')}"?;`),
    );
  });

  it('leaves out cells that cannot be read, where they must not be used', () => {
    const odd = nand('ODD', 'area : 1;').replace('!(A B)', '!(A Z)');
    const text = library(odd, nand('N', 'area : 2;'));
    expect(() => cellFile(text, 'l.lib')).toThrow('stay away from the cell by --dont-use ODD');
    const made = cellFile(text, 'l.lib', { dontUse: ['ODD'] });
    expect(made.text).not.toContain('ODD');
    const { cells } = readLiberty(text, 'l.lib', { dontUse: ['ODD'] });
    expect(cells.map(({ name }) => name)).toEqual(['N']);
  });

  const withText = (more: string) => library(nand('N', `area : 2;\n${more}`));

  it.each([
    ['x : 2,0;', "'2 , 0'"],
    ['x : a b;', "'a b'"],
    ['x : a : b;', "'a : b'"],
    ['x : (1);', "'( 1 )'"],
    ['x : "a" "b";', "'a b'"],
    ['x : 1 *;', "'1 *'"],
    ['x : 1 y : 2;', "'1 y : 2'"],
    ['capacitance : 0,1;', "'0 , 1'"],
  ])('refuses what is no value, as an estimate does: %s', (more, got) => {
    const message = new RegExp(
      `^l.lib, line 3: expected one value of '\\w+', or some joined by .*, got ${got.replace(/[()*]/g, '\\$&')}; `,
    );
    expect(() => cellFile(withText(more), 'l.lib')).toThrow(message);
    expect(() => readLiberty(withText(more), 'l.lib')).toThrow(message);
  });

  it.each([
    ['area : 3;', "expected one area of cell (N), got '3' behind '2'; take one of them out"],
    ['$x : 1;', "expected an attribute or a group, named by letters and digits, got '$x'"],
  ])('refuses what readers take otherwise: %s', (more, message) => {
    expect(() => cellFile(withText(more), 'l.lib')).toThrow(`l.lib, line 3: ${message}`);
    expect(() => readLiberty(withText(more), 'l.lib')).toThrow(`l.lib, line 3: ${message}`);
  });

  it.each([
    ['an end without a semicolon', 'test_cell () { z : 1 }'],
    ['a list without a semicolon', 'test_cell () { z (1) }'],
    ['two statements in a line', 'x (1) y : 2;'],
    ['a colon in the next line', 'x\n: 1;'],
    ['a parenthesis in the next line', 'x\n(1);'],
    ['a brace in the next line', 'test_cell ()\n{ z : 1; }'],
    ['marks in a word', 'x : a&b;'],
    ['bits of a bus', 'x : A[1:0];'],
    ['a function without quotes', 'power_down_function : !VDD + VSS;'],
    ['a function in parentheses', 'test_cell () { latch (IQ, IQN) { enable : (CLK); } }'],
    ['a sum between parentheses', 'x (1 + 2);'],
    ['a sum without all blanks', 'x : 1 +2;'],
  ])('is written where Yosys or abc would not read it: %s', (_, more) => {
    const { text } = cellFile(withText(more), 'l.lib');
    expect(text).not.toBe(withText(more));
    expect(cellFile(text, 'l.lib').text).toBe(text);
  });

  it.each(['x : 1 + 2;', 'x :\n 1;', 'x : 1\n', 'x (1)\n', 'x : -0.5 * VDD;', 'area : 2;'])(
    'stays as it is with %j',
    (more) => {
      expect(cellFile(withText(more), 'l.lib').text).toBe(withText(more));
    },
  );

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
