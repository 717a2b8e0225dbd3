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

/** Streams the first half of the models and decodes the others whole. */
const page = `<!doctype html><meta charset="utf-8"><title>HBNN</title>
<script type="importmap">{ "imports": {
  "@hbnn/core": "./core/dist/index.js", "@hbnn/model": "./model/dist/index.js",
  "@hbnn/wasm": "./wasm/dist/index.js" } }</script>
<script type="module">
  const post = (result) => fetch('/result', { method: 'POST', body: JSON.stringify(result) });
  try {
    const { decodeModel, readModel } = await import('@hbnn/model');
    const { loadModel, loadThreads } = await import('@hbnn/wasm');
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
    await post({ scores, threads, threadScores, isolated: crossOriginIsolated, agent: navigator.userAgent });
  } catch (error) {
    await post({ error: String(error.stack ?? error) });
  }
</script>`;

describe.skipIf(chromium === undefined)('in a browser', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hbnn-page-'));

  beforeAll(() => {
    buildPackages(folder);
    mkdirSync(join(folder, 'models'));
    models.forEach((model, i) => {
      writeFileSync(join(folder, 'models', `${i}.hbnn`), encodeModel(model));
      writeFileSync(join(folder, 'models', `${i}.pixels`), pixels[i]);
    });
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
    };
    expect(found.error).toBeUndefined();
    expect(found.isolated).toBe(isolated);
    expect(found.scores).toHaveLength(models.length);
    // Without a shared memory all runs on the page's own thread.
    expect(new Set(found.threads)).toEqual(new Set([isolated ? 3 : 1]));
    expect(found.threadScores).toEqual(found.scores);
    for (const [i, model] of models.entries()) {
      const engine = await loadModel(model);
      const own = [...engine.run(pixels[i])];
      engine.dispose();
      expect(found.scores?.[i], model.name).toEqual(own);
      expect(own, model.name).toEqual([...interpreter(model).run(pixels[i])]);
    }
  });
});
