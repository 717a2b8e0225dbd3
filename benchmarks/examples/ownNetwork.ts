// #region imports
import { mkdirSync, writeFileSync } from 'node:fs';
import { foldedDesign } from '@hbnn/circuit';
import { type BatchSource, distFromAverage, permutation, random } from '@hbnn/core';
import { encodeModel, interpreter, lower } from '@hbnn/model';
import { binarize, evaluate, exportModel, fineTune, inputPrecision, useBackend } from '@hbnn/train';
import { verify, verilogFiles } from '@hbnn/verilog';
import { loadModel } from '@hbnn/wasm';
import * as tf from '@tensorflow/tfjs-layers';

// #endregion imports

// #region data
// 8-bit pixels, and how they become the numbers that the network sees.
const [height, width] = [8, 8];
const normalization = { mean: [0.45], deviation: [0.25] };

/** Noisy images of four classes: which quarter is bright. */
function quarters(count: number, stream: string): BatchSource & { pixels: Uint8Array } {
  const pixels = new Uint8Array(count * height * width);
  for (let image = 0; image < count; image++) {
    const rng = random(1, stream, image);
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const quarter = 2 * Math.floor((2 * y) / height) + Math.floor((2 * x) / width);
        const level = 90 + 35 * rng.normal() + (quarter === image % 4 ? 80 : 0);
        pixels[(image * height + y) * width + x] = Math.max(0, Math.min(255, Math.round(level)));
      }
  }
  return {
    name: 'quarters',
    shape: [height, width, 1],
    classes: ['top left', 'top right', 'bottom left', 'bottom right'],
    count,
    normalization,
    pixels,
    // The order depends on seed and epoch alone; `from` skips batches.
    async *batches({ batch, shuffle, seed, epoch, from = 0 }) {
      const order = shuffle
        ? permutation(count, random(seed, 'order', epoch))
        : Uint32Array.from({ length: count }, (_, i) => i);
      const size = height * width;
      const [[mean], [deviation]] = [normalization.mean, normalization.deviation];
      for (let start = from * batch; start < count; start += batch) {
        const rows = order.subarray(start, start + batch);
        const images = new Float32Array(rows.length * size);
        rows.forEach((row, i) => {
          for (let p = 0; p < size; p++)
            images[i * size + p] = (pixels[row * size + p] / 255 - mean) / deviation;
        });
        yield { images, labels: Int32Array.from(rows, (row) => row % 4), count: rows.length };
      }
    },
  };
}
const train = quarters(512, 'train');
const test = quarters(200, 'test');
// #endregion data

// #region floats
// A network as tf.layers makes it, trained with floats.
await useBackend();
const model = tf.sequential({ name: 'mine' });
model.add(
  tf.layers.conv2d({
    name: 'conv1',
    filters: 4,
    kernelSize: 3,
    padding: 'same',
    useBias: false,
    inputShape: [height, width, 1],
  }),
);
model.add(tf.layers.batchNormalization({ name: 'norm1', momentum: 0.9 }));
model.add(tf.layers.reLU({ name: 'relu1' }));
model.add(tf.layers.maxPooling2d({ name: 'pool1', poolSize: 2 }));
model.add(
  tf.layers.conv2d({ name: 'conv2', filters: 6, kernelSize: 3, padding: 'same', useBias: false }),
);
model.add(tf.layers.batchNormalization({ name: 'norm2', momentum: 0.9 }));
model.add(tf.layers.maxPooling2d({ name: 'pool2', poolSize: 2 }));
model.add(tf.layers.flatten({ name: 'flat' }));
model.add(tf.layers.dense({ name: 'scores', units: 4, activation: 'softmax' }));
await fineTune(model, train, { epochs: 3, batch: 32, learningRate: 0.05 });
const float = await evaluate(model, test);
console.log(float.top1 > 0.95); // true
// #endregion floats

// #region binarize
// Weights have 1.4 bits on average. A bit map of inputs is the same for
// all images: `inputs: 1.4` alone would choose a bit map for each image,
// which no circuit can compute.
const inputs = inputPrecision(distFromAverage(1.4), { map: 'static', mapPer: 'channel' });
const small = binarize(model, { weights: 1.4, inputs, skip: ['conv1'] });
await fineTune(small, train, { epochs: 4, batch: 32, learningRate: 0.05 });
const binarized = await evaluate(small, test);
console.log(binarized.top1 > 0.95); // true
// #endregion binarize

// #region integer
// The softmax is left out: the largest score stays the same.
const notes: string[] = [];
const trained = await exportModel(small, train, { onNote: (note) => notes.push(note) });
console.log(notes.length); // 1
const { model: integer, layers } = lower(trained);
console.log(layers.every(({ error }) => error < 0.05)); // true
// #endregion integer

// #region file
// A file for `hbnn run`, `hbnn eval --model` and `hbnn verilog`.
mkdirSync('own-network/rtl', { recursive: true });
writeFileSync('own-network/mine.hbnn', encodeModel(integer));
// #endregion file

// #region wasm
// WebAssembly gives the scores of the interpreter, bit for bit.
const scores = interpreter(integer).run(test.pixels);
const fast = await loadModel(integer);
console.log(fast.run(test.pixels).every((score, i) => score === scores[i]));
// true
const right = Array.from({ length: test.count }, (_, i) => {
  const row = [...scores.subarray(4 * i, 4 * i + 4)];
  return row.indexOf(Math.max(...row)) === i % 4;
});
console.log(right.filter(Boolean).length / test.count > 0.95); // true
// #endregion wasm

// #region verilog
// Yosys reads the Verilog; each layer is compared with the model.
const design = foldedDesign(integer);
const files = verilogFiles(design);
for (const [name, text] of Object.entries(files)) writeFileSync(`own-network/rtl/${name}`, text);
const { equal } = await verify(integer, design, files, { images: 8 });
console.log(equal); // true
// #endregion verilog
