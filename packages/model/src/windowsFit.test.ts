import { floatTensor, HbnnError } from '@hbnn/core';
import { describe, expect, it } from 'vitest';
import { checkModel } from './checkModel.ts';
import { crc32 } from './file/crc32.ts';
import { decodeModel } from './file/modelFile.ts';
import type { IntegerLayer, IntegerModel, Padding4, Pair } from './integerModel.ts';
import { lower } from './lower/lower.ts';
import { randomModel } from './randomModel.ts';
import type { TrainedLayer } from './trainedModel.ts';

const strides: Pair = [2, 3];
const none: Padding4 = [0, 0, 0, 0];
const zeros = { length: 0, crc: 0 };

/** On a map of 3×4×2: windows that leave it, and what is said of each. */
const tooLarge: readonly [string, Pair, Padding4, RegExp][] = [
  ['conv', [4, 1], none, /one of 4×1 on a map of 3×4/],
  ['conv', [1, 9], [0, 2, 0, 2], /one of 1×9 on a map of 3×8/],
  ['depthwise', [5, 5], [1, 0, 0, 0], /one of 5×5 on a map of 4×4/],
  ['maxPool', [1, 5], none, /one of 1×5 on a map of 3×4/],
  ['averagePool', [4, 4], none, /one of 4×4 on a map of 3×4/],
];

const shapeOf = (kind: string, size: Pair): number[] => [2, ...size, kind === 'conv' ? 2 : 1];

function integerLayer(kind: string, size: Pair, padding: Padding4): IntegerLayer {
  if (kind === 'averagePool') return { kind: 'sumPool', name: 'w', size, strides };
  if (kind === 'maxPool') return { kind, name: 'w', size, strides, padding };
  const shape = shapeOf(kind, size);
  const values = new Int8Array(shape.reduce((product, n) => product * n, 1));
  const weights = { kind: 'int8', shape, values } as const;
  return { kind: kind as 'conv' | 'depthwise', name: 'w', strides, padding, weights };
}

function trainedLayer(kind: string, size: Pair, padding: Padding4): TrainedLayer {
  if (kind === 'averagePool') return { kind, name: 'w', size, strides };
  if (kind === 'maxPool') return { kind, name: 'w', size, strides, padding };
  const shape = shapeOf(kind, size);
  const values = new Float32Array(shape.reduce((product, n) => product * n, 1));
  const weights = { kind: 'float', tensor: floatTensor(values, shape) } as const;
  return { kind: kind as 'conv' | 'depthwise', name: 'w', strides, padding, weights };
}

/** The bytes of a file of version 1 with one layer, whose sections are empty. */
function fileOf(layer: IntegerLayer): Uint8Array {
  const layers =
    'weights' in layer
      ? [{ ...layer, weights: { kind: 'int8', shape: layer.weights.shape } }]
      : [layer];
  const header = new TextEncoder().encode(
    JSON.stringify({
      name: 'x',
      classes: ['a'],
      scoreFactor: 1,
      scoreOffsets: [0],
      layers,
      sections: 'weights' in layer ? [zeros] : [],
      input: { shape: [3, 4, 2], zeros: [0, 0] },
    }),
  );
  const start = new Uint8Array(16);
  const view = new DataView(start.buffer);
  start.set(new TextEncoder().encode('HBNN'));
  view.setUint16(4, 1, true);
  view.setUint32(8, header.length, true);
  view.setUint32(12, crc32(header), true);
  const bytes = new Uint8Array(Math.ceil((16 + header.length) / 16) * 16);
  bytes.set([...start, ...header]);
  return bytes;
}

describe('a window larger than its map', () => {
  it.each(tooLarge)('%s of %s is refused', (kind, size, padding, said) => {
    const model: IntegerModel = {
      name: 'x',
      input: { shape: [3, 4, 2], zeros: new Int32Array(2) },
      scoreFactor: 1,
      layers: [integerLayer(kind, size, padding)],
      scoreOffsets: new Int32Array(1),
      classes: ['a'],
    };
    const dense = floatTensor(new Float32Array(4), [2, 2]);
    const trained = {
      name: 'x',
      input: { shape: [3, 4, 2], mean: [0.5, 0.5], deviation: [1, 1] },
      layers: [
        trainedLayer(kind, size, padding),
        { kind: 'dense', name: 'd', weights: { kind: 'float', tensor: dense } },
      ],
      classes: ['a', 'b'],
    } as const;
    for (const run of [
      () => checkModel(model),
      () => lower(trained),
      () => decodeModel(fileOf(model.layers[0])),
    ]) {
      expect(run).toThrow(HbnnError);
      expect(run).toThrow(/w: expected a window that fits its feature map, .*; take a smaller/);
      expect(run).toThrow(said);
    }
  });

  it.each(['conv:3x3x4,k5x5,o2', 'depthwise:3x3x4,k3x6,o4,s2,p1', 'conv:1x8x1,k2x2,o1,s4'])(
    'random %s is refused',
    (layer) => {
      expect(() => randomModel(1, { layer })).toThrow(/layer: expected a window that fits/);
    },
  );
});
