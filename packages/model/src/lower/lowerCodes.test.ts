import { describe, expect, it } from 'vitest';
import { weightValues } from '../integerModel.ts';
import { interpreter } from '../interpreter.ts';
import type { TrainedModel, WeightCodes } from '../trainedModel.ts';
import { lower } from './lower.ts';
import { lowerCodes } from './lowerCodes.ts';

/** Every code of some bits, and the one beyond the least that a signed code has none of. */
const everyCode = (bits: number): number[] => {
  const largest = bits === 1 ? 1 : 2 ** (bits - 1);
  return Array.from({ length: 2 * largest + 1 }, (_, i) => i - largest);
};

const codesOf = (values: readonly number[], bits: number, scales: number[]): WeightCodes => ({
  shape: [scales.length, values.length / scales.length],
  values: Int16Array.from(values),
  bits,
  scales: Float64Array.from(scales),
});

describe('lowerCodes', () => {
  it.each([1, 2, 3, 4])('holds every code of %i bits in as many planes', (bits) => {
    const codes = everyCode(bits);
    const { weights, factors, error } = lowerCodes(codesOf(codes, bits, [0.25]));
    expect(weights.kind).toBe('planes');
    expect([...weightValues(weights)]).toEqual(codes);
    expect(weights.kind === 'planes' && weights.multiples.length).toBe(bits);
    expect(weights.kind === 'planes' && [...weights.bits].every((width) => width <= bits)).toBe(
      true,
    );
    expect([...factors]).toEqual([0.25]);
    expect(error).toBe(0);
  });

  it('takes no more planes than the codes need', () => {
    const { weights } = lowerCodes(codesOf([4, -4, 0], 4, [1]));
    expect(weights.kind === 'planes' && weights.multiples.map(([k]) => k)).toEqual([4]);
  });

  it.each([
    [5, [1, -1]],
    [8, [127, -127]],
    [3, [5, 0]],
  ])('gives codes of %i bits, %j, weights of 8 bits', (bits, values) => {
    const { weights } = lowerCodes(codesOf(values, bits, [1]));
    expect(weights.kind).toBe('int8');
    expect([...weightValues(weights)]).toEqual(values);
  });

  it.each([128, 129, 255])('holds every code from −%i on in 8 planes', (largest) => {
    const codes = Array.from({ length: 2 * largest + 1 }, (_, i) => i - largest);
    const { weights, error } = lowerCodes(codesOf(codes, 8, [1]));
    expect([...weightValues(weights)]).toEqual(codes);
    expect(weights.kind === 'planes' && weights.multiples.length).toBe(8);
    expect(error).toBe(0);
  });

  it('takes one plane for a weight of ±64 beside one of −128', () => {
    const { weights } = lowerCodes(codesOf([-128, 64, 0, 127], 8, [1]));
    expect(weights.kind === 'planes' && [...weights.bits]).toEqual([8, 1, 0, 7]);
  });

  it('gives an output of zeros the factor 0', () => {
    const { factors } = lowerCodes(codesOf([0, 0, 3, -3], 8, [0.5, -2]));
    expect([...factors]).toEqual([0, -2]);
  });
});

const network = (codes: WeightCodes, deviation: readonly number[]): TrainedModel => ({
  name: 'net',
  input: { shape: [1, 1, 2], mean: [0, 0], deviation },
  layers: [{ kind: 'dense', name: 'scores', weights: { kind: 'codes', codes } }],
  classes: ['a', 'b'],
});

describe('lower of weight codes', () => {
  const codes = codesOf([3, -100, 127, 1], 8, [0.5, 0.25]);

  it('keeps them where channels mean the same, and gives the exact sums', () => {
    const { model, layers } = lower(network(codes, [1 / 255, 1 / 255]));
    const [dense] = model.layers;
    expect('weights' in dense && [...weightValues(dense.weights)]).toEqual([3, -100, 127, 1]);
    expect(layers).toEqual([{ name: 'scores', what: 'weight codes', error: 0 }]);
    const scores = interpreter(model).run(Uint8Array.of(7, 9));
    const [right, other] = [0.5 * (21 - 900), 0.25 * (127 * 7 + 9)];
    // Scores of unlike scales are rounded to 16 bits.
    expect(scores[0] * model.scoreFactor).toBeCloseTo(right, 0);
    expect(scores[1] * model.scoreFactor).toBeCloseTo(other, 0);
  });

  it('keeps them where channels differ: the inputs are rounded to one scale', () => {
    const { model } = lower(network(codes, [0.3, 0.2]));
    expect(model.layers.map(({ name }) => name)).toEqual(['input_scale', 'scores', 'score_scale']);
    const dense = model.layers[1];
    expect('weights' in dense && [...weightValues(dense.weights)]).toEqual([3, -100, 127, 1]);
  });

  it.each([
    [
      { values: Int16Array.of(0, -256, 0, 0) },
      /layer 'scores': .*from −255 to 255, got -256 at index 1; quantize them to 8 bits/,
    ],
    [{ bits: 9 }, /layer 'scores': .*of 1 to 8 bits, got 9/],
    [{ scales: Float64Array.of(1) }, /layer 'scores': .*2 scales .*got 4 and 1/],
    [{ scales: Float64Array.of(1, Number.NaN) }, /layer 'scores': expected finite weight scales/],
  ])('refuses %j by name', (part, message) => {
    expect(() => lower(network({ ...codes, ...part }, [1, 1]))).toThrow(message);
  });
});
