import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodeNpy } from '@hbnn/core';
import { describe, expect, it } from 'vitest';
import { hbnn, temporary } from './process.ts';

const golden = (name: string): string =>
  fileURLToPath(new URL(`../../import/test/golden/${name}`, import.meta.url));

const viewOf = (path: string) => {
  const { code, out, err } = hbnn('inspect', path, '--json');
  expect([code, err]).toEqual([0, '']);
  return JSON.parse(out);
};

describe('hbnn inspect on a float network', () => {
  it('shows layers, parameters, multiply-accumulates, and what each becomes', () => {
    const view = viewOf(golden('torch/mobilenet-20.onnx'));
    expect(view).toMatchObject({
      kind: 'float network',
      format: 'onnx',
      input: [20, 20, 3],
      outputs: [[7]],
      canBeLowered: true,
    });
    const { layers } = view as { layers: Record<string, unknown>[] };
    const sum = layers.find(({ kind }) => kind === 'Add');
    expect(sum).toMatchObject({ becomes: ['add'], output: [5, 5, 6] });
    expect(sum?.reads).toHaveLength(2);
    // 3×3 of 3 channels to 6, at 10×10 places; the dense layer has 16 × 7 weights and 7 biases.
    expect(layers[1]).toMatchObject({ kind: 'Conv2D', macs: 16_200, parameters: 168 });
    expect(layers.at(-1)).toMatchObject({ kind: 'Dense', macs: 112, parameters: 119 });
    const sumOf = (field: string): number =>
      layers.reduce((all, layer) => all + ((layer[field] as number) ?? 0), 0);
    expect([view.parameters, view.macs]).toEqual([sumOf('parameters'), sumOf('macs')]);
  });

  it('names what cannot be lowered, and why', () => {
    const { code, out } = hbnn('inspect', golden('torch/squeeze-13.onnx'));
    expect(code).toBe(0);
    expect(out).toMatch(/^can be lowered +\d of \d+ layers cannot$/m);
    expect(out).toMatch(/^ {2}\S+ +Multiply +.* not lowered$/m);
    expect(out).toMatch(/^not lowered: .* got Multiply, a gate/m);
  });

  it.each(['keras/nested.keras', 'keras/nested.h5'])('opens the models inside %s', (name) => {
    const view = viewOf(golden(name));
    expect(view.canBeLowered).toBe(false);
    const faults = view.layers.filter(({ fault }: { fault?: string }) => fault !== undefined);
    expect(faults.map(({ name: layer }: { name: string }) => layer)).toEqual(['elu', 'first_2']);
  });

  it('of several outputs shows its layers, and why it cannot be lowered', () => {
    const view = viewOf(golden('onnx/lists-14.onnx'));
    expect(view).toMatchObject({ canBeLowered: false, outputs: [[72], [3], [36]] });
    expect(view.fault).toMatch(/expected a model of one output, got 3/);
  });
});

describe('hbnn inspect on arrays', () => {
  const dir = temporary();
  const file = (name: string, array: Parameters<typeof encodeNpy>[0]): string => {
    writeFileSync(join(dir, name), encodeNpy(array));
    return join(dir, name);
  };

  it('shows the shape and the moments of floats', () => {
    const data = Float32Array.of(1, -3, 0, Number.NaN, 2, 0);
    expect(viewOf(file('floats.npy', { shape: [2, 3], data }))).toMatchObject({
      kind: 'NumPy array',
      shape: [2, 3],
      type: 'float32',
      min: -3,
      max: 2,
      mean: 0,
      zeros: 2,
      notFinite: 1,
    });
    const empty = viewOf(file('empty.npy', { shape: [0, 3], data: new Float32Array(0) }));
    expect(empty).toMatchObject({ elements: 0, zeros: 0 });
    expect(empty).not.toHaveProperty('mean');
  });

  it('counts the values of whole numbers', () => {
    const map = file('map.npy', { shape: [4], data: Uint8Array.of(2, 1, 1, 3) });
    expect(viewOf(map)).toMatchObject({ type: 'uint8', values: { 1: 2, 2: 1, 3: 1 } });
  });

  it('shows a folder of hbnn binarize', () => {
    const [tensor, out] = [join(dir, 'w.npy'), join(dir, 'binarized')];
    hbnn('random', '--tensor', '4x3x3x8', '--out', tensor);
    const made = hbnn('binarize', tensor, '--average', '1.4', '--out', out, '--json');
    const { bits, scales } = JSON.parse(made.out);
    const view = viewOf(out);
    expect(view).toMatchObject({ kind: 'binarized tensor', shape: [4, 3, 3, 8], bits });
    expect(view.planes.map(({ minScale }: { minScale: number }) => minScale)).toEqual(scales);
    expect(view.planes[0].members).toBe(288);
    writeFileSync(join(out, 'planes.json'), '{"planes": [1]}');
    expect(hbnn('inspect', out)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/planes\.json: expected planes of hbnn binarize, got other/),
    });
  });
});
