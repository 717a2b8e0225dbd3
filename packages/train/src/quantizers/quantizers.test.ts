import { random } from '@hbnn/core';
import * as tf from '@tensorflow/tfjs-core';
import { beforeEach, describe, expect, it } from 'vitest';
import { available } from '../../test/availableBackends.ts';
import { useBackend } from '../backend/useBackend.ts';
import { methodNamed } from './methods.ts';
import type { InputQuantizer, QuantizerCall, WeightQuantizer } from './quantizer.ts';
import { ratioAt, roulette } from './stochastic.ts';
import { scaleMap } from './xnorNet.ts';

/** Values are a few products and sums of float32: relative errors of some 1e-7. */
const digits = 5;

/** 3 filters of 4 inputs, a row for each input, with 0 and values beyond 1. */
const rows = [
  [0.5, -0.2, 1.4],
  [-0.1, 0.3, -0.7],
  [0.9, 0, 0.2],
  [-1.6, 0.6, 0.05],
];
const w = rows.flat();
const filters = 3;
const inputs = 4;
const column = (f: number): number[] => rows.map((row) => row[f]);
const mean = (values: readonly number[]): number => sum(values) / values.length;
const sum = (values: readonly number[]): number => values.reduce((s, v) => s + v, 0);
const sign = (v: number): number => (v > 0 ? 1 : -1);
/** The nearest whole number; of two as near, the even one. */
const round = (v: number): number => {
  const tie = Math.abs(v - Math.trunc(v)) === 0.5;
  return tie ? 2 * Math.round(v / 2) : Math.round(v);
};
const magnitude = (v: number): number => Math.abs(v);
/** dy of each weight in the gradient checks. */
const slopes = Array.from({ length: w.length }, (_, i) => Math.sin(i + 1));

const weightsOf = (name: string, seed = 7): WeightQuantizer =>
  methodNamed(name, 'test').layer(seed).weights;
const penaltyOf = (quantizer: WeightQuantizer, call: QuantizerCall): number[] => [
  ...(quantizer.penalty?.(call)?.dataSync() ?? []),
];
const inputsOf = (name: string): InputQuantizer =>
  methodNamed(name, 'test').layer(7).inputs as InputQuantizer;

interface Found {
  readonly values: number[];
  readonly gradient: number[];
  /** Gradients of the learned numbers. */
  readonly learned: number[];
}

/** Values and gradients of Σ slopes · Q(w). */
function quantized(
  quantizer: WeightQuantizer,
  { learned = [], ...call }: Partial<Omit<QuantizerCall, 'learned'>> & { learned?: number[] } = {},
): Found {
  const kernel = tf.tensor2d(w, [inputs, filters]);
  const numbers = learned.map((value) => tf.tensor1d([value]));
  let values: number[] = [];
  const { grads } = tf.valueAndGrads((...x: tf.Tensor[]) => {
    const [kernel, ...learned] = x;
    const whole = { training: true, step: 0, done: 0, ...call, learned };
    const q = quantizer.quantize(kernel as tf.Tensor2D, whole);
    values = [...q.dataSync()];
    return tf.sum(tf.mul(q, tf.tensor2d(slopes, [inputs, filters]))) as tf.Scalar;
  })([kernel, ...numbers]);
  const [gradient, ...others] = grads.map((g) => [...g.dataSync()]);
  return { values, gradient, learned: others.map(([value]) => value) };
}

function inputsThrough(quantizer: InputQuantizer, x: readonly number[]): Found {
  let values: number[] = [];
  const dy = tf.tensor1d(slopes.slice(0, x.length));
  const gradient = tf.grad((x: tf.Tensor) => {
    const q = quantizer.quantize(x);
    values = [...q.dataSync()];
    return tf.sum(tf.mul(q, dy));
  })(tf.tensor1d([...x]));
  return { values, gradient: [...gradient.dataSync()], learned: [] };
}

function expectClose(found: readonly number[], expected: readonly number[]): void {
  expect(found).toHaveLength(expected.length);
  expected.forEach((value, i) => {
    expect(found[i], `at ${i}`).toBeCloseTo(value, digits);
  });
}

/** f of each weight and of the number of its filter. */
const eachWeight = (f: (v: number, filter: number, i: number) => number): number[] =>
  w.map((v, i) => f(v, i % filters, i));

