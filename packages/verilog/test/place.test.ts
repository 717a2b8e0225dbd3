import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Design, type FoldedDesign, foldedDesign, unrolledDesign } from '@hbnn/circuit';
import { parseMix, random } from '@hbnn/core';
import { randomModel } from '@hbnn/model';
import { findNextpnr, needNextpnr, place, placeSteps, verilogFiles } from '@hbnn/verilog';
import { describe, expect, it } from 'vitest';
import { type Compiled, compile } from '../src/simulate/compile.ts';
import { harnessName, harnessOf, ice40Cells, ice40Netlist } from '../src/synthesize/ice40.ts';
import { type YosysCell, type YosysNetlist, yosys } from '../src/yosys/yosys.ts';

const nextpnr = findNextpnr();
if (nextpnr === undefined)
  console.log(
    '@yowasp/nextpnr-ice40 is not installed (npm install @yowasp/nextpnr-ice40, NODE_PATH names its folder elsewhere): placement is not tested',
  );

describe('the optional nextpnr', () => {
  it('is found in the folder where somebody works, with its version', () => {
    const folder = mkdtempSync(join(tmpdir(), 'hbnn-nextpnr-'));
    const own = join(folder, 'node_modules', '@yowasp', 'nextpnr-ice40');
    mkdirSync(join(own, 'gen'), { recursive: true });
    const about = { name: '@yowasp/nextpnr-ice40', version: '9.8.7', type: 'module' };
    writeFileSync(
      join(own, 'package.json'),
      JSON.stringify({ ...about, exports: './gen/bundle.js' }),
    );
    writeFileSync(join(own, 'gen', 'bundle.js'), 'export {};\n');
    expect(findNextpnr(folder)?.version).toBe(nextpnr?.version ?? '9.8.7');
    rmSync(folder, { recursive: true });
  });
});

const mix = parseMix('0.7/0.2/0.1');
const model = randomModel(61, { layer: 'dense:20x4', mix });
/** `pnpm --filter @hbnn/verilog designs`: a design without registers too. */
const all = process.env.HBNN_DESIGNS === 'all';

const designs: readonly (readonly [string, Design | FoldedDesign])[] = [
  ...(all ? ([['combinational', unrolledDesign(model)]] as const) : []),
  ['pipelined', unrolledDesign(model, { maxLevels: 3 })],
  ['folded', foldedDesign(model, { folds: { layer: { pe: 2, simd: 5 } } })],
];

/** By the data sheet: Yosys takes minutes to read its own models of all cells. */
const cellModels = `module SB_DFF (output reg Q, input C, input D);
  always @(posedge C) Q <= D;
endmodule
module SB_CARRY (output CO, input CI, input I0, input I1);
  assign CO = (I0 & I1) | (I0 & CI) | (I1 & CI);
endmodule
`;

/** From cells or operators to what `compile` computes. */
const toGates = [
  `hierarchy -check -top ${harnessName}`,
  'proc',
  'flatten -noscopeinfo',
  'setattr -unset init w:*',
  'opt_clean',
  'memory_map',
  'techmap',
  'dffunmap',
  'opt_clean',
  'write_json',
].join('\n');

async function compiled(script: string, files: Record<string, string>): Promise<Compiled> {
  const { output } = await yosys(`${script}\n${toGates}\n`, files);
  return compile(JSON.parse(output) as YosysNetlist, harnessName);
}

/** What the last pin shows of 128 streams of random bits, cycle after cycle. */
function seen(one: Compiled, seed: number, cycles: number): Uint32Array {
  const rng = random(seed, 'stream');
  one.scramble(random(seed, 'power-up'));
  const [[from], [to]] = [one.slots('from') ?? [], one.slots('to') ?? []];
  const out = new Uint32Array(4 * cycles);
  for (let cycle = 0; cycle < cycles; cycle++) {
    for (let w = 0; w < 4; w++) one.memory[4 * from + w] = rng.below(2 ** 32);
    one.evaluate();
    for (let w = 0; w < 4; w++) out[4 * cycle + w] = one.memory[4 * to + w];
    one.clock();
  }
  return out;
}

