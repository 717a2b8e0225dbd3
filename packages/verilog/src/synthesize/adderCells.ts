import { computed, gateNumber, variableTables } from '../yosys/cells.ts';
import type { YosysBit, YosysModule } from '../yosys/yosys.ts';

/** A pin, and whether it takes or gives the inverse of what it is for. */
interface AdderPin {
  readonly pin: string;
  readonly inverted: boolean;
}

/** A cell that adds two or three bits. */
interface AdderCell {
  readonly name: string;
  readonly inputs: readonly AdderPin[];
  readonly sum: AdderPin;
  readonly carry: AdderPin;
  /** The area of the cell and of the inverters around it. */
  readonly area: number;
}

/** A library's smallest cells that add. */
export interface AdderCells {
  /** The cell that adds three bits. */
  readonly full: AdderCell;
  /** The cell that adds two bits. */
  readonly half?: AdderCell;
}

type Bits = number;

/** The truth table of each output; undefined where a cell is made of other gates. */
function tablesOf(
  { ports, cells }: YosysModule,
  inputs: readonly string[],
): Map<string, Bits> | undefined {
  const mask = 2 ** (2 ** inputs.length) - 1;
  const cache = new Map<YosysBit, Bits>([
    ['0', 0],
    ['1', mask],
  ]);
  inputs.forEach((pin, i) => {
    cache.set(ports[pin].bits[0], variableTables[i] & mask);
  });
  let left = Object.values(cells);
  while (left.length > 0) {
    const waiting = left.filter(({ type, connections: { Y, A, B, S } }) => {
      const given = [A, B, S].flatMap((port) => port ?? []).map((bit) => cache.get(bit));
      const gate = gateNumber(type);
      if (gate === undefined || given.some((table) => table === undefined)) return true;
      const [a = 0, b = 0, s = 0] = given as Bits[];
      cache.set(Y[0], computed(gate, a, b, s) & mask);
      return false;
    });
    if (waiting.length === left.length) return undefined;
    left = waiting;
  }
  const tables = new Map<string, Bits>();
  for (const [pin, { direction, bits }] of Object.entries(ports)) {
    const table = cache.get(bits[0]);
    if (direction === 'output' && table !== undefined) tables.set(pin, table);
  }
  return tables;
}

/** The table of a function of inputs of which some come inverted: bit v of it is bit v ^ inverted of the other. */
function withInverted(table: Bits, count: number, inverted: number): Bits {
  let moved = 0;
  for (let v = 0; v < 2 ** count; v++) moved |= ((table >> (v ^ inverted)) & 1) << v;
  return moved;
}

/** Sum and carry of two and of three bits. */
const additions: Readonly<Record<number, readonly [sum: Bits, carry: Bits]>> = {
  2: [0b0110, 0b1000],
  3: [0b10010110, 0b11101000],
};

/** How a cell adds, with the fewest inverters; undefined where it does not. */
function adderOf(
  name: string,
  module: YosysModule,
  area: number,
  inverterArea: number,
): AdderCell | undefined {
  const pins = (direction: string): string[] =>
    Object.keys(module.ports).filter((pin) => module.ports[pin].direction === direction);
  const [inputs, outputs] = [pins('input'), pins('output')];
  const addition = additions[inputs.length];
  if (addition === undefined || outputs.length !== 2) return undefined;
  const tables = tablesOf(module, inputs);
  if (tables === undefined) return undefined;
  const mask = 2 ** (2 ** inputs.length) - 1;
  let best: AdderCell | undefined;
  for (let at = 0; at < 2 ** inputs.length; at++) {
    const [sum, carry] = addition.map((wanted) => {
      for (const [pin, table] of tables) {
        const built = withInverted(table, inputs.length, at);
        if (built === wanted || built === (wanted ^ mask))
          return { pin, inverted: built !== wanted };
      }
      return undefined;
    });
    if (sum === undefined || carry === undefined) continue;
    const ports = inputs.map((pin, i) => ({ pin, inverted: ((at >> i) & 1) === 1 }));
    const inverters = [...ports, sum, carry].filter(({ inverted }) => inverted).length;
    const whole = area + inverters * inverterArea;
    if (best === undefined || whole < best.area)
      best = { name, inputs: ports, sum, carry, area: whole };
  }
  return best;
}

