import { type BatchSource, permutation, random } from '@hbnn/core';

/** The same as 8-bit pixels, with the pixels and normalised images beside the source. */
export function pixelSquares(
  count: number,
  name: string,
): BatchSource & { readonly pixels: Uint8Array; readonly images: Float32Array } {
  const normalization = { mean: [0.37], deviation: [0.21] };
  const pixels = Uint8Array.from(drawn(count, name).images, (value) =>
    Math.max(0, Math.min(255, Math.round(90 + 40 * value))),
  );
  const images = Float32Array.from(pixels, (p) => (p / 255 - 0.37) / 0.21);
  return { ...source(name, images, drawn(count, name).labels), normalization, pixels, images };
}

/** Ten classes told apart by where a bright square lies: learnable in a few steps. */
export function squares(count: number, name: string): BatchSource {
  const { images, labels } = drawn(count, name);
  return source(name, images, labels);
}

const size = 12 * 12;

function drawn(count: number, name: string): { images: Float32Array; labels: Int32Array } {
  const rng = random(4, name);
  const labels = Int32Array.from({ length: count }, () => rng.below(10));
  const images = Float32Array.from({ length: count * size }, () => 0.3 * rng.normal());
  labels.forEach((label, i) => {
    for (let y = 0; y < 4; y++) {
      for (let x = 0; x < 4; x++) {
        const row = 4 * Math.floor(label / 4) + y;
        images[i * size + row * 12 + Math.min(11, 3 * (label % 4) + x)] += 2;
      }
    }
  });
  return { images, labels };
}

function source(name: string, images: Float32Array, labels: Int32Array): BatchSource {
  const count = labels.length;
  return {
    name,
    shape: [12, 12, 1],
    count,
    classes: Array.from({ length: 10 }, (_, k) => `${k}`),
    async *batches({ batch, shuffle, seed: s, epoch, from = 0 }) {
      const order = shuffle
        ? permutation(count, random(s, 'order', epoch))
        : Uint32Array.from({ length: count }, (_, i) => i);
      for (let start = from * batch; start < count; start += batch) {
        const part = order.subarray(start, start + batch);
        const pixels = new Float32Array(part.length * size);
        part.forEach((index, i) => {
          pixels.set(images.subarray(index * size, (index + 1) * size), i * size);
        });
        const own = Int32Array.from(part, (index) => labels[index]);
        yield { images: pixels, labels: own, count: part.length, indices: part };
      }
    },
  };
}
