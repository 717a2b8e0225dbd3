import { HbnnError, suggestion } from '@hbnn/core';
import { readCommand, type YosysBit, type YosysModule, type YosysNetlist } from '../yosys/yosys.ts';
import { YosysPool } from '../yosys/yosysPool.ts';
import { isDesignFile } from './synthesize.ts';
import { lutScript } from './synthesizeModules.ts';

interface Ice40Device {
  /** A look-up table of four inputs, a carry and a flip-flop each. */
  readonly logicCells: number;
  /** Taken where none is asked for: the one with the most pins. */
  readonly package: string;
}

/** Devices as nextpnr counts them: hx4k and lp4k are the die of 8k, and have all of its cells there. */
const devices: Readonly<Record<string, Ice40Device>> = {
  lp384: { logicCells: 384, package: 'qn32' },
  lp1k: { logicCells: 1280, package: 'cm121' },
  lp4k: { logicCells: 7680, package: 'cm225' },
  lp8k: { logicCells: 7680, package: 'cm225' },
  hx1k: { logicCells: 1280, package: 'tq144' },
  hx4k: { logicCells: 7680, package: 'tq144' },
  hx8k: { logicCells: 7680, package: 'ct256' },
  up3k: { logicCells: 5280, package: 'uwg30' },
  up5k: { logicCells: 5280, package: 'sg48' },
  u4k: { logicCells: 3520, package: 'sg48' },
};

export const ice40Devices = Object.keys(devices);

/** Look a device up. @throws HbnnError for an unknown one */
export function ice40Device(name: string): Ice40Device {
  const device = devices[name];
  if (device === undefined)
    throw new HbnnError(
      `--device: expected one of ${ice40Devices.join(', ')}, got '${name}'${suggestion(name, ice40Devices)}`,
    );
  return device;
}

/** The module placed: the design between registers, with three pins. */
export const harnessName = 'hbnn_place';
const shifted = 'hbnn_place_x';
const takenNames = 'hbnn_place_y';
const folded = 'hbnn_place_xor';
const clockNames = new Set(['clk', 'aclk']);

/** The commands from text to one flat module, in which unread inputs and equal outputs show. */
const flatCommands = (names: readonly string[], top: string): string[] => [
  readCommand(names),
  `hierarchy -check -top ${top}`,
  'setattr -unset src */*',
  'proc',
  'flatten -noscopeinfo',
  'opt -full',
  'opt_clean -purge',
  'write_json',
];

/**
 * From the flat module within its harness to cells of the iCE40: the steps of synth_ice40 without those that take long
 * and find nothing in sums (share, fsm, abc9), and with a lean script for abc.
 */
const ice40Commands: readonly string[] = [
  'read_verilog -D ICE40_HX -lib -specify +/ice40/cells_sim.v',
  'read_json flat.json',
  'read_verilog harness.v',
  `hierarchy -check -top ${harnessName}`,
  'proc',
  'flatten -noscopeinfo',
  'opt',
  'wreduce',
  'peepopt',
  'opt_clean',
  'memory_dff',
  'alumacc',
  'opt',
  'memory -nomap',
  'opt_clean',
  'synth_ice40 -run map_ram:map_luts',
  'abc -lut 4 -script abc.script',
  'ice40_wrapcarry -unwrap',
  'techmap -map +/ice40/ff_map.v',
  'clean',
  'opt_lut -tech ice40',
  'synth_ice40 -run map_cells:check',
  'opt_clean -purge',
  'blackbox =A:whitebox',
  'write_json',
];

/** What the harness feeds and takes. */
export interface Harness {
  readonly text: string;
  /** Bits of the shift register: inputs that the design reads. */
  readonly inputs: number;
  /** Bits taken: outputs that differ, constants and inputs passed on left out. */
  readonly outputs: number;
}

/**
 * Put a design between registers: a shift register of one pin drives the inputs it reads, a register takes each distinct
 * output, and a chain of XORs behind those leads to one pin. So a network of more ports than a chip has pins is placed,
 * nothing of it is left out as unused, and every path of it runs from register to register.
 *
 * @throws HbnnError when no output depends on anything
 */
export function harnessOf(top: string, module: YosysModule): Harness {
  const read = new Set<YosysBit>();
  const driven = new Set<YosysBit>();
  for (const { connections, port_directions = {} } of Object.values(module.cells))
    for (const [port, bits] of Object.entries(connections))
      for (const bit of bits) (port_directions[port] === 'output' ? driven : read).add(bit);
  let inputs = 0;
  const outputs = new Map<YosysBit, string>();
  const pins: string[] = [];
  const wires: string[] = [];
  for (const [name, { direction, bits }] of Object.entries(module.ports)) {
    if (clockNames.has(name)) pins.push(`.${name}(clk)`);
    else if (direction === 'input') {
      const from = bits.map((bit) => (read.has(bit) ? `${shifted}[${inputs++}]` : "1'b0"));
      pins.push(`.${name}({${from.reverse().join(', ')}})`);
    } else {
      wires.push(`  wire [${bits.length - 1}:0] from_${name};`);
      pins.push(`.${name}(from_${name})`);
      bits.forEach((bit, i) => {
        if (driven.has(bit) && !outputs.has(bit)) outputs.set(bit, `from_${name}[${i}]`);
      });
    }
  }
  if (inputs === 0 || outputs.size === 0)
    throw new HbnnError(
      `${top}: expected hardware to place, got outputs that are all constant; place a layer that computes something (--layer)`,
    );
  const last = outputs.size - 1;
  const text = `module ${harnessName} (input wire clk, input wire from, output wire to);
  reg [${inputs - 1}:0] ${shifted};
  reg [${last}:0] ${takenNames}, ${folded};
${wires.join('\n')}
  ${top} placed (${pins.join(', ')});
  always @(posedge clk) begin
    ${shifted} <= {${shifted}, from};
    ${takenNames} <= {${[...outputs.values()].reverse().join(', ')}};
    ${folded} <= {${folded}, 1'b0} ^ ${takenNames};
  end
  assign to = ${folded}[${last}];
endmodule
`;
  return { text, inputs, outputs: outputs.size };
}