/**
 * Find the smallest cells of a library that add, by what their outputs compute: inputs and outputs may be inverted.
 *
 * @param modules the library as Yosys reads it
 * @param allowed whether a cell may be used
 * @returns undefined for a library without a full adder
 */
export function adderCellsOf(
  modules: Readonly<Record<string, YosysModule>>,
  areas: ReadonlyMap<string, number>,
  inverterArea: number,
  allowed: (cell: string) => boolean,
): AdderCells | undefined {
  const found = Object.entries(modules).flatMap(([name, module]) => {
    const area = areas.get(name);
    if (area === undefined || !allowed(name)) return [];
    return adderOf(name, module, area, inverterArea) ?? [];
  });
  const smallest = (bits: number): AdderCell | undefined =>
    found
      .filter(({ inputs }) => inputs.length === bits)
      .reduce<AdderCell | undefined>(
        (a, b) => (a === undefined || b.area < a.area ? b : a),
        undefined,
      );
  const [full, half] = [smallest(3), smallest(2)];
  return full && { full, ...(half !== undefined && { half }) };
}

/**
 * Commands that make a netlist's adders cells of the library: full adders first, and half adders of what gates are then
 * left. extract_fa does not look through multiplexers, which carries are made of; wider and deeper cones take three
 * times as long and hold no more.
 */
export const adderCommands = ({ half }: AdderCells): string[] => [
  'read_verilog -lib adder_boxes.v',
  'techmap -map carry_map.v',
  'simplemap',
  'opt_clean',
  `extract_fa ${cones} -fa`,
  'opt_clean',
  ...(half === undefined ? [] : [`extract_fa ${cones} -ha`, 'opt_clean']),
  'techmap -map adder_map.v',
  'techmap',
  'opt -full',
];

const cones = '-d 10 -b 4';

const carryMap = `module \\$_MUX_ (input A, input B, input S, output Y);
  assign Y = (A & ~S) | (B & S);
endmodule
`;

/** The files that those read. */
export function adderFiles(adders: AdderCells): Record<string, string> {
  const cells = [adders.full, ...(adders.half === undefined ? [] : [adders.half])];
  return {
    'adder_boxes.v': cells.map(boxOf).join('\n'),
    'adder_map.v': mapOf(adders),
    'carry_map.v': carryMap,
  };
}

const boxOf = ({ name, inputs, sum, carry }: AdderCell): string =>
  `(* blackbox *) module \\${name} (${inputs.map(({ pin }) => `input \\${pin} `).join(', ')}, output \\${sum.pin} , output \\${carry.pin} );\nendmodule\n`;

function instance({ name, inputs, sum, carry }: AdderCell): string {
  const from = inputs.map(
    ({ pin, inverted }, i) => `.\\${pin} (${inverted ? '~' : ''}${'ABC'[i]})`,
  );
  const outputs = [`.\\${sum.pin} (sum)`, `.\\${carry.pin} (carry)`];
  const to = (inverted: boolean, wire: string): string => `${inverted ? '~' : ''}${wire}`;
  return `wire sum, carry;
    \\${name} adder (${[...from, ...outputs].join(', ')});
    assign Y = ${to(sum.inverted, 'sum')};
    assign X = ${to(carry.inverted, 'carry')};`;
}

/** `$fa` of one bit: C of a half adder is the constant 0. */
const mapOf = ({ full, half }: AdderCells): string => `(* techmap_celltype = "$fa" *)
module hbnn_adder (A, B, C, X, Y);
  parameter WIDTH = 1;
  parameter _TECHMAP_CONSTMSK_C_ = 0;
  parameter _TECHMAP_CONSTVAL_C_ = 0;
  input [WIDTH-1:0] A, B, C;
  output [WIDTH-1:0] X, Y;
  wire _TECHMAP_FAIL_ = WIDTH != 1;
  generate if (${half === undefined ? "1'b0" : "_TECHMAP_CONSTMSK_C_ === 1'b1 && _TECHMAP_CONSTVAL_C_ === 1'b0"}) begin
    ${instance(half ?? full)}
  end else begin
    ${instance(full)}
  end endgenerate
endmodule
`;
