import { HbnnError } from '@hbnn/core';
import { describe, expect, it } from 'vitest';
import { census } from './census/census.ts';
import { checkModel } from './checkModel.ts';
import { decodeModel, encodeModel } from './file/modelFile.ts';
import type { IntegerLayer, IntegerModel } from './integerModel.ts';
import { type Feature, interpreter } from './interpreter.ts';
import { randomModel } from './randomModel.ts';

/** One pixel of two channels, doubled on one branch and tripled on the other. */
const scaled = (name: string, by: number, from?: string): IntegerLayer => ({
  kind: 'depthwise',
  name,
  ...(from !== undefined && { from }),
  strides: [1, 1],
  padding: [0, 0, 0, 0],
  weights: { kind: 'int8', shape: [2, 1, 1, 1], values: Int8Array.of(by, by) },
});

const branched = (join: IntegerLayer, scores: number): IntegerModel => ({
  name: 'branched',
  input: { shape: [1, 1, 2], zeros: new Int32Array(2) },
  layers: [scaled('start', 1), scaled('twice', 2), scaled('thrice', 3, 'start'), join],
  scoreOffsets: new Int32Array(scores),
  scoreFactor: 1,
  classes: Array.from({ length: scores }, (_, k) => `${k}`),
});

const sum: IntegerLayer = {
  kind: 'add',
  name: 'sum',
  inputs: ['start', 'twice', 'thrice'],
  multipliers: [Int16Array.of(1, 0), Int16Array.of(-10, 100), Int16Array.of(1000, 1)],
};
const both: IntegerLayer = { kind: 'concat', name: 'both', inputs: ['thrice', 'twice'] };

