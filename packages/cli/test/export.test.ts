import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeNpy, random } from '@hbnn/core';
import { exportC, exportNpz, exportOnnx, exportQonnx, exportSafetensors } from '@hbnn/export';
import { checkModel, encodeModel, featureCount, type IntegerLayer, randomModel } from '@hbnn/model';
import { describe, expect, it } from 'vitest';
import { hbnn, temporary } from './process.ts';

/** A folder with a model file and images of it. */
function withModel(seed = 5) {
  const folder = temporary();
  const model = randomModel(seed);
  const file = join(folder, 'm.hbnn');
  writeFileSync(file, encodeModel(model));
  const shape = [6, ...model.input.shape];
  const rng = random(seed, 'images');
  const data = Uint8Array.from({ length: 6 * featureCount(model.input.shape) }, () =>
    rng.below(256),
  );
  const images = join(folder, 'images.npy');
  writeFileSync(images, encodeNpy({ shape, data }));
  return { folder, model, file, images };
}

describe('hbnn export', () => {
  it('writes a header and a program of C, and prints what they take', () => {
    const { folder, model, file } = withModel();
    const out = join(folder, 'net.h');
    const { code, out: printed } = hbnn(
      'export',
      '--model',
      file,
      '--to',
      'c',
      '--out',
      out,
      '--json',
    );
    expect(code).toBe(0);
    const { files, flashBytes, ramBytes } = exportC(model);
    const written = Object.keys(files).map((name) => join(folder, name));
    expect(JSON.parse(printed)).toEqual({
      model: file,
      files: written,
      function: 'net_run',
      flashBytes,
      ramBytes,
    });
    expect(written.map((path) => readFileSync(path, 'utf8'))).toEqual(Object.values(files));
    expect(readFileSync(out, 'utf8')).toContain(`#define NET_RAM_BYTES ${ramBytes}`);
    const named = ['--name', 'while', '--json'];
    expect(hbnn('export', '--model', file, '--to', 'c', '--out', out, ...named).code).toBe(0);
    expect(readFileSync(out, 'utf8')).toContain('void while_run(');
    expect(
      spawnSync('gcc', ['-std=c99', '-Werror', '-c', written[1], '-o', join(folder, 'o')]).status,
    ).toBe(0);
  });

  it.each([
    ['onnx', exportOnnx],
    ['qonnx', exportQonnx],
    ['npz', exportNpz],
    ['safetensors', exportSafetensors],
  ] as const)('writes %s', (format, encode) => {
    const { folder, model, file } = withModel();
    const out = join(folder, `net.${format.replace('qonnx', 'onnx')}`);
    expect(hbnn('export', '--model', file, '--to', format, '--out', out).code).toBe(0);
    expect(readFileSync(out).equals(encode(model))).toBe(true);
  });

  it.each([
    [
      ['--to', 'c', '--out', 'net.c'],
      /--out: expected a file whose name ends in \.h for --to c, got 'net\.c'/,
    ],
    [['--to', 'cpp', '--out', 'net.h'], /--to: .*'cpp'/],
    [['--to', 'onnx', '--out', 'net.onnx', '--name', 'a'], /--name: has no effect with --to onnx/],
    [['--to', 'c', '--out', 'net.h', '--name', '9'], /begins with a letter .*got '9'/],
    [['--to', 'c', '--out', 'string.h'], /string\.h, a header of the C library/],
    [['--to', 'npz', '--out', '.npz'], /--out: expected a file/],
  ])('refuses %j and writes nothing', (args, message) => {
    const { folder, file } = withModel();
    const place = join(folder, 'out');
    mkdirSync(place);
    const moved = args.map((arg, i) => (args[i - 1] === '--out' ? join(place, arg) : arg));
    const { code, err } = hbnn('export', '--model', file, ...moved);
    expect(code).toBe(2);
    expect(err.replaceAll(`${place}/`, '')).toMatch(message);
    expect(readdirSync(place)).toEqual([]);
  });
});