const scales = [0, 1, 2].map((f) => mean(column(f).map(magnitude)));

/** TWN by hand: mean |w| = 6.55 / 12 = 0.5458, Δ = 0.3821; above it 0.5, 1.4, 0.7, 0.9, 1.6, 0.6. */
const threshold = 0.7 * mean(w.map(magnitude));
const above = (v: number): boolean => magnitude(v) > threshold;

describe.each(available)('on %s', (backend) => {
  beforeEach(async () => {
    await useBackend({ prefer: backend });
  });

  it('BWN: signs times the mean magnitude of each filter, with the gradient 1/n + α · 1{|w| <= 1}', () => {
    const { values, gradient } = quantized(weightsOf('bwn'));
    expect(scales.map((s) => Number(s.toFixed(4)))).toEqual([0.775, 0.275, 0.5875]);
    expectClose(
      values,
      eachWeight((v, f) => scales[f] * sign(v)),
    );
    const factor = (v: number, f: number): number =>
      1 / inputs + (magnitude(v) <= 1 ? scales[f] : 0);
    expectClose(
      gradient,
      eachWeight((v, f, i) => slopes[i] * factor(v, f)),
    );
  });

  it('XNOR-Net: signs of inputs in the window of 1, and a scale map without a gradient', () => {
    const x = [0.4, -0.1, 1.2, -3, 0];
    const { values, gradient } = inputsThrough(inputsOf('xnor-net'), x);
    expect(values).toEqual([1, -1, 1, -1, -1]);
    expectClose(gradient, [slopes[0], slopes[1], 0, 0, slopes[4]]);
    // A 2×2 map of two channels under a 2×2 window without padding: the mean over all eight.
    const map = [1, -2, 3, 4, -5, 6, 7, -8];
    const found = tf.valueAndGrad((x: tf.Tensor) =>
      scaleMap(x, true, (a) =>
        tf.conv2d(a as tf.Tensor4D, tf.fill([2, 2, 1, 1], 0.25) as tf.Tensor4D, 1, 'valid'),
      ),
    )(tf.tensor4d(map, [1, 2, 2, 2]));
    expectClose([...found.value.dataSync()], [4.5]);
    expect([...found.grad.dataSync()]).toEqual(map.map(() => 0));
    expect(inputsOf('xnor-net').scaled).toBe(true);
  });

  it('BNN: signs alone, the gradient inside of −1 … 1, weights clipped there', () => {
    const { values, gradient } = quantized(weightsOf('bnn'));
    expectClose(values, w.map(sign));
    expectClose(
      gradient,
      eachWeight((v, _, i) => (magnitude(v) <= 1 ? slopes[i] : 0)),
    );
    expect(weightsOf('bnn').clipped).toBe(true);
    expect(inputsThrough(inputsOf('bnn'), [0.2, -4]).gradient[1]).toBe(0);
    expect(inputsOf('bnn').scaled).toBe(false);
  });

  it('DoReFa-Net, weights of 1 bit: signs times the mean magnitude of the layer, the gradient 1', () => {
    const { values, gradient } = quantized(weightsOf('dorefa:1/2'));
    const scale = mean(w.map(magnitude));
    expectClose(
      values,
      w.map((v) => scale * sign(v)),
    );
    expectClose(gradient, slopes);
  });

  it('DoReFa-Net, weights of 2 bits: tanh, scaled to 0 … 1, rounded to thirds', () => {
    const { values, gradient } = quantized(weightsOf('dorefa:2/2'));
    const largest = Math.tanh(1.6);
    const unit = w.map((v) => Math.tanh(v) / (2 * largest) + 0.5);
    expectClose(
      values,
      unit.map((u) => (2 * round(3 * u)) / 3 - 1),
    );
    expect([...new Set(values.map((v) => Math.round(3 * v)))].sort((a, b) => a - b)).toEqual([
      -3, -1, 1, 3,
    ]);
    // d/dw of tanh(w) / largest; the largest, at index 9, has the quotient's other term of all weights.
    const slope = (v: number): number => 1 - Math.tanh(v) ** 2;
    const ofLargest =
      -sum(w.map((v, i) => (slopes[i] * Math.tanh(v)) / largest ** 2)) * -slope(1.6);
    expectClose(
      gradient,
      eachWeight((v, _, i) => (slopes[i] * slope(v)) / largest + (i === 9 ? ofLargest : 0)),
    );
  });

  it('DoReFa-Net, inputs: clipped to 0 … 1 and rounded, the gradient inside', () => {
    const x = [-0.5, 0, 0.2, 0.4, 0.9, 1.5];
    const { values, gradient } = inputsThrough(inputsOf('dorefa:1/2'), x);
    expectClose(values, [0, 0, 1 / 3, 1 / 3, 1, 1]);
    expectClose(gradient, [0, slopes[1], slopes[2], slopes[3], slopes[4], 0]);
  });

  it('QNN: 2^k equidistant values in −1 … 1, signs for 1 bit', () => {
    const x = [-3, -0.9, -0.4, 0.1, 0.5, 0.8, 2];
    const { values, gradient } = inputsThrough(inputsOf('qnn:1/2'), x);
    expectClose(values, [-1, -1, -1 / 3, 1 / 3, 1 / 3, 1, 1]);
    expectClose(gradient, [0, ...slopes.slice(1, 6), 0]);
    expectClose(quantized(weightsOf('qnn:1/2')).values, w.map(sign));
    const steps = w.map((v) => round((Math.max(-1, Math.min(1, v)) + 1) * 3.5));
    expectClose(
      quantized(weightsOf('qnn:3/2')).values,
      steps.map((n) => (2 * n) / 7 - 1),
    );
    expect(weightsOf('qnn:3/2').clipped).toBe(true);
  });

  it('TWN: the mean magnitude of those above 0.7 of the mean, the gradient 1', () => {
    expect(threshold).toBeCloseTo(0.38208, 5);
    const { values, gradient } = quantized(weightsOf('twn'));
    const scale = (0.5 + 1.4 + 0.7 + 0.9 + 1.6 + 0.6) / 6;
    expectClose(
      values,
      w.map((v) => (above(v) ? scale * sign(v) : 0)),
    );
    expectClose(gradient, slopes);
  });

  it('SQ: some filters quantized, the others float, by a draw from seed and step; all at inference', () => {
    const binary = eachWeight((v, f) => scales[f] * sign(v));
    const chosen = [0, 1, 2].map((f) => column(f).filter(above).map(magnitude));
    const ternary = eachWeight((v, f) => (above(v) ? mean(chosen[f]) * sign(v) : 0));
    for (const [name, all] of [
      ['sq-bwn', binary],
      ['sq-twn', ternary],
    ] as const) {
      expectClose(quantized(weightsOf(name), { training: false }).values, all);
      expectClose(quantized(weightsOf(name), { done: 0.75 }).values, all);
      const drawn = Array.from({ length: 40 }, (_, step) => {
        const { values, gradient } = quantized(weightsOf(name), { step });
        expectClose(gradient, slopes);
        return [0, 1, 2].map((f) => {
          const of = (list: readonly number[]): number[] =>
            list.filter((_, i) => i % filters === f);
          const quantizedToo = magnitude(of(values)[0] - of(all)[0]) < 1e-5;
          expectClose(of(values), of(quantizedToo ? all : w));
          return Number(quantizedToo);
        });
      });
      // Half of three filters: one stays float, and not always the same.
      for (const filters of drawn) expect(sum(filters)).toBe(2);
      expect(new Set(drawn.map(String)).size).toBe(3);
      const again = Array.from({ length: 40 }, (_, step) => quantized(weightsOf(name), { step }));
      const first = again.map(({ values }) => values);
      expect(
        Array.from({ length: 40 }, (_, step) => quantized(weightsOf(name), { step }).values),
      ).toEqual(first);
      const other = Array.from(
        { length: 40 },
        (_, step) => quantized(weightsOf(name, 8), { step }).values,
      );
      expect(other).not.toEqual(first);
    }
  });

  it('TRQ: stem and residual with one scale, gradients for weights and scale', () => {
    const factor = 0.8;
    const scale = factor * mean(w.map(magnitude));
    const { values, gradient, learned } = quantized(weightsOf('trq'), { learned: [factor] });
    const both = w.map((v) => sign(v) + sign(v - scale * sign(v)));
    expectClose(
      values,
      both.map((b) => scale * b),
    );
    expectClose(
      values,
      w.map((v) => (magnitude(v) > scale ? 2 * scale * sign(v) : 0)),
    );
    expectClose(
      gradient,
      eachWeight((v, _, i) => (magnitude(v) <= 1 ? slopes[i] : 0)),
    );
    expectClose(learned, [sum(both.map((b, i) => b * slopes[i])) * mean(w.map(magnitude))]);
  });

  it('BitPruning: between two whole numbers of bits, then whole, with its penalty', () => {
    const uniform = (bits: number): number[] => {
      const step = 3 / (2 ** bits - 1);
      return w.map((v) => -1.6 + step * round((v + 1.6) / step));
    };
    const [two, three] = [uniform(2), uniform(3)];
    const quantizer = weightsOf('bit-pruning:0.25');
    const { values, gradient, learned } = quantized(quantizer, { learned: [2.25] });
    expectClose(
      values,
      two.map((v, i) => 0.75 * v + 0.25 * three[i]),
    );
    expectClose(gradient, slopes);
    expectClose(learned, [sum(slopes.map((s, i) => s * (three[i] - two[i])))]);
    const call = { training: true, step: 0, done: 0.5, learned: [tf.tensor1d([2.25])] };
    expectClose(penaltyOf(quantizer, call), [0.5625]);
    expect(quantizer.bits([2.25])).toBe(3);
    expectClose(quantized(quantizer, { training: false, learned: [2.25] }).values, three);
    const fixed = quantized(quantizer, { done: 0.75, learned: [2.25] });
    expectClose(fixed.values, three);
    expectClose(fixed.learned, [0]);
    // What stays no longer follows the number that momentum still moves.
    expectClose(quantized(quantizer, { done: 0.8, learned: [1.9] }).values, three);
    expect(quantizer.bits([1.9])).toBe(3);
    expect(quantizer.penalty?.({ ...call, done: 0.8 })).toBeUndefined();
  });

  it('Bayesian Bits: residual planes behind gates, then whole gates, with its penalty', () => {
    const plane = (values: readonly number[], step: number): number[] =>
      values.map((v) => step * round(v / step));
    const minus = (a: readonly number[], b: readonly number[]): number[] =>
      a.map((v, i) => v - b[i]);
    const range = 0.75;
    const end = 1.6 * range;
    const clip = w.map((v) => Math.max(-end * (1 - 1e-6), Math.min(end * (1 - 1e-6), v)));
    const s2 = (2 * end) / 3;
    const x2 = plane(clip, s2);
    const x4 = plane(minus(clip, x2), s2 / 5);
    const x8 = plane(minus(minus(clip, x2), x4), s2 / 5 / 17);
    const gate = (phi: number): number =>
      Math.max(0, Math.min(1, 1.2 / (1 + Math.exp(-1.5 * phi)) - 0.1));
    const phis = [0.4, -0.6];
    const quantizer = weightsOf('bayesian-bits:0.5');
    const learned = [...phis, range];
    const found = quantized(quantizer, { learned });
    const [z4, z8] = phis.map(gate);
    expectClose(
      found.values,
      x2.map((v, i) => v + z4 * (x4[i] + z8 * x8[i])),
    );
    const slopeOf = (phi: number): number => {
      const s = 1 / (1 + Math.exp(-1.5 * phi));
      return 1.2 * 1.5 * s * (1 - s);
    };
    expectClose(found.learned.slice(0, 2), [
      slopeOf(phis[0]) * sum(slopes.map((s, i) => s * (x4[i] + z8 * x8[i]))),
      slopeOf(phis[1]) * sum(slopes.map((s, i) => s * z4 * x8[i])),
    ]);
    const inside = (v: number): boolean => magnitude(v) <= end;
    expectClose(
      found.gradient,
      eachWeight((v, _, i) => (inside(v) ? slopes[i] : 0)),
    );
    const open = (phi: number): number => 1 / (1 + Math.exp(-(phi + (2 / 3) * Math.log(11))));
    const numbers = learned.map((value) => tf.tensor1d([value]));
    const call = { training: true, step: 0, done: 0, learned: numbers };
    const penalty = 0.5 * (4 * open(phis[0]) + 8 * open(phis[0]) * open(phis[1]));
    expectClose(penaltyOf(quantizer, call), [penalty]);
    // Open where the probability of 0 is below 0.34: φ > −1.5986 + 0.6633.
    const bits = (a: number, b: number): number => quantizer.bits([a, b, range]);
    expect([bits(-0.93, -0.93), bits(-0.93, -0.94), bits(-0.94, 3)]).toEqual([8, 4, 2]);
    const fixed = quantized(quantizer, { done: 0.75, learned: [0.4, -1.2, range] });
    expectClose(
      fixed.values,
      x2.map((v, i) => v + x4[i]),
    );
    expectClose(fixed.learned.slice(0, 2), [0, 0]);
    expect(quantizer.bits([-3, -3, range])).toBe(4);
    expect(quantizer.penalty?.({ ...call, done: 0.9 })).toBeUndefined();
  });
});

