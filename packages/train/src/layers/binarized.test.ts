import {
  approximate,
  binarize,
  distFromAverage,
  type MapPer,
  parseMix,
  random,
  type ScalePer,
  selectBits,
} from '@hbnn/core';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../backend/useBackend.ts';
import { inputPrecision, type Precision, weightPrecision } from '../precision.ts';
import {
  BinarizedConv2D,
  BinarizedDense,
  BinarizedDepthwiseConv2D,
  type BinarizedLayer,
} from './binarized.ts';
import { variableOf } from './context.ts';

beforeAll(async () => {
  await useBackend({ prefer: 'wasm' });
});

const seed = 20;
const mix = distFromAverage(1.4);
// float32 sums of up to 72 products of values below 4, in another order than the reference's.
const sumTolerance = 1e-5;

function normals(n: number, ...stream: string[]): Float32Array {
  const rng = random(seed, ...stream);
  return Float32Array.from({ length: n }, () => rng.normal());
}

/** A model of one layer with random weights. */
function single(layer: BinarizedLayer, shape: number[]): tfl.LayersModel {
  const input = tfl.input({ shape });
  const model = tfl.model({ inputs: input, outputs: layer.apply(input) as tfl.SymbolicTensor });
  const kernel = variableOf(layer.weights[0]);
  kernel.assign(tf.tensor(normals(kernel.size, 'kernel'), kernel.shape));
  return model;
}

function expectClose(a: tf.Tensor, b: tf.Tensor): void {
  expect(a.shape).toEqual(b.shape);
  const x = Float32Array.from(a.dataSync());
  const y = b.dataSync();
  const worst = x.reduce((most, value, i) => Math.max(most, Math.abs(value - y[i])), 0);
  expect(worst).toBeLessThan(sumTolerance);
}

