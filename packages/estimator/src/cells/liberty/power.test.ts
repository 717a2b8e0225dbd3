import { describe, expect, it } from 'vitest';
import { readLiberty } from './liberty.ts';

/** An exclusive or of 1 V and fF with groups for the cell, and for its output. */
function xor(ofCell: string, ofOutput = '', head = ''): ReturnType<typeof readLiberty>['cells'][0] {
  const text = `library (l) { nom_voltage : 1; capacitive_load_unit (1, ff); leakage_power_unit : "1pW"; ${head}
    cell (X) { area : 1; ${ofCell}
      pin (A, B) { direction : input; capacitance : 1; }
      pin (Y) { direction : output; function : "A ^ B"; ${ofOutput} } } }`;
  return readLiberty(text, 'l.lib').cells[0];
}

describe('the variables of a power table', () => {
  const energyWith = (variable: string, table = 'T'): (() => number | undefined) => {
    const template = (kind: string, name: string): string =>
      `${kind} (T) { variable_1 : ${name}; index_1 ("1, 3"); }`;
    const head = `${template('lu_table_template', 'constrained_pin_transition')} ${template('power_lut_template', variable)}`;
    const power = `internal_power () { related_pin : "A"; power (${table}) { values ("1, 2"); } }`;
    return () => xor('', power, head).toggleEnergyJ(3e-15);
  };

  it.each([
    ['input_transition_time', 1],
    ['input_net_transition', 1],
    ['total_output_net_capacitance', 2],
    ['equal_or_opposite_output_net_capacitance', 1],
  ])('takes %s, whatever a table of delays of that name has', (variable, energy) => {
    // Half of 3 fF at 1 V comes on top; the unit of energy is that of 1 fF at 1 V.
    expect(energyWith(variable)()).toBeCloseTo(1.5e-15 + energy * 1e-15, 20);
  });

  it.each(['nonsense', 'related_out_total_output_net_capacitance', 'output_net_length'])(
    'refuses %s, with the place of the template',
    (variable) => {
      expect(energyWith(variable)).toThrow(
        new RegExp(
          `^l.lib, line 1: expected variable_1 of power_lut_template \\(T\\), .* one of input_transition_time, .*, got '${variable}'; `,
        ),
      );
    },
  );

  it('refuses a table whose template there is not', () => {
    expect(energyWith('input_transition_time', 'U')).toThrow(
      /expected a template of the library for power, got 'U', which it has not; add /,
    );
  });
});

