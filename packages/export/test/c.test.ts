import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportC } from '@hbnn/export';
import {
  type CheckedModel,
  checkModel,
  featureCount,
  type IntegerLayer,
  interpreter,
  randomModel,
} from '@hbnn/model';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compiled, gccTakes, sanitized, scoresOf } from './gcc.ts';
import { farStrides, imagesOf, pooledModel, wideKinds, wideModel } from './models.ts';

const folder = mkdtempSync(join(tmpdir(), 'hbnn-c-'));
afterAll(() => rmSync(folder, { recursive: true }));

const images = 5;
/** `pnpm --filter @hbnn/export compiled` compiles 40. */
const networks = process.env.HBNN_COMPILED === 'all' ? 40 : 16;
const seeds = Array.from({ length: networks }, (_, i) => i + 1);

function expectEqual(
  model: CheckedModel,
  seed: number,
  flags: readonly string[],
  name?: string,
): void {
  const program = exportC(model, { stem: 'net', ...(name !== undefined && { name }) });
  const executable = compiled(program, join(folder, `${seed}${name ?? ''}`), flags);
  const pixels = imagesOf(model, images);
  const expected = [...interpreter(model).run(pixels)];
  const { scores, best } = scoresOf(executable, pixels);
  expect(scores, `seed ${seed}`).toEqual(expected);
  const classes = model.classes.length;
  const bestOf = (row: readonly number[]): number => row.indexOf(Math.max(...row));
  expect(best).toEqual(
    Array.from({ length: images }, (_, n) =>
      bestOf(expected.slice(n * classes, (n + 1) * classes)),
    ),
  );
}

/** A random network with other score offsets and names. */
const varied = (seed: number, changes: Partial<CheckedModel>): CheckedModel => {
  const { name, input, layers, scoreOffsets, scoreFactor, classes } = randomModel(seed);
  return checkModel({ name, input, layers, scoreOffsets, scoreFactor, classes, ...changes });
};

const offsetsFor = (seed: number): Int32Array =>
  randomModel(seed).scoreOffsets.map((_, k) => (k % 2 === 0 ? -1 : 1) * (k * 12345 + seed));

describe('a program of C99', () => {
  beforeAll(() => {
    if (!gccTakes(folder, [])) throw new Error('gcc: expected a C compiler, got none; install gcc');
  });

  it.each(seeds)('computes the scores of random network %i, under sanitizers', (seed) => {
    const model =
      seed % 4 === 0 ? varied(seed, { scoreOffsets: offsetsFor(seed) }) : randomModel(seed);
    expectEqual(model, seed, sanitized);
  });

  it.each(Array.from({ length: 8 }, (_, i) => i + 1))(
    'computes the scores of random network %i with branches, under sanitizers',
    (seed) => {
      expectEqual(randomModel(seed, { branches: true }), seed, sanitized, 'branched');
    },
  );

  it('has every kind of layer among the random networks', () => {
    const layers = seeds.flatMap((seed) => randomModel(seed).layers);
    const kinds = layers.map((layer) =>
      'weights' in layer ? `${layer.kind} ${layer.weights.kind}` : layer.kind,
    );
    const weighted = ['conv', 'depthwise', 'dense'].flatMap((kind) => [
      `${kind} planes`,
      `${kind} int8`,
    ]);
    const others: IntegerLayer['kind'][] = ['maxPool', 'sumPool', 'threshold', 'requantize'];
    expect([...new Set(kinds)]).toEqual(expect.arrayContaining([...weighted, ...others]));
  });

  it.each(wideKinds)('computes sums near the bounds of int32 before %s', (kind) => {
    expectEqual(wideModel(kind), 1, sanitized, `wide_${kind}`);
  });

  it.each([
    ['conv', 'maxPool'],
    ['conv', 'sumPool'],
    ['depthwise', 'maxPool'],
    ['depthwise', 'sumPool'],
  ] as const)('pools the sums of a %s by %s as they are computed', (kind, pool) => {
    const model = pooledModel(kind, pool);
    expectEqual(model, 1, sanitized, `${kind}_${pool}`);
    const { files, ramBytes } = exportC(model);
    expect(files['net.c']).toContain(`/* ${kind} 'first' and ${pool} 'pool': `);
    // Only the pooled values are kept, of one byte each.
    expect(ramBytes).toBe(4 * Math.ceil(featureCount(model.checkedLayers[1].output) / 4));
  });

  it('takes strides beyond 32 bits', () => {
    expectEqual(farStrides(), 1, sanitized, 'far');
  });

  it.each(['position', 'channel', 'element'] as const)(
    'takes maps of inputs per %s',
    (inputMapPer) => {
      const inputMix = {
        fractions: [
          { bits: 1, fraction: 0.7 },
          { bits: 2, fraction: 0.2 },
          { bits: 3, fraction: 0.1 },
        ],
      };
      const layer = 'conv:7x6x11,k3x3,o9,s2,p1';
      for (const mapPer of ['element', 'position', 'input', 'output', 'block:3'] as const)
        expectEqual(
          randomModel(7, { layer, inputMix, inputMapPer, mapPer }),
          7,
          sanitized,
          `${inputMapPer}_${mapPer.slice(0, 3)}`,
        );
    },
  );

  it('takes words of C as names, and texts that end comments and strings', () => {
    const texts = ['*/ int main', '??/', 'naïve "classes"\n', '\\', '/* ??= %d', 'int', '', '1'];
    const { layers, classes } = randomModel(3);
    const words = ['int', 'while', '*/', 'main', 'é??/', 'static', 'double', 'a\\\nb', 'NULL'];
    const model = varied(3, {
      name: '*/ #error ??/',
      layers: layers.map((layer, i) => ({ ...layer, name: words[i] })),
      classes: classes.map((_, k) => texts[k % texts.length] + k),
    });
    for (const name of ['int', 'NET', 'static', 'main', 'uint8_t', 'std', 'x'])
      expectEqual(model, 3, sanitized, name);
  });

  it.each(['a b', '1net', '_net', 'é', ''])("refuses '%s' as a name", (name) => {
    expect(() => exportC(randomModel(1), { name })).toThrow(
      /C export: expected a name that begins/,
    );
  });

  it.each(['stdint', 'String', 'math'])('refuses %s.h, a header of C', (stem) => {
    expect(() => exportC(randomModel(1), { stem })).toThrow(/a header of the C library/);
  });

  it.each(['con', 'NUL', 'com1', 'aux.net'])('refuses %s, a device of Windows', (stem) => {
    expect(() => exportC(randomModel(1), { stem })).toThrow(
      /got '.*', which is a device in Windows/,
    );
  });

  it.each([
    [
      { nmae: 'z' },
      /no other options than stem, name, placeOf, got 'nmae'; .*did you mean 'name'\?/,
    ],
    [{ stem: 5 }, /expected a text as stem, got the number 5; /],
    [{ name: null }, /expected a text as name, got null; /],
    [null, /expected an object of options \(stem, name, placeOf\), got null; /],
  ])('refuses the options %j', (options, text) => {
    expect(() => exportC(randomModel(1), options as never)).toThrow(text);
  });

  it('computes the same as 32-bit code', (context) => {
    if (!gccTakes(join(folder, 'probe32'), ['-m32'])) {
      console.warn('SKIPPED: gcc -m32 does not work here; install gcc-multilib to run 32-bit code');
      context.skip();
    }
    for (let seed = 1; seed <= 10; seed++)
      expectEqual(randomModel(seed, { branches: seed > 7 }), seed, ['-O2', '-m32'], 'm32');
  });
});
