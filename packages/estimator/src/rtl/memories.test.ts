import { describe, expect, it } from 'vitest';
import { builtMemory } from './memories.ts';

const rom = (depth: number, width: number) =>
  builtMemory({ depth, width, rom: true, registered: true }, 'xc7');
const lines = (depth: number, width: number, registered = false) =>
  builtMemory({ depth, width, rom: false, registered }, 'xc7');

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
    expect(rom(depth, width)).toEqual({ blocks, memoryLuts: 0, tables: blocks === 0 });
  });

  it.each([
    [10, 64, 44],
    [28, 4, 4],
    [16, 96, 64],
    [3, 72, 48],
  ])('makes %i words of %i bits %i tables of distributed RAM', (depth, width, memoryLuts) => {
    expect(lines(depth, width)).toEqual({ blocks: 0, memoryLuts, tables: false });
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
    expect(lines(1, 178)).toEqual({ blocks: 0, memoryLuts: 0, tables: true });
    expect(lines(80, 4, true)).toEqual({ blocks: 1, memoryLuts: 0, tables: false });
  });
});
