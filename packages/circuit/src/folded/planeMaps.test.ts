import { type MapPer, parseMix } from '@hbnn/core';
import { type CheckedModel, checkModel, type IntegerLayer, randomModel } from '@hbnn/model';
import { describe, expect, it } from 'vitest';
import { mapAtOnce } from './lanesAtOnce.ts';
import { type PlaneMap, planeMap } from './planeMaps.ts';

const mixed = '1:0.6/2:0.4';

function mapOf(
  mix: string,
  o: { mapPer?: MapPer; balance?: number; scalePer?: 'tensor' | 'output'; layer?: string } = {},
): PlaneMap | undefined {
  const { layer = 'conv:4x4x8,k3x3,o6', ...options } = o;
  return planeMap(weightsOf(randomModel(1, { layer, mix: parseMix(mix), ...options })));
}

function weightsOf({ layers }: CheckedModel) {
  const found = layers.find((layer) => 'weights' in layer);
  if (found === undefined || !('weights' in found)) throw new Error('expected weights');
  return found.weights;
}

describe('bitwidths', () => {
  it.each([
    ['2:1', {}, 2],
    ['3:1', {}, 3],
    ['1:1', {}, 1],
    [mixed, { mapPer: 'position' }, 2],
    ['1:0.7/2:0.2/3:0.1', { mapPer: 'input' }, 3],
    ['0:0.3/1:0.7', { mapPer: 'position' }, 1],
  ] as const)('of %s, %j, are shared by all outputs, with %i planes', (mix, o, planes) => {
    const map = mapOf(mix, o);
    expect(map).toMatchObject({ kind: 'shared', planes });
  });

  it.each([
    [mixed, 5, [5, 2]],
    ['1:0.66667/2:0.33333', 3, [3, 1]],
    ['0:0.5/1:0.5', 2, [1]],
    ['0:0.25/1:0.25/2:0.25/3:0.25', 4, [3, 2, 1]],
  ] as const)(
    'of %s, balanced in groups of %i, have %j weights of each plane',
    (mix, balance, counts) => {
      // 72 inputs are no whole number of groups of 5.
      expect(mapOf(mix, { balance })).toMatchObject({ kind: 'balanced', size: balance, counts });
    },
  );

  it('that are neither have no planes at once', () => {
    expect(mapOf(mixed)).toBeUndefined();
    expect(mapOf(mixed, { mapPer: 'output' })).toBeUndefined();
    expect(mapOf('2:1', { scalePer: 'output' })).toBeUndefined();
    expect(mapOf('0:1')).toBeUndefined();
    expect(mapOf(mixed, { balance: 20, layer: 'dense:80x4' })).toBeUndefined();
  });

  it('are not balanced where one weight breaks its group', () => {
    const model = randomModel(1, { layer: 'dense:80x4', mix: parseMix(mixed), balance: 5 });
    const layers = model.layers.map((layer): IntegerLayer => {
      if (layer.kind !== 'dense' || layer.weights.kind !== 'planes') return layer;
      const bits = layer.weights.bits.map((n, i) => (i === 122 ? 3 - n : n));
      const signs = layer.weights.signs.map((n, i) => n & (2 ** bits[i] - 1));
      return { ...layer, weights: { ...layer.weights, bits, signs } };
    });
    expect(planeMap(weightsOf(model))).toMatchObject({ kind: 'balanced' });
    expect(planeMap(weightsOf(checkModel({ ...model, layers })))).toBeUndefined();
  });

  it('are worked on at once where the fold says so, or whole groups of a balanced map', () => {
    const [shared, balanced] = [mapOf('2:1'), mapOf(mixed, { balance: 5 })];
    const isAtOnce = (map: PlaneMap | undefined, simd: number, planes?: number): boolean =>
      mapAtOnce(map, { pe: 1, simd, ...(planes !== undefined && { planes }) }) !== undefined;
    expect([isAtOnce(shared, 4), isAtOnce(shared, 4, 2), isAtOnce(shared, 4, 3)]).toEqual([
      false,
      true,
      false,
    ]);
    expect([isAtOnce(balanced, 10), isAtOnce(balanced, 9), isAtOnce(balanced, 10, 1)]).toEqual([
      true,
      false,
      false,
    ]);
  });
});
