import {
  type CheckedModel,
  decodeModel,
  encodeModel,
  featureCount,
  interpreter,
  randomModel,
} from '@hbnn/model';
import { holds, type Reader, sameBytes } from '../reader.ts';

const seeds = ['dense:4x3', 'conv:4x4x2,k2x2,o3', 'depthwise:4x4x2,k2x2,o2'];

/** Images of models that are run: larger ones take long by right. */
const maxValues = 2 ** 12;

export const reader = (): Promise<Reader<CheckedModel>> =>
  Promise.resolve({
    form: 'bytes',
    seeds: [
      ...seeds.map((layer) => encodeModel(randomModel(layer, { layer }))),
      ...[3, 5, 9, 13].map((seed) => encodeModel(randomModel(seed))),
    ],
    words: [
      'conv',
      'dense',
      'depthwise',
      'maxPool',
      'sumPool',
      'threshold',
      'requantize',
      'element',
      'output',
    ],
    read: (bytes) => decodeModel(bytes, 'input.hbnn'),
    check(model) {
      const file = encodeModel(model);
      const again = decodeModel(file, 'again.hbnn');
      holds(sameBytes(encodeModel(again), file), 'the same file after a round trip');
      const size = featureCount(model.input.shape);
      if (size > maxValues) return;
      const pixels = Uint8Array.from({ length: size }, (_, i) => (i * 89) & 255);
      const scores = interpreter(model).run(pixels);
      holds(
        scores.join() === interpreter(again).run(pixels).join(),
        'the same scores after a round trip',
      );
    },
  });