describe('leakage', () => {
  const leak = (groups: string): number | undefined => {
    const { leakageW } = xor(groups);
    return leakageW === undefined ? undefined : Math.round(leakageW * 1e15) / 1e3;
  };
  const group = (value: number, when = '', rail = ''): string =>
    `leakage_power () { value : ${value}; ${when && `when : "${when}";`} ${rail && `related_pg_pin : "${rail}";`} }`;

  it.each([
    ['one group', [group(7)], 7],
    ['an empty condition', ['leakage_power () { value : 7; when : ""; }'], 7],
    ['two rails', [group(30, '', 'VDD'), group(10, '', 'VNW')], 40],
    [
      'states of two rails',
      [
        group(10, 'A * !Y', 'VDD'),
        group(2, 'A * !Y', 'VSS'),
        group(20, 'A * Y', 'VDD'),
        group(4, 'A * Y', 'VSS'),
        group(30, '!A', 'VDD'),
        group(0, '!A', 'VSS'),
      ],
      // A quarter each of 12 and 24, and half of 30.
      24,
    ],
    [
      'a group without state beside states that cover all',
      [group(400), group(100, 'A'), group(200, '!A')],
      150,
    ],
    ['a group without state for what states leave over', [group(400), group(100, 'A B')], 325],
    [
      'states of one rail and none of another',
      [group(10, 'A', 'VDD'), group(20, "A'", 'VDD'), group(5, '', 'VSS')],
      20,
    ],
    [
      'a group without state of each rail',
      [
        group(90, '', 'VDD'),
        group(80, '', 'VSS'),
        group(10, 'A', 'VDD'),
        group(1, 'A', 'VSS'),
        group(20, '!A', 'VDD'),
        group(2, '!A', 'VSS'),
      ],
      16.5,
    ],
    ['the whole cell beside rails', [group(99), group(30, '', 'VDD'), group(10, '', 'VSS')], 40],
    ['states alone, some left out', [group(10, 'A & B'), group(20, 'A & !B')], 15],
    ['no groups', [], undefined],
    // The reference manual, cell_leakage_power: for the states that no leakage_power group is for.
    ['the cell’s own sum alone', ['cell_leakage_power : 6;'], 6],
    ['states beside the sum', ['cell_leakage_power : 6;', group(10, 'A'), group(20, '!A')], 15],
    ['the sum where a state is not said', ['cell_leakage_power : 6;', group(10, 'A')], 8],
    ['a sum beside a group without when', ['cell_leakage_power : 6;', group(10)], 10],
  ])('adds rails and averages states: %s', (_, groups, wanted) => {
    expect(leak(groups.join('\n'))).toBe(wanted);
  });

  it.each([
    ['default_cell_leakage_power : 7;', '', 7],
    ['default_cell_leakage_power : 7;', 'cell_leakage_power : -1;', 7],
    ['default_cell_leakage_power : 7;', 'cell_leakage_power : 3;', 3],
    ['default_cell_leakage_power : 7;', group(5, 'A'), 6],
    ['', 'cell_leakage_power : -1;', undefined],
  ])('takes the library’s default where a cell says nothing: %s %s', (head, own, wanted) => {
    const text = `library (l) { nom_voltage : 1; capacitive_load_unit (1, ff); leakage_power_unit : "1nW"; ${head}
      cell (X) { area : 1; ${own} pin (A) { direction : input; } pin (Y) { direction : output; function : "!A"; } } }`;
    const watts = readLiberty(text, 'l.lib').cells[0].leakageW;
    if (wanted === undefined) expect(watts).toBeUndefined();
    else expect(watts).toBeCloseTo(wanted * 1e-9, 18);
  });

  it.each([
    ['', '', false],
    ['', 'cell_leakage_power : 3;', true],
    ['', group(5, 'A'), true],
    ['default_cell_leakage_power : 7;', '', true],
  ])('is unknown where the library has no unit for it: %s %s', (head, own, isUnknown) => {
    const text = `library (l) { nom_voltage : 1; capacitive_load_unit (1, ff); ${head}
      cell (X) { area : 1; ${own} pin (A) { direction : input; } pin (Y) { direction : output; function : "!A"; } } }`;
    const { cells, leakageUnknown } = readLiberty(text, 'l.lib');
    expect(cells[0].leakageW).toBeUndefined();
    if (isUnknown)
      expect(leakageUnknown).toBe(
        'l.lib gives leakage without leakage_power_unit, and Liberty has no default for it; add the unit to the library, as in leakage_power_unit : "1nW"',
      );
    else expect(leakageUnknown).toBeUndefined();
  });

  it('averages over different states where a cell has too many to try', () => {
    const pins = Array.from({ length: 20 }, (_, i) => `A${i}`);
    const text = `library (l) { nom_voltage : 1; capacitive_load_unit (1, ff); leakage_power_unit : "1pW";
      cell (X) { area : 1; ${group(10, pins.join(' '), 'VDD')} ${group(1, pins.join(' '), 'VSS')} ${group(20, `!(${pins.join(' ')})`, 'VDD')}
        pin (${pins.join(', ')}) { direction : input; } pin (Y) { direction : output; function : "${pins.join('&')}"; } } }`;
    expect(readLiberty(text, 'l.lib').cells[0].leakageW).toBeCloseTo(15.5e-12, 20);
  });

  it('names the line of a state that cannot be read', () => {
    expect(() => leak(group(1, 'A &'))).toThrow(/l.lib, line 2: function 'A &': expected a pin/);
  });
});

