import { HbnnError } from '@hbnn/core';
import type { WebByteStream } from '@hbnn/model';
import { builtin, inNode } from '../runtime.ts';

/** What is needed of a Response. */
export interface WebResponse {
  readonly ok: boolean;
  readonly status: number;
  readonly url: string;
  readonly bodyUsed: boolean;
  readonly body: WebByteStream | null;
}

/** What is needed of a Blob, such as a File that a user chose. */
export interface WebBlob {
  readonly size: number;
  readonly type: string;
  stream(): WebByteStream;
}

/** Where a file's bytes come from. A string is an address; in a page it may be relative to the page. */
export type ByteSource = string | URL | WebResponse | WebBlob | Uint8Array | ArrayBuffer;

/** A source whose bytes can be read. */
export interface OpenSource {
  /** The name that errors give it. */
  readonly name: string;
  readonly pieces: WebByteStream | Iterable<Uint8Array>;
  /** The file's size, where it is known. */
  readonly bytes?: number;
}

/**
 * Open a source of bytes.
 *
 * @param where what errors call the place, such as the function
 * @param what what errors call the file
 * @returns undefined when the value is no source of bytes
 * @throws HbnnError when an address is none, cannot be reached, or has no file
 */
export async function openSource(
  source: unknown,
  where: string,
  what: string,
): Promise<OpenSource | undefined> {
  if (source instanceof Uint8Array) return fromBytes(what, source);
  if (source instanceof ArrayBuffer) return fromBytes(what, new Uint8Array(source));
  if (typeof source === 'string' || isUrl(source)) return openAddress(source, where, what);
  if (isResponse(source)) return fromResponse(source, where, what);
  if (isBlob(source))
    return { name: nameOf(source) ?? what, pieces: source.stream(), bytes: source.size };
  return undefined;
}

const fromBytes = (name: string, bytes: Uint8Array): OpenSource => ({
  name,
  pieces: [bytes],
  bytes: bytes.length,
});

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

const isUrl = (value: unknown): value is URL =>
  value instanceof URL || Object.prototype.toString.call(value) === '[object URL]';

const isResponse = (value: unknown): value is WebResponse =>
  isObject(value) && 'body' in value && 'status' in value && 'ok' in value;

const isBlob = (value: unknown): value is WebBlob =>
  isObject(value) && 'stream' in value && 'size' in value && 'type' in value;

/** The name that a File has, and a Blob has not. */
const nameOf = (blob: WebBlob): string | undefined =>
  'name' in blob && typeof blob.name === 'string' ? blob.name : undefined;

/** The page's own address, or the worker's. */
function baseAddress(): string | undefined {
  const page: { readonly baseURI?: string } | undefined = Reflect.get(globalThis, 'document');
  const at: { readonly href?: string } | undefined = Reflect.get(globalThis, 'location');
  return page?.baseURI ?? at?.href;
}

function urlOf(address: string | URL, where: string, what: string): URL {
  let url: URL | undefined;
  try {
    url = new URL(address, baseAddress());
  } catch {
    // It is refused below.
  }
  // `c:` in `c:\file` is a drive of Windows and not the scheme of an address.
  if (url !== undefined && !/^[a-z]:$/.test(url.protocol)) return url;
  const wayOut = inNode
    ? 'in Node.js pass the URL of a file, pathToFileURL(path) of node:url, or its bytes'
    : 'pass a whole address, such as new URL(address, import.meta.url)';
  throw new HbnnError(
    `${where}: expected the address of a ${what}, got '${String(address)}', which is none here; ${wayOut}`,
  );
}

async function openAddress(
  address: string | URL,
  where: string,
  what: string,
): Promise<OpenSource> {
  const url = urlOf(address, where, what);
  if (url.protocol === 'file:' && inNode) return openFile(url, where, what);
  let response: Response;
  try {
    response = await fetch(url.href);
  } catch (error) {
    const wayOut =
      url.protocol === 'file:'
        ? 'a page that was opened from a disk cannot read files: serve its folder, and open it there'
        : "check the address, and that its server allows this page's requests";
    throw new HbnnError(
      `${where}: expected a ${what} at ${url.href}, got no answer (${String(error)}); ${wayOut}`,
    );
  }
  return fromResponse(response, where, what, url.href);
}

async function openFile(url: URL, where: string, what: string): Promise<OpenSource> {
  try {
    return fromBytes(url.pathname, await builtin('node:fs/promises').readFile(url));
  } catch (error) {
    const { code } = error as { readonly code?: string };
    const came = code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${code})`;
    throw new HbnnError(`${where}: expected a ${what} at ${url.href}, but ${came}; check its path`);
  }
}

function fromResponse(
  response: WebResponse,
  where: string,
  what: string,
  address = response.url,
): OpenSource {
  const name = address === '' ? what : address;
  if (!response.ok)
    throw new HbnnError(
      `${where}: expected a ${what} at ${name}, got an answer with status ${response.status}; check the address`,
    );
  if (response.bodyUsed)
    throw new HbnnError(
      `${where}: expected an unread response of ${name}, got one whose body was read; pass the bytes that were read, or a clone of the response`,
    );
  if (response.body === null)
    throw new HbnnError(
      `${where}: expected a ${what} at ${name}, got an answer without a body; check the address`,
    );
  return { name, pieces: response.body };
}

/** Read a source to its end. */
export async function bytesOf({ pieces }: OpenSource): Promise<Uint8Array> {
  const parts: Uint8Array[] = 'getReader' in pieces ? [] : [...pieces];
  const reader = 'getReader' in pieces ? pieces.getReader() : undefined;
  for (let next = await reader?.read(); next?.done === false; next = await reader?.read())
    if (next.value !== undefined) parts.push(next.value);
  return new Uint8Array(await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer());
}