describe('hbnn inspect', () => {
  it('shows the layers of a model file', () => {
    const { folder, file } = withModel();
    const layer = ['--layer', 'conv:8x8x16,k3x3,o32,s1,p1', '--seed', '1'];
    const made = join(folder, 'layer.hbnn');
    expect(hbnn('random', ...layer, '--out', made).code).toBe(0);
    const { code, out } = hbnn('inspect', made);
    expect(code).toBe(0);
    expect(out).toMatch(/^macs +247,808$/m);
    expect(out).toMatch(
      /^ {2}layer +conv +8×8×16 +8×8×32 +4,608 +247,808 +1\.4 +1 ███████ 2 ██ 3 █$/m,
    );
    const view = JSON.parse(hbnn('inspect', made, '--json').out) as {
      layers: { name: string; bits: object; averageBits: number }[];
    };
    expect(view.layers[1]).toMatchObject({ name: 'layer', bits: { 1: 3226, 2: 921, 3: 461 } });
    expect(JSON.parse(hbnn('inspect', file, '--json').out)).toMatchObject({
      kind: 'integer model',
    });
  });

  it('shows a folder of Verilog, with shapes where its model is there', () => {
    const { folder } = withModel();
    const [file, rtl] = [join(folder, 'small.hbnn'), join(folder, 'rtl')];
    expect(hbnn('random', '--layer', 'dense:24x4', '--out', file).code).toBe(0);
    expect(hbnn('verilog', '--model', file, '--out', rtl).code).toBe(0);
    const view = JSON.parse(hbnn('inspect', rtl, '--json').out);
    expect(view).toMatchObject({
      kind: 'Verilog folder',
      architecture: 'unrolled',
      modelFile: file,
    });
    expect(view.layers[1]).toMatchObject({ name: 'layer', kind: 'dense', output: [1, 1, 4] });
    expect(view.files).toBe(readdirSync(rtl).length);
    expect(hbnn('inspect', rtl).out).toMatch(/^ {2}layer +dense +layer +1×1×24/m);
    writeFileSync(file, '');
    expect(hbnn('inspect', rtl).code).toBe(2);
  });

  it('shows a run folder, and says when it has not ended', () => {
    const run = join(temporary(), 'run');
    const short = ['--epochs', '1', '--limit', '100', '--test-limit', '50', '--backend', 'cpu'];
    expect(hbnn('train', '--weights', '1.4', ...short, '--out', run).code).toBe(0);
    const view = JSON.parse(hbnn('inspect', run, '--json').out);
    expect(view).toMatchObject({ kind: 'run folder', network: 'fcn4', classes: 10 });
    const binarized = view.layers.filter((layer: { bits?: object }) => layer.bits !== undefined);
    expect(binarized.length).toBeGreaterThan(1);
    for (const { averageBits } of binarized) expect(averageBits).toBeCloseTo(1.4, 1);
    const unfinished = temporary();
    writeFileSync(join(unfinished, 'config.json'), readFileSync(join(run, 'config.json')));
    const { code, err } = hbnn('inspect', unfinished);
    expect(code).toBe(2);
    expect(err).toMatch(/expected a run that has ended, with weights\.bin, found none/);
  });

  it.each(['nothing-here', '.'])('refuses %s', (path) => {
    const place = path === '.' ? temporary() : path;
    expect(hbnn('inspect', place)).toMatchObject({ code: 2, out: '' });
  });
});

/** A model with other weights in its first layer of 8 bits, and its file. */
function withOtherWeights(folder: string, seed: number) {
  const { name, input, layers, scoreOffsets, scoreFactor, classes } = randomModel(seed);
  const place = layers.findIndex((layer) => 'weights' in layer && layer.weights.kind === 'int8');
  const layer = layers[place];
  if (!('weights' in layer) || layer.weights.kind !== 'int8') throw new Error('expected int8');
  const values = layer.weights.values.map((value) => (value > 0 ? value - 1 : value + 1));
  const other = { ...layer, weights: { ...layer.weights, values } } as IntegerLayer;
  const model = checkModel({
    name,
    input,
    scoreOffsets,
    scoreFactor,
    classes,
    layers: layers.with(place, other),
  });
  const file = join(folder, 'other.hbnn');
  writeFileSync(file, encodeModel(model));
  return { file, layer: layer.name };
}

describe('hbnn compare', () => {
  const seed = Array.from({ length: 40 }, (_, i) => i + 1).find((n) =>
    randomModel(n).layers.some((layer) => 'weights' in layer && layer.weights.kind === 'int8'),
  ) as number;

  it('finds equal models and engines equal', () => {
    const { file, images } = withModel();
    const same = hbnn('compare', file, file, '--in', images, '--json');
    expect(JSON.parse(same.out)).toEqual({ first: file, second: file, equal: true, images: 6 });
    const engines = ['--engines', 'reference,wasm'];
    expect(hbnn('compare', file, ...engines, '--in', images)).toMatchObject({ code: 0 });
  });

  it('names the first layer, place and values where two models part, with exit code 3', () => {
    const { folder, file, images } = withModel(seed);
    const other = withOtherWeights(folder, seed);
    const { code, out } = hbnn('compare', file, other.file, '--in', images, '--json');
    expect(code).toBe(3);
    const { equal, difference } = JSON.parse(out);
    expect(equal).toBe(false);
    expect(difference.layer).toBe(other.layer);
    expect(difference.position).toHaveLength(3);
    expect(difference.first).not.toBe(difference.second);
    expect(hbnn('compare', file, other.file, '--in', images).out).toMatch(
      new RegExp(`^layer +${other.layer}$`, 'm'),
    );
  });

  it.each([
    [[], /expected either a second model or --engines/],
    [['--engines', 'wasm'], /--engines: expected two different engines, got 'wasm'/],
    [['--engines', 'wasm,wasm'], /--engines: expected two different engines/],
    [['--engines', 'wasm,fast'], /--engines: .*'fast'/],
    [['--engines', 'reference,wasm', '--data', 'fashion-mnist-subset'], /either --in or --data/],
    [['--engines', 'reference,wasm', '--test-limit', '3'], /--test-limit: has no effect with --in/],
  ])('refuses %j', (args, message) => {
    const { file, images } = withModel();
    const { code, err } = hbnn('compare', file, ...args, '--in', images);
    expect(code).toBe(2);
    expect(err).toMatch(message);
  });

  it('refuses models of other images', () => {
    const { folder, file, images } = withModel();
    const other = join(folder, 'other.hbnn');
    writeFileSync(other, encodeModel(randomModel(1, { layer: 'dense:5x2' })));
    const { code, err } = hbnn('compare', file, other, '--in', images);
    expect(code).toBe(2);
    expect(err).toMatch(/expected two models of images of one shape/);
    expect(existsSync(other)).toBe(true);
  });
});
