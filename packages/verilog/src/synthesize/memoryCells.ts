import type { YosysCell, YosysModule } from '../yosys/yosys.ts';

/** How Yosys's own script of a family builds memories of the family's cells: the steps from one label to the next. */
const memorySteps: Readonly<Record<string, string>> = {
  xc7: 'synth_xilinx -family xc7 -run map_memory:map_ffram',
  ice40: 'synth_ice40 -run map_ram:map_ffram',
  ecp5: 'synth_ecp5 -run map_ram:map_ffram',
  gowin: 'synth_gowin -run map_ram:map_ffram',
};

/**
 * Commands that make memories of a target's block RAM and distributed RAM. What is too small for them becomes registers
 * and tables, and so does every memory of a library of standard cells, which has none.
 */
export const memoryCommands = (target: string): string[] => [
  'memory -nomap',
  'opt',
  // Yosys refuses a style that a family lacks, where other tools take what they have.
  ...['rom_style', 'ram_style'].map(
    (style) => `setattr -unset ${style} t:$mem* a:${style}=distributed %i`,
  ),
  ...(memorySteps[target] === undefined ? [] : [memorySteps[target]]),
  'memory_map',
];

/** Block RAMs of a cell, in the family's unit; xc7 counts halves of 18 kbit. */
const blockCells: readonly (readonly [looks: RegExp, blocks: number])[] = [
  [/^RAMB36/, 2],
  [/^(RAMB18|SB_RAM40_4K|PDPW16KD|DP16KD|SDPX?9?B$|DPX?9?B$|SPX?9?$|pROM)/, 1],
];

/** Tables that a cell of distributed RAM takes. */
const distributedCells: readonly (readonly [looks: RegExp, luts: number])[] = [
  [/^RAM(32|64)M$|^RAM128X1D$|^RAM256X1S$|^TRELLIS_DPR16X4$|^RAM16SDP4$/, 4],
  [/^RAM(32|64)X1D$|^RAM128X1S$|^RAM32X2S$|^RAM16SDP2$/, 2],
  [/^RAM(32|64)X1S$|^RAM16SDP1$/, 1],
];

const counted = (
  type: string,
  table: readonly (readonly [looks: RegExp, count: number])[],
): number => table.find(([looks]) => looks.test(type))?.[1] ?? 0;

/** Block RAMs that a cell is. */
export const blocksOf = (type: string): number => counted(type, blockCells);
/** Tables that a cell uses as memory. */
export const memoryLutsOf = (type: string): number => counted(type, distributedCells);

const isMemoryCell = (type: string): boolean => blocksOf(type) > 0 || memoryLutsOf(type) > 0;

/** Say which ports of memories' cells are outputs: Yosys does not know cells that it was given no text of. */
export function withMemoryPorts(module: YosysModule): YosysModule {
  const cells = Object.entries(module.cells).map(([name, cell]): [string, YosysCell] => {
    if (!isMemoryCell(cell.type) || cell.port_directions !== undefined) return [name, cell];
    const ports = Object.keys(cell.connections).map(
      (port) => [port, /^(DO|RDATA$|O$|[DS]PO$)/.test(port) ? 'output' : 'input'] as const,
    );
    return [name, { ...cell, port_directions: Object.fromEntries(ports) }];
  });
  return { ...module, cells: Object.fromEntries(cells) };
}
