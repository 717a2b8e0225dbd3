import { HbnnError } from '@hbnn/core';
import type { AddLayer, ConcatLayer, FeatureShape } from './integerModel.ts';

/** A layer at which branches meet. */
export type JoinLayer = AddLayer | ConcatLayer;

/** A layer, of an integer or a trained model, that may name the layers it reads. */
export interface LinkedLayer {
  readonly name: string;
  readonly kind: string;
  readonly from?: string;
  readonly inputs?: readonly string[];
}

/** The names of the layers that a layer reads; none where it reads the one before it. */
const namedSources = ({ kind, from, inputs = [] }: LinkedLayer): readonly string[] => {
  if (kind === 'add' || kind === 'concat') return inputs;
  return from === undefined ? [] : [from];
};

/** The most inputs that may meet at a layer. */
const maxInputs = 64;

/**
 * The layers that a layer reads, by their numbers; −1 is the pixels.
 *
 * @param numbers of the layers before it, by name
 * @throws HbnnError for names that no layer before it has, and for a join of fewer than two inputs
 */
export function sourcesOf(
  layer: LinkedLayer,
  index: number,
  numbers: ReadonlyMap<string, number>,
): readonly number[] {
  const names = namedSources(layer);
  const isJoin = layer.kind === 'add' || layer.kind === 'concat';
  if (isJoin && !(Array.isArray(names) && names.length >= 2 && names.length <= maxInputs))
    throw new HbnnError(
      `${layer.name}: expected 2 to ${maxInputs} inputs, got ${names.length}; name the layers whose outputs meet here in \`inputs\``,
    );
  if (names.length === 0) return [index - 1];
  return names.map((name) => {
    const number = numbers.get(name);
    if (number === undefined)
      throw new HbnnError(
        `${layer.name}: expected to read a layer before it, got '${name}'; put that layer before it, or correct the name${index === 0 ? '; the first layer reads the pixels and names none' : ''}`,
      );
    return number;
  });
}

/** The first layer, of those before the last, that no other layer reads. */
export function unreadLayer<T extends { readonly sources: readonly number[] }>(
  layers: readonly T[],
): T | undefined {
  const read = new Set(layers.flatMap(({ sources }) => sources));
  return layers.find((_, i) => i < layers.length - 1 && !read.has(i));
}

const text = (shape: readonly number[]): string => `[${shape.join(', ')}]`;

/** The shape of a sum or concatenation. @throws HbnnError where the inputs' shapes do not fit each other */
export function joinedShape(
  layer: Pick<JoinLayer, 'kind' | 'name' | 'inputs'>,
  inputs: readonly FeatureShape[],
): FeatureShape {
  const [first] = inputs;
  const sizes = layer.kind === 'add' ? 3 : 2;
  const other = inputs.findIndex((shape) => shape.slice(0, sizes).some((n, i) => n !== first[i]));
  if (other >= 0) {
    const what = layer.kind === 'add' ? 'one shape' : 'one height and width';
    throw new HbnnError(
      `${layer.name}: expected inputs of ${what}, got ${text(first)} from '${layer.inputs[0]}' and ${text(inputs[other])} from '${layer.inputs[other]}'; change the strides, padding or outputs of a layer on one of the branches`,
    );
  }
  if (layer.kind === 'add') return first;
  return [first[0], first[1], inputs.reduce((sum, shape) => sum + shape[2], 0)];
}

/** The most that |out| can be, from bounds of the inputs. */
export function joinedBound(layer: JoinLayer, bounds: readonly number[]): number {
  if (layer.kind === 'concat') return Math.max(...bounds);
  const channels = layer.multipliers[0].length;
  let max = 0;
  for (let c = 0; c < channels; c++) {
    const sum = bounds.reduce((n, bound, k) => n + bound * Math.abs(layer.multipliers[k][c]), 0);
    max = Math.max(max, sum);
  }
  return max;
}

/** Elements of what a join reads, all inputs one after the other, and their weights in an output. */
type JoinTerms = readonly (readonly [element: number, weight: number])[];

/** What each output of a sum or concatenation is made of. */
export function joinTerms(
  layer: JoinLayer,
  inputs: readonly FeatureShape[],
): (output: number) => JoinTerms {
  const counts = inputs.map((shape) => shape[0] * shape[1] * shape[2]);
  const firsts = counts.map((_, k) => counts.slice(0, k).reduce((sum, n) => sum + n, 0));
  if (layer.kind === 'add') {
    const channels = inputs[0][2];
    return (o) =>
      firsts.map((first, k) => [first + o, layer.multipliers[k][o % channels]] as const);
  }
  const all = inputs.reduce((sum, shape) => sum + shape[2], 0);
  return (o) => {
    let c = o % all;
    let k = 0;
    for (; c >= inputs[k][2]; k++) c -= inputs[k][2];
    return [[firsts[k] + Math.floor(o / all) * inputs[k][2] + c, 1]];
  };
}
