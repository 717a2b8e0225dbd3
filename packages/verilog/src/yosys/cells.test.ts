import { expect, it } from 'vitest';
import { computed, gateNumber, gateOf, truthTable, variableTables, yosysGates } from './cells.ts';

/** The tables that Yosys's manual gives, rows 0 to 7 of (S, B, A) from the lowest bit on. */
const manual: Readonly<Record<string, number>> = {
  $_NOT_: 0x55,
  $_BUF_: 0xaa,
  $_AND_: 0x88,
  $_NAND_: 0x77,
  $_OR_: 0xee,
  $_NOR_: 0x11,
  $_XOR_: 0x66,
  $_XNOR_: 0x99,
  $_ANDNOT_: 0x22,
  $_ORNOT_: 0xbb,
  $_MUX_: 0xca,
};

/** A gate's Verilog over 0 and 1, evaluated as JavaScript: the operators are the same. */
const evaluatedText = (text: string): number =>
  (new Function(`return (${text}) & 1;`) as () => number)();

it('compute what the manual says, and what their Verilog says', () => {
  expect(Object.keys(manual)).toEqual(yosysGates.map(({ type }) => type));
  yosysGates.forEach(({ type, verilog }, gate) => {
    expect(gateNumber(type)).toBe(gate);
    expect(gateOf(type)?.type).toBe(type);
    expect(truthTable(gate)).toBe(manual[type]);
    for (let row = 0; row < 8; row++) {
      const [a, b, s] = [row & 1, (row >> 1) & 1, row >> 2];
      expect(computed(gate, -a, -b, -s) & 1).toBe((manual[type] >> row) & 1);
      expect(evaluatedText(verilog(`${a}`, `${b}`, `${s}`))).toBe((manual[type] >> row) & 1);
    }
  });
  expect(variableTables).toEqual([0xaa, 0xcc, 0xf0]);
  expect(gateOf('$_DFF_P_')).toBeUndefined();
});
