import { random } from '@hbnn/core';
import { readCircuit, synthesisTarget, synthesize, YosysPool } from '@hbnn/verilog';
import { describe, expect, it } from 'vitest';

const text = {
  'sums.v': `module adder #(parameter WIDTH = 4, parameter MINUS = 0) (input [WIDTH-1:0] a, b, output [WIDTH:0] y);
  generate if (MINUS) assign y = a - b; else assign y = a + b; endgenerate
endmodule
module sums (input [6:0] a, input [6:0] b, output [7:0] sum, output [8:0] less);
  adder #(7) plus (a, b, sum);
  adder #(8, 1) minus (sum, {1'b0, a}, less);
endmodule
`,
};

const bits = (value: number, width: number): number[] =>
  Array.from({ length: width }, (_, i) => (value >> i) & 1);

describe.each(['xc7', 'gates'] as const)('a circuit of %s', (style) => {
  it('computes what its text says, parts and parameters dissolved', async () => {
    const seed = 7;
    const rng = random(seed, 'circuit');
    const circuit = await readCircuit(text, 'sums', style);
    expect([circuit.inputBits, circuit.outputBits]).toEqual([14, 17]);
    const pairs = Array.from({ length: 129 }, () => [rng.below(128), rng.below(128)]);
    const given = Uint8Array.from(pairs.flatMap(([a, b]) => [...bits(a, 7), ...bits(b, 7)]));
    const wanted = pairs.flatMap(([a, b]) => [...bits(a + b, 8), ...bits(b, 9)]);
    expect([...circuit.compute(given)], `seed ${seed}`).toEqual(wanted);
  });

  it('is synthesized like a layer, with carry chains where there are some', async () => {
    const { files, top, module } = await readCircuit(text, 'sums', style);
    const cost = await synthesize(
      files,
      top,
      synthesisTarget('xc7', (text) => ({ text, dontUse: [] })),
    );
    const [layer] = cost.layers;
    expect(layer.layer).toBe(module);
    if (style === 'xc7') expect(layer.cells.CARRY4).toBeGreaterThanOrEqual(4);
    else expect(layer.cells).not.toHaveProperty('CARRY4');
    expect(layer.luts).toBeGreaterThan(7);
  });
});

it('reads tables as logic, by a runner of Yosys of the caller', async () => {
  const table = Array.from({ length: 64 }, (_, i) => `6'd${i}: y = 4'd${(7 * i) % 13};`);
  const tables = {
    'table.v': `module table_of_six (input [5:0] in, output reg [3:0] y);
  always @(*) case (in) ${table.join(' ')} default: y = 4'bx; endcase
endmodule
`,
  };
  const pool = new YosysPool(1);
  try {
    const circuit = await readCircuit(tables, 'table_of_six', 'xc7', pool);
    expect(Object.values(circuit.files).join('')).not.toMatch(/\breg\b/);
    const inputs = Array.from({ length: 64 }, (_, i) => bits(i, 6)).flat();
    const wanted = Array.from({ length: 64 }, (_, i) => bits((7 * i) % 13, 4)).flat();
    expect([...circuit.compute(Uint8Array.from(inputs))]).toEqual(wanted);
  } finally {
    await pool.close();
  }
});

it('refuses parts of vectors and registers', async () => {
  const circuit = await readCircuit(text, 'sums', 'gates');
  expect(() => circuit.compute(new Uint8Array(15))).toThrow(/14 input bits each, got 15/);
  const clocked = {
    'c.v': `module c (input clk, input d, output reg q); always @(posedge clk) q <= d; endmodule`,
  };
  await expect(readCircuit(clocked, 'c', 'gates')).rejects.toThrow(/without a clock/);
});