describe('a model with branches', () => {
  it('adds branches with a multiplier for each input and channel', () => {
    const { run } = interpreter(checkModel(branched(sum, 2)));
    // 5 − 10 · 10 + 1000 · 15, and 100 · 14 + 21.
    expect([...run(Uint8Array.of(5, 7))]).toEqual([14905, 1421]);
  });

  it('lays the channels of branches one after the other, place by place', () => {
    const { layers } = branched({ ...both, inputs: ['thrice', 'twice', 'start'] }, 6);
    const model = branched(both, 4);
    const wide: IntegerModel = {
      ...model,
      layers,
      input: { ...model.input, shape: [2, 1, 2] },
      scoreOffsets: new Int32Array(12),
      classes: Array.from({ length: 12 }, (_, k) => `${k}`),
    };
    const scores = interpreter(checkModel(wide)).run(Uint8Array.of(1, 2, 10, 20));
    expect([...scores]).toEqual([3, 6, 2, 4, 1, 2, 30, 60, 20, 40, 10, 20]);
  });

  it('tells what each layer reads, and bounds its values', () => {
    const { checkedLayers } = checkModel(branched(sum, 2));
    expect(checkedLayers.map(({ sources }) => sources)).toEqual([[-1], [0], [0], [0, 1, 2]]);
    expect(checkedLayers[3].outputBound).toBe(255 + 10 * 510 + 1000 * 765);
    expect(checkedLayers[3].inputBound).toBe(765);
    expect(checkModel(branched(both, 4)).checkedLayers[3].input).toEqual([1, 1, 4]);
  });

  it('counts additions, products and the bits of multipliers', () => {
    const { steps } = census(checkModel(branched(sum, 2)));
    const step = steps[4];
    // 100, −10 and 1000 are products; 1 and 0 are none.
    expect(step.operations).toMatchObject({ add: 4, multiply: 3 });
    expect(step.bitsStored).toBe(6 * 16);
    expect(census(checkModel(branched(both, 4))).steps[4].operations.add).toBe(0);
  });

  const wrong: [string, IntegerModel, string][] = [
    [
      'a name that no layer has',
      branched({ ...sum, inputs: ['start', 'twice', 'none'] }, 2),
      "sum: expected to read a layer before it, got 'none'",
    ],
    [
      'a layer behind',
      { ...branched(both, 4), layers: [scaled('start', 1, 'both'), both] },
      "start: expected to read a layer before it, got 'both'",
    ],
    [
      'a join of one input',
      branched({ ...both, inputs: ['thrice'] }, 2),
      'both: expected 2 to 64 inputs, got 1',
    ],
    [
      'a layer that none reads',
      branched({ ...both, inputs: ['thrice', 'start'] }, 4),
      'twice: expected a layer that another one reads',
    ],
    [
      'multipliers that are not one list for each input',
      branched({ ...sum, multipliers: sum.multipliers.slice(1) }, 2),
      'sum: expected 3 lists of multipliers, got 2',
    ],
    [
      'multipliers that are not one for each channel',
      branched({ ...sum, multipliers: sum.multipliers.map((m) => m.slice(1)) }, 2),
      'sum: expected 2 multipliers, got 1',
    ],
    [
      'sums beyond int32',
      {
        ...branched({ ...sum, multipliers: sum.multipliers.map((m) => m) }, 2),
        layers: [
          scaled('start', 127),
          scaled('twice', 127),
          scaled('thrice', 127, 'start'),
          { ...sum, multipliers: sum.multipliers.map((m) => m.slice().fill(32767)) },
        ],
      },
      'sum: its sums could come to',
    ],
  ];
  it.each(wrong)('is refused with %s', (_, model, message) => {
    expect(() => checkModel(model)).toThrow(HbnnError);
    expect(() => checkModel(model)).toThrow(message);
  });

  it('is refused where shapes do not meet, with both branches', () => {
    const pool: IntegerLayer = {
      kind: 'sumPool',
      name: 'pool',
      from: 'start',
      size: [2, 1],
      strides: [2, 1],
    };
    const model = branched(both, 4);
    const shapes = (join: IntegerLayer): IntegerModel => ({
      ...model,
      input: { ...model.input, shape: [2, 1, 2] },
      layers: [scaled('start', 1), scaled('twice', 2), pool, join],
    });
    const inputs = ['twice', 'pool'];
    const multipliers = [Int16Array.of(1, 1), Int16Array.of(1, 1)];
    expect(() => checkModel(shapes({ ...both, inputs }))).toThrow(
      "both: expected inputs of one height and width, got [2, 1, 2] from 'twice' and [1, 1, 2] from 'pool'",
    );
    expect(() => checkModel(shapes({ ...sum, inputs, multipliers }))).toThrow(
      'sum: expected inputs of one shape',
    );
  });

  it('comes back from its file, of version 3, and a chain keeps version 2', () => {
    for (let seed = 0; seed < 60; seed++) {
      const model = randomModel(seed, { branches: true });
      const bytes = encodeModel(model);
      expect(bytes[4]).toBe(3);
      const again = decodeModel(bytes);
      expect(encodeModel(again), `seed ${seed}`).toEqual(bytes);
      expect(again.checkedLayers.map(({ sources }) => sources)).toEqual(
        model.checkedLayers.map(({ sources }) => sources),
      );
      const seen = (of: IntegerModel): (readonly [string, Feature])[] => {
        const outputs: (readonly [string, Feature])[] = [];
        const size = of.input.shape.reduce((product, n) => product * n, 1);
        const pixels = Uint8Array.from({ length: size }, (_, i) => (i * 37) % 256);
        interpreter(checkModel(of)).run(pixels, ({ name }, output) => outputs.push([name, output]));
        return outputs;
      };
      expect(seen(again)).toEqual(seen(model));
    }
    expect(encodeModel(randomModel(1))[4]).toBe(2);
  });

  it('is no file of version 2, whose readers know no branches', () => {
    const bytes = encodeModel(checkModel(branched(sum, 2)));
    bytes[4] = 2;
    expect(() => decodeModel(bytes)).toThrow('expected 7 fields');
    const chain = encodeModel(randomModel(1));
    chain[4] = 3;
    expect(() => decodeModel(chain)).toThrow('expected 8 fields');
    chain[4] = 4;
    expect(() => decodeModel(chain)).toThrow('expected version 1.0, 2.0 or 3.0 of the format');
  });
});
