import { random } from '@hbnn/core';
import { describe, expect, it } from 'vitest';
import { interpreter } from '../interpreter.ts';
import type { TrainedLayer, TrainedModel } from '../trainedModel.ts';
import { lower } from './lower.ts';

type Piecewise = Extract<TrainedLayer, { kind: 'piecewise' }>;

const leaky = (slope: number, largest?: number): Piecewise => ({
  kind: 'piecewise',
  name: 'act',
  knots: [0],
  slopes: [slope, 1],
  atZero: 0,
  ...(largest !== undefined && { largest }),
});

/** A hat: up, level, down, and level again. */
const hat: Piecewise = {
  kind: 'piecewise',
  name: 'act',
  knots: [-1, 0.5, 1, 2],
  slopes: [0, 0.75, 0, -1, 0],
  atZero: 0.25,
};

const pieceAt = ({ knots, slopes, atZero }: Piecewise, x: number): number =>
  slopes.reduce((sum, slope, k) => {
    const [least, most] = [knots[k - 1] ?? -Infinity, knots[k] ?? Infinity];
    const cut = (value: number): number => Math.min(Math.max(value, least), most);
    return sum + slope * (cut(x) - cut(0));
  }, atZero);

/** Pixels times scales with offsets, the pieces, and a layer that gives each channel as a score. */
function network(
  act: TrainedLayer,
  scales: number[],
  offsets: number[],
  rest: TrainedLayer[] = [],
) {
  const channels = scales.length;
  const identity = Float32Array.from({ length: channels * channels }, (_, i) =>
    i % (channels + 1) === 0 ? 1 : 0,
  );
  const dense = (name: string): TrainedLayer => ({
    kind: 'dense',
    name,
    weights: { kind: 'float', tensor: { shape: [channels, channels], data: identity } },
  });
  const trained: TrainedModel = {
    name: 'net',
    input: {
      shape: [1, 1, channels],
      mean: scales.map(() => 0.5),
      deviation: scales.map(() => 0.25),
    },
    layers: [
      dense('first'),
      {
        kind: 'affine',
        name: 'norm',
        scales: Float64Array.from(scales),
        offsets: Float64Array.from(offsets),
      },
      act,
      ...rest,
      dense('scores'),
    ],
    classes: scales.map((_, k) => `c${k}`),
  };
  const { model } = lower(trained, { onNote: () => {} });
  const input = (p: number, c: number): number => ((p / 255 - 0.5) / 0.25) * scales[c] + offsets[c];
  return { model, input };
}

