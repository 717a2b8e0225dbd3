import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.wasm': 'application/wasm',
};

/** A site that is served. */
export interface Served {
  readonly server: Server;
  readonly url: string;
  /** Bytes of all answers so far, as they were sent. */
  sent(): number;
}

/** Serve a built site below a path, compressed as GitHub Pages does it. */
export function serve(folder: string, base: string): Promise<Served> {
  let sent = 0;
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://x').pathname);
    const inside = path.startsWith(base) ? path.slice(base.length) : undefined;
    const found = inside === undefined ? undefined : fileOf(folder, inside);
    if (found === undefined) {
      response.writeHead(404).end();
      return;
    }
    const type = types[extname(found)] ?? 'application/octet-stream';
    const bytes = readFileSync(found);
    const packed = /text|javascript|json|svg|wasm/.test(type);
    response.writeHead(200, {
      'content-type': type,
      ...(packed ? { 'content-encoding': 'gzip' } : {}),
    });
    const body = packed ? gzipSync(bytes, { level: 6 }) : bytes;
    sent += body.length;
    response.end(body);
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      resolve({ server, url: `http://127.0.0.1:${port}${base}`, sent: () => sent });
    });
  });
}

function fileOf(folder: string, path: string): string | undefined {
  if (path.includes('..')) return undefined;
  for (const name of [path, `${path}.html`, join(path, 'index.html')]) {
    const file = join(folder, name);
    if (existsSync(file) && statSync(file).isFile()) return file;
  }
  return undefined;
}
