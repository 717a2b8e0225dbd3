/**
 * Whole networks in headless Chromium, one image on one and on two threads, beside LiteRT.js in 8 bits on as many: its code
 * for several threads runs in pages alone. Of two threads, the page's own is one, in both engines.
 *
 *   pnpm bench:browser [--networks alexnet,…] [--bits 1.4,2] [--seconds 1] [--save] [--processor vnni] [--note …]
 *
 * Each engine has a page of its own; they take turns. CHROMIUM names a browser other than /usr/bin/chromium. It takes
 * what `pnpm bench:kernels` takes of LiteRT.js. `--processor` adds a name to the file that `--save` writes.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { positiveDecimal } from '@hbnn/cli/numbers';
import { scriptOptions } from '@hbnn/cli/scriptOptions';
import { chosenName, HbnnError } from '@hbnn/core';
import { encodeModel } from '@hbnn/model';
import { build } from 'esbuild';
import { type Browser, chromium } from 'playwright-core';
import {
  type AverageBits,
  alexNetModel,
  mobileNetModel,
  vgg8Model,
} from '../networks/fullModels.ts';
import { fileOf, saveSpeed } from '../results/storedRows.ts';
import type { EnginePage, PageEngine } from './browserPage.ts';
import { litertFolder, litertModelFile, litertWayOut } from './engines/litertNetwork.ts';
import { type Timed, turnTimes } from './engines/turns.ts';

const models = { mobilenet: mobileNetModel, alexnet: alexNetModel, vgg8: vgg8Model } as const;
type Network = keyof typeof models;

interface Row {
  readonly network: Network;
  readonly engine: string;
  readonly threads: number;
  readonly bits?: { readonly weights: number; readonly inputs: number };
  readonly batch: 1;
  readonly ms: number;
  readonly minimumMs: number;
  readonly medianMs: number;
  /** The least time of LiteRT.js on as many threads over the least time of this one. */
  readonly int8Ratio: number;
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.wasm': 'application/wasm',
};

