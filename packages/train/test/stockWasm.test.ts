import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { binarize, evaluate, exportModel } from '@hbnn/train';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { expect, it } from 'vitest';
import { L, pixelSource, scatter } from './ownModels.ts';

const main = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm');
setWasmPaths(join(dirname(main), '..', 'wasm-out/'));

/** Windows smaller than their strides, which leave a rest of the image. */
function model(): tfl.LayersModel {
  const made = tfl.sequential({
    layers: [
      L.conv2d({
        name: 'c1',
        filters: 5,
        kernelSize: 1,
        strides: 3,
        padding: 'same',
        activation: 'relu',
        inputShape: [17, 20, 2],
      }),
      L.depthwiseConv2d({ name: 'c2', kernelSize: [1, 2], strides: 4, padding: 'same' }),
      L.reLU({ name: 'r2' }),
      L.flatten({ name: 'flat' }),
      L.dense({ name: 'out', units: 4 }),
    ],
  });
  scatter(made);
  return made;
}

/** What a backend that the user started gives: ceilings of the ReLUs, and the loss of the model and of its binarized copy. */
async function measured(backend: 'cpu' | 'wasm') {
  await tf.setBackend(backend);
  const source = pixelSource([17, 20, 2], 4);
  const float = model();
  const { layers } = await exportModel(float, source);
  const binarized = binarize(float, { weights: 1.4 });
  return {
    ceilings: layers.flatMap((layer) => (layer.kind === 'relu' ? [layer.ceiling] : [])),
    losses: [(await evaluate(float, source)).loss, (await evaluate(binarized, source)).loss],
  };
}

/** Float32 sums in different orders. */
const digits = 4;

it("a WASM backend that the user started measures what cpu does, with padding 'same'", async () => {
  const wanted = await measured('cpu');
  const found = await measured('wasm');
  expect(wanted.ceilings).toHaveLength(2);
  wanted.ceilings.forEach((ceiling, i) => {
    expect(ceiling).toBeGreaterThan(0.1);
    expect(found.ceilings[i]).toBeCloseTo(ceiling as number, digits);
  });
  wanted.losses.forEach((loss, i) => {
    expect(found.losses[i]).toBeCloseTo(loss, digits);
  });
});
