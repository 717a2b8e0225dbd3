import { createHash } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { HbnnError } from '@hbnn/core';
import { AwsClient } from 'aws4fetch';
import type { StoreAddress } from './storeAddress.ts';

/** Waits between tries in milliseconds: a server that restarts is back before the last. */
const waitsMs = [200, 500, 1000, 2000, 4000, 8000];
const requestMs = 120_000;
/** A slower connection counts as none. */
const minBytesPerMs = 100;

const sha256 = (bytes: Uint8Array | string): string =>
  createHash('sha256').update(bytes).digest('hex');

interface Request {
  readonly method: 'GET' | 'PUT' | 'DELETE';
  readonly key: string;
  readonly body?: Uint8Array;
}

/** What a store answered, its body read to the end. */
interface Answer {
  readonly status: number;
  readonly bytes: Uint8Array;
}

/** Objects of a bucket below a prefix. Each is written whole or not at all, as the server has it. */
export class ObjectStore {
  readonly address: StoreAddress;
  readonly #client: AwsClient;
  readonly #waitsMs: readonly number[];

  /** @param waits milliseconds between tries, for tests that do not wait */
  constructor(address: StoreAddress, waits: readonly number[] = waitsMs) {
    this.address = address;
    this.#waitsMs = waits;
    const { accessKeyId, secretAccessKey, sessionToken, region } = address;
    const keys = { accessKeyId, secretAccessKey, sessionToken };
    // Tries are counted here: those of the client leave out connections that break off.
    this.#client = new AwsClient({ ...keys, region, service: 's3', retries: 0 });
  }

  /** Write an object. The server refuses bytes that are not those which were sent. */
  async put(key: string, body: Uint8Array): Promise<void> {
    this.#checked(await this.#request({ method: 'PUT', key, body }), key, [200]);
  }

  /** Read an object; undefined where there is none. */
  async get(key: string): Promise<Uint8Array | undefined> {
    const { status, bytes } = this.#checked(
      await this.#request({ method: 'GET', key }),
      key,
      [200, 404],
    );
    if (status === 200) return bytes;
    if (!/NoSuchBucket/.test(Buffer.from(bytes).toString('utf8'))) return undefined;
    throw new HbnnError(
      `${this.address.shown}: expected a bucket of that name, got none; make it, or give another`,
    );
  }

  /** Take an object away, if it is there. */
  async remove(key: string): Promise<void> {
    this.#checked(await this.#request({ method: 'DELETE', key }), key, [200, 204, 404]);
  }

  async #request(request: Request): Promise<Answer> {
    let why = '';
    for (const waitMs of [...this.#waitsMs, undefined]) {
      try {
        const answer = await this.#once(request);
        if (answer.status < 500 && answer.status !== 429 && answer.status !== 408) return answer;
        why = `status ${answer.status}`;
      } catch (error) {
        why = reasonOf(error as Error);
      }
      if (waitMs !== undefined) await setTimeout(waitMs);
    }
    throw new HbnnError(
      `${this.address.shown}: could not be reached at ${this.address.endpoint} in ${this.#waitsMs.length + 1} tries (${why}); see whether this machine is online and AWS_ENDPOINT_URL_S3 is right, then go on with the same command`,
    );
  }

  async #once({ method, key, body }: Request): Promise<Answer> {
    const { endpoint, bucket, prefix } = this.address;
    const url = `${endpoint}/${bucket}/${prefix}${key}`;
    const response = await this.#client.fetch(url, {
      method,
      body: body as RequestInit['body'],
      headers: { 'X-Amz-Content-Sha256': sha256(body ?? '') },
      signal: AbortSignal.timeout(requestMs + Math.ceil((body?.length ?? 0) / minBytesPerMs)),
    });
    const bytes = new Uint8Array(await response.arrayBuffer());
    const length = response.headers.get('content-length');
    if (length !== null && Number(length) !== bytes.length && method === 'GET')
      throw new Error('the answer broke off');
    return { status: response.status, bytes };
  }

  #checked(answer: Answer, key: string, allowed: readonly number[]): Answer {
    if (allowed.includes(answer.status)) return answer;
    const text = Buffer.from(answer.bytes).toString('utf8');
    const code = /<Code>([^<]{1,100})<\/Code>/.exec(text)?.[1] ?? `status ${answer.status}`;
    throw new HbnnError(
      `${this.address.shown}/${key}: refused by ${this.address.endpoint} (${code}); see whether the bucket is there, and AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION give the right to read and write it`,
    );
  }
}

/** Why a request had no answer: fetch says it in what caused its own error. */
function reasonOf(error: Error): string {
  const cause = error.cause as { code?: string; message?: string } | undefined;
  return cause?.code ?? cause?.message ?? error.message;
}
