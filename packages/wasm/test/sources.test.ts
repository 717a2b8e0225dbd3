import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { HbnnError, random } from '@hbnn/core';
import { encodeModel, featureCount, interpreter, randomModel } from '@hbnn/model';
import { hasRelaxedSimd, loadModel } from '@hbnn/wasm';
import { loadThreads } from '@hbnn/wasm/threads';
import { afterAll, beforeAll, expect, test } from 'vitest';

const model = randomModel(4);
const bytes = encodeModel(model);
const noise = random('sources');
const pixels = Uint8Array.from({ length: featureCount(model.input.shape) }, () => noise.below(256));
const scores = interpreter(model).run(pixels);
const code = (name: string): URL => new URL(`../build/${name}.wasm`, import.meta.url);
const folder = mkdtempSync(join(tmpdir(), 'hbnn-sources-'));
const file = pathToFileURL(join(folder, 'model.hbnn'));
let server: Server;
let address = '';

beforeAll(async () => {
  writeFileSync(file, bytes);
  server = createServer((request, response) => {
    if (request.url !== '/model.hbnn') response.writeHead(404);
    response.end(request.url === '/model.hbnn' ? bytes : 'not here');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  rmSync(folder, { recursive: true });
  server.close();
});

const origins: readonly [string, () => Parameters<typeof loadModel>[0]][] = [
  ['a model', () => model],
  ['bytes', () => bytes],
  ['a Buffer in the midst of another', () => Buffer.concat([Buffer.alloc(5), bytes]).subarray(5)],
  ['an ArrayBuffer', () => bytes.buffer],
  ['a Blob', () => new Blob([bytes])],
  ['an address', () => `${address}/model.hbnn`],
  ['a URL', () => new URL(`${address}/model.hbnn`)],
  ['the URL of a file', () => file],
  ["a file's URL as a string", () => file.href],
  ['a response', () => new Response(bytes)],
  ['a fetched response', () => fetch(`${address}/model.hbnn`)],
];

test.each(origins)('a model is loaded from %s', async (_, origin) => {
  expect((await loadModel(await origin())).run(pixels)).toEqual(scores);
  const threaded = await loadThreads(origin(), { threads: 2 });
  expect(await threaded.run(pixels)).toEqual(scores);
  await threaded.dispose();
});

const used = async (): Promise<Response> => {
  const response = new Response(bytes);
  await response.arrayBuffer();
  return response;
};

const misfits: readonly [string, () => unknown, RegExp][] = [
  ['a missing file', () => pathToFileURL(join(folder, 'no.hbnn')), /but there is no such file/],
  ['a folder', () => pathToFileURL(folder), /cannot be read \(EISDIR\)/],
  ['a path', () => 'models/m.hbnn', /got 'models\/m.hbnn', which is none here; .*pathToFileURL/],
  ['a path of Windows', () => 'C:\\m.hbnn', /which is none here/],
  ['no address', () => '', /got '', which is none here/],
  ['what is not served', () => `${address}/no.hbnn`, /no.hbnn, got an answer with status 404/],
  ['its response', () => fetch(`${address}/no.hbnn`), /no.hbnn, got an answer with status 404/],
  ['a server that is not there', () => 'http://127.0.0.1:9/m.hbnn', /got no answer/],
  ['a scheme that is unknown', () => 'nothing://x/m.hbnn', /got no answer/],
  ['a used response', used, /whose body was read; pass the bytes/],
  ['an empty response', () => new Response(null), /without a body/],
  ['a page in place of the file', () => new Response('<!doctype html><p>x'), /got other bytes/],
  ['half of a file', () => bytes.subarray(0, 40), /truncated/],
];

test.each(misfits)('%s is refused', async (_, origin, message) => {
  await expect(loadModel((await origin()) as never)).rejects.toThrow(message);
  await expect(loadThreads(origin() as never, { threads: 2 })).rejects.toThrow(HbnnError);
});

const kinds = hasRelaxedSimd() ? ['inference', 'inference-relaxed'] : ['inference'];

test.each(kinds)('%s.wasm can be handed in', async (name) => {
  const url = code(name);
  const file = readFileSync(url);
  for (const wasm of [url, url.href, file, new Response(file), Promise.resolve(file)])
    expect((await loadModel(model, { wasm })).run(pixels)).toEqual(scores);
});

test('threads take the code for shared memory, and their own script', async () => {
  const worker = new URL('../build/worker.js', import.meta.url);
  for (const name of kinds) {
    const wasm = code(`${name}-shared`);
    const loaded = await loadThreads(model, { threads: 2, wasm, worker });
    expect(loaded.threads).toBe(2);
    expect(await loaded.run(pixels)).toEqual(scores);
    await loaded.dispose();
  }
});

test('code that does not fit is refused with the file that does', async () => {
  const shared = code('inference-shared');
  const one = /expected inference\.wasm .*hand in that file/;
  await expect(loadModel(model, { wasm: shared })).rejects.toThrow(one);
  await expect(loadModel(model, { wasm: code('training') })).rejects.toThrow(one);
  await expect(loadModel(model, { wasm: bytes })).rejects.toThrow(one);
  await expect(loadModel(model, { wasm: bytes })).rejects.toThrow(HbnnError);
  const several = /expected inference-shared\.wasm .*hand in that file/;
  for (const wasm of [code('inference'), code('training'), bytes])
    await expect(loadThreads(model, { threads: 2, wasm })).rejects.toThrow(several);
  await expect(loadModel(model, { wasm: 3 as never })).rejects.toThrow(
    /`wasm` as an address.* got the number 3/,
  );
  await expect(loadModel(model, { wasm: shared, relaxed: true })).rejects.toThrow(/got both/);
});

test('options that there are not are refused', async () => {
  await expect(loadModel(model, { thread: 2 } as never)).rejects.toThrow(/got 'thread'/);
  await expect(loadModel(model, { threads: 2 } as never)).rejects.toThrow(/got 'threads'/);
  await expect(loadThreads(model, { treads: 2 } as never)).rejects.toThrow(/mean 'threads'/);
});

test.each([
  [{ kernels: ['zz'] }, /kernels: expected one of .*, got 'zz'; give one of these/],
  [{ kernels: 'pairs' }, /`kernels` as a list of names of kernels, got a string; /],
  [{ pack: 'yes' }, /true or false as pack, got 'yes'; /],
  [{ relaxed: 1 }, /true or false as relaxed, got the number 1; /],
  [null, /an object of options .*, got null; /],
])('the options %j are refused', async (options, text) => {
  for (const load of [loadModel, loadThreads]) {
    await expect(load(model, options as never)).rejects.toThrow(HbnnError);
    await expect(load(model, options as never)).rejects.toThrow(text);
  }
});

test('relaxed SIMD is refused where the engine has none', async () => {
  const loading = loadModel(model, { relaxed: true });
  if (hasRelaxedSimd()) expect((await loading).run(pixels)).toEqual(scores);
  else
    await expect(loading).rejects.toThrow(/expected an engine with relaxed SIMD .*; leave it out/);
});

test('a thread that cannot be started is told', async () => {
  const worker = new URL('../worker/gone.mjs', import.meta.url);
  await expect(loadThreads(model, { threads: 2, worker })).rejects.toThrow(HbnnError);
});
