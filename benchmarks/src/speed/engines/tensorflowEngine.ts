import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import * as tfWasm from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { type BenchLayer, type LayerEngine, outputSize } from './layers.ts';

let ready: Promise<void> | undefined;

/** TensorFlow.js's own WASM backend, none of our kernels in it. */
export function startTensorflow(): Promise<void> {
  ready ??= (async () => {
    const file = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm');
    tfWasm.setWasmPaths(`${dirname(file)}/`);
    await tf.setBackend('wasm');
    await tf.ready();
    if (tf.getBackend() !== 'wasm') throw new Error('TensorFlow.js has no WASM backend here');
  })();
  return ready;
}

/** A convolution in float32. */
export async function tensorflowEngine(layer: BenchLayer, batch: number): Promise<LayerEngine> {
  await startTensorflow();
  const { size, inputs, outputs, kernel, pad } = layer;
  const x = tf.randomUniform([batch, size, size, inputs]) as tf.Tensor4D;
  const w = tf.randomUniform([kernel, kernel, inputs, outputs]) as tf.Tensor4D;
  const expected = outputSize(layer);
  return {
    engine: 'tfjs-wasm float32',
    async turn() {
      const begin = performance.now();
      const y = tf.conv2d(x, w, 1, [
        [0, 0],
        [pad, pad],
        [pad, pad],
        [0, 0],
      ]);
      const ms = performance.now() - begin;
      if (y.shape[1] !== expected) throw new Error(`${layer.name}: got ${y.shape}`);
      y.dispose();
      return ms;
    },
    dispose() {
      x.dispose();
      w.dispose();
    },
  };
}
