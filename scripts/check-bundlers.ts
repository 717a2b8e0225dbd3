// `pnpm check:bundlers`: pack core, model and wasm, install the tarballs and the bundlers in an empty folder, and let
// each bundler build two pages without any configuration, one with threads and one without. Headless Chromium opens
// them, isolated from other origins and not, and must find the interpreter's scores. Exits with 1 when a page fails.
import { type ChildProcess, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import {
  encodeModel,
  featureCount,
  interpreter,
  randomModel,
} from '../packages/model/src/index.ts';
import { type App, bundlerPackages, bundlers, devServers, sourcePage } from './bundlers.ts';
import { expect, Fault, install, pack, root, run, say } from './packedPackages.ts';

const images = 5;
const model = randomModel(3);
const pixels = Uint8Array.from(
  { length: images * featureCount(model.input.shape) },
  (_, i) => (i * 7919) % 251,
);
const scores = interpreter(model).run(pixels);
const threads = 2;

/** How the pages begin, and what each of them does with a model. */
const apps: Readonly<Record<string, string>> = {
  'no threads': `import { loadModel } from '@hbnn/wasm';
async function answer(pixels) {
  const engine = await loadModel('model.hbnn');
  return { scores: [...engine.run(pixels)], threads: 1 };
}`,
  threads: `import { loadThreads } from '@hbnn/wasm/threads';
async function answer(pixels) {
  const engine = await loadThreads(fetch('model.hbnn'), { threads: ${threads}, batch: 2 });
  return { scores: [...(await engine.run(pixels))], threads: engine.threads };
}`,
};

const end = `
fetch('pixels.bin').then((response) => response.arrayBuffer())
  .then((buffer) => answer(new Uint8Array(buffer)))
  .then((found) => { window.found = found; }, (error) => { window.found = { error: String(error) }; });
`;

/** What a page leaves in \`window.found\`. */
interface Found {
  readonly error?: string;
  readonly scores?: readonly number[];
  readonly threads?: number;
}

function writeApp(installed: string, name: string): App {
  const folder = join(installed, name.replaceAll(' ', '-'));
  mkdirSync(join(folder, 'public'), { recursive: true });
  writeFileSync(join(folder, 'index.html'), sourcePage);
  writeFileSync(join(folder, 'main.js'), apps[name] + end);
  writeFileSync(join(folder, 'public/model.hbnn'), encodeModel(model));
  writeFileSync(join(folder, 'public/pixels.bin'), pixels);
  return { folder, installed };
}

const types: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.html': 'text/html',
  '.wasm': 'application/wasm',
};

/** Serve a folder as any server of static files does. */
async function serve(folder: string): Promise<Server> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const file = join(folder, pathname === '/' ? 'index.html' : pathname);
    if (!existsSync(file) || !statSync(file).isFile()) {
      response.writeHead(404).end();
      return;
    }
    const type = types[extname(file)] ?? 'application/octet-stream';
    response.writeHead(200, { 'Content-Type': type }).end(readFileSync(file));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return server;
}

