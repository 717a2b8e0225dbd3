import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../backend/useBackend.ts';
import { SgdMomentum } from '../optimizer.ts';
import { initialize, parametersOf } from '../parameters.ts';
import {
  averageWeightBits,
  QuantizedConv2D,
  QuantizedDense,
  QuantizedDepthwiseConv2D,
  type QuantizedLayer,
  quantizedLayers,
} from './quantized.ts';

beforeAll(async () => {
  await useBackend({ prefer: 'wasm' });
});

/** Sums of some dozen products of float32. */
const digits = 4;

function modelOf(layer: QuantizedLayer, shape: number[]): tfl.LayersModel {
  const input = tfl.input({ shape });
  const output = layer.apply(input) as tfl.SymbolicTensor;
  const model = tfl.model({ inputs: input, outputs: output });
  initialize(model, 5);
  return model;
}

const values = (size: number): Float32Array =>
  Float32Array.from({ length: size }, (_, i) => 1.5 * Math.sin(7 * i + 1));

const sign = (v: number): number => (v > 0 ? 1 : -1);

function outputOf(model: tfl.LayersModel, shape: number[]): Float32Array {
  const size = shape.reduce((product, n) => product * n, 1);
  return tf.tidy(() => {
    const y = model.apply(tf.tensor(values(size), [1, ...shape])) as tf.Tensor;
    return y.dataSync() as Float32Array;
  });
}

const kernelOf = (model: tfl.LayersModel): Float32Array =>
  model.layers[1].weights[0].read().dataSync() as Float32Array;

/** Each output position with the places of its window inside the map, by the rules of padding 'same', stride 2. */
function windows(size: number, kernel: number): number[][] {
  const out = Math.ceil(size / 2);
  const before = Math.floor(Math.max(0, (out - 1) * 2 + kernel - size) / 2);
  return Array.from({ length: out }, (_, o) =>
    Array.from({ length: kernel }, (_, k) => 2 * o + k - before),
  );
}

describe('layers with the quantizers of XNOR-Net', () => {
  it('convolve signs, times the scales of inputs under the window and of the filter', () => {
    const [side, channels, filters] = [5, 2, 3];
    const layer = new QuantizedConv2D({
      name: 'c',
      filters,
      kernelSize: 3,
      strides: 2,
      quantizer: 'xnor-net',
    });
    const model = modelOf(layer, [side, side, channels]);
    const found = outputOf(model, [side, side, channels]);
    const [x, w] = [values(side * side * channels), kernelOf(model)];
    const at = windows(side, 3);
    let n = 0;
    for (const rows of at)
      for (const columns of at)
        for (let f = 0; f < filters; f++) {
          let [dot, magnitudes, scale] = [0, 0, 0];
          for (const [i, row] of rows.entries())
            for (const [j, column] of columns.entries()) {
              for (let c = 0; c < channels; c++) {
                const weight = w[((3 * i + j) * channels + c) * filters + f];
                scale += Math.abs(weight) / (9 * channels);
                // Padding counts as 0, in the product and in the scale.
                if (row < 0 || column < 0 || row >= side || column >= side) continue;
                const value = x[(row * side + column) * channels + c];
                dot += sign(value) * sign(weight);
                magnitudes += Math.abs(value) / channels / 9;
              }
            }
          expect(found[n++]).toBeCloseTo(dot * magnitudes * scale, digits);
        }
    expect(found).toHaveLength(n);
    model.dispose();
  });

  it('convolve each channel with its own filter and scale', () => {
    const [side, channels] = [5, 2];
    const layer = new QuantizedDepthwiseConv2D({
      name: 'd',
      kernelSize: 3,
      strides: 2,
      quantizer: 'xnor-net',
    });
    const model = modelOf(layer, [side, side, channels]);
    const found = outputOf(model, [side, side, channels]);
    const [x, w] = [values(side * side * channels), kernelOf(model)];
    const at = windows(side, 3);
    let n = 0;
    for (const rows of at)
      for (const columns of at)
        for (let c = 0; c < channels; c++) {
          let [dot, magnitudes, scale] = [0, 0, 0];
          for (const [i, row] of rows.entries())
            for (const [j, column] of columns.entries()) {
              const weight = w[(3 * i + j) * channels + c];
              scale += Math.abs(weight) / 9;
              if (row < 0 || column < 0 || row >= side || column >= side) continue;
              const value = x[(row * side + column) * channels + c];
              dot += sign(value) * sign(weight);
              magnitudes += Math.abs(value) / 9;
            }
          expect(found[n++]).toBeCloseTo(dot * magnitudes * scale, digits);
        }
    expect(found).toHaveLength(n);
    model.dispose();
  });

  it('multiply signs, times the mean magnitude of the inputs', () => {
    const model = modelOf(new QuantizedDense({ name: 'f', units: 3, quantizer: 'xnor-net' }), [7]);
    const found = outputOf(model, [7]);
    const [x, w] = [values(7), kernelOf(model)];
    const k = x.reduce((sum, v) => sum + Math.abs(v), 0) / 7;
    for (let f = 0; f < 3; f++) {
      const filter = w.filter((_, i) => i % 3 === f);
      const alpha = filter.reduce((sum, v) => sum + Math.abs(v), 0) / 7;
      const dot = filter.reduce((sum, v, i) => sum + sign(v) * sign(x[i]), 0);
      expect(found[f]).toBeCloseTo(dot * k * alpha, digits);
    }
    model.dispose();
  });
});

