import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chooseFolds, foldedDesign, unrolledDesign } from '@hbnn/circuit';
import { decodeNpy, encodeNpy, random } from '@hbnn/core';
import { exportC, exportOnnx } from '@hbnn/export';
import { importNetwork } from '@hbnn/import';
import {
  type CheckedModel,
  interpreter,
  lower,
  type TrainedLayer,
  type WeightCodes,
} from '@hbnn/model';
import { exportModel, useBackend } from '@hbnn/train';
import { simulate } from '@hbnn/verilog';
import { loadModel } from '@hbnn/wasm';
import { beforeAll, describe, expect, it } from 'vitest';
import { compiled, gccTakes, sanitized, scoresOf } from '../../export/test/gcc.ts';
import {
  pixelsOf,
  quantizedFile,
  quantizedGolden,
  sourceOf,
} from '../../import/test/quantizedSource.ts';
import { temporary } from './process.ts';

/** One of each kind: int8, few bits, more than int8 holds. */
const names = ['linear-19', 'few-17', 'whole-17'];
const runOnnx = fileURLToPath(new URL('../../export/scripts/run_onnx.py', import.meta.url));
const python = process.env.PYTHON ?? 'python3';

/** A network with the whole numbers of its file, and images of it. */
async function networkOf(name: string): Promise<{ model: CheckedModel; pixels: Uint8Array }> {
  const golden = quantizedGolden(name);
  const { model: network } = await importNetwork(quantizedFile(`${name}.onnx`));
  const trained = await exportModel(network, sourceOf(golden), { onNote: () => {} });
  const { model } = lower(trained, { onNote: () => {} });
  const size = model.input.shape.reduce((product, n) => product * n, 1);
  const rng = random('code networks', name);
  const noise = Uint8Array.from({ length: 4 * size }, (_, i) =>
    i < 2 * size ? 255 * Math.floor(i / size) : rng.below(256),
  );
  return { model, pixels: Uint8Array.of(...pixelsOf(golden), ...noise) };
}

describe('imported networks whose weights are whole numbers', () => {
  const folder = temporary();
  const networks = new Map<string, Awaited<ReturnType<typeof networkOf>>>();

  beforeAll(async () => {
    await useBackend({ prefer: 'wasm' });
    for (const name of names) networks.set(name, await networkOf(name));
  });

  /** Each network with its interpreter's scores. */
  const all = () =>
    [...networks].map(([name, { model, pixels }]) => {
      const scores = interpreter(model).run(pixels);
      return { name, model, pixels, scores };
    });

  it('give the same scores by the WASM kernels', async () => {
    for (const { name, model, pixels, scores } of all())
      expect((await loadModel(model)).run(pixels), name).toEqual(scores);
  });

  it('give them as programs of C99, under sanitizers', (context) => {
    if (!gccTakes(join(folder, 'probe'), sanitized)) {
      console.warn('SKIPPED: gcc does not work here; install gcc to compile programs of C');
      context.skip();
    }
    for (const { name, model, pixels, scores } of all()) {
      const program = exportC(model, { stem: 'net' });
      const executable = compiled(program, join(folder, name), sanitized);
      expect(scoresOf(executable, pixels).scores, name).toEqual([...scores]);
    }
  });

  it('give them as ONNX files in onnxruntime', (context) => {
    if (spawnSync(python, ['-c', 'import numpy, onnxruntime']).status !== 0) {
      console.warn(
        `SKIPPED: ${python} has no onnxruntime here; install it with numpy, or name another Python by PYTHON`,
      );
      context.skip();
    }
    for (const { name, model, pixels } of all()) {
      const file = join(folder, name);
      writeFileSync(`${file}.onnx`, exportOnnx(model));
      const size = model.input.shape.reduce((product, n) => product * n, 1);
      const shape = [pixels.length / size, ...model.input.shape];
      writeFileSync(`${file}.npy`, encodeNpy({ shape, data: pixels }));
    }
    const ran = spawnSync(python, [runOnnx, folder], { encoding: 'utf8' });
    expect(ran.status, ran.stderr).toBe(0);
    for (const { name, scores } of all()) {
      const { data } = decodeNpy(readFileSync(join(folder, `${name}.scores.npy`)), name);
      expect([...data], name).toEqual([...scores]);
    }
  });
});

