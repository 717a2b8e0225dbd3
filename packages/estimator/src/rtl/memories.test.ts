import type { Family } from '@hbnn/circuit';
import { describe, expect, it } from 'vitest';
import { builtMemory } from './memories.ts';

const rom = (depth: number, width: number, family: Family = 'xc7') =>
  builtMemory({ depth, width, rom: true, registered: true }, family);
const lines = (depth: number, width: number, registered = false, family: Family = 'xc7') =>
  builtMemory({ depth, width, rom: false, registered }, family);
const plain = { choices: 0, bypass: 0 };

/** As Yosys 0.23 built memories of these shapes. */
describe('builtMemory', () => {
  it.each([
    [864, 16, 1],
    [736, 9, 1],
    [4608, 6, 3],
    [216, 32, 0],
    [512, 15, 0],
    [128, 104, 0],
    [128, 256, 0],
    // Blocks of several widths beside each other: 18 and 2 bits, 7 of 9 bits and one more.
    [1200, 20, 3],
    [1200, 37, 5],
    [2304, 64, 15],
    [2304, 128, 29],
    [3072, 13, 3],
    [144, 512, 15],
    // Blocks of 36 kbit where they are cheaper.
    [6208, 13, 6],
    [7808, 7, 4],
    [18432, 32, 58],
  ])('makes %i words of %i bits %i block RAMs of xc7', (depth, width, blocks) => {
    expect(rom(depth, width)).toEqual({ ...plain, blocks, memoryLuts: 0, tables: blocks === 0 });
  });

  it.each([
    [10, 64, 44],
    [28, 4, 4],
    [16, 96, 64],
    [3, 72, 48],
  ])('makes %i words of %i bits %i tables of distributed RAM', (depth, width, memoryLuts) => {
    expect(lines(depth, width)).toEqual({ ...plain, blocks: 0, memoryLuts, tables: false });
  });

  it.each([
    [28, 16, 8],
    [28, 23, 12],
    [10, 44, 24],
  ])(
    'makes %i words of %i bits %i tables where one port reads and writes',
    (depth, width, luts) => {
      const memory = { depth, width, rom: false, registered: false, onePort: true };
      expect(builtMemory(memory, 'xc7').memoryLuts).toBe(luts);
    },
  );

  it('makes one word registers, and long lines block RAM', () => {
    expect(lines(1, 178)).toEqual({ ...plain, blocks: 0, memoryLuts: 0, tables: true });
    expect(lines(80, 4, true)).toEqual({ ...plain, blocks: 1, memoryLuts: 0, tables: false });
  });

  it('makes memories of ECP5 blocks of 18 kbit, or tables of 16 words where they cost less', () => {
    expect(lines(10, 64, false, 'ecp5')).toEqual({
      ...plain,
      blocks: 0,
      memoryLuts: 64,
      tables: false,
    });
    // Two banks of 16 words, and a choice between them for each bit.
    expect(lines(28, 4, false, 'ecp5')).toEqual({
      blocks: 0,
      memoryLuts: 8,
      tables: false,
      choices: 4,
      bypass: 0,
    });
    expect(lines(95, 1024, false, 'ecp5').blocks).toBe(29);
  });

  it('makes memories of iCE40 blocks of 4 kbit, or registers where they are few', () => {
    const blocksOf = (depth: number, width: number) => lines(depth, width, false, 'ice40').blocks;
    expect(blocksOf(10, 64)).toBe(4);
    expect(blocksOf(28, 4)).toBe(1);
    expect(blocksOf(12, 16)).toBe(1);
    expect(lines(2, 45, false, 'ice40')).toEqual({
      ...plain,
      blocks: 0,
      memoryLuts: 0,
      tables: true,
    });
    expect(lines(10, 64, false, 'ice40')).toMatchObject({ choices: 64, bypass: 65 });
  });

  it('makes memories that are only read blocks from 2,048 bits of ECP5 and 1,024 of iCE40 on', () => {
    expect(rom(128, 16, 'ecp5').tables).toBe(true);
    expect(rom(256, 16, 'ecp5').blocks).toBe(1);
    expect(rom(64, 16, 'ice40').tables).toBe(true);
    expect(rom(128, 16, 'ice40').blocks).toBe(1);
  });
});