const addressOf = (server: Server): string =>
  `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

const isolation = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};

/** Answers with added header fields seem to come from nowhere, so that Vite's socket would be held for another network's. */
const browserFlags = ['--no-sandbox', '--disable-features=LocalNetworkAccessChecks'];

/** Open a page and compare what it found. */
async function checkPage(
  browser: Browser,
  url: string,
  name: string,
  { isolated, threaded }: { readonly isolated: boolean; readonly threaded: boolean },
): Promise<void> {
  const page = await browser.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text());
  });
  if (isolated)
    await page.route('**', async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, headers: { ...response.headers(), ...isolation } });
    });
  await page.goto(url);
  const handle = await page
    .waitForFunction('window.found', undefined, { timeout: 60_000 })
    .catch(() => undefined);
  const found = (await handle?.jsonValue()) as Found | undefined;
  await page.unrouteAll({ behavior: 'ignoreErrors' });
  await page.close();
  const where = `${name}${isolated ? ', isolated' : ''}`;
  expect(problems.length === 0, `${where}: ${problems.join('; ')}`);
  expect(found !== undefined, `${where}: the page found nothing in a minute`);
  expect(found?.error === undefined, `${where}: ${found?.error}`);
  const same =
    found?.scores?.length === scores.length && scores.every((s, i) => s === found.scores?.[i]);
  expect(
    same,
    `${where}: expected the scores ${scores.join(' ')}, got ${found?.scores?.join(' ')}`,
  );
  const wanted = isolated && threaded ? threads : 1;
  expect(found?.threads === wanted, `${where}: expected ${wanted} threads, got ${found?.threads}`);
}

async function checkBoth(browser: Browser, url: string, name: string, app: string): Promise<void> {
  for (const isolated of [false, true])
    await checkPage(browser, url, `${name}, ${app}`, { isolated, threaded: app === 'threads' });
  say(`${name}: the page with ${app} finds the scores`);
}

/** Start Vite's development server; returns its address. */
async function startVite(app: App, vite: string): Promise<{ child: ChildProcess; url: string }> {
  const file = join(app.installed, 'node_modules', vite, 'bin/vite.js');
  const cache = { ...process.env, NO_COLOR: '1' };
  const args = [file, '--host', '127.0.0.1', '--clearScreen', 'false'];
  const child = spawn(process.execPath, args, { cwd: app.folder, env: cache });
  let printed = '';
  const url = await new Promise<string>((done, fail) => {
    const look = (chunk: unknown): void => {
      printed += String(chunk);
      const [address] = /http:\/\/127\.0\.0\.1:\d+\//.exec(printed) ?? [];
      if (address !== undefined) done(address);
    };
    child.stdout.on('data', look);
    child.stderr.on('data', look);
    child.once('exit', () => fail(new Fault(`${vite}: its server ended\n${printed}`)));
  });
  return { child, url };
}

async function checkApp(browser: Browser, installed: string, name: string): Promise<void> {
  const app = writeApp(installed, name);
  for (const bundler of bundlers) {
    const server = await serve(bundler.build(app));
    try {
      await checkBoth(browser, addressOf(server), bundler.name, name);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }
  for (const vite of devServers) {
    const { child, url } = await startVite(app, vite);
    try {
      await checkBoth(browser, url, `${vite} dev`, name);
    } finally {
      child.removeAllListeners('exit');
      child.kill();
    }
  }
}

function chromiumPath(): string {
  const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
  const path = process.env.CHROMIUM ?? places.find(existsSync);
  if (path !== undefined && existsSync(path)) return path;
  throw new Fault('expected a Chromium, found none; install one or give CHROMIUM=PATH');
}

async function main(folder: string): Promise<void> {
  const executablePath = chromiumPath();
  const names = ['core', 'model', 'wasm'];
  const filters = names.map((name) => `--filter=@hbnn/${name}`);
  run(root, 'pnpm', 'exec', 'turbo', 'run', 'build', ...filters);
  say('built');
  const sources = names.map((name) => join(root, 'packages', name));
  const tarballs = pack(sources, join(folder, 'tarballs'));
  const installed = join(folder, 'user');
  install(installed, [...tarballs, ...bundlerPackages]);
  say('installed the tarballs and the bundlers in an empty folder');
  const browser = await chromium.launch({ executablePath, args: browserFlags });
  try {
    for (const name of Object.keys(apps)) await checkApp(browser, installed, name);
  } finally {
    await browser.close();
  }
}

const folder = mkdtempSync(join(tmpdir(), 'hbnn-bundlers-'));
try {
  await main(folder);
  console.log('bundlers: all pages find the scores');
} catch (error) {
  if (!(error instanceof Fault)) throw error;
  console.error(error.message);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
}
