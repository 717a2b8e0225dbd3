import { createHash, type Hash } from 'node:crypto';
import { once } from 'node:events';
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { HbnnError } from '@hbnn/core';
import pRetry, { AbortError } from 'p-retry';

export interface Download {
  /** Tried in turn. */
  readonly urls: readonly string[];
  readonly file: string;
  readonly checksum: { readonly algorithm: 'sha256' | 'md5'; readonly digest: string };
  readonly onProgress?: (progress: { bytes: number; total?: number }) => void;
  /** Tries per address, with growing pauses between. */
  readonly tries?: number;
  /** First pause between tries, in milliseconds; it doubles. */
  readonly pause?: number;
  /** Give up on an address that sends nothing for so many milliseconds. */
  readonly idle?: number;
}

/** Make the folder of a data set's files. */
export function makeCacheFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new HbnnError(
      `${folder}: could not be made (${(error as Error).message}); set HBNN_DATA to a folder that can be written`,
    );
  }
}

/**
 * Fetch a file, resuming a part that an earlier try left (`FILE.part`, by an HTTP range), and put it in
 * its place only once its checksum is right.
 *
 * @throws HbnnError when no address gives the file, or what comes has another checksum
 */
export async function download(o: Download): Promise<void> {
  if (existsSync(o.file)) return;
  makeCacheFolder(dirname(o.file));
  const failures: string[] = [];
  for (const url of o.urls) {
    try {
      await fetchAndPlace(url, o);
      return;
    } catch (error) {
      failures.push(`${url}: ${reason(error)}`);
    }
  }
  throw new HbnnError(
    `${o.file}: could not be downloaded (${failures.join('; ')}); check the network and try it again`,
  );
}

/** Fetch a file from an address; anew where a part that was there before does not go on to it. */
async function fetchAndPlace(url: string, o: Download): Promise<void> {
  const part = `${o.file}.part`;
  const fetched = (): Promise<void> =>
    pRetry(() => fetchInto(url, part, o), {
      retries: (o.tries ?? 3) - 1,
      minTimeout: o.pause ?? 1000,
    });
  const isResumed = existsSync(part);
  await fetched();
  try {
    await placeWhenRight(o, url);
  } catch (error) {
    if (!isResumed || !(error instanceof HbnnError)) throw error;
    await fetched();
    await placeWhenRight(o, url);
  }
}

/** The message at the root of a failed fetch, which says more than 'fetch failed'. */
function reason(error: unknown): string {
  const cause = (error as { cause?: { code?: string; message?: string } }).cause;
  return cause?.code ?? cause?.message ?? (error as Error).message;
}

async function fetchInto(url: string, part: string, o: Download): Promise<void> {
  const have = existsSync(part) ? statSync(part).size : 0;
  const stalled = new AbortController();
  const idle = o.idle ?? 30_000;
  let timer = setTimeout(() => stalled.abort(new Error('no data came in time')), idle);
  try {
    const headers: Record<string, string> = have > 0 ? { Range: `bytes=${have}-` } : {};
    const response = await fetch(url, { headers, signal: stalled.signal });
    // 416: nothing is left to send, so the part may be whole already; the checksum decides.
    if (response.status === 416 && have > 0) return;
    if (!response.ok || response.body === null) {
      const message = `answered ${response.status} ${response.statusText}`;
      // A client error will not mend itself.
      throw response.status < 500 ? new AbortError(message) : new Error(message);
    }
    const resumed = response.status === 206;
    const length = Number(response.headers.get('content-length') ?? Number.NaN);
    let bytes = resumed ? have : 0;
    const total = Number.isFinite(length) ? bytes + length : undefined;
    const meter = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        clearTimeout(timer);
        timer = setTimeout(() => stalled.abort(new Error('no data came in time')), idle);
        bytes += chunk.length;
        o.onProgress?.({ bytes, total });
        done(null, chunk);
      },
    });
    const sink = createWriteStream(part, { flags: resumed ? 'a' : 'w' });
    const body = Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]);
    try {
      await pipeline(body, meter, sink);
    } finally {
      // A write that is under way when the line breaks still ends: the next try must not measure the part before.
      if (!sink.closed) await once(sink, 'close');
    }
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    // A disk that is full or read-only will not mend itself.
    if (diskFaults.includes(code)) throw new AbortError(error as Error);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

const diskFaults: readonly string[] = ['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM'];

async function placeWhenRight(o: Download, url: string): Promise<void> {
  const part = `${o.file}.part`;
  const digest = await fileDigest(part, o.checksum.algorithm);
  if (digest !== o.checksum.digest) {
    rmSync(part, { force: true });
    throw new HbnnError(
      `expected ${o.checksum.algorithm} ${o.checksum.digest}, got ${digest} from ${url}`,
    );
  }
  renameSync(part, o.file);
}

/** Digest of a file, read as a stream. */
export async function fileDigest(file: string, algorithm: 'sha256' | 'md5'): Promise<string> {
  const hash: Hash = createHash(algorithm);
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
