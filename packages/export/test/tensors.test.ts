import { decodeNpy, encodeNpy } from '@hbnn/core';
import { exportNpz, exportSafetensors, modelTensors } from '@hbnn/export';
import { randomModel, weightValues } from '@hbnn/model';
import { unzipSync } from 'fflate';
import { describe, expect, it } from 'vitest';

const seeds = Array.from({ length: 12 }, (_, i) => i + 1);

describe('an archive of NumPy', () => {
  it.each(seeds)('has every tensor of network %i, and the same bytes each time', (seed) => {
    const model = randomModel(seed);
    const { description, tensors } = modelTensors(model);
    const entries = unzipSync(exportNpz(model));
    const names = Object.keys(tensors).map((name) => `${name}.npy`);
    expect(Object.keys(entries)).toEqual(['model.json', ...names]);
    expect(JSON.parse(new TextDecoder().decode(entries['model.json']))).toEqual(
      JSON.parse(JSON.stringify(description)),
    );
    for (const [name, array] of Object.entries(tensors))
      expect(entries[`${name}.npy`]).toEqual(encodeNpy(array));
    expect(exportNpz(model)).toEqual(exportNpz(model));
  });
});

/** A safetensors file, read as its documentation says. */
function safetensors(bytes: Uint8Array) {
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  return { header, data: bytes.slice(8 + length) };
}

describe('a safetensors file', () => {
  it.each(seeds)('has every tensor of network %i, aligned and without gaps', (seed) => {
    const model = randomModel(seed);
    const { tensors } = modelTensors(model);
    const { header, data } = safetensors(exportSafetensors(model));
    const { __metadata__: metadata, ...entries } = header;
    expect(Object.keys(entries).sort()).toEqual(Object.keys(tensors).sort());
    let end = 0;
    for (const [name, { dtype, shape, data_offsets: offsets }] of Object.entries(entries)) {
      const { data: expected, shape: size } = tensors[name];
      expect(shape).toEqual(size);
      expect(offsets[0]).toBe(end);
      expect(offsets[0] % expected.BYTES_PER_ELEMENT, name).toBe(0);
      expect(dtype).toMatch(new RegExp(`${8 * expected.BYTES_PER_ELEMENT}$`));
      end = offsets[1];
      const bytes = new Uint8Array(expected.buffer, expected.byteOffset, expected.byteLength);
      expect(data.subarray(...offsets)).toEqual(bytes);
    }
    expect(end).toBe(data.length);
    expect(metadata).toMatchObject({ format: 'np' });
  });

  it('names what layers read that are no chain', () => {
    const model = randomModel(3, { branches: true });
    const { layers } = modelTensors(model).description as {
      layers: { name: string; kind: string; inputs?: string[]; multipliers?: string }[];
    };
    const [join] = model.checkedLayers.filter(({ sources }) => sources.length > 1);
    const described = layers.find(({ name }) => name === join.layer.name);
    expect(described?.inputs).toEqual(join.sources.map((source) => model.layers[source].name));
    expect(described?.multipliers !== undefined).toBe(join.layer.kind === 'add');
    expect(layers[1].inputs).toBe(undefined);
  });

  it('names the layers and their tensors in its metadata', () => {
    const model = randomModel(1, { layer: 'dense:40x3' });
    const { header } = safetensors(exportSafetensors(model));
    const { hbnn } = header.__metadata__ as unknown as { hbnn: string };
    const { layers } = JSON.parse(hbnn) as { layers: { kind: string; weights?: string }[] };
    expect(layers.map(({ kind }) => kind)).toEqual(['threshold', 'dense']);
    const name = layers[1].weights ?? '';
    expect(header[name]).toMatchObject({ dtype: 'I32', shape: [3, 40] });
  });
});

it('tells weights as whole numbers beside their planes', () => {
  const model = randomModel(1, { layer: 'dense:40x3' });
  const [, layer] = model.layers;
  if (layer.kind !== 'dense') throw new Error('expected a dense layer');
  const entries = unzipSync(exportNpz(model));
  const { data } = decodeNpy(entries['01-dense-weights.npy'], 'weights');
  expect([...data]).toEqual([...weightValues(layer.weights)]);
});