/** Gates that one logic cell replaces, at the most that is worth mapping to see. */
const maxGatesPerCell = 8;

/**
 * Map a design within its harness to cells of the iCE40.
 *
 * @param top its top module, or another of its modules
 * @throws HbnnError when the text cannot be read, or has far more gates than the device has cells
 */
export async function ice40Netlist(
  files: Readonly<Record<string, string>>,
  top: string,
  device: string,
  onStep?: (step: 'reading' | 'mapping') => void,
): Promise<{
  readonly netlist: YosysNetlist;
  readonly harness: Harness;
  /** What was mapped. */
  readonly flat: string;
  readonly yosys: string;
}> {
  const own = Object.fromEntries(Object.entries(files).filter(([name]) => isDesignFile(name)));
  const pool = new YosysPool(1);
  const run = async (script: readonly string[], given: Readonly<Record<string, string>>) => {
    const { output } = await pool.run({
      name: top,
      script: `${script.join('\n')}\n`,
      files: given,
    });
    return output;
  };
  try {
    onStep?.('reading');
    const flat = await run(flatCommands(Object.keys(own), top), own);
    const { creator = 'Yosys', modules } = JSON.parse(flat) as YosysNetlist;
    const gates = gatesOf(modules[top]);
    const { logicCells } = ice40Device(device);
    if (gates > maxGatesPerCell * logicCells)
      throw tooLarge(`${top} on ${device}`, `${gates} gates, two or three to a cell`, logicCells);
    const harness = harnessOf(top, modules[top]);
    onStep?.('mapping');
    const mapped = await run(ice40Commands, {
      'flat.json': flat,
      'harness.v': harness.text,
      'abc.script': lutScript.replace('LUTS', '4'),
    });
    const netlist = JSON.parse(mapped) as YosysNetlist;
    return { netlist, harness, flat, yosys: creator.replace(/ \(.*/, '') };
  } finally {
    await pool.close();
  }
}

const gatesOf = ({ cells }: YosysModule): number =>
  Object.values(cells).reduce((sum, { connections }) => sum + (connections.Y?.length ?? 0), 0);

/** An error with what a design takes, what a device has, and the ways out. */
export const tooLarge = (where: string, used: string, available: number): HbnnError =>
  new HbnnError(
    `${where}: expected a design of at most ${available}, got ${used}, registers around it included; choose a larger --device, fold it ('hbnn verilog --style folded --luts n'), use fewer bits or outputs, or place one layer (--layer)`,
  );

/** What a design in its harness takes before it is placed. */
export interface Ice40Cells {
  readonly luts: number;
  readonly flipFlops: number;
  readonly carries: number;
  readonly blockRams: number;
  /** A table and the flip-flop behind it, where nothing else reads the table, share one; carries not counted. */
  readonly logicCells: number;
  /** Cells among them that would not be there without the harness. */
  readonly harnessCells: number;
}

/** Count cells as nextpnr packs them. */
export function ice40Cells(module: YosysModule): Ice40Cells {
  const cells = Object.values(module.cells);
  const count = (isOne: (type: string) => boolean): number =>
    cells.filter(({ type }) => isOne(type)).length;
  const own = new Set(
    [shifted, takenNames, folded].flatMap((name) => module.netnames[name]?.bits ?? []),
  );
  const readers = readersOf(module);
  const tables = new Set(
    cells.flatMap(({ type, connections }) => (type === 'SB_LUT4' ? connections.O : [])),
  );
  let packed = 0;
  let harnessCells = 0;
  for (const { type, connections } of cells) {
    if (!isFlipFlop(type)) continue;
    const [data] = connections.D;
    const shares = tables.has(data) && readers.get(data) === 1;
    if (shares) packed++;
    const [output] = connections.Q;
    // A chain's table is the harness's own; that before a taking register is the design's.
    const chain = module.netnames[folded]?.bits.includes(output) ?? false;
    if (own.has(output) && (chain || !shares)) harnessCells++;
  }
  const luts = count((type) => type === 'SB_LUT4');
  const flipFlops = count(isFlipFlop);
  return {
    luts,
    flipFlops,
    carries: count((type) => type === 'SB_CARRY'),
    blockRams: count((type) => type.startsWith('SB_RAM40_4K')),
    logicCells: luts + flipFlops - packed,
    harnessCells,
  };
}

const isFlipFlop = (type: string): boolean => type.startsWith('SB_DFF');

/** How many pins read each net, the module's own among them. */
function readersOf(module: YosysModule): Map<YosysBit, number> {
  const readers = new Map<YosysBit, number>();
  const add = (bits: readonly YosysBit[]): void => {
    for (const bit of bits) readers.set(bit, (readers.get(bit) ?? 0) + 1);
  };
  for (const { connections, port_directions = {} } of Object.values(module.cells))
    for (const [port, bits] of Object.entries(connections))
      if (port_directions[port] !== 'output') add(bits);
  for (const { direction, bits } of Object.values(module.ports))
    if (direction === 'output') add(bits);
  return readers;
}