/** Serve some files from memory, and LiteRT.js's code, to pages that may share memory. */
async function serve(files: ReadonlyMap<string, string | Uint8Array>): Promise<Server> {
  const litert = litertFolder();
  const server = createServer(({ url = '/' }, response) => {
    const path = new URL(url, 'http://localhost').pathname;
    const file = path.startsWith('/litert/') ? `${litert}/${path.slice(8)}` : undefined;
    const content = file !== undefined && existsSync(file) ? readFileSync(file) : files.get(path);
    if (content === undefined) return void response.writeHead(404).end();
    response.writeHead(200, {
      'Content-Type': types[extname(path)] ?? 'application/octet-stream',
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cross-Origin-Embedder-Policy': 'require-corp',
    });
    response.end(content);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return server;
}

/** A script and what it imports, for a page. */
async function bundled(file: string): Promise<Uint8Array> {
  const { outputFiles } = await build({
    entryPoints: [file],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    conditions: ['hbnn-source'],
    logLevel: 'error',
  });
  return outputFiles[0].contents;
}

/** A page with an engine, ready to compute. */
async function openEngine(browser: Browser, address: string, engine: PageEngine): Promise<Timed> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${address}/index.html`);
  await page.waitForFunction(() => Reflect.has(globalThis, 'page'));
  await page.evaluate(
    (asked) => (Reflect.get(globalThis, 'page') as EnginePage).load(asked),
    engine,
  );
  return {
    turn: () => page.evaluate(() => (Reflect.get(globalThis, 'page') as EnginePage).turn()),
  };
}

interface Measured {
  readonly engine: PageEngine;
  readonly bits?: AverageBits;
}

async function measure(
  browser: Browser,
  network: Network,
  bits: readonly AverageBits[],
  seconds: number,
): Promise<Row[]> {
  const shape = models[network](1).input.shape;
  const files = new Map<string, string | Uint8Array>([
    [
      '/index.html',
      '<!doctype html><title>HBNN</title><script type="module" src="/page.js"></script>',
    ],
    ['/page.js', await bundled(fileURLToPath(new URL('browserPage.ts', import.meta.url)))],
    ['/litert.js', await bundled(`${litertFolder()}/dist/index.js`)],
    ['/litert.tflite', readFileSync(litertModelFile(network, 1))],
    ...bits.map((each) => [`/${each}.hbnn`, encodeModel(models[network](1, each))] as const),
  ]);
  const all = [1, 2].flatMap((threads): Measured[] => [
    { engine: { engine: 'litert', threads, model: '/litert.tflite', shape } },
    ...bits.map((each) => ({
      engine: { engine: 'hbnn' as const, threads, model: `/${each}.hbnn`, shape },
      bits: each,
    })),
  ]);
  const server = await serve(files);
  try {
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const pages: Timed[] = [];
    for (const { engine } of all) pages.push(await openEngine(browser, address, engine));
    const times = await turnTimes(pages, seconds);
    const least = (threads: number): number =>
      times[all.findIndex(({ engine }) => engine.engine === 'litert' && engine.threads === threads)]
        .minimum;
    return all.map(({ engine: { engine, threads }, bits: each }, i): Row => {
      const { minimum, lowerQuartile, median } = times[i];
      return {
        network,
        engine: engine === 'litert' ? 'litert int8' : 'hbnn',
        threads,
        ...(each !== undefined && { bits: { weights: each, inputs: each } }),
        batch: 1,
        ms: lowerQuartile,
        minimumMs: minimum,
        medianMs: median,
        int8Ratio: least(threads) / minimum,
      };
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

function print({ network, engine, threads, bits, minimumMs, medianMs, int8Ratio }: Row): void {
  const name = bits === undefined ? engine : `${engine} ${bits.weights}/${bits.inputs}`;
  console.log(
    `${network.padEnd(9)} ${name.padEnd(14)} ${threads} thread${threads === 1 ? ' ' : 's'} ${minimumMs.toFixed(3).padStart(8)} ms at least, median ${medianMs.toFixed(3).padStart(8)}  ${int8Ratio.toFixed(2)}x of LiteRT.js`,
  );
}

/** The parts of an option that are among some values. */
function chosen<T extends string>(text: string, option: string, values: readonly T[]): T[] {
  return text.split(',').map((part) => chosenName(part, values, option));
}

async function main(): Promise<void> {
  const { values } = scriptOptions(import.meta.url, {
    options: {
      networks: { type: 'string', default: 'alexnet,mobilenet,vgg8' },
      bits: { type: 'string', default: '1.4,2' },
      seconds: { type: 'string', default: '1' },
      save: { type: 'boolean', default: false },
      processor: { type: 'string' },
      note: { type: 'string' },
    },
  });
  const networks = chosen(values.networks, '--networks', ['alexnet', 'mobilenet', 'vgg8']);
  const bits = chosen(values.bits, '--bits', ['1', '1.4', '2']).map(
    (each) => Number(each) as AverageBits,
  );
  const file = fileOf('browser', values.processor);
  const seconds = positiveDecimal(values.seconds, '--seconds', 'of seconds, such as 1');
  for (const network of networks)
    if (litertFolder() === undefined || !existsSync(litertModelFile(network, 1)))
      throw new HbnnError(litertWayOut(network, 1));
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  if (!existsSync(executablePath))
    throw new HbnnError(
      `expected a browser at ${executablePath}, got none; set CHROMIUM to its path`,
    );
  const browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-renderer-backgrounding'],
  });
  const rows: Row[] = [];
  try {
    for (const network of networks) {
      const measured = await measure(browser, network, bits, seconds);
      rows.push(...measured);
      measured.forEach(print);
      for (const context of browser.contexts()) await context.close();
    }
    if (values.save)
      saveSpeed('browser', `Chromium ${browser.version()}`, rows, { file, note: values.note });
  } finally {
    await browser.close();
  }
}

await main();
