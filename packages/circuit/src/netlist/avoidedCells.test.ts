import { expect, it } from 'vitest';
import { AvoidedCells } from './avoidedCells.ts';

const cells = ['INV_X1', 'NAND2_X1', 'NAND2_X16', 'FA_X1'];

/** Which cells patterns stay away from, once all of them have been asked about. */
function avoided(...patterns: string[]): string[] {
  const all = new AvoidedCells(patterns, '--dont-use');
  const found = cells.filter((name) => all.has(name));
  all.checkAllMatched('cells.lib');
  return found;
}

it('stays away from cells by name and by patterns', () => {
  expect(avoided()).toEqual([]);
  expect(avoided('FA_X1')).toEqual(['FA_X1']);
  expect(avoided('*_X16', ' INV*')).toEqual(['INV_X1', 'NAND2_X16']);
  expect(avoided('*')).toEqual(cells);
});

it.each([
  [['*_x16'], "got '*_x16', which none of its 4 cells has; capitals count: there is 'NAND2_X16'"],
  [['FA_X1', 'NAND'], "got 'NAND', which none of its 4 cells has; did you mean '*NAND*', as in"],
  [['INV_X?'], "did you mean '*INV_X*', as in 'INV_X1'?"],
  [['NADN2_X1'], "did you mean 'NAND2_X1'?"],
  [['*qqqqq*'], 'take it out, or name one of its cells, such as INV_X1, NAND2_X1, NAND2_X16'],
  [['FA_X1', ''], "got 'FA_X1,' with an empty one"],
  [['.*'], "got '.*'"],
])('refuses %j, which no cell has', (patterns, message) => {
  expect(() => avoided(...patterns)).toThrow(message);
  expect(() => avoided(...patterns)).toThrow(/^--dont-use: expected/);
});