describe('stochastic quantization', () => {
  it('quantizes more filters in each quarter of the training', () => {
    const shares = [0, 0.24, 0.25, 0.49, 0.5, 0.74, 0.75, 1].map(ratioAt);
    expect(shares).toEqual([0.5, 0.5, 0.75, 0.75, 0.875, 0.875, 1, 1]);
  });

  it('draws each filter in proportion to the inverse of its error, without putting it back', () => {
    const errors = [0.1, 0.2, 0.4];
    const trials = 20_000;
    const rng = random(3, 'roulette test');
    const singles = [0, 0, 0];
    const pairsWithout = [0, 0, 0];
    for (let n = 0; n < trials; n++) {
      roulette(errors, 1, rng).forEach((hit, i) => {
        singles[i] += hit;
      });
      const pair = roulette(errors, 2, rng);
      expect(sum([...pair])).toBe(2);
      pairsWithout[pair.indexOf(0)]++;
    }
    // Shares 10, 5, 2.5 of 17.5. Three standard errors of a share are 0.011.
    const within = 0.011;
    [10, 5, 2.5].forEach((share, i) => {
      expect(Math.abs(singles[i] / trials - share / 17.5)).toBeLessThan(within);
    });
    const p = [10 / 17.5, 5 / 17.5, 2.5 / 17.5];
    const without = (a: number, b: number): number =>
      (p[a] * p[b]) / (1 - p[a]) + (p[b] * p[a]) / (1 - p[b]);
    [without(1, 2), without(0, 2), without(0, 1)].forEach((share, i) => {
      expect(Math.abs(pairsWithout[i] / trials - share)).toBeLessThan(within);
    });
    expect([...roulette(errors, 3, rng)]).toEqual([1, 1, 1]);
    expect([...roulette(errors, 0, rng)]).toEqual([0, 0, 0]);
    expect([...roulette([0, 0.5], 1, rng)]).toEqual([1, 0]);
  });
});

