import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { hbnn, temporary } from './process.ts';

const network = [
  '--network',
  'fcn4',
  '--widths',
  '4,4',
  '--inputs',
  '1.4',
  '--input-map',
  'static',
];
const quick = [
  ...network,
  '--epochs',
  '1',
  '--learning-rate',
  '0.1',
  '--backend',
  'wasm',
  '--json',
];
const folderData = ['--data', 'folder', '--size', '16'];

/** A folder of six drawings of each class and part. */
function drawings(classes: readonly string[], parts = ['train', 'valid']): string {
  const folder = temporary();
  for (const part of parts) {
    classes.forEach((name, k) => {
      const dir = join(folder, part, name);
      mkdirSync(dir, { recursive: true });
      for (let i = 0; i < 6; i++) {
        const rect = `<rect x="${2 * k}" y="${i}" width="6" height="6" fill="red"/>`;
        const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20">${rect}</svg>`;
        writeFileSync(join(dir, `${i}.svg`), svg);
      }
    });
  }
  return folder;
}

/** The bytes of an IDX file of unsigned bytes. */
function idx(shape: readonly number[], data: readonly number[]): Buffer {
  const head = Buffer.alloc(4 + 4 * shape.length);
  head.set([0, 0, 8, shape.length]);
  for (const [i, size] of shape.entries()) head.writeUInt32BE(size, 4 + 4 * i);
  return Buffer.concat([head, Buffer.from(data)]);
}

