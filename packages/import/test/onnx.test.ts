import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { importNetwork } from '@hbnn/import';
import { integerForms, useBackend } from '@hbnn/train';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectOutputs } from './goldenOutputs.ts';

/** The networks of a folder, without their ending. */
const networksOf = (folder: string): string[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.onnx'))
    .map((file) => file.replace('.onnx', ''));

const golden = (name: string): string => fileURLToPath(new URL(`golden/${name}/`, import.meta.url));
const folder = golden('onnx');
const names = networksOf(folder);

describe.each(['cpu', 'wasm'] as const)('ONNX networks on the %s backend', (prefer) => {
  beforeAll(() => useBackend({ prefer }));

  it('are of many kinds', () => {
    expect(names.length).toBeGreaterThanOrEqual(20);
  });

  it.each(names)('%s gives the outputs of onnxruntime', async (name) => {
    const { model } = await importNetwork(`${folder}${name}.onnx`);
    expectOutputs(model, `${folder}${name}.json`, name.startsWith('channels-last'));
  });
});

describe("networks of PyTorch's exporters", () => {
  beforeAll(() => useBackend({ prefer: 'wasm' }));

  it.each(networksOf(golden('torch')))('%s gives the outputs of onnxruntime', async (name) => {
    const { model } = await importNetwork(`${golden('torch')}${name}.onnx`);
    expectOutputs(model, `${golden('torch')}${name}.json`, false);
  });

  it.each([
    ['resnet-12', 0],
    ['resnet-18', 0],
    ['mobilenet-20', 0],
    ['groups-17', 0],
    ['groups-21', 0],
    ['vgg-18', 0],
    ['swishes-12', 0],
    ['swishes-17', 0],
    ['swishes-20', 0],
    ['uneven-13', 0],
    ['uneven-21', 0],
    ['edges-11', 0],
    ['edges-20', 0],
    ['ends-13', 0],
    ['ends-18', 0],
    ['squeeze-13', 1],
    ['squeeze-18', 1],
  ])('%s has %i layers without an integer form', async (name, count) => {
    const { model } = await importNetwork(`${golden('torch')}${name}.onnx`);
    const faults = integerForms(model).filter(({ fault }) => fault !== undefined);
    expect(faults).toHaveLength(count);
    if (count > 0)
      expect(faults[0].fault).toMatch(/got Multiply, a gate .*; take the gate out of the network/);
  });
});
