import { random } from '@hbnn/core';
import { expect, it } from 'vitest';
import { type Compiled, compile } from '../src/simulate/compile.ts';
import { type YosysNetlist, yosys } from '../src/yosys/yosys.ts';

const seed = 5;

async function compiled(text: string, keep = ''): Promise<Compiled> {
  const script = `read_verilog a.v
hierarchy -check -top top
proc
memory_collect
simplemap
techmap
simplemap
${keep}
flatten -noscopeinfo
opt_clean
write_json
`;
  const { output } = await yosys(script, { 'a.v': text });
  return compile(JSON.parse(output) as YosysNetlist, 'top');
}

function put({ memory, slots }: Compiled, port: string, values: (lane: number) => number): void {
  (slots(port) ?? []).forEach((slot, i) => {
    memory.fill(0, 4 * slot, 4 * slot + 4);
    for (let lane = 0; lane < 128; lane++)
      if ((values(lane) >> i) & 1) memory[4 * slot + (lane >> 5)] |= 1 << (lane & 31);
  });
}

const get = ({ memory, slots }: Compiled, port: string, lane: number): number =>
  (slots(port) ?? []).reduce(
    (sum, slot, i) => sum + (((memory[4 * slot + (lane >> 5)] >>> (lane & 31)) & 1) << i),
    0,
  );

const shift = `module delay (input wire clk, input wire d, output reg q);
  always @(posedge clk) q <= d;
endmodule
module top (input wire clk, input wire rst, input wire x, output wire [2:0] y, output reg [3:0] n);
  delay a (.clk(clk), .d(x), .q(y[0]));
  delay b (.clk(clk), .d(y[0]), .q(y[1]));
  delay c (.clk(clk), .d(y[1]), .q(y[2]));
  always @(posedge clk) n <= rst ? 4'd0 : n + {3'd0, x};
endmodule
`;

it.each(['', 'setattr -mod -set keep_hierarchy 1 delay'])(
  'registers move together, within instances too (%s)',
  async (keep) => {
    const one = await compiled(shift, keep);
    expect(one.registers).toBe(7);
    const rng = random(seed, 'shift');
    one.scramble(rng);
    const seen = Array.from({ length: 128 }, () => [] as number[]);
    const sums = new Array<number>(128).fill(0);
    for (let cycle = 0; cycle < 12; cycle++) {
      put(one, 'rst', () => (cycle === 0 ? 1 : 0));
      put(one, 'x', () => rng.below(2));
      one.evaluate();
      for (let lane = 0; lane < 128; lane++) {
        const x = get(one, 'x', lane);
        if (cycle > 0) expect(get(one, 'n', lane), `seed ${seed}`).toBe(sums[lane] & 15);
        if (cycle > 2) {
          const [a, b, c] = seen[lane].slice(-3);
          expect(get(one, 'y', lane), `seed ${seed}`).toBe(c + 2 * b + 4 * a);
        }
        if (cycle > 0) sums[lane] += x;
        seen[lane].push(x);
      }
      one.clock();
    }
  },
);

const memory = `module top (input wire clk, input wire we, input wire [3:0] wa, input wire [3:0] ra,
    input wire [4:0] d, output wire [4:0] q, output reg [6:0] r);
  reg [4:0] mem [0:15];
  always @(posedge clk) if (we) mem[wa] <= d;
  assign q = mem[ra];
  always @* case (ra)
    ${Array.from({ length: 15 }, (_, i) => `4'd${i}: r = 7'd${(i * i * 37) % 128};`).join('\n')}
    default: r = 7'd99;
  endcase
endmodule
`;

it.each([true, false])(
  'memories keep what is written, at addresses the same for all vectors: %s',
  async (same) => {
    const one = await compiled(memory);
    const rng = random(seed, 'memory');
    one.scramble(rng);
    const kept = Array.from({ length: 128 }, () => new Map<number, number>());
    for (let cycle = 0; cycle < 60; cycle++) {
      const shared = [rng.below(16), rng.below(16)];
      put(one, 'we', () => rng.below(2));
      put(one, 'wa', () => (same ? shared[0] : rng.below(16)));
      put(one, 'ra', () => (same ? shared[1] : rng.below(16)));
      put(one, 'd', () => rng.below(32));
      one.evaluate();
      for (let lane = 0; lane < 128; lane++) {
        const at = get(one, 'ra', lane);
        const wanted = kept[lane].get(at);
        if (wanted !== undefined) expect(get(one, 'q', lane), `seed ${seed}`).toBe(wanted);
        expect(get(one, 'r', lane)).toBe(at === 15 ? 99 : (at * at * 37) % 128);
        if (get(one, 'we', lane)) kept[lane].set(get(one, 'wa', lane), get(one, 'd', lane));
      }
      one.clock();
    }
  },
);

it('refuses a clock that goes through a gate', async () => {
  const gated = `module top (input wire clk, input wire e, input wire d, output reg q);
  wire gated = clk & e;
  always @(posedge gated) q <= d;
endmodule
`;
  await expect(compiled(gated)).rejects.toThrow('out of the clock');
});