describe('layers with quantizers', () => {
  it('keep what training changes within its bounds', () => {
    const bounds: [string, string, number, number][] = [
      ['bnn', 'kernel', -1, 1],
      ['qnn:2/2', 'kernel', -1, 1],
      ['trq', 'residual_scale', 0.01, 100],
      ['bit-pruning', 'bits', 1, 8],
      ['bayesian-bits', 'gate4', -10, 10],
      ['bayesian-bits', 'range', 0.01, 10],
    ];
    for (const [quantizer, weight, min, max] of bounds) {
      const model = modelOf(new QuantizedDense({ name: 'f', units: 3, quantizer }), [7]);
      for (const slope of [1e6, -1e6]) {
        const variables = parametersOf(model);
        const optimizer = new SgdMomentum(variables, { momentum: 0, weightDecay: 0 });
        const slopes = variables.map(({ variable }) => [
          variable.name,
          tf.fill(variable.shape, slope),
        ]);
        optimizer.step(Object.fromEntries(slopes), 1);
        const { variable } = variables.find(({ name }) => name === `f/${weight}`) ?? {};
        const end = slope > 0 ? min : max;
        expect(variable?.size).toBeGreaterThan(0);
        expect([...(variable?.dataSync() ?? [])].every((v) => Math.abs(v - end) < 1e-6)).toBe(true);
        optimizer.dispose();
      }
      model.dispose();
    }
  });

  it('are built again from their configuration', () => {
    const layers = [
      new QuantizedConv2D({ name: 'c', filters: 4, kernelSize: [3, 1], quantizer: 'dorefa' }),
      new QuantizedDepthwiseConv2D({
        name: 'd',
        kernelSize: 3,
        padding: 'valid',
        quantizer: 'twn',
      }),
      new QuantizedDense({ name: 'f', units: 3, quantizer: 'sq-bwn' }),
    ];
    for (const layer of layers) {
      const type = layer.constructor as unknown as {
        fromConfig(cls: unknown, config: unknown): QuantizedLayer;
      };
      const again = type.fromConfig(type, layer.getConfig());
      expect(again.getConfig()).toEqual(layer.getConfig());
    }
  });

  it('tell the bits per weight on average, each layer by its size', () => {
    const input = tfl.input({ shape: [7] });
    const wide = new QuantizedDense({ name: 'a', units: 6, quantizer: 'qnn:3/float' });
    const narrow = new QuantizedDense({ name: 'b', units: 1, quantizer: 'bwn' });
    const output = narrow.apply(wide.apply(input)) as tfl.SymbolicTensor;
    const model = tfl.model({ inputs: input, outputs: output });
    expect(quantizedLayers(model)).toHaveLength(2);
    expect(averageWeightBits(model)).toBe((42 * 3 + 6) / 48);
    model.dispose();
  });

  it('refuse a method that there is not, by the layer', () => {
    expect(() => new QuantizedDense({ name: 'f', units: 3, quantizer: 'x' })).toThrow(
      "layer 'f': expected one of bwn",
    );
  });
});
