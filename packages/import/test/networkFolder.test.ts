import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { importNetwork, normalizedAs, openNetwork, saveNetwork } from '@hbnn/import';
import { useBackend } from '@hbnn/train';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectOutputs } from './goldenOutputs.ts';

const golden = fileURLToPath(new URL('golden/', import.meta.url));
const folder = (): string => join(mkdtempSync(join(tmpdir(), 'hbnn-import-')), 'net');

beforeAll(() => useBackend({ prefer: 'cpu' }));

/** Write a file anew with a change. */
function edit(file: string, change: (json: Record<string, never>) => void): void {
  const json = JSON.parse(readFileSync(file, 'utf8'));
  change(json);
  writeFileSync(file, JSON.stringify(json));
}

describe('a network folder', () => {
  it.each(['onnx/mobilenet-18', 'onnx/padding-20', 'keras/mobilenet', 'keras/resnet'])(
    'keeps what %s computes',
    async (name) => {
      const keras = name.startsWith('keras');
      const network = await importNetwork(`${golden}${name}.${keras ? 'keras' : 'onnx'}`);
      const dir = folder();
      await saveNetwork(dir, { ...network });
      const { model, origin, normalization } = openNetwork(dir);
      expectOutputs(model, `${golden}${name}.json`, keras);
      expect([origin, normalization]).toEqual([network.origin, undefined]);
      // TensorFlow.js reads the same files itself.
      const again = await importNetwork(dir);
      expectOutputs(again.model, `${golden}${name}.json`, keras);
      const json = JSON.parse(readFileSync(join(dir, 'model.json'), 'utf8'));
      const bytes = new Uint8Array(readFileSync(join(dir, 'weights.bin'))).buffer;
      const loaded = await tfl.loadLayersModel(
        tf.io.fromMemory({
          modelTopology: json.modelTopology,
          weightSpecs: json.weightsManifest[0].weights,
          weightData: bytes,
        }),
      );
      expectOutputs(loaded, `${golden}${name}.json`, keras);
    },
  );

  it('keeps the normalization, and refuses files that were changed', async () => {
    const network = await importNetwork(`${golden}onnx/vgg-13.onnx`);
    const dir = folder();
    const normalization = { mean: [0.4, 0.5, 0.6], deviation: [0.2, 0.25, 0.3] };
    await saveNetwork(dir, { ...network, normalization });
    expect(openNetwork(dir).normalization).toEqual(normalization);
    await expect(saveNetwork(dir, network)).rejects.toThrow(/does not exist yet/);
    edit(join(dir, 'hbnn.json'), (json) => Object.assign(json, { extra: 1 }));
    expect(() => openNetwork(dir)).toThrow(/hbnn\.json: expected the fields .*, got 'extra'/);
    edit(join(dir, 'hbnn.json'), (json) => delete json.extra);
    edit(join(dir, 'model.json'), (json) => Object.assign(json, { generatedBy: 'me' }));
    expect(() => openNetwork(dir)).toThrow(/model\.json: expected the file that was imported/);
    const bad = { mean: [0], deviation: [1] };
    await expect(saveNetwork(folder(), { ...network, normalization: bad })).rejects.toThrow(
      /normalization\.mean as a list of 3/,
    );
  });
});

describe('layers models of TensorFlow.js', () => {
  const change = async (edits: (model: Record<string, never>) => void): Promise<unknown> => {
    const dir = folder();
    await saveNetwork(dir, await importNetwork(`${golden}keras/vgg.keras`));
    edit(join(dir, 'model.json'), edits);
    return importNetwork(dir).then(
      () => 'imported',
      (error: Error) => `${error.name}: ${error.message}`,
    );
  };
  const layer = (json: unknown, place: number) =>
    (json as { modelTopology: { config: { layers: Record<string, never>[] } } }).modelTopology
      .config.layers[place];

  it('with unknown classes, fields or weights are refused by name', async () => {
    const cases: [(json: Record<string, never>) => void, RegExp][] = [
      [
        (json) => Object.assign(layer(json, 1), { class_name: 'Own' }),
        /layer 'conv2d': expected one of Conv2D, .*, got Own; replace/,
      ],
      [
        (json) => Object.assign(layer(json, 1).config, { shuffled: true }),
        /layer 'conv2d': expected fields that Conv2D is known to have, got 'shuffled' with true/,
      ],
      [
        (json) => Object.assign(layer(json, 1).config, { data_format: 'channels_first' }),
        /layer 'conv2d': expected data_format channels_last or channelsLast, got channels_first/,
      ],
      [
        (json) => Object.assign(layer(json, 1).config, { activation: 'mish' }),
        /layer 'conv2d': expected activation one of linear, .*, got mish/,
      ],
      [
        (json) => Object.assign(layer(json, 1).config, { name: 'other' }),
        /layer 'conv2d': expected one name, got 'other'/,
      ],
      [
        (json) => {
          (
            json as unknown as { weightsManifest: { weights: { name: string }[] }[] }
          ).weightsManifest[0].weights[0].name = 'gone/kernel';
        },
        /layer 'conv2d': expected a weight 'conv2d\/kernel', got conv2d\/bias/,
      ],
      [(json) => Object.assign(json, { format: 'graph-model' }), /got a graph model/],
    ];
    for (const [edits, message] of cases) expect(await change(edits)).toMatch(message);
  });
});

describe('normalizedAs', () => {
  it('gives the pixels in the normalization of the network', async () => {
    const pixels = [0, 51, 255];
    const from = { mean: [0.3], deviation: [0.5] };
    const to = { mean: [0.5], deviation: [0.25] };
    const source = {
      name: 'pixels',
      shape: [1, 3, 1] as const,
      classes: ['a'],
      count: 1,
      normalization: from,
      async *batches() {
        const images = Float32Array.from(pixels, (p) => (p / 255 - 0.3) / 0.5);
        yield { images, labels: Int32Array.of(0), count: 1 };
      },
    };
    const changed = normalizedAs(source, to);
    expect(changed.normalization).toEqual(to);
    for await (const { images } of changed.batches({ batch: 1, shuffle: false, seed: 0, epoch: 0 }))
      pixels.forEach((p, i) => {
        expect(images[i]).toBeCloseTo((p / 255 - 0.5) / 0.25, 5);
      });
  });
});