describe('methods', () => {
  it('have a whole name with their options', () => {
    const names = ['twn', 'dorefa', 'qnn', 'qnn:2/float', 'bit-pruning', 'bayesian-bits:5e-2'];
    expect(names.map((name) => methodNamed(name, 'here').name)).toEqual([
      'twn',
      'dorefa:1/2',
      'qnn:1/2',
      'qnn:2/float',
      'bit-pruning:0.01',
      'bayesian-bits:0.05',
    ]);
    expect(methodNamed('qnn:2/float', 'here').quantizesInputs).toBe(false);
    expect(methodNamed('xnor-net', 'here').quantizesInputs).toBe(true);
  });

  it.each([
    [
      'xnor',
      "here: expected one of bwn, xnor-net, bnn, dorefa, qnn, twn, sq-bwn, sq-twn, trq, bit-pruning, bayesian-bits, got 'xnor'",
    ],
    ['toString', "got 'toString'"],
    ['twn:2', "here: expected twn without options, got 'twn:2'; write twn"],
    [
      'dorefa:0/2',
      "here: expected behind dorefa: bits of the weights and of the inputs, 1 to 8 each or float for inputs, as in 1/2, got 'dorefa:0/2'; write it as dorefa:1/2",
    ],
    ['qnn:', "got 'qnn:'"],
    ['qnn:9/2', "got 'qnn:9/2'"],
    ['dorefa:float/2', "got 'dorefa:float/2'"],
    [
      'bit-pruning:-1',
      "here: expected behind bit-pruning: the strength of its penalty, a number from 0, as in 0.01, got 'bit-pruning:-1'; write it as bit-pruning:0.01",
    ],
    ['bayesian-bits:x', "got 'bayesian-bits:x'"],
  ])('are refused with the way out: %s', (text, message) => {
    expect(() => methodNamed(text, 'here')).toThrow(message);
  });
});
