import { mkdtempSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeNpy, encodeNpy, random } from '@hbnn/core';
import { encodeModel, interpreter, randomModel } from '@hbnn/model';
import { describe, expect, it } from 'vitest';
import { hbnn, hbnnMeasured } from './process.ts';

const temporary = (): string => mkdtempSync(join(tmpdir(), 'hbnn-integer-'));

describe('integer models on the command line', () => {
  it('are lowered from a run, measured, run and dumped', () => {
    const dir = temporary();
    const [run, model] = [join(dir, 'run'), join(dir, 'm.hbnn')];
    const fixed = ['--inputs', '1.4', '--input-map', 'static', '--input-map-per', 'channel'];
    const short = ['--epochs', '1', '--limit', '1000', '--test-limit', '200'];
    const rate = ['--learning-rate', '0.1', '--recalibrate', '200'];
    expect(hbnn('train', ...fixed, ...short, ...rate, '--out', run).code).toBe(0);
    const lowered = hbnn('lower', '--run', run, '--out', model, '--json');
    expect(lowered.err).not.toContain('hbnn:');
    const result = JSON.parse(lowered.out) as Record<string, number>;
    expect(result.images).toBe(200);
    expect(Math.abs(result.lossInPoints)).toBeLessThanOrEqual(3);
    expect(result.bytes).toBeLessThan(result.float32Bytes);
    expect(lowered.err).toContain('trained network (1 of 2)');
    expect(lowered.err).toContain('integer model (2 of 2)');
    const { parts, bitsPerBinarizedWeight } = JSON.parse(lowered.out) as {
      parts: { part: string; bytes: number; bitsPerWeight: number }[];
      bitsPerBinarizedWeight: number;
    };
    expect(parts.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(result.bytes);
    expect(parts.reduce((sum, part) => sum + part.bitsPerWeight, 0)).toBeCloseTo(
      result.bitsPerWeight,
      1,
    );
    expect(parts.map(({ part }) => part)).toEqual([
      'header (names, shapes, checksums)',
      '8-bit weights (conv1, conv4)',
      'bit maps of binarized weights (conv2, conv3)',
      'signs of binarized weights',
      'scales of binarized weights',
      'bit maps of activations',
      'thresholds and factors of activations',
    ]);
    // 1.4 signs and the entropy of 0.7/0.2/0.1, with a few bytes for two small layers.
    expect(bitsPerBinarizedWeight).toBeGreaterThan(2.5);
    expect(bitsPerBinarizedWeight).toBeLessThan(2.8);
    const fewer = hbnn('lower', '--run', run, '--out', model, '--test-limit', '100', '--json');
    expect(JSON.parse(fewer.out)).toMatchObject({ images: 100, bytes: result.bytes });
    const { out: text } = hbnn('lower', '--run', run, '--out', model, '--test-limit', '100');
    expect(text).toMatch(/^size {2,}[\d,]+ bytes, \S+ bits per weight, \S+ times smaller than/m);
    expect(text).toMatch(/^accuracy before {2,}\S+ % of 100 images$/m);
    expect(text).toMatch(/^accuracy after {2,}\S+ %, \S+ points (lost|gained)$/m);
    expect(text).toMatch(/^another class than before {2,}\d+ images?$/m);
    expect(text).toMatch(/^scores differ by {2,}\S+ % of the largest in the mean, up to \S+ %$/m);
    const { scores } = JSON.parse(fewer.out);
    expect(scores.otherClass).toBeLessThanOrEqual(10);
    expect(scores.largestDifference).toBeGreaterThan(scores.meanDifference);
    expect(scores.largestDifference).toBeLessThan(0.3);
    expect(text).not.toMatch(/^ *[a-z]+\d*[A-Z]| {2}[a-z]+[A-Z]\w*$/m);
    const vain = ['--no-evaluate', '--test-limit', '100'];
    expect(hbnn('lower', '--run', run, '--out', model, ...vain)).toMatchObject({
      code: 2,
      err: 'hbnn: --test-limit: has no effect with --no-evaluate; leave one of them out\n',
    });
    const measured = hbnn(
      'eval',
      '--model',
      model,
      '--data',
      'fashion-mnist-subset',
      '--engine',
      'reference',
      '--test-limit',
      '200',
      '--json',
    );
    expect(JSON.parse(measured.out)).toMatchObject({ top1: result.top1After, images: 200 });
    const dumped = join(dir, 'dumped');
    expect(hbnn('dump', model, '--out', dumped).code).toBe(0);
    const { layers } = JSON.parse(readFileSync(join(dumped, 'model.json'), 'utf8')) as {
      layers: { kind: string }[];
    };
    expect(layers.map(({ kind }) => kind)).toContain('threshold');
  });

  it('run on a batch of images as the interpreter does', () => {
    const dir = temporary();
    const [model, images, scores] = ['m.hbnn', 'x.npy', 'y.npy'].map((name) => join(dir, name));
    expect(hbnn('random', '--seed', '5', '--out', model).code).toBe(0);
    const own = randomModel(5);
    const size = own.input.shape.reduce((product, n) => product * n, 1);
    const rng = random(1, 'pixels');
    const pixels = Uint8Array.from({ length: 3 * size }, () => rng.below(256));
    writeFileSync(images, encodeNpy({ shape: [3, ...own.input.shape], data: pixels }));
    const args = ['--model', model, '--in', images, '--out', scores, '--engine', 'reference'];
    expect(hbnn('run', ...args).code).toBe(0);
    const { shape, data } = decodeNpy(readFileSync(scores), scores);
    expect(shape).toEqual([3, own.classes.length]);
    expect([...data]).toEqual([...interpreter(own).run(pixels)]);
  });

  it('that are no models, or no files, are refused soon and in little memory', () => {
    const dir = temporary();
    const file = (name: string, bytes: Uint8Array, size?: number): string => {
      const path = join(dir, name);
      writeFileSync(path, bytes);
      if (size !== undefined) truncateSync(path, size);
      return path;
    };
    const images = file('x.npy', encodeNpy({ shape: [2], data: Uint8Array.of(1, 2) }));
    const whole = encodeModel(randomModel(1));
    const emptyMiB = hbnnMeasured('networks').peakMiB;
    const cases: [string, string][] = [
      [dir, 'got a folder'],
      [file('empty', new Uint8Array(0)), 'truncated'],
      // Files of 64 GiB without blocks on the disk.
      [file('zeros', new Uint8Array(0), 2 ** 36), 'expected a .hbnn file'],
      [file('longer', whole, 2 ** 36), 'expected its end'],
      [file('half', whole.subarray(0, whole.length - 9), 2 ** 36), 'is damaged'],
      ['/dev/null', 'truncated'],
      ['/dev/zero', 'expected a .hbnn file'],
    ];
    for (const [model, named] of cases)
      for (const args of [
        ['run', '--model', model, '--in', images, '--out', join(dir, 'y')],
        ['eval', '--model', model, '--data', 'fashion-mnist-subset'],
        ['dump', model, '--out', join(dir, 'd')],
      ]) {
        const { code, err, peakMiB } = hbnnMeasured(...args);
        expect([code, err], args.join(' ')).toEqual([2, expect.stringContaining(named)]);
        expect(err).toContain(model);
        // Node.js with the command takes about 150 MiB; these files may not add 64.
        expect(peakMiB).toBeLessThan(emptyMiB + 64);
      }
  });

  it('answer bad input with one line and exit code 2', () => {
    const dir = temporary();
    const model = join(dir, 'm.hbnn');
    const cut = join(dir, 'cut.hbnn');
    const images = join(dir, 'x.npy');
    hbnn('random', '--seed', '1', '--out', model);
    writeFileSync(cut, readFileSync(model).subarray(0, 100));
    writeFileSync(images, encodeNpy({ shape: [2], data: Uint8Array.of(1, 2) }));
    const cases: [string[], string][] = [
      [['random', '--seed', 'x', '--out', model], '--seed'],
      [['random', '--seed', '1', '--layer', 'dense', '--out', model], 'dense:144x16'],
      [['run', '--model', cut, '--in', images, '--out', join(dir, 'y')], 'truncated'],
      [['run', '--model', model, '--in', images, '--out', join(dir, 'y')], 'expected images of'],
      [['run', '--model', images, '--in', images, '--out', join(dir, 'y')], 'a .hbnn file'],
      [['run', '--model', join(dir, 'none'), '--in', images, '--out', 'y'], 'none'],
      [['eval', '--model', model], '--data'],
      [['eval'], '--run or --model'],
      [['dump', cut, '--out', join(dir, 'd')], 'truncated'],
    ];
    for (const [args, named] of cases) {
      const { code, err } = hbnn(...args);
      expect([code, err], args.join(' ')).toEqual([2, expect.stringContaining(named)]);
      expect(err.trimEnd().split('\n')).toHaveLength(1);
    }
  });
});
