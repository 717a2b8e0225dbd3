import type { Family } from '@hbnn/circuit';
import { HbnnError, suggestion } from '@hbnn/core';

/** What an FPGA has. Counts of 0 mean that there are none, as its data sheet says. */
export interface Device {
  readonly name: string;
  /** Boards and part numbers it also goes by, in lower case. */
  readonly aliases: readonly string[];
  readonly family: Family;
  readonly luts: number;
  readonly flipFlops: number;
  readonly memoryBlocks: number;
  readonly bitsPerBlock: number;
  readonly dsps: number;
  readonly source: string;
}

const xc7 = { family: 'xc7', bitsPerBlock: 36_864 } as const;
const usp = { family: 'ultrascale+', bitsPerBlock: 36_864 } as const;
const zynq7000 = 'Xilinx DS190, Zynq-7000 overview';
const series7 = 'Xilinx DS180, 7 series overview';
const mpsoc = 'Xilinx DS891, Zynq UltraScale+ overview';

/** The FPGAs that estimates can be for. */
export const devices: readonly Device[] = [
  {
    name: 'XC7Z045',
    aliases: ['zc706', 'xc7'],
    ...xc7,
    luts: 218_600,
    flipFlops: 437_200,
    memoryBlocks: 545,
    dsps: 900,
    source: zynq7000,
  },
  {
    name: 'XC7Z020',
    aliases: ['pynq', 'pynq-z1', 'pynq-z2', 'zedboard'],
    ...xc7,
    luts: 53_200,
    flipFlops: 106_400,
    memoryBlocks: 140,
    dsps: 220,
    source: zynq7000,
  },
  {
    name: 'XC7A35T',
    aliases: ['arty-a7-35', 'basys3'],
    ...xc7,
    luts: 20_800,
    flipFlops: 41_600,
    memoryBlocks: 50,
    dsps: 90,
    source: series7,
  },
  {
    name: 'XC7A100T',
    aliases: ['arty-a7-100'],
    ...xc7,
    luts: 63_400,
    flipFlops: 126_800,
    memoryBlocks: 135,
    dsps: 240,
    source: series7,
  },
  {
    name: 'XC7VX690T',
    aliases: ['vc709'],
    ...xc7,
    luts: 433_200,
    flipFlops: 866_400,
    memoryBlocks: 1470,
    dsps: 3600,
    source: series7,
  },
  {
    name: 'XCZU3EG',
    aliases: ['ultra96', 'zu3eg'],
    ...usp,
    luts: 70_560,
    flipFlops: 141_120,
    memoryBlocks: 216,
    dsps: 360,
    source: mpsoc,
  },
  {
    name: 'XCZU19EG',
    aliases: ['zu19eg'],
    ...usp,
    luts: 522_720,
    flipFlops: 1_045_440,
    memoryBlocks: 984,
    dsps: 1968,
    source: mpsoc,
  },
  {
    name: 'XCVU9P',
    aliases: ['vu9p', 'vcu118', 'aws-f1'],
    ...usp,
    luts: 1_182_240,
    flipFlops: 2_364_480,
    memoryBlocks: 2160,
    dsps: 6840,
    source: 'Xilinx DS890, UltraScale overview (UltraRAM left out)',
  },
  {
    name: 'XCKU115',
    aliases: ['ku115'],
    family: 'ultrascale',
    luts: 663_360,
    flipFlops: 1_326_720,
    memoryBlocks: 2160,
    bitsPerBlock: 36_864,
    dsps: 5520,
    source: 'Xilinx DS890, UltraScale overview',
  },
  {
    name: 'LFE5U-85',
    aliases: ['ecp5-85', 'ecp5', 'ulx3s-85'],
    family: 'ecp5',
    luts: 83_640,
    flipFlops: 83_640,
    memoryBlocks: 208,
    bitsPerBlock: 18_432,
    dsps: 156,
    source: 'Lattice FPGA-DS-02012, ECP5 family (18 × 18 multipliers as DSP)',
  },
  {
    name: 'iCE40UP5K',
    aliases: ['up5k', 'icebreaker'],
    family: 'ice40',
    luts: 5280,
    flipFlops: 5280,
    memoryBlocks: 30,
    bitsPerBlock: 4096,
    dsps: 8,
    source: 'Lattice FPGA-DS-02008, iCE40 UltraPlus (its four 256 kbit SPRAMs left out)',
  },
  {
    name: 'iCE40HX8K',
    aliases: ['hx8k', 'ice40'],
    family: 'ice40',
    luts: 7680,
    flipFlops: 7680,
    memoryBlocks: 32,
    bitsPerBlock: 4096,
    dsps: 0,
    source: 'Lattice FPGA-DS-02029, iCE40 LP/HX',
  },
];

/** Find a device by its name or a board's, in any case; undefined for another name. */
export function findDevice(name: string): Device | undefined {
  const wanted = name.toLowerCase();
  return devices.find(
    (each) => each.name.toLowerCase() === wanted || each.aliases.includes(wanted),
  );
}

/** The same. @throws HbnnError naming those that are known, and the one that looks alike */
export function device(name: string): Device {
  const found = findDevice(name);
  if (found !== undefined) return found;
  const names = devices.flatMap((each) => [each.name, ...each.aliases]);
  throw new HbnnError(
    `target: expected one of ${devices.map((each) => [each.name, ...each.aliases].join(' = ')).join(', ')}, got '${name}'${suggestion(name, names) || '; give one of these'}`,
  );
}
