import { HbnnError, parseMapPer, parseMix, random } from '@hbnn/core';
import {
  type CheckedModel,
  checkModel,
  type IntegerWeights,
  randomModel,
  weightValues,
} from '@hbnn/model';
import type { PeerCase } from './alkaid.ts';

/** A layer that both generators make. */
export interface CircuitCase {
  readonly weights: string;
  readonly layer: `dense:${number}x${number}`;
  /** The mix of plane weights; undefined for 8-bit ones. */
  readonly mix?: string;
  readonly mapPer: 'element' | 'position';
  readonly inputBits: number;
}

const perElement = { mapPer: 'element', inputBits: 1 } as const;

export const circuitCases: readonly CircuitCase[] = [
  { ...perElement, weights: '1 bit', layer: 'dense:144x16', mix: '1' },
  {
    ...perElement,
    layer: 'dense:144x16',
    mix: '0.7/0.2/0.1',
    weights: '1.4 bits per element',
  },
  {
    ...perElement,
    layer: 'dense:144x16',
    mix: '0.7/0.2/0.1',
    mapPer: 'position',
    weights: '1.4 bits per position',
  },
  { ...perElement, weights: '2 bits', layer: 'dense:144x16', mix: '0/1' },
  { ...perElement, weights: '8-bit whole numbers', layer: 'dense:64x16' },
  {
    ...perElement,
    layer: 'dense:64x16',
    mix: '0.7/0.2/0.1',
    inputBits: 2,
    weights: '1.4 bits per element',
  },
];

/** The case's model for a seed: thresholds that make the inputs of ±1, or ±2 ± 1, then the layer. */
export function modelOf(
  { layer, mix, mapPer, inputBits }: CircuitCase,
  seed: number,
): CheckedModel {
  const model = randomModel(seed, {
    layer,
    mix: parseMix(mix ?? '1'),
    mapPer: parseMapPer(mapPer),
    inputMix: parseMix(inputBits === 1 ? '1' : '0/1'),
  });
  if (mix !== undefined) return model;
  const rng = random(seed, '8-bit weights', layer);
  const layers = model.layers.map((eachLayer) => {
    if (eachLayer.kind !== 'dense') return eachLayer;
    const { shape } = eachLayer.weights;
    const values = Int8Array.from({ length: shape[0] * shape[1] }, () => rng.below(255) - 127);
    return { ...eachLayer, weights: { kind: 'int8', shape, values } satisfies IntegerWeights };
  });
  return checkModel({ ...model, layers });
}

/**
 * The same matrix for alkaid. An input of b planes ±2^(b−1) … ± 1 is 2a − (2^b − 1) of the unsigned number a that its
 * bits are, so that Σ w·in = 2·Σ w·a − (2^b − 1)·Σ w: alkaid makes Σ w·a of the same bits, and neither makes the constant.
 *
 * @throws HbnnError when the model has no dense layer
 */
export function peerCaseOf(model: CheckedModel, { inputBits }: CircuitCase): PeerCase {
  const layer = model.layers.find(({ kind }) => kind === 'dense');
  if (layer?.kind !== 'dense') throw new HbnnError(`${model.name}: expected a dense layer`);
  const [outputs, inputs] = layer.weights.shape;
  return { weights: Int16Array.from(weightValues(layer.weights)), outputs, inputs, inputBits };
}
