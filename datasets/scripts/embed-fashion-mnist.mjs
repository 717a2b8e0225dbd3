// Make the embedded subset of Fashion-MNIST from the original IDX files:
//   node scripts/embed-fashion-mnist.mjs FOLDER
// where FOLDER holds train-images-idx3-ubyte.gz and the three others (Debian: dataset-fashion-mnist).
// Training: the first 1,000 images of each class, in the original's order. Test: all 10,000.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { brotliCompressSync, constants, gunzipSync } from 'node:zlib';

const folder = process.argv[2];
if (!folder) {
  console.error('usage: node scripts/embed-fashion-mnist.mjs FOLDER');
  process.exit(2);
}
const out = new URL('../embedded/fashion-mnist/', import.meta.url);
const imageBytes = 28 * 28;
const perClass = 1000;

const read = (name) => gunzipSync(readFileSync(`${folder}/${name}.gz`));
const withCount = (bytes, count) => {
  const copy = Buffer.from(bytes);
  copy.writeUInt32BE(count, 4);
  return copy;
};

const labels = read('train-labels-idx1-ubyte').subarray(8);
const images = read('train-images-idx3-ubyte');
const seen = new Array(10).fill(0);
const kept = [...labels.keys()].filter((i) => seen[labels[i]]++ < perClass);
const files = {
  'train-images': Buffer.concat([
    withCount(images.subarray(0, 16), kept.length),
    ...kept.map((i) => images.subarray(16 + i * imageBytes, 16 + (i + 1) * imageBytes)),
  ]),
  'train-labels': Buffer.concat([
    withCount(read('train-labels-idx1-ubyte').subarray(0, 8), kept.length),
    Uint8Array.from(kept, (i) => labels[i]),
  ]),
  'test-images': read('t10k-images-idx3-ubyte'),
  'test-labels': read('t10k-labels-idx1-ubyte'),
};
const manifest = {};
for (const [name, bytes] of Object.entries(files)) {
  const packed = brotliCompressSync(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_LGWIN]: 24,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  });
  writeFileSync(new URL(`${name}.idx.br`, out), packed);
  manifest[name] = {
    bytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  };
}
writeFileSync(new URL('manifest.json', out), `${JSON.stringify(manifest, null, 2)}\n`);
