import { type BatchSource, permutation, random } from '@hbnn/core';

/** Ten classes told apart by where a bright square lies: learnable in a few steps. */
export function squares(count: number, name: string): BatchSource {
  const rng = random(4, name);
  const size = 12 * 12;
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
  return {
    ...{ name, shape: [12, 12, 1], count },
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
