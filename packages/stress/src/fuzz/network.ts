import { type ImportedNetwork, importNetwork, inputShapeOf } from '@hbnn/import';
import { useBackend } from '@hbnn/train';
import * as tf from '@tensorflow/tfjs-core';
import { placed } from './placed.ts';
import { holds, type Reader } from './reader.ts';

/** Values of networks that are computed: larger ones take long by right. */
const maxValues = 2 ** 12;
const maxWeights = 2 ** 16;

/** Read a network as `hbnn import` does. */
export async function networkReader(
  o: Pick<Reader, 'form' | 'seeds' | 'words'>,
  fileOf: (bytes: Uint8Array) => string,
): Promise<Reader<ImportedNetwork>> {
  await useBackend({ prefer: 'cpu' });
  const before = tf.memory().numTensors;
  return {
    ...o,
    maxSeconds: 3,
    async read(bytes) {
      try {
        return await importNetwork(fileOf(bytes));
      } catch (error) {
        const left = tf.memory().numTensors - before;
        if (left > 0) tf.disposeVariables();
        throw error;
      }
    },
    check({ model }) {
      try {
        if (model.inputs.length !== 1) return;
        const shape = inputShapeOf(model, 'input');
        const size = shape.reduce((product, n) => product * n, 1);
        holds(Number.isSafeInteger(size) && size > 0, 'an input of a fixed size');
        if (size > maxValues || model.countParams() > maxWeights) return;
        const given = Float32Array.from({ length: size }, (_, i) => Math.sin(i));
        const values = tf.tidy(() => {
          const out = model.predict(tf.tensor(given, [1, ...shape]));
          return [out].flat().map((each) => each.dataSync().length);
        });
        const expected = model.outputs.map(({ shape: [, ...sizes] }) =>
          sizes.reduce((product: number, n) => product * (n as number), 1),
        );
        holds(values.join() === expected.join(), 'outputs of the shapes that the layers say');
      } finally {
        model.dispose();
      }
    },
  };
}

/** Read a network whose whole file the bytes are. */
export const wholeFile =
  (name: string) =>
  (bytes: Uint8Array): string =>
    placed(name, bytes);