describe.each(designs)('cells of the iCE40, %s', (kind, design) => {
  const files = verilogFiles(design);

  const computes = async (): Promise<void> => {
    const seed = 7;
    const { netlist, harness, flat } = await ice40Netlist(files, design.top, 'hx8k');
    const gate = await compiled('read_json netlist.json\nread_verilog cells.v', {
      'netlist.json': JSON.stringify(withTables(netlist)),
      'cells.v': cellModels,
    });
    const gold = await compiled('read_json flat.json\nread_verilog harness.v', {
      'flat.json': flat,
      'harness.v': harness.text,
    });
    // By then neither knows what its registers held at first.
    const filled = harness.inputs + harness.outputs + 20;
    const cycles = filled + 200;
    const [expected, got] = [gold, gate].map((one) => seen(one, seed, cycles).slice(4 * filled));
    expect(new Set(expected).size, `seed ${seed}`).toBeGreaterThan(100);
    expect(got, `seed ${seed}`).toEqual(expected);
  };
  // A folded design keeps what its registers hold at first, which differs between the two netlists.
  if (kind !== 'folded') it('compute what the text says', computes);

  it.skipIf(nextpnr === undefined)('are placed and routed', async () => {
    const steps: string[] = [];
    const placement = await place(files, design.top, needNextpnr(), {
      device: 'hx8k',
      seed: 3,
      onStep: (step) => steps.push(step),
    });
    expect(steps).toEqual(placeSteps);
    const { utilisation, logicCells, designCells, harnessCells, fmaxMhz, criticalPathNs } =
      placement;
    expect(utilisation).toContainEqual({
      resource: 'ICESTORM_LC',
      used: logicCells,
      available: 7680,
    });
    expect(utilisation).toContainEqual({ resource: 'SB_IO', used: 3, available: 256 });
    expect(designCells).toBe(logicCells - harnessCells);
    expect(designCells).toBeGreaterThan(0);
    expect(fmaxMhz).toBeCloseTo(1000 / criticalPathNs, 1);
    expect(placement).toMatchObject({ package: 'ct256', seed: 3, targetMhz: 100 });
  });
});

/** The harness's module with Yosys's own tables: as cells with a parameter each would be a module of its own. */
function withTables({ modules }: YosysNetlist): YosysNetlist {
  const { cells, ...module } = modules[harnessName];
  const made = Object.entries(cells).map(([name, cell]): [string, YosysCell] => {
    if (cell.type !== 'SB_LUT4') return [name, cell];
    const { I0, I1, I2, I3, O } = cell.connections;
    const LUT = cell.parameters?.LUT_INIT ?? '';
    return [
      name,
      {
        type: '$lut',
        port_directions: { A: 'input', Y: 'output' },
        parameters: { LUT, WIDTH: (4).toString(2).padStart(32, '0') },
        connections: { A: [I0, I1, I2, I3].flat(), Y: O },
      },
    ];
  });
  return { modules: { [harnessName]: { ...module, cells: Object.fromEntries(made) } } };
}

describe('the harness', () => {
  const files = {
    't.v': `module t (input wire [3:0] a, output wire [4:0] y, output wire same, output wire on);
  assign y = {a[0], a[1], a[1] & a[2], a[1] | a[2], a[1] ^ a[2]};
  assign same = a[1] & a[2];
  assign on = 1'b1;
endmodule
`,
  };

  it('feeds what is read and takes what is made, each once', async () => {
    const { harness, netlist } = await ice40Netlist(files, 't', 'hx8k');
    expect([harness.inputs, harness.outputs]).toEqual([2, 3]);
    // Two registers in, three tables with the register that takes them, three that pass them on.
    expect(ice40Cells(netlist.modules[harnessName])).toEqual({
      luts: 5,
      flipFlops: 8,
      carries: 0,
      blockRams: 0,
      logicCells: 8,
      harnessCells: 5,
    });
  });

  it('refuses what makes nothing', () => {
    const nothing = {
      ports: { a: { direction: 'input', bits: [2] }, y: { direction: 'output', bits: ['1'] } },
      cells: {},
      netnames: {},
    } as const;
    expect(() => harnessOf('t', nothing)).toThrow(/t: expected hardware to place/);
  });
});

it('memories of folded designs become block RAM', async () => {
  const rom = `module t (input wire clk, input wire [8:0] a, output reg [7:0] y);
  reg [7:0] rom [0:511];
  integer i;
  initial for (i = 0; i < 512; i = i + 1) rom[i] = i * i * 7 + (i >> 3);
  always @(posedge clk) y <= rom[a];
endmodule
`;
  const { netlist } = await ice40Netlist({ 't.v': rom }, 't', 'hx8k');
  expect(ice40Cells(netlist.modules[harnessName])).toMatchObject({ blockRams: 1 });
});

describe('refusals', () => {
  const anywhere = { url: 'file:///nowhere.js', version: 'none' };
  const files = verilogFiles(unrolledDesign(randomModel(62, { layer: 'dense:40x16', mix })));

  it('a design over the device, with the figures', async () => {
    await expect(place(files, 'layer', anywhere, { device: 'lp384' })).rejects.toThrow(
      /^layer on lp384-qn32: expected a design of at most 384, got \d+ logic cells.*larger --device/,
    );
  });

  it('an unknown device', async () => {
    await expect(place(files, 'layer', anywhere, { device: 'hx9k' })).rejects.toThrow(
      "--device: expected one of lp384, lp1k, lp4k, lp8k, hx1k, hx4k, hx8k, up3k, up5k, u4k, got 'hx9k'",
    );
  });

  it.skipIf(nextpnr === undefined)('a package that the device does not come in', async () => {
    const small = verilogFiles(unrolledDesign(randomModel(63, { layer: 'dense:8x2' })));
    await expect(place(small, 'layer', needNextpnr(), { package: 'sg48' })).rejects.toThrow(
      /layer on hx8k-sg48: nextpnr: Unsupported package 'sg48'/,
    );
  });
});