describe('straight pieces', () => {
  const scales = [1, -2, 0.3];
  const offsets = [0.5, -0.25, 1];
  const pixels = Uint8Array.from(
    { length: 3 * 64 },
    (() => {
      const rng = random('pieces');
      return () => rng.below(256);
    })(),
  );

  it.each([
    ['LeakyReLU of slope 0.01', leaky(0.01)],
    ['LeakyReLU of slope 0.3, with outputs that were measured', leaky(0.3, 4.5)],
    ['a slope below 0', leaky(-0.5)],
    ['a hat', hat],
    ['one piece that is not level', { ...hat, knots: [0, 1], slopes: [0, 1, 0], atZero: 0 }],
  ])('%s comes out as it is, but for rounding', (_, act) => {
    const { model, input } = network(act, scales, offsets);
    const scores = interpreter(model).run(pixels);
    const expected = Array.from(pixels, (p, i) => pieceAt(act, input(p, i % 3)));
    const largest = Math.max(...expected.map(Math.abs));
    expected.forEach((value, i) => {
      // Half a step of 8 bits, and of the values in front and of the weights less than as much.
      expect(Math.abs(scores[i] * model.scoreFactor - value) / largest).toBeLessThan(1.2 / 255);
    });
  });

  it.each([8, 2, 0.5])('follow HardSwish within a step of 8 bits of %d', (top) => {
    const curve = (x: number): number => (x * Math.min(Math.max(x + 3, 0), 6)) / 6;
    const act = { kind: 'hardSwish', name: 'act' } as const;
    const own = [top, -top / 2, top / 4];
    const { input } = network(act, own, [0, 0, 0]);
    const expected = Array.from(pixels, (p, i) => curve(input(p, i % 3)));
    const largest = Math.max(...expected.map(Math.abs));
    const { model } = network({ ...act, largest }, own, [0, 0, 0]);
    const scores = interpreter(model).run(pixels);
    expected.forEach((value, i) => {
      expect(Math.abs(scores[i] * model.scoreFactor - value) / largest).toBeLessThan(1.5 / 255);
    });
  });

  it('of values that are all level is one value', () => {
    const { model } = network({ ...hat, knots: [50, 60], slopes: [0, 1, 0] }, scales, offsets);
    const scores = interpreter(model).run(pixels);
    expect(new Set(scores).size).toBe(1);
    expect(scores[0] * model.scoreFactor).toBeCloseTo(0.25, 2);
  });

  it('are not rounded in front of a binarization', () => {
    const binarize: TrainedLayer = {
      kind: 'binarize',
      name: 'bits',
      map: 'static',
      bits: Uint8Array.of(1, 2, 2),
      scales: Float32Array.of(0.5, 0.25),
    };
    const { model, input } = network(hat, scales, offsets, [binarize]);
    expect(model.layers.filter(({ name }) => name === 'act').map(({ kind }) => kind)).toEqual([
      'add',
    ]);
    const scores = interpreter(model).run(pixels);
    const planes = [1, 2, 2];
    let compared = 0;
    pixels.forEach((p, i) => {
      const value = pieceAt(hat, input(p, i % 3));
      const first = value > 0 ? 0.5 : -0.5;
      const rest = value - first;
      const level = planes[i % 3] === 1 ? first : first + (rest > 0 ? 0.25 : -0.25);
      // The values in front are rounded to 1 / 2047: those at a threshold may fall on either side.
      if (Math.min(Math.abs(value), Math.abs(rest)) < 0.01) return;
      compared++;
      expect(scores[i] * model.scoreFactor).toBeCloseTo(level, 2);
    });
    expect(compared).toBeGreaterThan(100);
  });

  /** The first plane of each value behind an activation, and how many of them are not the sign of its value. */
  function signs(
    act: TrainedLayer,
    scales: number[],
    { value, rest = [] }: { value: (x: number) => number; rest?: TrainedLayer[] },
  ): { compared: number; wrong: number } {
    const bits: TrainedLayer = {
      kind: 'binarize',
      name: 'bits',
      map: 'static',
      bits: Uint8Array.of(1, 1, 1),
      scales: Float32Array.of(0.5),
    };
    const { model, input } = network(act, scales, [0, 0, 0], [bits, ...rest]);
    const codes: number[] = [];
    interpreter(model).run(pixels, ({ name }, { values }) => {
      if (name === 'bits') codes.push(...values);
    });
    const wrong = codes.filter((code, i) => code > 0 !== value(input(pixels[i], i % 3)) > 0);
    return { compared: codes.length, wrong: wrong.length };
  }

  it.each([10, 37, 100, 1234])(
    'that are level at 0 stay 0 in front of a binarization, beside values up to %d',
    (top) => {
      const counts = signs({ kind: 'hardSwish', name: 'act' }, [top, -top, top / 3], {
        // Values nearer to 0 than a step of 12 bits may come out as 0.
        value: (x) => (x <= top / 300 ? 0 : x),
      });
      expect(counts.compared).toBe(pixels.length);
      expect(counts.wrong).toBeLessThan(0.02 * counts.compared);
    },
  );

  it('that meet at 0 keep the sign of small channels, also where another layer reads them as floats', () => {
    const act: TrainedLayer = { ...leaky(0.1), largest: 50 };
    const weights = {
      kind: 'float',
      tensor: { shape: [3, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9) },
    } as const;
    const rest: TrainedLayer[] = [
      { kind: 'dense', name: 'planes', weights },
      { kind: 'dense', name: 'floats', weights, from: 'act' },
      { kind: 'add', name: 'sum', inputs: ['planes', 'floats'] },
    ];
    const { compared, wrong } = signs(act, [25, 0.01, -0.001], { value: (x) => x, rest });
    expect(compared).toBe(pixels.length);
    expect(wrong).toBe(0);
  });

  it.each([
    [{ knots: [1, 0], slopes: [1, 1, 1] }, /layer 'act': expected knots that ascend/],
    [{ knots: [0], slopes: [1] }, /one slope more than these/],
    [{ knots: [0], slopes: [0, 0] }, /not all 0/],
    [{ slopes: [Number.NaN, 1] }, /layer 'act': expected finite slopes/],
  ])('%j is refused by name', (part, message) => {
    expect(() => network({ ...leaky(0.1), ...part }, [1], [0])).toThrow(message);
  });
});