const scales = (count: number): Float64Array =>
  Float64Array.from({ length: count }, (_, i) => 0.01 * (i + 1));

/** Weights of whole numbers, the ends of their range among them. */
function codesOf(shape: readonly number[], ends: readonly number[], bits: number): WeightCodes {
  const rng = random('codes', shape.join(), bits);
  const count = shape.reduce((product, n) => product * n, 1);
  const [least, span] = [Math.min(...ends), Math.max(...ends) - Math.min(...ends) + 1];
  const values = Int16Array.from({ length: count }, (_, i) => ends[i] ?? least + rng.below(span));
  return { shape, values, bits, scales: scales(shape[0]) };
}

const relu = (name: string): TrainedLayer => ({ kind: 'relu', name, ceiling: 2 });
const lowered = (layers: readonly TrainedLayer[], side: number): CheckedModel => {
  const input = { shape: [side, side, 1] as const, mean: [0.5], deviation: [0.25] };
  return lower({ name: 'codes', input, layers, classes: ['a', 'b'] }, { onNote: () => {} }).model;
};

/** A convolution and scores, each of whole numbers. */
const weighted = (convolution: readonly number[], scores: readonly number[], bits: number) =>
  lowered(
    [
      {
        kind: 'conv',
        name: 'conv',
        strides: [1, 1],
        padding: [0, 0, 0, 0],
        weights: { kind: 'codes', codes: codesOf([2, 2, 2, 1], convolution, bits) },
      },
      relu('relu'),
      { kind: 'flatten', name: 'flat' },
      {
        kind: 'dense',
        name: 'dense',
        weights: { kind: 'codes', codes: codesOf([2, 8], scores, bits) },
      },
    ],
    3,
  );

/** Pools that hang over the edges of the map, and scores of whole numbers. */
const pooled = (kind: 'averagePool' | 'maxPool') =>
  lowered(
    [
      { kind, name: 'pool', size: [3, 2], strides: [2, 2], padding: [2, 0, 1, 1] },
      { kind: 'flatten', name: 'flat' },
      {
        kind: 'dense',
        name: 'dense',
        weights: { kind: 'codes', codes: codesOf([2, 4], [-8, 7], 4) },
      },
    ],
    3,
  );

describe.each([
  ['int8 with −128', () => weighted([-128, 127], [-128, 127], 8)],
  ['uint8 without its zero point', () => weighted([-255, 255], [-3, 252], 8)],
  ['3 bits', () => weighted([-4, 3], [-4, 4], 3)],
  ['averages at the edge', () => pooled('averagePool')],
  ['largest values at the edge', () => pooled('maxPool')],
] as const)('hardware of %s', (name, make) => {
  const model = make();
  const [size, images] = [model.input.shape[0] * model.input.shape[1], 5];
  const rng = random('hardware of codes', name);
  const pixels = Uint8Array.from({ length: images * size }, (_, i) =>
    i < 2 * size ? 255 * Math.floor(i / size) : rng.below(256),
  );
  const scores = interpreter(model).run(pixels);

  it('is that of the model, unrolled', async () => {
    const design = unrolledDesign(model, { style: 'gates' });
    expect((await simulate(model, design)).run(pixels)).toEqual(scores);
  });

  it('is that of the model, folded', async () => {
    const design = foldedDesign(model, {
      style: 'gates',
      folds: chooseFolds(model, { cycles: 60 }),
    });
    expect((await simulate(model, design)).run(pixels)).toEqual(scores);
  });
});
