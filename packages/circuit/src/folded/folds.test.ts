import { describe, expect, it } from 'vitest';
import {
  checkFold,
  type FoldMatrix,
  foldCycles,
  foldsOf,
  foldTable,
  parseFoldRequest,
} from './folds.ts';

const matrices: readonly FoldMatrix[] = [
  { name: 'conv', matrixWidth: 27, matrixHeight: 16, places: 64 },
  { name: 'fc', matrixWidth: 96, matrixHeight: 10, places: 1 },
];

describe('folds', () => {
  it.each([
    ['largest', { kind: 'largest' }],
    ['fps:450.5', { kind: 'rate', framesPerSecond: 450.5 }],
    ['luts:8000', { kind: 'luts', luts: 8000 }],
    ['16x3', { kind: 'each', folds: [{ pe: 16, simd: 3 }] }],
    ['16x3, constant', { kind: 'each', folds: [{ pe: 16, simd: 3 }, 'constant'] }],
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
    expect(() => foldsOf(matrices, { pool: 'constant' })).toThrow(
      'pool: expected folds of layers with weights (conv, fc)',
    );
    expect(() => foldTable(['conv', 'fc'], ['constant'])).toThrow('expected 2 folds');
  });
});
