import { networks, parametersOf } from '@hbnn/train/web';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { fetched } from '../shared/fetched.ts';
import { startBackend } from '../shared/webBackend.ts';
import { type DemoFiles, type DemoNetwork, type ReadyNetwork, timeOf } from './demoNetworks.ts';

/** The float network in TensorFlow.js, which is loaded for it alone. */
export async function floatNetwork(
  folder: string,
  about: DemoNetwork,
  files: DemoFiles,
): Promise<ReadyNetwork> {
  await startBackend();
  const [list, bytes] = await Promise.all([
    fetched(`${folder}float.json`, (answer): Promise<Stored[]> => answer.json()),
    fetched(`${folder}float.bin`, (answer) => answer.arrayBuffer()),
  ]);
  const shape = { input: [28, 28, 1] as [number, number, number], classes: files.classes.length };
  const model = networks['alexnet-bn'].build({ ...shape, precision: {}, seed: 1 });
  setWeights(model, list, bytes);
  const { mean, deviation } = files.normalization;
  const input = (pixels: Uint8Array): tf.Tensor =>
    tf.tensor(
      Float32Array.from(pixels, (pixel) => (pixel / 255 - mean[0]) / deviation[0]),
      [1, 28, 28, 1],
    );
  return {
    about,
    classify(pixels) {
      const image = input(pixels);
      const scores = scoresOf(model, image);
      image.dispose();
      return { scores, maps: [] };
    },
    time(pixels) {
      const image = input(pixels);
      const milliseconds = timeOf(() => scoresOf(model, image));
      image.dispose();
      return milliseconds;
    },
  };
}

interface Stored {
  readonly name: string;
  readonly shape: readonly number[];
}

function setWeights(model: LayersModel, list: readonly Stored[], bytes: ArrayBuffer): void {
  let at = 0;
  const values = new Map<string, Float32Array>();
  for (const { name, shape } of list) {
    const size = shape.reduce((product, side) => product * side, 1);
    values.set(name, new Float32Array(bytes, at, size));
    at += 4 * size;
  }
  for (const { name, variable } of parametersOf(model)) {
    const found = values.get(name);
    if (!found) throw new Error(`float.json: expected weights ${name}`);
    tf.tidy(() => variable.assign(tf.tensor(found, variable.shape)));
  }
}

function scoresOf(model: LayersModel, image: tf.Tensor): number[] {
  const output = model.predict(image) as tf.Tensor;
  const scores = [...output.dataSync()];
  output.dispose();
  return scores;
}