describe("a person's own images", () => {
  it('are trained on, and only the same classes and sizes are measured', () => {
    const from = drawings(['a', 'b']);
    const run = join(temporary(), 'run');
    const trained = hbnn('train', ...folderData, '--from', from, ...quick, '--out', run);
    expect(trained.code, trained.err).toBe(0);
    expect(trained.err).toContain(
      '2 classes, 12 images to train on (train), 12 to test on (valid)',
    );
    expect(hbnn('eval', '--run', run, '--json').code).toBe(0);
    const cases: [string[], RegExp][] = [
      [['--from', drawings(['a', 'b', 'c'])], /2 classes .* \(a, b\), got 3 \(a, b, c\)/],
      [['--from', drawings(['a', 'x'])], /with 'b' as class 1, got 'x'/],
      [['--data', 'fashion-mnist-subset'], /images of 16×16×3, .* got 28×28×1/],
    ];
    for (const [args, message] of cases) {
      const { code, err } = hbnn('eval', '--run', run, ...args);
      expect(code, args.join(' ')).toBe(2);
      expect(err.trimEnd().split('\n').at(-1)).toMatch(message);
    }
  });

  it('are cropped to what a network takes that is not square', () => {
    const folder = temporary();
    const [net, file] = ['net', 'net.hbnn'].map((name) => join(folder, name));
    const onnx = fileURLToPath(
      new URL('../../import/test/golden/torch/uneven-13.onnx', import.meta.url),
    );
    const imported = hbnn('import', onnx, '--out', net);
    expect(imported.code, imported.err).toBe(0);
    expect(imported.out).toContain('--from images --size 21x17 ');
    const data = ['--data', 'folder', '--from', drawings(['a', 'b', 'c', 'd', 'e'])];
    const lower = ['lower', net, ...data, '--out', file, '--size'];
    const cases: [string, RegExp][] = [
      ['21', /images of 21×17×3, the network's size, got 21×21×3 .*; add --size 21x17\n/],
      ['21x17x3', /--size: expected one whole number, or height and width, got '21x17x3'; /],
      ['21x', /--size: expected a whole number such as 224 or 120x160, got ''; /],
      ['21x0', /--size: expected a whole number above 0 such as 224, or two such as /],
    ];
    for (const [size, message] of cases) {
      const { code, err } = hbnn(...lower, size);
      expect([code, err], size).toEqual([2, expect.stringMatching(message)]);
    }
    const lowered = hbnn(...lower, '21x17', '--json');
    expect(lowered.code, lowered.err).toBe(0);
    expect(JSON.parse(lowered.out)).toMatchObject({ images: 30 });
    const tested = hbnn('eval', '--model', file, ...data, '--json');
    expect(tested.code, tested.err).toBe(0);
    const compared = hbnn('compare', file, net, ...data, '--json');
    expect(compared.code, compared.err).toBe(0);
    expect(JSON.parse(compared.out)).toMatchObject({ equal: true, images: 30 });
  });

  it('of one class train to a loss of 0', () => {
    const from = drawings(['only']);
    const out = join(temporary(), 'run');
    const {
      code,
      out: text,
      err,
    } = hbnn('train', ...folderData, '--from', from, ...quick, '--out', out);
    expect(code, err).toBe(0);
    expect(JSON.parse(text)).toMatchObject({ top1: 1, testLoss: 0, trainLoss: 0 });
    expect(err).toContain('with one class every image is right');
  });

  it('that cannot be read end the command before the run folder is made, or are skipped', () => {
    const from = drawings(['a', 'b']);
    for (const name of ['x.jpg', 'y.png'])
      writeFileSync(join(from, 'train', 'a', name), 'no image');
    const out = join(temporary(), 'run');
    const args = ['train', ...folderData, '--from', from, ...quick, '--out', out];
    const refused = hbnn(...args);
    expect(refused.code).toBe(2);
    const lines = refused.err.trimEnd().split('\n');
    expect(lines.filter((line) => !line.startsWith('backend '))).toHaveLength(1);
    expect(refused.err).toMatch(/got 2 of 26 images .*x\.jpg \(.*y\.png \(.*--skip-bad-images/);
    const skipped = hbnn(...args, '--skip-bad-images');
    expect(skipped.code, skipped.err).toBe(0);
    expect(skipped.err).toMatch(/skipped 2 of 26 images/);
    expect(JSON.parse(skipped.out)).toMatchObject({ trainImages: 12 });
    // The run remembers it.
    const model = join(out, 'm.hbnn');
    expect(hbnn('lower', '--run', out, '--out', model, '--no-evaluate', '--json').code).toBe(0);
  });

  it('that cannot be read are named by each command with the flag that it has for them', () => {
    const from = drawings(['a', 'b']);
    const [run, model, out] = ['run', 'm.hbnn', 'out'].map((name) => join(temporary(), name));
    const data = [...folderData, '--from', from];
    expect(hbnn('train', ...data, ...quick, '--out', run).code).toBe(0);
    expect(hbnn('lower', '--run', run, '--out', model, '--no-evaluate').code).toBe(0);
    writeFileSync(join(from, 'valid', 'a', 'x.jpg'), 'no image');
    const measured = ['--data', 'folder', '--from', from];
    const commands = [
      ['eval', '--run', run],
      ['eval', '--model', model, ...measured],
      ['lower', '--run', run, '--out', out],
      ['estimate', '--model', model, '--target', 'asic:45', ...measured],
      ['compare-settings', ...data, '--weights', '1,2', '--out', out],
    ];
    for (const command of commands) {
      const { code, err } = hbnn(...command);
      expect([code, err], command.join(' ')).toEqual([
        2,
        expect.stringMatching(
          /x\.jpg \(.*; remove or replace them, or leave them out by --skip-bad-images\n$/,
        ),
      ]);
    }
    for (const command of commands.slice(0, 4)) {
      const { code, err } = hbnn(...command, '--skip-bad-images');
      // Gates of a network as large as this are not simulated; by then its images have been opened.
      expect(code, err).toBe(command[0] === 'estimate' ? 2 : 0);
      expect(err).toMatch(/skipped 1 of \d+ images/);
    }
    const fetched = hbnn('datasets', 'fetch', 'cifar10', '--from', from);
    expect(fetched.code).toBe(2);
    expect(fetched.err).toMatch(/; remove or replace them\n$/);
  });

  it('in IDX files are a data set of a folder', () => {
    const from = temporary();
    const [count, side] = [20, 12];
    const pixels = Array.from({ length: count * side * side }, (_, i) => (i * 7) % 256);
    const labels = Array.from({ length: count }, (_, i) => i % 2);
    writeFileSync(join(from, 'train-images-idx3-ubyte'), idx([count, side, side], pixels));
    writeFileSync(join(from, 'train-labels-idx1-ubyte'), idx([count], labels));
    const out = join(temporary(), 'run');
    const trained = hbnn('train', '--data', 'idx', '--from', from, ...quick, '--out', out);
    expect(trained.code, trained.err).toBe(0);
    expect(JSON.parse(trained.out)).toMatchObject({ trainImages: 16, testImages: 4 });
  });

  it('are what --skip-bad-images is for', () => {
    const { code, err } = hbnn('train', '--skip-bad-images', '--out', join(temporary(), 'run'));
    expect(code).toBe(2);
    expect(err).toContain('--skip-bad-images: has no effect with --data fashion-mnist-subset');
  });
});