describe('internal power', () => {
  const scalar = (value: number) => `(scalar) { values ("${value}"); }`;
  /** Femtojoules of a change without load. */
  const energy = (...groups: string[]): number =>
    Math.round((xor('', groups.join('\n')).toggleEnergyJ(0) ?? Number.NaN) * 1e18) / 1e3;
  const group = (value: number, o: string): string =>
    `internal_power () { ${o} power ${scalar(value)} }`;

  it.each([
    ['rails', [group(3, 'related_pg_pin : VDD;'), group(0, 'related_pg_pin : VSS;')], 3],
    [
      'states of rails',
      [
        group(3, 'when : "B"; related_pg_pin : VDD;'),
        group(1, 'when : "B"; related_pg_pin : VSS;'),
        group(5, 'when : "!B"; related_pg_pin : VDD;'),
        group(1, 'when : "!B"; related_pg_pin : VSS;'),
      ],
      5,
    ],
    [
      'a group without state beside states',
      [group(90, ''), group(2, 'when : "B";'), group(4, 'when : "!B";')],
      3,
    ],
    ['related pins', [group(2, 'related_pin : "A";'), group(4, 'related_pin : "B";')], 3],
    [
      'one group of two pins',
      [group(2, 'related_pin : "A B";'), group(3, 'related_pin : "A"; related_pg_pin : VSS;')],
      2.5,
    ],
    [
      'edges of different rails',
      [
        `internal_power () { related_pg_pin : VDD; rise_power ${scalar(4)} }`,
        `internal_power () { related_pg_pin : VSS; fall_power ${scalar(2)} }`,
      ],
      3,
    ],
  ])('adds rails, averages states and pins: %s', (_, groups, wanted) => {
    expect(energy(...groups)).toBe(wanted);
  });

  it('is of the load where a table of three variables has it, with the other output open', () => {
    const template = (order: string[]) =>
      `power_lut_template (p) { ${order.map((name, i) => `variable_${i + 1} : ${name};`).join(' ')}
        index_1 ("0, 10"); index_2 ("0, 10"); index_3 ("0, 10"); }`;
    const [slope, load, other] = [
      'input_transition_time',
      'total_output_net_capacitance',
      'equal_or_opposite_output_net_capacitance',
    ];
    // Entry i j k of the table is 100 i + 10 j + k.
    const table = '(p) { values ("0, 1", "10, 11", "100, 101", "110, 111"); }';
    const at5 = (order: string[]): number => {
      const cell = xor('', `internal_power () { power ${table} }`, template(order));
      return Math.round(((cell.toggleEnergyJ(5e-15) ?? 0) - 0.5 * 5e-15) * 1e18) / 1e3;
    };
    expect(at5([slope, load, other])).toBe(5);
    expect(at5([load, slope, other])).toBe(50);
    expect(at5([other, slope, load])).toBe(0.5);
  });
});

describe('units', () => {
  it.each([
    ['nom_voltage : 900; voltage_unit : "1mV"; capacitive_load_unit (1, pf);', 0.9, 1e-12],
    ['nom_voltage : 9; voltage_unit : "100mV"; capacitive_load_unit (100, ff);', 0.9, 100e-15],
    ['nom_voltage : 0.9; capacitive_load_unit ("0.5", "pF");', 0.9, 0.5e-12],
  ])('are those of the library: %s', (head, voltageV, farad) => {
    const text = `library (l) { ${head} leakage_power_unit : "10nW";
      cell (X) { area : 1; cell_leakage_power : 3; pin (A) { direction : input; capacitance : 2; }
        pin (Y) { direction : output; function : "!A"; internal_power () { power (scalar) { values ("4"); } } } } }`;
    const library = readLiberty(text, 'l.lib');
    const [cell] = library.cells;
    const volt = voltageV / Number(/nom_voltage : ([\d.]+)/.exec(head)?.[1]);
    expect(library.voltageV).toBeCloseTo(voltageV, 12);
    expect(cell.leakageW).toBeCloseTo(30e-9, 15);
    expect(cell.pins[0].capacitanceF).toBeCloseTo(2 * farad, 25);
    expect((cell.toggleEnergyJ(0) ?? 0) / (4 * farad * volt ** 2)).toBeCloseTo(1, 9);
  });
});

describe('indices of a table', () => {
  const energy = (index: string): string =>
    `internal_power () { related_pin : "A"; power (t) { index_1 ("${index}"); values ("1, 2"); } }`;
  const template = 'power_lut_template (t) { variable_1 : total_output_net_capacitance; }';

  it('may rise', () => {
    expect(xor('', energy('0, 10'), template).toggleEnergyJ(5e-15)).toBeGreaterThan(0);
  });

  it.each([
    ['10, 0', '0 behind 10'],
    ['5, 5', '5 behind 5'],
  ])('and are refused where they are %s', (index, got) => {
    expect(() => xor('', energy(index), template)).toThrow(
      `expected numbers that rise as index_1, got ${got}; put them in order`,
    );
  });
});

describe('pins in groups', () => {
  const wide = 'bus (D) { bus_type : b; direction : input; }';

  it.each([wide, 'bundle (D) { members (D0, D1); direction : input; }'])(
    '%s makes a cell that nothing is built of, and the library is read',
    (group) => {
      expect(xor('').usable).toBe(true);
      expect(xor(group).usable).toBe(false);
    },
  );
});
