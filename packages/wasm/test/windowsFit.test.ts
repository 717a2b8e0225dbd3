import { HbnnError } from '@hbnn/core';
import { randomModel } from '@hbnn/model';
import { loadModel } from '@hbnn/wasm';
import { loadThreads } from '@hbnn/wasm/threads';
import { expect, it } from 'vitest';

it('a model that was never checked is refused by the layer whose window leaves its map', async () => {
  const { layers, ...model } = randomModel(1, { layer: 'conv:4x6x1,k3x3,o3,s1' });
  const pool = { kind: 'maxPool', size: [3, 5], strides: [2, 2], padding: [0, 0, 0, 0] } as const;
  const unchecked = { ...model, layers: [...layers, { ...pool, name: 'pool' }] } as never;
  for (const load of [() => loadModel(unchecked), () => loadThreads(unchecked, { threads: 2 })]) {
    await expect(load()).rejects.toThrow(HbnnError);
    await expect(load()).rejects.toThrow(
      /^pool: expected a window that fits .* 3×5 on a map of 2×4/,
    );
  }
});
