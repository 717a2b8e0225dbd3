import { useBackend } from '@hbnn/train';
import type * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { compared, L, loweredOwn } from './ownModels.ts';

beforeAll(async () => {
  await useBackend({ prefer: 'wasm' });
});

/** Rounding to 8 bits shifts scores by a fraction of the largest. */
const eightBits = 0.03;

const name = 'idle';
const layers: [string, () => tfl.layers.Layer][] = [
  ['a Reshape to the map’s own shape', () => L.reshape({ name, targetShape: [1, 1, 6] })],
  ['average pooling of single values', () => L.averagePooling2d({ name, poolSize: 1 })],
  ['max pooling of single values', () => L.maxPooling2d({ name, poolSize: 1 })],
  ['global average pooling of one place', () => L.globalAveragePooling2d({ name })],
  ['global max pooling of one place', () => L.globalMaxPooling2d({ name })],
];

describe('a layer that does nothing', () => {
  it.each(layers)('is left out: %s', async (_, idle) => {
    const shape = [4, 4, 2] as const;
    const layer = idle();
    const isFlat = layer.getClassName().startsWith('Global');
    const flat = isFlat ? [] : [L.flatten({ name: 'flat' })];
    const lowered = await loweredOwn({
      shape,
      layers: [
        L.conv2d({
          name: 'c1',
          filters: 6,
          kernelSize: 4,
          activation: 'relu',
          inputShape: [...shape],
        }),
        layer,
        ...flat,
        L.dense({ name: 'out', units: 4 }),
      ],
    });
    const kinds = lowered.integer.layers.map(({ kind }) => kind);
    expect(kinds).not.toContain('sumPool');
    expect(kinds).not.toContain('maxPool');
    const { difference, agree } = await compared(lowered);
    expect(difference).toBeLessThan(eightBits);
    expect(agree).toBeGreaterThanOrEqual(0.95);
  });
});
