import { spawnSync } from 'node:child_process';
import { foldedDesign, type MemoryStyle } from '@hbnn/circuit';
import { distFromAverage } from '@hbnn/core';
import { randomModel } from '@hbnn/model';
import {
  findNativeYosys,
  NativeRunner,
  synthesisTarget,
  synthesize,
  verify,
  verilogFiles,
} from '@hbnn/verilog';
import { describe, expect, it } from 'vitest';

const model = randomModel(5, {
  layer: 'conv:6x5x4,k3x3,o8',
  mix: distFromAverage(1.4),
  mapPer: 'position',
  scalePer: 'output',
});
const designOf = (memories: Partial<MemoryStyle>) =>
  foldedDesign(model, { folds: { layer: { pe: 2, simd: 4 } }, memories });

/** `pnpm --filter @hbnn/verilog designs`: every target, and whole designs through synthesis. */
const all = process.env.HBNN_DESIGNS === 'all';

const ways: readonly Partial<MemoryStyle>[] = [
  { rom: 'hex' },
  { lines: 'block' },
  { rom: 'hex', lines: 'distributed' },
];

describe('memories of a folded design', () => {
  it.each(ways)('compute the same: %o', async (memories) => {
    const design = designOf(memories);
    const result = await verify(model, design, verilogFiles(design), { images: 16 });
    expect(result.difference).toBeUndefined();
    expect(result.equal).toBe(true);
    expect(design.cyclesPerImage).toBe(designOf({}).cyclesPerImage);
  });

  it('are in the text, or in files that it names', () => {
    const [text, files] = [designOf({}), designOf({ rom: 'hex' })].map(verilogFiles);
    expect(Object.keys(text).some((name) => name.endsWith('.hex'))).toBe(false);
    const rom = files['layer_matrix_weight_word.hex'];
    expect(files['layer.v']).toContain('$readmemh("layer_matrix_weight_word.hex", weight_words);');
    expect(files['layer.v']).toMatch(/^ {2}reg \[7:0\] weight_words \[0:\d+\];/m);
    expect(rom.trim().split('\n')).toHaveLength(
      Number(/weight_words \[0:(\d+)\]/.exec(files['layer.v'])?.[1]) + 1,
    );
    expect(text['layer.v']).toMatch(/^ {2}reg \[7:0\] weight_word;/m);
  });

  it('say how synthesis is to build line buffers', () => {
    const of = (memories: Partial<MemoryStyle>) => verilogFiles(designOf(memories))['layer.v'];
    expect(of({})).toMatch(/^ {2}reg \[\d+:0\] lines/m);
    expect(of({ lines: 'distributed' })).toMatch(/"distributed" \*\) reg \[\d+:0\] lines/);
    expect(of({ lines: 'block' })).toMatch(/ram_style = "block" \*\) reg \[\d+:0\] lines/);
    const wide = randomModel(1, { layer: 'conv:3x80x1,k3x3,o2' });
    expect(verilogFiles(foldedDesign(wide))['layer.v']).toMatch(/"block" \*\) reg \[\d+:0\] lines/);
    const narrow = foldedDesign(randomModel(1, { layer: 'conv:5x1x2,k3x1,o2' }), {
      memories: { lines: 'block' },
    });
    expect(verilogFiles(narrow)['layer.v']).toMatch(/^ {2}reg \[\d+:0\] lines/m);
  });

  it('are found where a bit of a file is another', async () => {
    const design = designOf({ rom: 'hex' });
    const files = verilogFiles(design);
    const name = 'layer_matrix_weight_word.hex';
    const broken = files[name].replace(/[0-9a-f]\n/, (end) => (end[0] === '0' ? '1\n' : '0\n'));
    const result = await verify(model, design, { ...files, [name]: broken }, { images: 32 });
    expect(result).toMatchObject({ equal: false, difference: { layer: 'layer' } });
  });

  it.runIf(all)('are synthesized from files as from text', async () => {
    const target = synthesisTarget('ice40', () => {
      throw new Error('expected a target without a library');
    });
    const [text, files] = await Promise.all(
      [designOf({}), designOf({ rom: 'hex' })].map((design) =>
        synthesize(verilogFiles(design), design.top, target, { workers: 1 }),
      ),
    );
    expect(files.flipFlops).toBe(text.flipFlops);
    expect(files.luts).toBeGreaterThan(0.9 * text.luts);
    expect(files.luts).toBeLessThan(1.1 * text.luts);
  });
});

/** A memory that is only read, into a register; a queue's, read in the cycle of its address; and the registers of both. */
const memories = `module top (input wire clk, ce, input wire [9:0] x, input wire [4:0] w, r, input wire [7:0] d,
    output wire [7:0] y, q);
  part part (.clk(clk), .ce(ce), .x(x), .w(w), .r(r), .d(d), .y(y), .q(q));
endmodule
`;
const part = `module part (input wire clk, ce, input wire [9:0] x, input wire [4:0] w, r, input wire [7:0] d,
    output reg [7:0] y, output wire [7:0] q);
  (* rom_style = "block" *) reg [7:0] words [0:1023];
  integer i;
  initial for (i = 0; i < 1024; i = i + 1) words[i] = (i * i * 77) >> 3;
  always @(posedge clk) if (ce) y <= words[x];
  (* ram_style = "distributed" *) reg [7:0] queue [0:27];
  always @(posedge clk) if (ce) queue[w] <= d;
  assign q = queue[r];
endmodule
`;

const targets = [
  ['xc7', 1, true],
  ['ecp5', 1, true],
  ['ice40', 2, false],
  ['gowin', 1, true],
] as const;

it.each(all ? targets : targets.slice(0, 2))(
  'memories are kept as such for %s',
  async (name, blockRams, distributed) => {
    const target = synthesisTarget(name, () => ({ text: '', dontUse: [] }));
    const files = { 'top.v': memories, 'part.v': part };
    const { layers, flipFlops } = await synthesize(files, 'top', target, { workers: 1 });
    expect(layers[0].blockRams).toBe(blockRams);
    // A family without distributed RAM has 28 words of registers.
    expect(layers[0].memoryLuts ?? 0).toBeGreaterThan(distributed ? 0 : -1);
    if (distributed) expect(flipFlops).toBeLessThan(28);
    else expect(flipFlops).toBeGreaterThanOrEqual(28 * 8);
  },
);

const native = spawnSync('yosys', ['-V'], { encoding: 'utf8' }).error === undefined;
if (!native) console.log('yosys is not installed: its test is skipped');

it.skipIf(!native)('a native Yosys counts the same memories, and says which it is', async () => {
  const yosys = findNativeYosys();
  expect(yosys.version).toMatch(/^Yosys \d/);
  const target = synthesisTarget('xc7', () => ({ text: '', dontUse: [] }));
  const files = { 'top.v': memories, 'part.v': part };
  const runner = new NativeRunner(yosys, 2);
  const { layers } = await synthesize(files, 'top', target, { runner });
  expect(layers[0]).toMatchObject({ blockRams: 1, memoryLuts: expect.any(Number) });
  expect(layers[0].memoryLuts).toBeGreaterThan(0);
  const bad = { ...files, 'part.v': 'module part (;' };
  await expect(synthesize(bad, 'top', target, { runner })).rejects.toThrow(
    /(part|top)\.v: syntax error/,
  );
});

it('a native Yosys that is not there is refused', () => {
  expect(() => findNativeYosys('/no/yosys', '--yosys')).toThrow(
    /^--yosys: expected Yosys at '\/no\/yosys', got none; install it/,
  );
  expect(() => findNativeYosys('true', '--yosys')).toThrow("got a program that says ''");
});
