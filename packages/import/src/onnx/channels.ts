import { HbnnError } from '@hbnn/core';
import { type Constant, permuted, sizeOf } from './constant.ts';
import { type Feature, isChannelsFirst } from './feature.ts';
import { axisFrom, placesOf } from './foldConstants.ts';
import {
  constantInput,
  featureAt,
  type NodeContext,
  type Operator,
  optionalConstant,
} from './node.ts';
import { mapAt, mapFrom } from './windows.ts';

/**
 * Some channels of a map, in a given order: a pointwise convolution whose weights are 1 at one input for each output.
 * Integer models have no layer of its own for it.
 */
function selected(context: NodeContext, map: Feature, channels: readonly number[]): Feature {
  const count = map.shape[0];
  if (channels.length === count && channels.every((channel, i) => channel === i)) return map;
  const data = new Float32Array(count * channels.length);
  channels.forEach((channel, output) => {
    data[channel * channels.length + output] = 1;
  });
  const value = context.add(
    {
      kind: 'conv2d',
      kernel: { shape: [1, 1, count, channels.length], data },
      strides: [1, 1],
      dilation: [1, 1],
      padding: 'valid',
    },
    map.value,
  );
  context.onZeros(value.sourceLayer.name);
  return mapFrom(value, map.nonNegative);
}

/** The map whose channels an operator takes some of. @throws HbnnError for another axis */
function channelMap(context: NodeContext, axis: number): Feature {
  const feature = featureAt(context);
  const rank = feature.shape.length + 1;
  if (rank === 4 && axisFrom(axis, rank, context.where) === 1) return mapAt(context);
  throw new HbnnError(
    `${context.where}: expected some of the channels of a map [batch, channels, height, width], got axis ${axis} of [batch, ${feature.shape.join(', ')}]; take them from a map, or crop the images before the network`,
  );
}

/** A feature map that is split by its channels. */
export const split: Operator = (context) => {
  const { attributes, node, where } = context;
  const map = channelMap(context, attributes.int('axis', 0));
  const [channels] = map.shape;
  const parts = attributes.int('num_outputs', node.output.length);
  const equal = Math.ceil(channels / parts);
  const given = attributes.ints('split') ?? optionalConstant(context, 1, 'the sizes')?.data;
  const sizes = [...(given ?? node.output.map((_, i) => Math.min(equal, channels - i * equal)))];
  const sum = sizes.reduce((all, size) => all + size, 0);
  if (sizes.length !== node.output.length || sum !== channels || sizes.some((size) => !(size > 0)))
    throw new HbnnError(
      `${where}: expected ${node.output.length} sizes that sum to ${channels} channels, got [${sizes.join(', ')}]; export the network again`,
    );
  let next = 0;
  const features = sizes.map((size) => {
    const start = next;
    next += size;
    return selected(
      context,
      map,
      Array.from({ length: size }, (_, i) => start + i),
    );
  });
  features.slice(1).forEach((feature, i) => {
    context.give(node.output[i + 1], feature);
  });
  return features[0];
};

/** Some channels of a map: from one place to another, in steps. */
export const slice: Operator = (context) => {
  const { attributes, where } = context;
  const values = (name: string, place: number): readonly number[] | undefined => {
    const listed = attributes.ints(name) ?? optionalConstant(context, place, name)?.data;
    return listed === undefined ? undefined : [...listed];
  };
  const starts = values('starts', 1) ?? [];
  const ends = values('ends', 2) ?? [];
  const axes = values('axes', 3) ?? starts.map((_, i) => i);
  const [step = 1] = optionalConstant(context, 4, 'the steps')?.data ?? [];
  if (starts.length !== 1 || ends.length !== 1 || axes.length !== 1 || step === 0)
    throw new HbnnError(
      `${where}: expected a slice of one axis, the channels, got one of ${starts.length} axes; crop the images before the network`,
    );
  const map = channelMap(context, axes[0]);
  return selected(context, map, placesOf(map.shape[0], starts[0], ends[0], step));
};

/** Channels of a map by their numbers. */
export const gather: Operator = (context) => {
  const { attributes, where } = context;
  const map = channelMap(context, attributes.int('axis', 0));
  const { shape, data } = constantInput(context, 1, 'the numbers of the channels');
  if (shape.length !== 1)
    throw new HbnnError(
      `${where}: expected a list of channels, got numbers of the shape [${shape.join(', ')}]; give them as a list`,
    );
  const channels = [...data].map((channel) => axisFrom(channel, map.shape[0], where));
  return selected(context, map, channels);
};

/**
 * Channels that are shuffled between groups, which frameworks write as a Reshape to [groups, channels, height, width], a
 * Transpose and a Reshape back.
 *
 * @param wanted what a Reshape makes of the map, without the batch
 * @returns undefined where it is no such Reshape
 */
export function shuffled(
  context: NodeContext,
  feature: Feature,
  wanted: readonly number[],
): Feature | undefined {
  const { graph, node, constantAt, absorb } = context;
  const [channels, ...sizes] = feature.shape;
  const parts = wanted.slice(0, -2);
  const isMap =
    feature.shape.length === 3 && isChannelsFirst(feature) && feature.flat === undefined;
  if (!isMap || parts.length < 2 || wanted.slice(-2).join() !== sizes.join()) return undefined;
  if (sizeOf(parts) !== channels) return undefined;
  const turn = graph.soleConsumer(node.output[0]);
  const back = turn === undefined ? undefined : graph.soleConsumer(turn.output[0]);
  if (turn?.op_type !== 'Transpose' || back?.op_type !== 'Reshape') return undefined;
  const perm = turn.attribute.find(({ name }) => name === 'perm')?.ints ?? [];
  const order = perm.slice(1, -2).map((axis) => axis - 1);
  const staysPut =
    perm[0] === 0 && perm.slice(-2).every((axis, i) => axis === parts.length + 1 + i);
  const shape = constantAt(back.input[1]);
  const allowsZero = back.attribute.some(({ name, i }) => name === 'allowzero' && i !== 0);
  if (!staysPut || order.length !== parts.length || shape === undefined) return undefined;
  if (!isSameMap(shape, feature.shape, allowsZero, context.batch)) return undefined;
  const numbers: Constant = {
    kind: 'constant',
    shape: parts,
    data: Float64Array.from({ length: channels }, (_, i) => i),
  };
  absorb(turn);
  absorb(back);
  return selected(context, feature, [...permuted(numbers, order).data]);
}

/** Whether a Reshape of a map of five or more axes gives a map of this shape; its first two axes stay open at most. */
function isSameMap(
  { data }: Constant,
  shape: readonly number[],
  allowsZero: boolean,
  fixed: number | undefined,
): boolean {
  const [batch, ...sizes] = data;
  const open = sizes.filter((size) => size === -1).length + (batch === -1 ? 1 : 0);
  const keepsBatch =
    Number.isNaN(batch) || batch === 1 || batch === fixed || batch === -1 || batch === 0;
  const fits = sizes.length === 3 && sizes.every((size, i) => size === shape[i] || size === -1);
  return keepsBatch && fits && open <= 1 && !(allowsZero && batch === 0);
}