describe('binarized layers', () => {
  const granularities: [MapPer, ScalePer][] = [
    ['element', 'tensor'],
    ['position', 'output'],
    ['input', 'tensor'],
    ['output', 'output'],
    ['block:4', 'tensor'],
  ];
  it.each(granularities)(
    'convolve with core’s approximation (map per %s, scale per %s)',
    (mapPer, scalePer) => {
      const precision: Precision = { weights: weightPrecision(mix, { mapPer, scalePer }) };
      const layer = new BinarizedConv2D({ filters: 6, kernelSize: 3, precision });
      const model = single(layer, [7, 7, 8]);
      const shape = [3, 3, 8, 6];
      const t = { shape, data: normals(3 * 3 * 8 * 6, 'kernel') };
      const layout = 'outputs-last';
      const map = selectBits(t, { mix, select: 'middle-out', mapPer, layout });
      const approximation = approximate(binarize(t, map, { scalePer, layout }));
      const x = tf.tensor4d(normals(2 * 7 * 7 * 8, 'x'), [2, 7, 7, 8]);
      const kernel = tf.tensor4d(approximation.data as Float32Array, [3, 3, 8, 6]);
      const expected = tf.conv2d(x, kernel, 1, 'same');
      expectClose(model.apply(x, { training: true, step: 0 }) as tf.Tensor, expected);
      expectClose(model.predict(x) as tf.Tensor, expected);
    },
  );

  it('convolve depthwise and multiply densely with core’s approximation', () => {
    const precision: Precision = { weights: weightPrecision(mix, { scalePer: 'output' }) };
    const x = tf.tensor4d(normals(2 * 6 * 6 * 5, 'x'), [2, 6, 6, 5]);
    const options = { mix, select: 'middle-out', layout: 'outputs-last' } as const;
    const of = (shape: number[]): Float32Array => {
      const t = {
        shape,
        data: normals(
          shape.reduce((a, b) => a * b),
          'kernel',
        ),
      };
      const map = selectBits(t, options);
      const r = binarize(t, map, { scalePer: 'output', layout: 'outputs-last' });
      return approximate(r).data as Float32Array;
    };
    const depthwise = new BinarizedDepthwiseConv2D({ kernelSize: 3, strides: 2, precision });
    const filter = tf.tensor4d(of([3, 3, 1, 5]), [3, 3, 5, 1]);
    const model = single(depthwise, [6, 6, 5]);
    expectClose(model.predict(x) as tf.Tensor, tf.depthwiseConv2d(x, filter, 2, 'same'));
    expect(model.outputs[0].shape).toEqual([null, 3, 3, 5]);
    const dense = single(new BinarizedDense({ units: 4, precision }), [5]);
    const rows = tf.tensor2d(normals(15, 'rows'), [3, 5]);
    expectClose(dense.predict(rows) as tf.Tensor, tf.matMul(rows, tf.tensor2d(of([5, 4]), [5, 4])));
  });

  it('renew the map every so many steps, once, or never at inference', () => {
    const bitsAfter = (renewEvery: number, step: number, freezeAt?: number): number[] => {
      const precision: Precision = { weights: weightPrecision(mix, { renewEvery, freezeAt }) };
      const layer = new BinarizedDense({ units: 4, precision });
      const model = single(layer, [10]);
      const x = tf.ones([1, 10]);
      model.apply(x, { training: true, step: 0 });
      const kernel = variableOf(layer.weights[0]);
      kernel.assign(tf.tensor(normals(40, 'moved'), [10, 4]));
      model.apply(x, { training: true, step, done: step / 10 });
      return [...layer.exportMaps()[0].data];
    };
    const [fresh, old] = [bitsAfter(1, 1), bitsAfter(0, 1)];
    expect(fresh).not.toEqual(old);
    expect(bitsAfter(1, 4, 0.5)).toEqual(fresh);
    expect(bitsAfter(1, 5, 0.5)).toEqual(old);
    expect(bitsAfter(4, 3)).toEqual(old);
    expect(bitsAfter(4, 4)).toEqual(fresh);
  });

  it('give each sample its own map and scales when dynamic', () => {
    const precision: Precision = { inputs: inputPrecision(mix) };
    const model = single(new BinarizedDense({ units: 4, precision }), [50]);
    const rows = tf.tensor2d(normals(150, 'rows'), [3, 50]);
    const together = model.predict(rows) as tf.Tensor;
    const alone = tf.concat(tf.split(rows, 3).map((row) => model.predict(row) as tf.Tensor2D));
    expectClose(together, alone);
  });

  it('freeze map and scales at inference when static, whatever the batch', () => {
    const precision: Precision = { inputs: inputPrecision(mix, { map: 'static' }) };
    const layer = new BinarizedDense({ units: 50, precision });
    const model = single(layer, [50]);
    const rows = tf.tensor2d(normals(3200, 'rows'), [64, 50]);
    for (let step = 0; step < 5; step++) model.apply(rows, { training: true, step });
    const twice = model.predict(tf.mul(rows, 2)) as tf.Tensor;
    // Constant scales: a sample twice as large binarizes with the same magnitudes, so nothing scales by 2.
    const once = model.predict(rows) as tf.Tensor;
    const ratio = tf.div(tf.sum(tf.abs(twice)), tf.sum(tf.abs(once))).dataSync()[0];
    expect(ratio).toBeLessThan(1.5);
    const stored = layer.exportMaps();
    expect(stored.map(({ name }) => name.split('/')[1])).toEqual([
      'input_magnitudes',
      'input_scales',
      'input_started',
    ]);
    const other = new BinarizedDense({ units: 50, precision, name: layer.name });
    const copy = single(other, [50]);
    other.importMaps(new Map(stored.map((array) => [array.name, array])), 'test');
    expect([...(copy.predict(rows) as tf.Tensor).dataSync()]).toEqual([...once.dataSync()]);
  });

  it('keep a scale of 0 for a plane that no channel of a static map is in', () => {
    const precision: Precision = {
      inputs: inputPrecision(parseMix('0.7/0.2/0.1'), { map: 'static', mapPer: 'channel' }),
    };
    const layer = new BinarizedDense({ units: 3, precision });
    const model = single(layer, [3]);
    const rows = tf.tensor2d(normals(48, 'channels'), [16, 3]);
    for (let step = 0; step < 3; step++) model.apply(rows, { training: true, step });
    const { bits, scales } = layer.inputMap() as { bits: Uint8Array; scales: Float32Array };
    expect(Math.max(...bits)).toBeLessThan(3);
    expect(scales).toHaveLength(3);
    expect(scales[0]).toBeGreaterThan(0);
    expect(scales[2]).toBe(0);
  });
});
