import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { random } from '@hbnn/core';
import { encodeModel, featureCount, interpreter, randomModel } from '@hbnn/model';
import { loadModel } from '@hbnn/wasm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildPackages, chromium, resultOfPage } from './browserPage.ts';

if (chromium === undefined)
  console.warn('no Chromium on this machine: the package is not tried in a browser (see CHROMIUM)');

const images = 5;
const models = [
  ...[3, 30, 35, 40, 45, 53, 100, 106].map((seed) => randomModel(seed)),
  randomModel(1, { layer: 'conv:9x9x33,k3x3,o17,p1' }),
  randomModel(2, { layer: 'dense:1000x65' }),
];
const pixels = models.map((model, i) => {
  const rng = random('browser', i);
  const size = images * featureCount(model.input.shape);
  return Uint8Array.from({ length: size }, () => rng.below(256));
});

const pictureModel = randomModel(7, { layer: 'conv:4x6x3,k3x3,o5,s1,p1' });

/** Streams the first half of the models and decodes the others whole. */
const page = `<!doctype html><meta charset="utf-8"><title>HBNN</title>
<script type="importmap">{ "imports": {
  "@hbnn/core": "./core/dist/index.js", "@hbnn/model": "./model/dist/index.js",
  "@hbnn/wasm": "./wasm/dist/index.js",
  "@hbnn/wasm/threads": "./wasm/dist/inference/loadThreads.js" } }</script>
<script type="module">
  const post = (result) => fetch('/result', { method: 'POST', body: JSON.stringify(result) });
  try {
    const { decodeModel, readModel } = await import('@hbnn/model');
    const { loadModel } = await import('@hbnn/wasm');
    const { loadThreads } = await import('@hbnn/wasm/threads');
    const scores = [];
    const threadScores = [];
    const threads = [];
    for (let i = 0; i < ${models.length}; i++) {
      const response = await fetch('./models/' + i + '.hbnn');
      const model = i % 2 === 0
        ? await readModel(response.body, response.url)
        : decodeModel(new Uint8Array(await response.arrayBuffer()), response.url);
      const pixels = new Uint8Array(await (await fetch('./models/' + i + '.pixels')).arrayBuffer());
      const engine = await loadModel(model);
      scores.push([...engine.run(pixels)]);
      engine.dispose();
      const pool = await loadThreads(model, { threads: 3, batch: 2 });
      threads.push(pool.threads);
      threadScores.push([...(await pool.run(pixels))]);
      await pool.dispose();
    }
    const pictures = await (await import('./pictures.js')).pictureScores();
    await post({ scores, threads, threadScores, pictures, isolated: crossOriginIsolated });
  } catch (error) {
    await post({ error: String(error.stack ?? error) });
  }
</script>`;

/** One picture in every form that a page may have it in, and what is refused. */
const picturesScript = `
import { pixelsFromRgba } from '@hbnn/model';
import { loadModel } from '@hbnn/wasm';
import { loadThreads } from '@hbnn/wasm/threads';

const loadedImage = async (url) => {
  const image = new Image();
  image.src = url;
  await image.decode();
  image.width = 300;
  return image;
};

export async function pictureScores() {
  const engine = await loadModel('models/picture.hbnn', { wasm: 'wasm/build/inference.wasm' });
  const threaded = await loadThreads(fetch('models/picture.hbnn'), {
    threads: 2, worker: 'wasm/build/worker.js', wasm: 'wasm/build/inference-shared.wasm' });
  const [height, width] = engine.shape;
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width, height });
  const context = canvas.getContext('2d');
  const rgba = context.createImageData(width, height);
  for (let i = 0; i < rgba.data.length; i++) rgba.data[i] = i % 4 === 3 ? 255 : (i * 7919) % 251;
  context.putImageData(rgba, 0, 0);
  const offscreen = new OffscreenCanvas(width, height);
  const other = offscreen.getContext('bitmaprenderer');
  other.transferFromImageBitmap(await createImageBitmap(canvas));
  const frame = new VideoFrame(canvas, { timestamp: 0 });
  const forms = { rgba, canvas, offscreen, bitmap: await createImageBitmap(canvas), frame,
    image: await loadedImage(canvas.toDataURL()) };
  const wanted = engine.run(pixelsFromRgba(rgba, engine.shape));
  const scores = {};
  for (const [name, form] of Object.entries(forms)) {
    const both = [engine.run(form), await threaded.run(form)];
    scores[name] = both.map((found) => found.every((score, i) => score === wanted[i]));
  }
  frame.close();
  const large = Object.assign(document.createElement('canvas'), { width: 300, height: 200 });
  const refused = [];
  for (const value of [large, new Image(), frame, document.body])
    try { engine.run(value); refused.push('taken'); } catch (error) { refused.push(error.name + ': ' + error.message); }
  try { await loadModel('models/gone.hbnn'); } catch (error) { refused.push(error.name + ': ' + error.message); }
  {
    const short = await loadModel('models/picture.hbnn');
    short[Symbol.dispose ?? Symbol.for('Symbol.dispose')]();
    try { short.run(rgba); } catch (error) { refused.push(error.name + ': ' + error.message); }
  }
  await threaded.dispose();
  return { scores, refused, wanted: [...wanted], best: engine.classify(canvas, { top: 1 })[0] };
}
`;

