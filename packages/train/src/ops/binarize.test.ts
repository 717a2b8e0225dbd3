import {
  approximate,
  binarize,
  bitMapFrom,
  HbnnError,
  type Heuristic,
  parseMix,
  selectBits,
} from '@hbnn/core';
import { binarizer } from '@hbnn/core/binarizer';
import * as tf from '@tensorflow/tfjs-core';
import { beforeEach, describe, expect, test } from 'vitest';
import { available } from '../../test/availableBackends.ts';
import { gradientsOn, seeded } from '../../test/gradientCheck.ts';
import { useBackend } from '../backend/useBackend.ts';
import { binarizeInputs, type InputMap, meanMagnitudes } from './binarizeInputs.ts';
import { binarizeWeights } from './binarizeWeights.ts';
import { Curvature } from './curvature.ts';

const mix = parseMix('0.7/0.2/0.1');
const shape = [3, 4, 5, 7];
const features = 140;

describe.each(available)('on %s', (backend) => {
  beforeEach(async () => {
    await useBackend({ prefer: backend });
  });

  test.each(['element', 'position', 'output'] as const)(
    "weights, map per %s: core's numbers, bit for bit",
    (mapPer) => {
      const layout = 'outputs-last';
      const weights = seeded([3, 3, 5, 8], 'w');
      const b = binarizer({ shape: weights.shape, layout, select: 'middle-out', mix, mapPer });
      const found = binarizeWeights(weights, b, { renew: true }).dataSync();
      const t = { shape: weights.shape, data: weights.dataSync() as Float32Array };
      const map = selectBits(t, { mix, select: 'middle-out', mapPer, layout });
      expect(found).toEqual(approximate(binarize(t, map, { layout })).data);
    },
  );

  test('weights keep their map until it is renewed', () => {
    const spec = { shape: [4, 5], layout: 'outputs-last', select: 'bottom-up', mix } as const;
    const b = binarizer(spec);
    tf.tidy(() => {
      binarizeWeights(seeded([4, 5], 'first'), b, { renew: true });
      const map = [...b.bits];
      binarizeWeights(seeded([4, 5], 'second'), b, { renew: false });
      expect([...b.bits]).toEqual(map);
      binarizeWeights(seeded([4, 5], 'second'), b, { renew: true });
      expect([...b.bits]).not.toEqual(map);
    });
  });

  test('weights by curvature: the running mean of squared gradients says what each counts', () => {
    const spec = { shape: [6, 7], layout: 'outputs-last', select: 'gain', average: 1.4 } as const;
    const [b, wanted] = [binarizer(spec), binarizer(spec)];
    const curvature = new Curvature(42);
    const weights = seeded([6, 7], 'w');
    const data = weights.dataSync() as Float32Array;
    const gradients = ['first', 'second', 'third'].map((name) => seeded([6, 7], name));
    const means = new Float64Array(42);
    gradients.forEach((gradient, step) => {
      const lossOf = (w: tf.Tensor): tf.Scalar => {
        const y = binarizeWeights(w, b, { renew: true, curvature });
        return tf.sum(tf.mul(y, gradient)) as tf.Scalar;
      };
      tf.tidy(() => tf.grad(lossOf)(weights));
      wanted.renew(data, step === 0 ? undefined : Float32Array.from(means));
      expect([...b.bits]).toEqual([...wanted.bits]);
      // The gradient is that of the binarized weights: also where straight-through lets none pass.
      gradient.dataSync().forEach((g, i) => {
        means[i] = step === 0 ? g * g : 0.99 * means[i] + 0.01 * g * g;
      });
      curvature.values.forEach((h, i) => {
        expect(h).toBeCloseTo(means[i], 6);
      });
      means.set(curvature.values);
    });
    wanted.renew(data);
    expect([...b.bits]).not.toEqual([...wanted.bits]);
  });

  test.each(['middle-out', 'top-down', 'bottom-up', 'random'] as const)(
    "dynamic inputs, %s: core's numbers per sample, bit for bit",
    (select: Heuristic) => {
      const x = seeded(shape, 'x');
      const values = x.dataSync() as Float32Array;
      for (const each of ['1', '0/1', '0.7/0.2/0.1', '0:0.5/2:0.5'].map((text) => parseMix(text))) {
        const map: InputMap = { kind: 'dynamic', mix: each, select, seed: 3 };
        const { y, scales, planes } = binarizeInputs(x, map);
        const found = y.dataSync();
        for (let i = 0; i < shape[0]; i++) {
          const data = values.subarray(i * features, (i + 1) * features);
          const sample = { shape: [features], data };
          const wanted = binarize(sample, selectBits(sample, { mix: each, select, seed: 3 }));
          expect(found.slice(i * features, (i + 1) * features)).toEqual(approximate(wanted).data);
          expect(planes).toBe(wanted.planes.length);
          expect([...scales.subarray(i * planes, (i + 1) * planes)]).toEqual(
            wanted.planes.map((plane) => plane.scales[0]),
          );
        }
      }
    },
  );

  test("static inputs: core's numbers over the batch; given scales are kept", () => {
    const x = seeded(shape, 'x');
    const bits = Uint8Array.from({ length: features }, (_, i) => i % 4);
    const { y, scales, planes } = binarizeInputs(x, { kind: 'static', bits });
    const map = bitMapFrom(new Uint8Array([...bits, ...bits, ...bits]), [3 * features]);
    const t = { shape: [3 * features], data: x.dataSync() as Float32Array };
    const wanted = binarize(t, map);
    expect(y.dataSync()).toEqual(approximate(wanted).data);
    expect([planes, ...scales]).toEqual([3, ...wanted.planes.map((plane) => plane.scales[0])]);
    const given = binarizeInputs(x, { kind: 'static', bits, scales });
    expect(given.y.dataSync()).toEqual(y.dataSync());
    expect(given.scales).toEqual(scales);
  });

  test('mean magnitudes over the batch', () => {
    const x = tf.tensor([1, -2, 0, -3, 4, 0.5], [2, 3]);
    expect([...meanMagnitudes(x)]).toEqual([2, 3, 0.25]);
  });

  test('a map of another size, or too few scales, is an error', () => {
    const x = seeded([2, 5], 'x');
    const short: InputMap = { kind: 'static', bits: new Uint8Array(4).fill(1) };
    expect(() => binarizeInputs(x, short)).toThrow(HbnnError);
    expect(() => binarizeInputs(x, short)).toThrow(/5 bitwidths.*got 4/);
    const bits = new Uint8Array(5).fill(2);
    const scales = Float32Array.of(1);
    expect(() => binarizeInputs(x, { kind: 'static', bits, scales })).toThrow(/2 scales.*got 1/);
    const other = binarizer({ shape: [2, 4], layout: 'outputs-last', select: 'middle-out', mix });
    expect(() => binarizeWeights(x, other, { renew: true })).toThrow(
      /shape \[2, 4\], got \[2, 5\]/,
    );
  });

  test('gradients are straight-through', async () => {
    const spec = { shape: [4, 33], layout: 'outputs-last', select: 'middle-out', mix } as const;
    const b = binarizer(spec);
    const bits = new Uint8Array(33).fill(2);
    for (const run of [
      (x: tf.Tensor) => binarizeWeights(x, b, { renew: true }),
      (x: tf.Tensor) => binarizeInputs(x, { kind: 'dynamic', mix, select: 'middle-out' }).y,
      (x: tf.Tensor) => binarizeInputs(x, { kind: 'static', bits }).y,
    ]) {
      const inputs = () => [seeded([4, 33], 'x')];
      const [, dx] = await gradientsOn(backend, inputs, run);
      const [x, dy] = [seeded([4, 33], 'x').dataSync(), seeded([4, 33], 'dy').dataSync()];
      expect(dx).toEqual(dy.map((slope, i) => (Math.abs(x[i]) <= 1 ? slope : 0)));
    }
  });
});
