import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { importNetwork } from '@hbnn/import';
import { decodeModel, type IntegerModel, interpreter, lower, weightValues } from '@hbnn/model';
import { exportModel, useBackend } from '@hbnn/train';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  pixelsOf,
  quantizedFile,
  quantizedGolden,
  sourceOf,
} from '../../import/test/quantizedSource.ts';
import { hbnn, temporary } from './process.ts';

/** The values of a layer's weights, in order of their size: layers may have theirs in another order. */
const sorted = (values: ArrayLike<number>): number[] =>
  Array.from(values, (value) => value + 0).sort((a, b) => a - b);

/** A layer's integer weights without the zeros between groups, and without a common factor. */
function codesIn({ layers }: IntegerModel, name: string, count: number): number[] {
  const layer = layers.find((each) => each.name === name);
  if (layer === undefined || !('weights' in layer)) throw new Error(`${name}: no weights`);
  const values = weightValues(layer.weights);
  const factor =
    layer.weights.kind === 'int8' ? 1 : Math.min(...layer.weights.multiples.map(([k]) => k));
  const kept = [...values].map((value) => value / factor);
  for (let zeros = kept.length - count; zeros > 0; zeros--) kept.splice(kept.indexOf(0), 1);
  return sorted(kept);
}

/** Rounding of activations to 8 bits and of the images to one scale moves scores by less than this part of the largest. */
const tolerance = 0.03;

describe('networks whose weights are quantized', () => {
  beforeAll(() => useBackend({ prefer: 'wasm' }));

  it.each(['linear-13', 'linear-19', 'few-11', 'few-17', 'fashion-17', 'whole-17'])(
    '%s keeps its whole numbers in the integer model, and gives the scores of onnxruntime',
    async (name) => {
      const golden = quantizedGolden(name);
      const { model: network } = await importNetwork(quantizedFile(`${name}.onnx`));
      const { model, layers } = lower(
        await exportModel(network, sourceOf(golden), { onNote: () => {} }),
        { onNote: () => {} },
      );
      for (const [layer, { data }] of Object.entries(golden.codes)) {
        expect(codesIn(model, layer, data.length), layer).toEqual(sorted(data));
        expect(layers).toContainEqual(
          expect.objectContaining({ name: layer, what: 'weight codes', error: 0 }),
        );
      }
      const scores = interpreter(model).run(pixelsOf(golden));
      const largest = Math.max(...golden.scores.data.map(Math.abs));
      const difference = golden.scores.data.reduce(
        (max, score, i) => Math.max(max, Math.abs(score - scores[i] * model.scoreFactor)),
        0,
      );
      expect(difference / largest).toBeLessThan(tolerance);
    },
  );

  it('have layers of the bits that they were quantized to', async () => {
    const golden = quantizedGolden('few-17');
    const { model: network } = await importNetwork(quantizedFile('few-17.onnx'));
    const { model } = lower(await exportModel(network, sourceOf(golden), { onNote: () => {} }));
    const planes = Object.keys(golden.codes).map((name) => {
      const layer = model.layers.find((each) => each.name === name);
      if (layer === undefined || !('weights' in layer)) return 0;
      return layer.weights.kind === 'int8' ? 8 : layer.weights.multiples.length;
    });
    expect(Object.keys(golden.codes)).toEqual(['first', 'one', 'two', 'three', 'four']);
    expect(planes).toEqual([8, 1, 1, 3, 4]);
  });
});

describe('the command line on networks whose weights are quantized', () => {
  const dir = temporary();
  const [net, file] = ['net', 'net.hbnn'].map((name) => join(dir, name));
  const normalization = ['--mean', '0.5', '--deviation', '0.25'];

  beforeAll(() => {
    const imported = hbnn(
      'import',
      quantizedFile('fashion-17.onnx'),
      ...normalization,
      '--out',
      net,
    );
    expect(imported.code, imported.err).toBe(0);
  });

  it('lowers them as they are', () => {
    const few = ['--data', 'fashion-mnist-subset', '--test-limit', '100'];
    const lowered = hbnn('lower', net, ...few, '--out', file, '--json');
    expect(lowered.code, lowered.err).toBe(0);
    expect(Math.abs(JSON.parse(lowered.out).lossInPoints)).toBeLessThanOrEqual(2);
    const model = decodeModel(readFileSync(file));
    const { codes } = quantizedGolden('fashion-17');
    for (const [layer, { data }] of Object.entries(codes))
      expect(codesIn(model, layer, data.length), layer).toEqual(sorted(data));
    const again = hbnn('verify-results', file, '--json');
    expect(again.code, again.err).toBe(0);
    expect(again.out).toMatch(/"equal"/);
    const compared = hbnn('compare', file, net, ...few, '--json');
    expect([compared.code, compared.err]).toEqual([0, '']);
  });

  it('forgets the whole numbers where that is asked for', () => {
    const [floats, other] = ['floats', 'floats.hbnn'].map((name) => join(dir, name));
    const forget = ['--forget-codes', ...normalization];
    expect(hbnn('import', quantizedFile('fashion-17.onnx'), ...forget, '--out', floats).code).toBe(
      0,
    );
    const lowered = hbnn(
      'lower',
      floats,
      '--data',
      'fashion-mnist-subset',
      '--no-evaluate',
      '--out',
      other,
    );
    expect(lowered.code, lowered.err).toBe(0);
    const one = decodeModel(readFileSync(other)).layers.find(({ name }) => name === 'one');
    expect(one !== undefined && 'weights' in one && one.weights.kind).toBe('int8');
  });

  it.each([
    [['lower', '--out', file], /lower: expected a network folder or --run, got neither/],
    [['lower', net, '--run', net, '--out', file], /lower: expected .*got both/],
    [['lower', '--run', net, '--out', file], /lower it with 'hbnn lower /],
    [['lower', net, '--data', 'cifar10', '--size', '8', '--out', file], /--size: .*cifar10/],
    [
      ['lower', quantizedFile('fashion-17.onnx'), '--out', file],
      /expected a folder of 'hbnn import', got a file; import it with 'hbnn import/,
    ],
  ])('refuses %j with the way out', (line, message) => {
    const { code, err } = hbnn(...line);
    expect([code, err]).toEqual([2, expect.stringMatching(message)]);
  });
});
