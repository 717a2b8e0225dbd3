import { expect, test } from 'vitest';
import { xc7Models, xc7Primitives } from '../src/emit/primitives.ts';
import { yosys } from '../src/yosys/yosys.ts';

/** Prove that a module and a plain statement of it are the same for every input. */
async function prove(instance: string, statement: string, inputs: number): Promise<void> {
  const spec = `module proof (input wire [${inputs - 1}:0] x, output wire same);
${instance}
${statement}
assign same = (got == wanted);
endmodule
`;
  const script = `read_verilog primitives.v models.v proof.v
hierarchy -check -top proof
proc
flatten
opt
techmap
opt
sat -verify -prove same 1 proof
`;
  await yosys(script, { 'primitives.v': xc7Primitives, 'models.v': xc7Models, 'proof.v': spec });
}

const onesOf = (bits: readonly string[]): string => bits.map((bit) => `{3'b0, ${bit}}`).join(' + ');

test.each([0b0000000, 0b0000001, 0b0010110, 0b0011111])(
  'hbnn_count7 counts with INVERT %i, proved',
  async (flip) => {
    const bits = Array.from({ length: 7 }, (_, i) => ((flip >> i) & 1 ? `~x[${i}]` : `x[${i}]`));
    await prove(
      `wire [2:0] got; hbnn_count7 #(.INVERT(${flip})) dut (.x(x), .count(got));`,
      `wire [3:0] sum = ${onesOf(bits)}; wire [2:0] wanted = sum[2:0];`,
      7,
    );
  },
);

test.each([
  [1, 3, 0b00000],
  [2, 4, 0b00101101],
  [3, 3, 0b00110000001],
  [4, 6, 0b00000111100010],
  [5, 7, 0],
  [5, 6, 0b00100000000000001],
])(
  'hbnn_add3 of %i columns and %i outputs adds with INVERT %i, proved',
  async (columns, outputs, flip) => {
    const width = columns + 2;
    const row = (r: number): string => {
      const bits = Array.from({ length: columns }, (_, i) => {
        const at = 3 * i + r;
        return (flip >> at) & 1 ? `~x[${at}]` : `x[${at}]`;
      });
      return `{2'b0, ${bits.reverse().join(', ')}}`;
    };
    const extra = [3 * columns, 3 * columns + 1].map((at) => `{${width - 1}'b0, x[${at}]}`);
    await prove(
      `wire [${outputs - 1}:0] got; hbnn_add3 #(.COLUMNS(${columns}), .OUTPUTS(${outputs}), .INVERT(${flip})) dut (.x(x), .sum(got));`,
      `wire [${width - 1}:0] sum = ${[row(0), row(1), row(2), ...extra].join(' + ')}; wire [${outputs - 1}:0] wanted = sum[${outputs - 1}:0];`,
      3 * columns + 2,
    );
  },
);

test('a proof finds what is wrong', async () => {
  const wrong = prove(
    'wire [2:0] got; hbnn_count7 dut (.x(x), .count(got));',
    "wire [2:0] wanted = {2'b0, x[0]};",
    7,
  );
  await expect(wrong).rejects.toThrow('yosys');
});
