import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const packages = fileURLToPath(new URL('../../', import.meta.url));

/** A headless browser of this machine, if there is one; CHROMIUM names another. */
export const chromium = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find((path) => path !== undefined && existsSync(path));

/** Build core, model and this package as for publication into a folder: FOLDER/NAME/dist, and the compiled kernels beside. */
export function buildPackages(folder: string): void {
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  for (const name of ['core', 'model', 'wasm']) {
    const own = join(folder, name);
    mkdirSync(own, { recursive: true });
    const compilerOptions = {
      outDir: join(own, 'dist'),
      rootDir: join(packages, name, 'src'),
      // `pnpm typecheck` does that.
      noCheck: true,
      // Types as published, like those that a user has.
      paths: {
        '@hbnn/core': [join(folder, 'core/dist/index.d.ts')],
        '@hbnn/model': [join(folder, 'model/dist/index.d.ts')],
      },
      typeRoots: [join(packages, '../node_modules/@types')],
    };
    const base = join(packages, name, 'tsconfig.build.json');
    const include = [join(packages, name, 'src')];
    const exclude = ['**/*.test.ts'];
    const config = { extends: base, compilerOptions, include, exclude };
    writeFileSync(join(own, 'tsconfig.json'), JSON.stringify(config));
    execFileSync(process.execPath, [tsc, '-p', join(own, 'tsconfig.json')], { stdio: 'pipe' });
  }
  for (const name of ['build', 'worker'])
    cpSync(join(packages, 'wasm', name), join(folder, 'wasm', name), { recursive: true });
}

const types: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.html': 'text/html',
  '.wasm': 'application/wasm',
};

/** The header fields that let a page have shared memory. */
const isolation = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

/** Serve a folder; what the page posts to /result comes to `onResult`. */
async function serve(
  folder: string,
  isolated: boolean,
  onResult: (text: string) => void,
): Promise<Server> {
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    if (request.method === 'POST') {
      let text = '';
      for await (const chunk of request) text += String(chunk);
      response.end();
      onResult(text);
      return;
    }
    const file = join(folder, path);
    if (!existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    const type = types[extname(file)] ?? 'application/octet-stream';
    response.writeHead(200, { 'Content-Type': type, ...(isolated && isolation) });
    response.end(readFileSync(file));
  };
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return server;
}

const patience = 500_000;

/** Open FOLDER/index.html in the browser, and wait for what it posts to /result. */
export async function resultOfPage(folder: string, isolated: boolean): Promise<string> {
  const profile = mkdtempSync(join(tmpdir(), 'hbnn-browser-'));
  let browser: ChildProcess | undefined;
  let server: Server | undefined;
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<string>((done, fail) => {
      const late = (): void => fail(new Error(`the page posted nothing in ${patience} ms`));
      timer = setTimeout(late, patience);
      serve(folder, isolated, done).then((made) => {
        server = made;
        const { port } = made.address() as AddressInfo;
        browser = spawn(
          chromium ?? '',
          [
            '--headless',
            '--no-sandbox',
            '--disable-gpu',
            '--no-first-run',
            '--disable-background-networking',
            '--disable-dev-shm-usage',
            `--user-data-dir=${profile}`,
            `http://127.0.0.1:${port}/index.html`,
          ],
          // A group of its own, so that its helper processes end with it.
          { stdio: 'ignore', detached: true },
        );
        browser.once('error', fail);
        browser.once('exit', (code) => fail(new Error(`the browser ended with ${code}`)));
      }, fail);
    });
  } finally {
    clearTimeout(timer);
    await ended(browser);
    server?.closeAllConnections();
    server?.close();
    // Helpers may still be writing for a moment.
    rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

async function ended(browser: ChildProcess | undefined): Promise<void> {
  if (browser?.pid === undefined || browser.exitCode !== null) return;
  const end = new Promise((done) => browser.once('exit', done));
  process.kill(-browser.pid, 'SIGKILL');
  await end;
}
