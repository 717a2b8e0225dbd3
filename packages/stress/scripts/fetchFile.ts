// `node fetchFile.ts URL SHA256 FILE`: fetch a file as data sets are fetched.
import { HbnnError } from '@hbnn/core';
import { download } from '../../../datasets/src/download.ts';

const [url, digest, file] = process.argv.slice(2);
try {
  await download({
    urls: [url],
    file,
    checksum: { algorithm: 'sha256', digest },
    tries: 8,
    pause: 10,
  });
} catch (error) {
  if (!(error instanceof HbnnError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
