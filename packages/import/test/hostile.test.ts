import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HbnnError } from '@hbnn/core';
import { importNetwork, saveNetwork } from '@hbnn/import';
import { useBackend } from '@hbnn/train';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const golden = fileURLToPath(new URL('golden/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'hbnn-hostile-'));

interface Layer {
  class_name: string;
  config: Record<string, unknown>;
  inbound_nodes: unknown[];
}

interface ModelJson {
  modelTopology: { config: { layers: Layer[]; output_layers: unknown[] } };
  weightsManifest: { weights: unknown[] }[];
}

let text = '';

beforeAll(async () => {
  await useBackend({ prefer: 'cpu' });
  await saveNetwork(join(folder, 'net'), await importNetwork(`${golden}keras/groups.keras`));
  text = readFileSync(join(folder, 'net/model.json'), 'utf8');
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Import the network with something of its model.json changed. */
async function importChanged(change: (json: ModelJson) => void): Promise<unknown> {
  const json = JSON.parse(text) as ModelJson;
  change(json);
  const file = join(folder, 'net/model.json');
  writeFileSync(file, JSON.stringify(json));
  return importNetwork(file).catch((error: unknown) => error);
}

describe('HDF5 files', () => {
  it('that cannot be read to an end are refused', async () => {
    await expect(importNetwork(`${golden}hostile/endless.h5`)).rejects.toThrow(
      /endless.h5: expected an HDF5 file, got other, damaged or truncated bytes/,
    );
  });

  it('are read without a file of ours anywhere, two at a time too', async () => {
    const before = readdirSync('/');
    const names = ['groups.keras', 'vgg.keras', 'groups.h5', 'vgg.h5'];
    const networks = await Promise.all(
      names.map((name) => importNetwork(`${golden}keras/${name}`)),
    );
    expect(networks.map(({ origin }) => origin.file)).toEqual(names);
    expect(readdirSync('/')).toEqual(before);
  });

  it.each([0, 7, 100, 2000, 20_000])('cut after %i bytes are refused', async (length) => {
    const file = join(folder, 'cut.h5');
    writeFileSync(file, readFileSync(`${golden}keras/vgg.h5`).subarray(0, length));
    await expect(importNetwork(file)).rejects.toThrow(HbnnError);
  });
});

describe('architectures', () => {
  const pool = (json: ModelJson): Layer => {
    const { layers } = json.modelTopology.config;
    const last = layers[layers.length - 1];
    return { class_name: 'MaxPooling2D', config: { name: 'p' }, inbound_nodes: last.inbound_nodes };
  };

  it.each([
    [0, 0],
    [1, 0],
  ])('with a pool of %i × %i are refused by its name', async (...size) => {
    const error = await importChanged((json) => {
      const layer = pool(json);
      layer.config.pool_size = size;
      layer.inbound_nodes = json.modelTopology.config.layers[1].inbound_nodes;
      json.modelTopology.config.layers.splice(1, 0, layer);
    });
    expect(error).toBeInstanceOf(HbnnError);
    expect(String(error)).toMatch(/layer 'p': expected settings and inputs that fit the layer/);
  });

  it('with one output twice, or none, are refused', async () => {
    const twice = await importChanged(({ modelTopology: { config } }) => {
      config.output_layers.push(config.output_layers[0]);
    });
    expect(String(twice)).toMatch(/HbnnError: .*output_layers: expected each layer once.*twice/);
    const none = await importChanged(({ modelTopology: { config } }) => {
      config.output_layers = [];
    });
    expect(String(none)).toMatch(/HbnnError: .*output_layers: .*at least one, got none/);
  });

  it.each(['constructor', '__proto__', 'toString'])(
    'with a layer of the class %s are refused',
    async (name) => {
      const error = await importChanged(({ modelTopology: { config } }) => {
        config.layers[2].class_name = name;
      });
      expect(error).toBeInstanceOf(HbnnError);
      expect(String(error)).toContain(`, got ${name}; replace the layer by these`);
    },
  );

  it('with a layer of one input behind two are refused', async () => {
    const error = await importChanged(({ modelTopology: { config } }) => {
      const relu = config.layers[1];
      config.layers.push({
        class_name: 'ReLU',
        config: { name: 'two' },
        inbound_nodes: [
          [
            [relu.config.name, 0, 0, {}],
            [config.layers[2].config.name, 0, 0, {}],
          ],
        ],
      });
    });
    expect(String(error)).toMatch(/HbnnError: .*layer 'two': expected .*takes one input, not 2/);
  });
});

describe('manifests of weights', () => {
  it.each([[null], [[]], ['x']])('with %j in the place of a weight are refused', async (spec) => {
    const error = await importChanged(({ weightsManifest: [{ weights }] }) => {
      weights[0] = spec;
    });
    expect(String(error)).toMatch(/HbnnError: .*weightsManifest: expected an object/);
  });

  it.each([[[-3, -3, 4, 8]], [[0.5]], [['3']]])('with the shape %j are refused', async (shape) => {
    const error = await importChanged(({ weightsManifest: [{ weights }] }) => {
      weights[0] = { ...(weights[0] as object), shape };
    });
    expect(String(error)).toMatch(/HbnnError: .*expected a shape of whole numbers/);
  });
});
