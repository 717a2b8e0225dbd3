import { describe, expect, it } from 'vitest';
import {
  checkFold,
  type FoldMatrix,
  foldCycles,
  foldsOf,
  foldTable,
  foldText,
  parseFoldRequest,
} from './folds.ts';

const matrices: readonly FoldMatrix[] = [
  { name: 'conv', matrixWidth: 27, matrixHeight: 16, places: 64 },
  { name: 'fc', matrixWidth: 96, matrixHeight: 10, places: 1 },
];

it('of a balanced map may be whole groups of it', () => {
  const map = { kind: 'balanced', planes: 2, size: 5, counts: [5, 2] } as const;
  const matrix = { ...matrices[0], map };
  for (const simd of [1, 3, 5, 10, 27, 30]) checkFold(matrix, { pe: 4, simd });
  checkFold(matrix, { pe: 4, simd: 10, planes: 2 });
  expect(foldCycles(matrix, { pe: 4, simd: 10 })).toBe(4 * 3 * 64);
  for (const simd of [4, 35])
    expect(() => checkFold(matrix, { pe: 4, simd })).toThrow(
      `simd its 27 inputs or is a multiple of 5, the groups of its balanced map, got 4x${simd}`,
    );
  for (const fold of [
    { pe: 4, simd: 9, planes: 2 },
    { pe: 4, simd: 10, planes: 3 },
    { pe: 4, simd: 10, planes: 1 },
  ])
    expect(() => checkFold(matrix, fold)).toThrow(
      `expected planes at once to be 1 or 2, and simd a multiple of 5, got ${foldText(fold)}`,
    );
});

describe('folds', () => {
  it.each([
    ['largest', { kind: 'largest' }],
    ['fps:450.5', { kind: 'rate', framesPerSecond: 450.5 }],
    ['luts:8000', { kind: 'luts', luts: 8000 }],
    ['16x3', { kind: 'each', folds: [{ pe: 16, simd: 3 }] }],
    ['16x3, constant', { kind: 'each', folds: [{ pe: 16, simd: 3 }, 'constant'] }],
    [
      '16x3x2,4x4',
      {
        kind: 'each',
        folds: [
          { pe: 16, simd: 3, planes: 2 },
          { pe: 4, simd: 4 },
        ],
      },
    ],
    ['16x3x2x2', undefined],
    ['folds.json', undefined],
    ['16 by 3', undefined],
    ['16x3,', undefined],
    ['12345678x1', undefined],
  ])('are read from %s', (text, request) => {
    expect(parseFoldRequest(text)).toEqual(request);
  });

  it.each(['fps:', 'fps:0', 'fps:-1', 'fps:many', 'luts: ', 'luts:0', 'luts:Infinity'])(
    'refuse %s',
    (text) => {
      expect(() => parseFoldRequest(text)).toThrow(
        /--fold (fps|luts): expected a number of .*above 0/,
      );
    },
  );

  it('take their order from the layers, one lane where a layer is not named', () => {
    const names = matrices.map(({ name }) => name);
    const table = foldTable(names, [{ pe: 4, simd: 9 }, 'constant']);
    expect(table).toEqual({ conv: { pe: 4, simd: 9 }, fc: 'constant' });
    expect(foldsOf(matrices, table)).toEqual([
      { pe: 4, simd: 9 },
      { pe: 10, simd: 96 },
    ]);
    expect(foldsOf(matrices, { fc: { pe: 2, simd: 1 } })).toEqual([
      { pe: 1, simd: 1 },
      { pe: 2, simd: 1 },
    ]);
    expect(foldCycles(matrices[0], { pe: 4, simd: 9 })).toBe(4 * 3 * 64);
  });

  it('divide their matrix, and are of its layers', () => {
    expect(() => checkFold(matrices[0], { pe: 5, simd: 9 })).toThrow(
      'conv: expected a fold PExSIMD whose pe divides its 16 outputs and simd its 27 inputs, got 5x9',
    );
    for (const pe of [0, -4, 1.5]) expect(() => checkFold(matrices[0], { pe, simd: 9 })).toThrow();
    expect(() => checkFold(matrices[0], { pe: 4, simd: 9, planes: 2 })).toThrow(
      'conv: expected planes at once to be 1, as its map differs from output to output and is not balanced, or its outputs have scales of their own, got 4x9x2; write 4x9',
    );
    expect(() => foldsOf(matrices, { pool: 'constant' })).toThrow(
      'pool: expected folds of layers with weights (conv, fc)',
    );
    expect(() => foldTable(['conv', 'fc'], ['constant'])).toThrow('expected 2 folds');
  });
});
