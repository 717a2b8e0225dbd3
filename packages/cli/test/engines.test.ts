import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { decodeNpy, encodeNpy, random } from '@hbnn/core';
import { checkModel, encodeModel, featureCount, interpreter, randomModel } from '@hbnn/model';
import { expect, test } from 'vitest';
import { openEngine } from '../src/engines.ts';
import { readModelFile } from '../src/modelFile.ts';
import { hbnn, temporary } from './process.ts';

test('reference and wasm give the same scores for 100 random models, read from their files', async () => {
  const file = join(temporary(), 'm.hbnn');
  for (let seed = 0; seed < 100; seed++) {
    writeFileSync(file, encodeModel(randomModel(seed)));
    const model = await readModelFile(file);
    const rng = random('engines', seed);
    const pixels = Uint8Array.from({ length: 3 * featureCount(model.input.shape) }, () =>
      rng.below(256),
    );
    const scores = await Promise.all(
      ['reference', 'wasm'].map(async (name) => {
        const engine = await openEngine(name, model);
        const found = engine.run(pixels);
        engine.dispose();
        return found;
      }),
    );
    for (const found of scores) expect(found, `seed ${seed}`).toEqual(scores[0]);
  }
});

test('the verilog engine gives the same scores', async () => {
  const model = randomModel(36);
  const pixels = Uint8Array.from({ length: 3 * featureCount(model.input.shape) }, (_, i) => i);
  const [verilog, reference] = await Promise.all(
    ['verilog', 'reference'].map((name) => openEngine(name, model)),
  );
  expect(verilog.run(pixels)).toEqual(reference.run(pixels));
});

test('hbnn run writes the same file with either engine, and wasm is the default', () => {
  const folder = temporary();
  const model = join(folder, 'm.hbnn');
  const made = randomModel(7);
  writeFileSync(model, encodeModel(made));
  const images = join(folder, 'x.npy');
  const rng = random('engines', 'run');
  const data = Uint8Array.from({ length: 2 * featureCount(made.input.shape) }, () =>
    rng.below(256),
  );
  writeFileSync(images, encodeNpy({ shape: [2, ...made.input.shape], data }));
  const written = [[], ['--engine', 'wasm'], ['--engine', 'reference']].map((engine, i) => {
    const out = join(folder, `${i}.npy`);
    const ended = hbnn('run', '--model', model, '--in', images, '--out', out, '--json', ...engine);
    expect(ended.err).toBe('');
    expect(JSON.parse(ended.out).engine).toBe(engine[1] ?? 'wasm');
    return readFileSync(out);
  });
  expect(written[0].equals(written[2]) && written[1].equals(written[2])).toBe(true);
});

/** A grey PNG: signature, header, rows that begin with the filter 0, end. */
function greyPng(width: number, height: number, pixels: Uint8Array): Buffer {
  const chunk = (type: string, content: Buffer): Buffer => {
    const [body, size, sum] = [
      Buffer.concat([Buffer.from(type), content]),
      Buffer.alloc(4),
      Buffer.alloc(4),
    ];
    size.writeUInt32BE(content.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([size, body, sum]);
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 0, 0, 0, 0], 8);
  const rows = Array.from({ length: height }, (_, y) =>
    Buffer.concat([Buffer.from([0]), pixels.subarray(y * width, (y + 1) * width)]),
  );
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  const data = deflateSync(Buffer.concat(rows));
  return Buffer.concat([
    signature,
    chunk('IHDR', head),
    chunk('IDAT', data),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function crc32(bytes: Uint8Array): number {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let k = 0; k < 8; k++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return ~sum >>> 0;
}

test('hbnn run names the class of a picture, and the top 3, as the scores of a .npy have it', () => {
  const folder = temporary();
  const model = join(folder, 'm.hbnn');
  const made = checkModel({
    ...randomModel(5, { layer: 'conv:6x4x1,k6x4,o4' }),
    classes: ['coat', 'shoe', 'hat', 'bag'],
  });
  const [height, width] = made.input.shape;
  writeFileSync(model, encodeModel(made));
  const rng = random('engines', 'picture');
  const data = Uint8Array.from({ length: height * width }, () => rng.below(256));
  const picture = join(folder, 'x.PNG');
  writeFileSync(picture, greyPng(width, height, data));
  const scores = [...interpreter(made).run(data)];
  const order = [...scores.keys()].sort((a, b) => scores[b] - scores[a]).slice(0, 3);
  const out = join(folder, 'scores.npy');
  const json = hbnn('run', '--model', model, '--in', picture, '--out', out, '--json');
  expect(json.code, json.err).toBe(0);
  expect(JSON.parse(json.out)).toMatchObject({
    class: made.classes[order[0]],
    top: order.map((k) => ({ class: made.classes[k], score: scores[k] })),
  });
  expect([...decodeNpy(readFileSync(out), out).data]).toEqual(scores);
  const text = hbnn('run', '--model', model, '--in', picture);
  expect(text.out).toContain(
    `class    ${made.classes[order[0]]}\ntop 3    ${made.classes[order[0]]} (`,
  );

  const small = join(folder, 'small.png');
  writeFileSync(small, greyPng(2, 3, new Uint8Array(6)));
  const wrong = hbnn('run', '--model', model, '--in', small);
  expect([wrong.code, wrong.err]).toEqual([
    2,
    `hbnn: ${small}: expected a picture of ${width}×${height} pixels, the model's size, got one of 2×3; resize it\n`,
  ]);
  const batch = hbnn('run', '--model', model, '--in', 'x.npy');
  expect([batch.code, batch.err]).toEqual([2, expect.stringContaining('add --out scores.npy')]);
  // What is no picture and no batch is not asked for --out.
  const words = join(folder, 'words.txt');
  writeFileSync(words, 'words');
  for (const [path, got] of [
    [folder, 'got a folder'],
    [words, 'got a file of another name'],
  ]) {
    const refused = hbnn('run', '--model', model, '--in', path);
    expect([refused.code, refused.err]).toEqual([
      2,
      `hbnn: --in ${path}: expected a picture (PNG, JPEG …) or a .npy of images, ${got}; name one picture, or a .npy with --out scores.npy\n`,
    ]);
  }
  const none = join(folder, 'none');
  const missing = hbnn('run', '--model', model, '--in', none);
  expect([missing.code, missing.err]).toEqual([
    2,
    `hbnn: --in: ${none}: could not be read: there is no such file; name one picture, or a .npy with --out scores.npy\n`,
  ]);
});

test('an unknown engine is named', async () => {
  await expect(openEngine('fpga', randomModel(1))).rejects.toThrow(
    "--engine: expected one of reference, wasm, verilog, verilog-folded, got 'fpga'",
  );
});

test.each(['wasm', 'reference', 'verilog'])(
  'hbnn run on no images writes no scores: %s',
  (engine) => {
    const folder = temporary();
    const [model, images, out] = ['m.hbnn', 'none.npy', 'scores.npy'].map((name) =>
      join(folder, name),
    );
    hbnn('random', '--layer', 'dense:8x4', '--out', model);
    writeFileSync(images, encodeNpy({ shape: [0, 1, 1, 8], data: new Uint8Array(0) }));
    const line = ['run', '--model', model, '--in', images, '--out', out, '--engine', engine];
    const ended = hbnn(...line, '--json');
    expect(ended).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(ended.out)).toMatchObject({ images: 0, scores: 4 });
    expect(decodeNpy(readFileSync(out), 'scores').shape).toEqual([0, 4]);
  },
);
