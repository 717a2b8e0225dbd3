import { describe, expect, it } from 'vitest';
import { romTables } from './romTables.ts';

describe('romTables', () => {
  it('counts equal and inverse columns once, and neither constants nor address bits', () => {
    // From the lowest bit: the address, its inverse, a constant, a function, its inverse, the function again.
    const bits = [0, 1, 0, 1].map((address, i) => {
      const f = i === 3 ? 1 : 0;
      return address | ((1 - address) << 1) | (1 << 2) | (f << 3) | ((1 - f) << 4) | (f << 5);
    });
    const found = romTables({ width: 6, addressWidth: 2, words: bits }, 6);
    expect(found).toEqual({ tables: 1, choices: 0, columns: 4 });
  });

  it('fills addresses without a word by the one that most have', () => {
    expect(romTables({ width: 1, addressWidth: 2, words: [1, 1, 1] }, 6)).toEqual({
      tables: 0,
      choices: 0,
      columns: 0,
    });
  });

  it('parts long columns into tables with choices between halves that differ', () => {
    // Words of 8 addresses and tables of 2 inputs: AND, XOR, AND, XOR.
    const words = [0, 0, 0, 1, 0, 1, 1, 0, 0, 0, 0, 1, 0, 1, 1, 0];
    expect(romTables({ width: 1, addressWidth: 4, words }, 2)).toEqual({
      tables: 2,
      choices: 1,
      columns: 1,
    });
  });
});
