import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ObjectStore, StoredFolder, storeAddress } from '@hbnn/sweep';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasS3Server, S3Server } from './s3Server.ts';

const folder = mkdtempSync(join(tmpdir(), 'hbnn-store-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const [from, to] = ['from', 'to'].map((name) => join(folder, name));

it('says in a sentence that a server cannot be reached, without keys', async () => {
  const env = { AWS_ACCESS_KEY_ID: 'me', AWS_SECRET_ACCESS_KEY: 'hidden' };
  const address = { ...env, AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:47121' };
  const store = new ObjectStore(storeAddress('s3://sweeps/x', '--shared', address), [1, 1]);
  const refused = store.get('a');
  await expect(refused).rejects.toThrow(
    /^s3:\/\/sweeps\/x: could not be reached at http:\/\/127\.0\.0\.1:47121 in 3 tries \(ECONNREFUSED\); see whether/,
  );
  await expect(refused).rejects.not.toThrow('hidden');
});

const reason = hasS3Server ? '' : ' (skipped: there is no moto_server here)';

describe.skipIf(!hasS3Server)(`a store on a real server${reason}`, () => {
  let server: S3Server;
  let store: ObjectStore;
  beforeAll(async () => {
    server = await S3Server.started();
    store = new ObjectStore(server.address());
  });
  afterAll(() => server.kill());

  const write = (files: Readonly<Record<string, string>>): void => {
    rmSync(from, { recursive: true, force: true });
    rmSync(to, { recursive: true, force: true });
    mkdirSync(from);
    for (const [name, text] of Object.entries(files)) writeFileSync(join(from, name), text);
  };

  it('keeps a folder, and brings its latest files back', async () => {
    const stored = new StoredFolder(store, 'id/runs/a');
    expect(await stored.load(to)).toBeUndefined();
    write({ 'checkpoint.bin': 'one', 'config.json': '{}' });
    await stored.save(from, ['checkpoint.bin', 'config.json', 'result.json']);
    write({ 'checkpoint.bin': 'two', 'config.json': '{}' });
    await stored.save(from, ['checkpoint.bin', 'config.json', 'result.json']);
    expect(await new StoredFolder(store, 'id/runs/a').load(to)).toEqual([
      'checkpoint.bin',
      'config.json',
    ]);
    expect(readFileSync(join(to, 'checkpoint.bin'), 'utf8')).toBe('two');
  });

  it('refuses what was damaged on the way or in the store, and writes none of it', async () => {
    write({ 'weights.bin': 'the weights' });
    await new StoredFolder(store, 'id/runs/b').save(from, ['weights.bin']);
    const index = JSON.parse(
      Buffer.from((await store.get('id/runs/b/index.json')) ?? []).toString(),
    ) as { files: Record<string, string> };
    const digest = index.files['weights.bin'];
    await store.put(`id/runs/b/${digest}`, Buffer.from('others'));
    const loaded = (): Promise<unknown> => new StoredFolder(store, 'id/runs/b').load(to);
    await expect(loaded()).rejects.toThrow(
      /^s3:\/\/sweeps\/mine\/id\/runs\/b\/weights\.bin: expected the SHA-256/,
    );
    expect(() => readFileSync(join(to, 'weights.bin'))).toThrow('ENOENT');
    await store.remove(`id/runs/b/${digest}`);
    await expect(loaded()).rejects.toThrow(/expected the files that its index names, got none/);
    for (const text of [
      'x',
      'null',
      '{"format":"HBNN stored folder, version 1","files":{"../a":"0"}}',
    ]) {
      await store.put('id/runs/b/index.json', Buffer.from(text));
      await expect(loaded()).rejects.toThrow(/index\.json: expected HBNN stored folder, version 1/);
    }
  });

  it('names a bucket that is not there, and waits for a server that restarts', async () => {
    const other = new ObjectStore(server.address('s3://no-such-bucket'));
    await expect(other.get('a')).rejects.toThrow(/expected a bucket of that name, got none/);
    await expect(other.put('a', new Uint8Array(3))).rejects.toThrow(
      /refused by .*\(NoSuchBucket\)/,
    );
    await server.kill();
    const put = store.put('after', Buffer.from('a restart'));
    await server.start();
    await put;
    expect(Buffer.from((await store.get('after')) ?? []).toString()).toBe('a restart');
  });
});
