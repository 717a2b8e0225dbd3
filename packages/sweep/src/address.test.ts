import { describe, expect, it } from 'vitest';
import { queueAddress } from './address.ts';

describe('the address of a queue', () => {
  it('is read with user and password, which are never shown', () => {
    const address = queueAddress('rediss://me:p%40ss@queue.example:6380/2', '--queue', {});
    expect(address).toEqual({
      host: 'queue.example',
      port: 6380,
      db: 2,
      username: 'me',
      password: 'p@ss',
      tls: true,
      shown: 'rediss://queue.example:6380/2',
    });
  });

  it('takes user and password from the environment where it has none', () => {
    const env = { HBNN_QUEUE_USER: 'me', HBNN_QUEUE_PASSWORD: 'secret' };
    expect(queueAddress('redis://[::1]', '--queue', env)).toEqual({
      host: '::1',
      port: 6379,
      db: 0,
      username: 'me',
      password: 'secret',
      tls: false,
      shown: 'redis://[::1]:6379',
    });
    expect(queueAddress('redis://:own@h', '--queue', env)).toMatchObject({ password: 'own' });
  });

  it.each([
    ['localhost:secret', 'expected redis:// or rediss://'],
    ['redis', 'expected the address of a Redis server'],
    ['http://me:secret@h', 'expected redis:// or rediss://, got http://'],
    ['redis://', 'expected a host'],
    ['redis://me:secret@h/name', 'expected the number of a database'],
    ['redis://me:secret@h/0?tls=secret', 'expected nothing behind host, port and database'],
    ['redis://me:secret@h:notaport', 'expected the address of a Redis server'],
    ['s3://bucket', 'expected redis:// or rediss://, got s3://'],
  ])('%s is refused without repeating a secret', (text, message) => {
    expect(() => queueAddress(text, '--queue', {})).toThrow(`--queue: ${message}`);
    expect(() => queueAddress(text, '--queue', {})).not.toThrow('secret');
  });
});
