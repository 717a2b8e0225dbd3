import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HbnnError } from '@hbnn/core';
import { importNetwork, openNetwork, saveNetwork } from '@hbnn/import';
import {
  binarize,
  exportModel,
  fineTune,
  integerForms,
  setWeightGrids,
  useBackend,
} from '@hbnn/train';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectOutputs } from './goldenOutputs.ts';
import {
  type QuantizedGolden,
  quantizedFile,
  quantizedGolden,
  sourceOf,
} from './quantizedSource.ts';

const names = ['linear-13', 'linear-19', 'few-11', 'few-17', 'whole-17'];
const folder = mkdtempSync(join(tmpdir(), 'hbnn-quantized-'));

type Trained = Awaited<ReturnType<typeof exportModel>>;

const exported = (
  model: Parameters<typeof exportModel>[0],
  golden: QuantizedGolden,
  onNote: (note: string) => void = () => {},
): Promise<Trained> => exportModel(model, sourceOf(golden), { onNote });

/** A layer's whole numbers, [outputs, height, width, inputs], those between groups left out. */
function codesIn({ layers }: Trained, name: string, inner: number): number[] {
  const layer = layers.find((each) => each.name === name);
  if (layer === undefined || !('weights' in layer) || layer.weights.kind !== 'codes')
    throw new Error(`${name}: no codes`);
  const { shape, values } = layer.weights.codes;
  const inputs = shape.at(-1) as number;
  const row = values.length / shape[0];
  const group = shape[0] / (inputs / inner);
  return [...values].filter((_, i) => {
    const first = Math.floor(Math.floor(i / row) / group) * inner;
    return i % inputs >= first && i % inputs < first + inner;
  });
}

/** ONNX's weights [outputs, inputs, height, width] with the inputs behind. */
function channelsLast({ shape, data }: QuantizedGolden['codes'][string]): number[] {
  const [outputs, inputs, height = 1, width = 1] = shape;
  const places = height * width;
  return Array.from({ length: outputs * inputs * places }, (_, i) => {
    const [o, rest] = [Math.floor(i / (inputs * places)), i % (inputs * places)];
    return data[(o * inputs + (rest % inputs)) * places + Math.floor(rest / inputs)];
  });
}

/** Whole numbers of a dense layer behind a map of these sizes, whose values the model has in another order. */
function inMapOrder(codes: readonly number[], outputs: number, [h, w, c]: number[]): number[] {
  const row = codes.length / outputs;
  return codes.map((_, i) => {
    const [o, k] = [Math.floor(i / row), i % row];
    return codes[o * row + (k % c) * h * w + Math.floor(k / c)];
  });
}

/** The map in front of dense layers behind a flattening: [height, width, channels]. */
const flattenedMaps: Readonly<Record<string, Readonly<Record<string, number[]>>>> = {
  'few-11': { four: [4, 3, 8] },
  'few-17': { four: [4, 3, 8] },
  'whole-17': { scores: [3, 4, 8] },
};

describe('networks with quantized weights', () => {
  beforeAll(() => useBackend({ prefer: 'wasm' }));
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(names)('%s gives the outputs of onnxruntime', async (name) => {
    const { model } = await importNetwork(quantizedFile(`${name}.onnx`));
    expectOutputs(model, quantizedFile(`${name}.json`), false);
  });

  it.each(names)('%s keeps the whole numbers of the file, through a folder too', async (name) => {
    const golden = quantizedGolden(name);
    const flattened = flattenedMaps[name] ?? {};
    const network = await importNetwork(quantizedFile(`${name}.onnx`));
    await saveNetwork(join(folder, name), network);
    for (const { model } of [network, openNetwork(join(folder, name))]) {
      const trained = await exported(model, golden);
      for (const [layer, codes] of Object.entries(golden.codes)) {
        const right = channelsLast(codes);
        const inputs = codes.shape[1];
        expect(codesIn(trained, layer, inputs), layer).toEqual(
          layer in flattened ? inMapOrder(right, codes.shape[0], flattened[layer]) : right,
        );
      }
      expect(integerForms(model).filter(({ fault }) => fault !== undefined)).toEqual([]);
    }
  });

  it('are floats with forgetCodes, and other networks are what they were', async () => {
    const golden = quantizedGolden('few-17');
    const { model } = await importNetwork(quantizedFile('few-17.onnx'), { forgetCodes: true });
    const kinds = ({ layers }: Trained): string[] =>
      layers.flatMap((layer) => ('weights' in layer ? [layer.weights.kind] : []));
    expect(new Set(kinds(await exported(model, golden)))).toEqual(new Set(['float']));
    expect(model.getUserDefinedMetadata()).toEqual({});
  });

  it('keep them in layers that binarize leaves alone, and lose them by training, with a note', async () => {
    const golden = quantizedGolden('few-17');
    const { model } = await importNetwork(quantizedFile('few-17.onnx'));
    const small = binarize(model, { weights: 1, skip: ['first', 'two', 'three', 'four'] });
    const kindOf = ({ layers }: Trained, name: string): string => {
      const layer = layers.find((each) => each.name === name);
      return layer !== undefined && 'weights' in layer ? layer.weights.kind : 'none';
    };
    const before = await exported(small, golden);
    expect(['first', 'one', 'two', 'four'].map((name) => kindOf(before, name))).toEqual([
      'codes',
      'residual',
      'codes',
      'codes',
    ]);
    await fineTune(small, sourceOf(golden), { epochs: 1, learningRate: 0.1, recalibrate: 0 });
    const notes: string[] = [];
    const after = await exported(small, golden, (note) => notes.push(note));
    expect(kindOf(after, 'first')).toBe('float');
    expect(notes.join('\n')).toMatch(/layer 'first': its weights have changed since/);
  });

  it('that no integer layer has are refused by name before images are looked at, with the way out', async () => {
    const golden = quantizedGolden('linear-13');
    const { model } = await importNetwork(quantizedFile('linear-13.onnx'));
    setWeightGrids(model, { first: { fault: 'expected whole numbers, got others' } });
    const refusal =
      /^layer 'first': exportModel expected whole numbers, got others; .*hbnn import --forget-codes/;
    await expect(exported(model, golden)).rejects.toThrow(refusal);
    await expect(exported(model, golden)).rejects.toBeInstanceOf(HbnnError);
    const forms = integerForms(model).filter(({ fault }) => fault !== undefined);
    expect(forms.map(({ layer, fault }) => [layer.name, refusal.test(fault ?? '')])).toEqual([
      ['first', true],
    ]);
    const { model: floats } = await importNetwork(quantizedFile('linear-13.onnx'), {
      forgetCodes: true,
    });
    await expect(exported(floats, golden)).resolves.toBeDefined();
  });

  it('are checked where a folder says how they were quantized', async () => {
    const file = join(folder, 'linear-13', 'hbnn.json');
    const about = JSON.parse(readFileSync(file, 'utf8')) as Record<string, object>;
    writeFileSync(file, JSON.stringify({ ...about, weightGrids: { first: { bits: 'eight' } } }));
    expect(() => openNetwork(join(folder, 'linear-13'))).toThrow(
      /hbnn.json: expected bits and scales of the quantized weights of 'first', got .*import the network again/,
    );
  });
});