interface PictureResults {
  /** Whether the scores of each form are those of its bytes, on one thread and on two. */
  readonly scores: Readonly<Record<string, readonly boolean[]>>;
  readonly refused: readonly string[];
  readonly wanted: readonly number[];
  readonly best: { readonly score: number };
}

function checkPictures(found: PictureResults | undefined): void {
  const forms = ['rgba', 'canvas', 'offscreen', 'bitmap', 'frame', 'image'];
  expect(found?.scores).toEqual(Object.fromEntries(forms.map((form) => [form, [true, true]])));
  expect(found?.best.score).toBe(Math.max(...(found?.wanted ?? [])));
  expect(found?.refused).toEqual([
    expect.stringMatching(/^HbnnError: .* 6×4 pixels, got .* HTMLCanvasElement with 300×200; draw/),
    expect.stringMatching(/^HbnnError: .* HTMLImageElement with 0×0; wait until it is loaded/),
    expect.stringMatching(/^HbnnError: .* VideoFrame with 0×0; .* do not close it before/),
    expect.stringMatching(/^HbnnError: .* got a value of type HTMLBodyElement/),
    expect.stringMatching(/^HbnnError: .*gone\.hbnn, got an answer with status 404/),
    expect.stringMatching(/^HbnnError: .* disposed of/),
  ]);
}

describe.skipIf(chromium === undefined)('in a browser', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hbnn-page-'));

  beforeAll(() => {
    buildPackages(folder);
    mkdirSync(join(folder, 'models'));
    models.forEach((model, i) => {
      writeFileSync(join(folder, 'models', `${i}.hbnn`), encodeModel(model));
      writeFileSync(join(folder, 'models', `${i}.pixels`), pixels[i]);
    });
    writeFileSync(join(folder, 'models', 'picture.hbnn'), encodeModel(pictureModel));
    writeFileSync(join(folder, 'pictures.js'), picturesScript);
    writeFileSync(join(folder, 'index.html'), page);
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each([
    ['a plain page', false],
    ['a page that may share memory', true],
  ])('the built package gives the scores of Node.js: %s', async (_, isolated) => {
    const found = JSON.parse(await resultOfPage(folder, isolated)) as {
      readonly error?: string;
      readonly scores?: readonly (readonly number[])[];
      readonly threads?: readonly number[];
      readonly threadScores?: readonly (readonly number[])[];
      readonly isolated?: boolean;
      readonly pictures?: PictureResults;
    };
    expect(found.error).toBeUndefined();
    expect(found.isolated).toBe(isolated);
    expect(found.scores).toHaveLength(models.length);
    // Without a shared memory all runs on the page's own thread.
    expect(new Set(found.threads)).toEqual(new Set([isolated ? 3 : 1]));
    expect(found.threadScores).toEqual(found.scores);
    checkPictures(found.pictures);
    for (const [i, model] of models.entries()) {
      const engine = await loadModel(model);
      const own = [...engine.run(pixels[i])];
      engine.dispose();
      expect(found.scores?.[i], model.name).toEqual(own);
      expect(own, model.name).toEqual([...interpreter(model).run(pixels[i])]);
    }
  });
});
