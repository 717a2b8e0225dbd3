import { describe, expect, it } from 'vitest';
import { isStoreAddress, storeAddress } from './storeAddress.ts';

const keys = { AWS_ACCESS_KEY_ID: 'me', AWS_SECRET_ACCESS_KEY: 'hidden' };

describe('the address of a store', () => {
  it('is read with keys, region and server of the environment', () => {
    const env = { ...keys, AWS_REGION: 'eu-north-1', AWS_SESSION_TOKEN: 'token' };
    expect(storeAddress('s3://sweeps/a/b/', '--shared', env)).toEqual({
      bucket: 'sweeps',
      prefix: 'a/b/',
      endpoint: 'https://s3.eu-north-1.amazonaws.com',
      region: 'eu-north-1',
      accessKeyId: 'me',
      secretAccessKey: 'hidden',
      sessionToken: 'token',
      shown: 's3://sweeps/a/b',
    });
    const own = { ...keys, AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:9000/', AWS_ENDPOINT_URL: 'x' };
    expect(storeAddress('s3://sweeps', '--shared', own)).toMatchObject({
      prefix: '',
      endpoint: 'http://127.0.0.1:9000',
      shown: 's3://sweeps',
    });
  });

  it.each(['s3://', 's3://a', 's3://UP_/x', 's3://sweeps/../x', 's3://sweeps/a b', 's3:sweeps'])(
    '%s is refused',
    (text) => {
      expect(() => storeAddress(text, '--shared', keys)).toThrow('--shared: expected s3://BUCKET');
    },
  );

  it('is refused without keys, or with a server that is none, and repeats no key', () => {
    expect(() => storeAddress('s3://sweeps', '--shared', {})).toThrow(
      /AWS_ACCESS_KEY_ID, got none/,
    );
    for (const server of ['minio:9000', 'ftp://h', 'http://me:hidden@h']) {
      const made = () => storeAddress('s3://sweeps', '', { ...keys, AWS_ENDPOINT_URL: server });
      expect(made).toThrow(/^AWS_ENDPOINT_URL: expected the address of a server/);
      expect(made).not.toThrow('hidden');
    }
  });

  it('is told from a folder', () => {
    expect(['s3://a', 'S3://a', './s3', 's3:/a'].map(isStoreAddress)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});
