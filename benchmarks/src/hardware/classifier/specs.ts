import { parseMix } from '@hbnn/core';
import type { Encoding } from './images.ts';
import type { ClassifierSpec } from './training.ts';

/** A network of the bench. */
export interface NamedClassifier extends Omit<ClassifierSpec, 'seed'> {
  readonly name: string;
}

/** A pixel is above 31 when one of its three upper bits is 1: one table per pixel. */
const oneBit: Encoding = { thresholds: [32] };

/** Four levels of brightness, each a multiple of 16: comparisons of the four upper bits. */
const twoBits: Encoding = { thresholds: [16, 96, 176] };

const epochs = 8;

/** Networks from small to large, each weight with 0 to 2 bits. */
export const namedClassifiers: readonly NamedClassifier[] = [
  {
    name: '32 signs',
    encoding: oneBit,
    hidden: [32],
    mixes: [parseMix('0:0.9/1:0.1'), parseMix('1')],
    epochs,
  },
  {
    name: '64 signs',
    encoding: oneBit,
    hidden: [64],
    mixes: [parseMix('0:0.9/1:0.1'), parseMix('1')],
    epochs,
  },
  {
    name: '256 signs',
    encoding: oneBit,
    hidden: [256],
    mixes: [parseMix('0:0.96/1:0.04'), parseMix('0:0.5/1:0.5')],
    epochs,
  },
  {
    name: '256 signs, pixels of 2 bits',
    encoding: twoBits,
    hidden: [256],
    mixes: [parseMix('0:0.96/1:0.03/2:0.01'), parseMix('0:0.5/1:0.3/2:0.2')],
    epochs,
  },
];
