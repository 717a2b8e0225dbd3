import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { download } from './download.ts';

const content = randomBytes(300_000);
const digest = createHash('sha256').update(content).digest('hex');
const checksum = { algorithm: 'sha256', digest } as const;

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** Serve by a function of the request; returns the address. */
async function serve(answer: (q: IncomingMessage, a: ServerResponse) => void): Promise<string> {
  server = createServer(answer);
  await new Promise<void>((done) => server?.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`;
}

function ranged(request: IncomingMessage, answer: ServerResponse): void {
  const from = Number(request.headers.range?.match(/bytes=(\d+)-/)?.[1] ?? 0);
  if (from >= content.length) {
    answer.writeHead(416).end();
    return;
  }
  answer.writeHead(from > 0 ? 206 : 200, { 'content-length': content.length - from });
  answer.end(content.subarray(from));
}

const target = (): string => join(mkdtempSync(join(tmpdir(), 'hbnn-download-')), 'file');
const fast = { tries: 3, pause: 1 };

describe('download', () => {
  it('puts the file in place with its checksum right, and reports progress', async () => {
    const url = await serve(ranged);
    const file = target();
    const seen: number[] = [];
    const onProgress = ({ bytes, total }: { bytes: number; total?: number }): void => {
      expect(total).toBe(content.length);
      seen.push(bytes);
    };
    await download({ urls: [url], file, checksum, onProgress, ...fast });
    expect(readFileSync(file).equals(content)).toBe(true);
    expect(seen.at(-1)).toBe(content.length);
    expect(existsSync(`${file}.part`)).toBe(false);
  });

  it('goes on with a part that is there', async () => {
    const ranges: (string | undefined)[] = [];
    const url = await serve((request, answer) => {
      ranges.push(request.headers.range);
      ranged(request, answer);
    });
    const file = target();
    writeFileSync(`${file}.part`, content.subarray(0, 100_000));
    await download({ urls: [url], file, checksum, ...fast });
    expect(ranges).toEqual(['bytes=100000-']);
    expect(readFileSync(file).equals(content)).toBe(true);
  });

  it('goes on after the line breaks in the middle', async () => {
    let calls = 0;
    const url = await serve((request, answer) => {
      if (calls++ > 0) return ranged(request, answer);
      answer.writeHead(200, { 'content-length': content.length });
      answer.write(content.subarray(0, 50_000), () => answer.destroy());
    });
    const file = target();
    await download({ urls: [url], file, checksum, ...fast });
    expect(readFileSync(file).equals(content)).toBe(true);
    expect(calls).toBe(2);
  });

  it('ends with the bytes though the line breaks again and again', async () => {
    let requests = 0;
    const url = await serve((request, answer) => {
      const from = Number(request.headers.range?.match(/bytes=(\d+)-/)?.[1] ?? 0);
      answer.writeHead(from > 0 ? 206 : 200, { 'content-length': content.length - from });
      const piece = content.subarray(from, from + 9000);
      requests++;
      if (from + piece.length === content.length) answer.end(piece);
      else answer.write(piece, () => setImmediate(() => answer.destroy()));
    });
    for (let i = 0; i < 5; i++) {
      const file = target();
      await download({ urls: [url], file, checksum, tries: 200, pause: 0 });
      expect(readFileSync(file).equals(content)).toBe(true);
    }
    expect(requests).toBeGreaterThan(150);
  });

  it('fetches anew what a damaged part does not go on to', async () => {
    const ranges: (string | undefined)[] = [];
    const url = await serve((request, answer) => {
      ranges.push(request.headers.range);
      ranged(request, answer);
    });
    for (const part of [content.subarray(1, 100_000), Buffer.concat([content, content])]) {
      const file = target();
      writeFileSync(`${file}.part`, part);
      ranges.length = 0;
      await download({ urls: [url], file, checksum, ...fast });
      expect(ranges).toEqual([`bytes=${part.length}-`, undefined]);
      expect(readFileSync(file).equals(content)).toBe(true);
    }
  });

  it('tries again after a server error and goes to the next address after a missing file', async () => {
    let calls = 0;
    const url = await serve((request, answer) => {
      calls++;
      if (request.url === '/missing') answer.writeHead(404).end();
      else if (calls < 4) answer.writeHead(503).end();
      else ranged(request, answer);
    });
    const file = target();
    const urls = [url.replace('/file', '/missing'), url];
    await download({ urls, file, checksum, ...fast });
    expect(calls).toBe(4);
  });

  it('refuses content with another checksum and keeps none of it', async () => {
    const url = await serve((_, answer) => answer.end('something else'));
    const file = target();
    const failed = download({ urls: [url], file, checksum, ...fast });
    await expect(failed).rejects.toThrow(`expected sha256 ${digest}`);
    expect(existsSync(file)).toBe(false);
    expect(existsSync(`${file}.part`)).toBe(false);
  });

  it('says what went wrong at each address when nothing answers', async () => {
    const url = await serve(ranged);
    await new Promise((done) => server?.close(done));
    const failed = download({ urls: [url], file: target(), checksum, ...fast });
    await expect(failed).rejects.toThrow(/could not be downloaded .*ECONNREFUSED/);
  });

  it('gives up on an address that stops sending', async () => {
    const url = await serve((_, answer) => {
      answer.writeHead(200, { 'content-length': content.length });
      answer.write(content.subarray(0, 1000));
    });
    const failed = download({ urls: [url], file: target(), checksum, tries: 1, idle: 100 });
    await expect(failed).rejects.toThrow('no data came in time');
  });

  it.runIf(existsSync('/dev/full'))('does not try a full disk again', async () => {
    let calls = 0;
    const url = await serve((request, answer) => {
      calls++;
      ranged(request, answer);
    });
    const file = target();
    symlinkSync('/dev/full', `${file}.part`);
    const failed = download({ urls: [url], file, checksum, ...fast });
    await expect(failed).rejects.toThrow(/could not be downloaded .*ENOSPC/);
    expect(calls).toBe(1);
    expect(existsSync(file)).toBe(false);
  });
});
