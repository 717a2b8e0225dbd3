import { unrolledDesign } from '@hbnn/circuit';
import { randomModel } from '@hbnn/model';
import { synthesisTarget, synthesize, verilogFiles } from '@hbnn/verilog';
import { describe, expect, it } from 'vitest';

/** A small library: inverter, NAND2, and flip-flops where asked for. */
const library = (registers: boolean): string => {
  const pin = (name: string, body: string) => `pin(${name}) { ${body} }`;
  const cell = (name: string, area: number, body: string) =>
    `cell(${name}) { area : ${area}; ${body} }\n`;
  const input = (name: string) => pin(name, 'direction : input; capacitance : 1;');
  const output = (f: string) => pin('Y', `direction : output; function : "${f}";`);
  const flop = `ff(IQ, IQN) { clocked_on : "C"; next_state : "D"; } ${input('D')}
    pin(C) { direction : input; clock : true; } pin(Q) { direction : output; function : "IQ"; }`;
  return `library(small) {
${cell('INV', 1, input('A') + output("A'"))}${cell('BUFFER', 2, input('A') + output('A'))}
${cell('NAND2', 2, input('A') + input('B') + output("(A B)'"))}
${cell('my_lpflow_AND', 0.1, input('A') + input('B') + output('A B'))}
${registers ? cell('HOLD', 6, flop) : ''}}`;
};

const clocked = {
  'part.v': `module part (input wire clock, input wire reset, input wire enable, input wire [3:0] x, output reg [3:0] y, output wire [3:0] z);
  reg [3:0] rom [0:15];
  integer i;
  initial for (i = 0; i < 16; i = i + 1) rom[i] = i * 7;
  assign z = rom[x];
  always @(posedge clock or posedge reset) if (reset) y <= 4'd5; else if (enable) y <= y ^ x;
endmodule
`,
  'top.v': `module top (input wire clock, input wire reset, input wire enable, input wire [3:0] x, output reg [7:0] s, output wire [3:0] y);
  wire [3:0] z;
  part part_at (.clock(clock), .reset(reset), .enable(enable), .x(x), .y(y), .z(z));
  always @(posedge clock) if (reset) s <= 8'd0; else s <= {s[3:0], y & z};
endmodule
`,
};

const read = (name: string) => ({
  text: library(name !== 'gates.lib'),
  dontUse: ['my_lpflow_AND'],
});

describe.each(['xc7', 'ice40', 'ecp5', 'gowin', 'liberty:all.lib'])('synthesis for %s', (name) => {
  it('counts flip-flops of synchronous and asynchronous resets', async () => {
    const files =
      name === 'liberty:all.lib'
        ? // The small library has no asynchronous reset.
          { ...clocked, 'part.v': clocked['part.v'].replace('or posedge reset', '') }
        : clocked;
    const cost = await synthesize(files, 'top', synthesisTarget(name, read));
    expect(cost.flipFlops).toBe(12);
    expect(cost.layers).toMatchObject([{ layer: 'part', flipFlops: 4, groups: 1 }]);
    if (name === 'liberty:all.lib') {
      const { INV = 0, NAND2 = 0, BUFFER = 0, HOLD } = cost.cells;
      expect(HOLD).toBe(12);
      expect(cost.area).toBeCloseTo(INV + 2 * NAND2 + 2 * BUFFER + 6 * HOLD, 9);
      expect(cost.cells).not.toHaveProperty('my_lpflow_AND');
    } else expect(cost.luts).toBeGreaterThan(0);
  });
});

/** Three modules one behind the other, each the parity of 16 bits: two levels of LUT4s. */
function chain(registered: readonly boolean[]): Record<string, string> {
  const files: Record<string, string> = {};
  const stages = registered.map((clocked, i) => {
    const last = clocked
      ? 'output reg y);\n  always @(posedge clk) y <= ^x;'
      : 'output wire y);\n  assign y = ^x;';
    // Their names are not in their order.
    const name = 'cab'[i];
    files[`${name}.v`] =
      `module ${name} (input wire clk, input wire [15:0] x, ${last}\nendmodule\n`;
    const x = i === 0 ? 'x' : `{x[15:1], y_${i - 1}}`;
    return `  wire y_${i};\n  ${name} ${name}_at (.clk(clk), .x(${x}), .y(y_${i}));\n`;
  });
  const ports = 'input wire clk, input wire [15:0] x, output wire y';
  const text = `module top (${ports});\n${stages.join('')}  assign y = y_2;\nendmodule\n`;
  return { ...files, 'top.v': text };
}

it.each([
  ['no registers', [false, false, false], 6],
  ['registers behind each', [true, true, true], 2],
  ['registers behind the first', [true, false, false], 4],
  ['registers behind the second', [false, true, false], 4],
])('gives the depth of the deepest stage: %s', async (_, registered, depth) => {
  const cost = await synthesize(chain(registered), 'top', synthesisTarget('ice40', read));
  expect(cost.layers.map((layer) => layer.depth)).toEqual([2, 2, 2]);
  expect(cost.depth).toBe(depth);
});

it('refuses a module that is called like a cell of the library', async () => {
  const text = 'module NAND2 (input wire x, output wire y);\n  assign y = ~x;\nendmodule\n';
  const target = synthesisTarget('liberty:gates.lib', read);
  await expect(synthesize({ 'NAND2.v': text }, 'NAND2', target)).rejects.toThrow(
    /NAND2: expected a module that no cell of the library is called like/,
  );
});

it('says which cells a library lacks', async () => {
  const target = synthesisTarget('liberty:gates.lib', read);
  await expect(synthesize(clocked, 'top', target)).rejects.toThrow(/without flip-flops.*comma/);
  const nothing = synthesisTarget('liberty:none.lib', () => ({
    text: 'library(none) { }',
    dontUse: [],
  }));
  await expect(synthesize(clocked, 'top', nothing)).rejects.toThrow(/without an inverter/);
  const without = (cell: RegExp) =>
    synthesisTarget('liberty:less.lib', () => ({
      text: library(true).replace(cell, ''),
      dontUse: [],
    }));
  const buffer = /cell\(BUFFER\).*/;
  await expect(synthesize(clocked, 'top', without(buffer))).rejects.toThrow(
    /without a buffer.*add/,
  );
  const gates = /cell\((NAND2|my_lpflow_AND)\)[\s\S]*/;
  const gateless = synthesisTarget('liberty:less.lib', () => ({
    text: `${library(true).replace(gates, '')}}`,
    dontUse: [],
  }));
  await expect(synthesize(clocked, 'top', gateless)).rejects.toThrow(/without an AND, OR, NAND/);
});

describe('groups', () => {
  const design = unrolledDesign(randomModel(3, { layer: 'dense:40x6' }), { style: 'xc7' });
  const files = verilogFiles(design);

  it('part a layer and add up to about the same', async () => {
    const target = synthesisTarget('xc7', read);
    const whole = await synthesize(files, design.top, target);
    const parted = await synthesize(files, design.top, target, { groupGates: 60 });
    const layerOf = ({ layers }: typeof whole) => layers.find(({ layer }) => layer === 'layer');
    expect(layerOf(whole)?.groups).toBe(1);
    expect(layerOf(parted)?.groups).toBeGreaterThan(2);
    // Carry chains are kept as they are; tables may be shared less.
    expect(parted.cells.CARRY4).toBe(whole.cells.CARRY4);
    expect(parted.luts).toBeGreaterThanOrEqual(whole.luts);
    expect(parted.luts).toBeLessThan(1.3 * whole.luts);
    expect(parted.depth).toBeLessThan(1.5 * whole.depth + 1);
  });
});
