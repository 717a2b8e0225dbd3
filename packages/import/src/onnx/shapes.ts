import { HbnnError } from '@hbnn/core';
import { shuffled } from './channels.ts';
import { sizeOf } from './constant.ts';
import {
  asMap,
  channelsFirst,
  countsAlike,
  type Feature,
  flattened,
  isPlain,
  plain,
} from './feature.ts';
import { axisFrom, checkZeros, reshapedTo } from './foldConstants.ts';
import {
  constantInput,
  featureAt,
  type NodeContext,
  type Operator,
  optionalConstant,
} from './node.ts';

export const flatten: Operator = (context) => {
  const feature = featureAt(context);
  const { attributes, where } = context;
  const axis = axisFrom(attributes.int('axis', 1), feature.shape.length + 2, where);
  if (axis === 1) return flattened(feature, context.add);
  throw new HbnnError(
    `${where}: expected axis 1, got ${axis}; flatten all values of an image together`,
  );
};

/** The sizes of a reshape without the batch, which must stay where it is. */
function imageShape(
  { where, batch: fixed }: NodeContext,
  feature: Feature,
  wanted: readonly number[],
): number[] {
  const [batch, ...sizes] = wanted;
  const open = sizes.includes(-1);
  const rest = sizes.map((size, axis) => (size === 0 ? feature.shape[axis] : size));
  const whole = sizeOf(feature.shape);
  // A batch of −1 beside fixed sizes is the batch, if the sizes hold one image.
  const keepsBatch =
    Number.isNaN(batch) || batch === 0 || batch === 1 || batch === fixed || (batch === -1 && !open);
  if (wanted.length > 1 && keepsBatch) return reshapedTo(feature.shape, rest, where);
  throw new HbnnError(
    `${where}: expected a reshape of [batch, ${feature.shape.join(', ')}] that keeps the batch and its ${whole} values, got [${wanted.join(', ')}]; export the network with a batch of 1`,
  );
}

/** The axes in the model after axes of size 1 have moved; undefined where more changes. */
function relabelled(feature: Feature, shape: readonly number[]): readonly number[] | undefined {
  if (feature.pooled || feature.flat !== undefined) return undefined;
  const large = (sizes: readonly number[]): number[] =>
    sizes.flatMap((size, axis) => (size === 1 ? [] : [axis]));
  const [before, after] = [large(feature.shape), large(shape)];
  const sameSizes =
    before.map((axis) => feature.shape[axis]).join() === after.map((axis) => shape[axis]).join();
  if (!sameSizes || shape.length !== feature.shape.length) return undefined;
  const ones = feature.axes.filter((_, axis) => feature.shape[axis] === 1);
  return shape.map((size, axis) =>
    size === 1 ? (ones.shift() as number) : feature.axes[before[after.indexOf(axis)]],
  );
}

/** A value in another shape, its values in the order in which ONNX counts them. */
function reshaped(context: NodeContext, feature: Feature, shape: readonly number[]): Feature {
  if (shape.join() === feature.shape.join()) return feature;
  if (shape.length === 1) return flattened(feature, context.add);
  if (feature.pooled && shape.join() === `${feature.shape[0]},1`)
    return { ...feature, shape, axes: [0, 1] };
  const axes = relabelled(feature, shape);
  if (axes !== undefined) return { ...feature, shape, axes };
  if (feature.flat !== undefined && shape.length === 3) {
    const [height, width, channels] = feature.flat;
    if (shape.join() === [channels, height, width].join()) {
      const value = context.add({ kind: 'reshape', shape: feature.flat }, feature.value);
      return { ...feature, value, shape, axes: channelsFirst, flat: undefined };
    }
  }
  if (shape.length === 3 && shape[1] === 1 && shape[2] === 1 && feature.shape.length === 1) {
    const straight = plain(feature, context.add);
    return { ...straight, shape, axes: channelsFirst, pooled: true };
  }
  const map = asMap(feature, context.add);
  const straight = countsAlike(map) ? map : plain(map, context.add);
  const value = context.add({ kind: 'reshape', shape }, straight.value);
  return { ...straight, value, shape, axes: shape.map((_, i) => i) };
}

export const reshape: Operator = (context) => {
  const feature = featureAt(context);
  const wanted = [...constantInput(context, 1, 'the shape').data];
  checkZeros(context.attributes, wanted);
  const shape = imageShape(context, feature, wanted);
  return shuffled(context, feature, shape) ?? reshaped(context, feature, shape);
};

const axesOf = (context: NodeContext): readonly number[] | undefined => {
  const given = context.attributes.ints('axes') ?? optionalConstant(context, 1, 'the axes')?.data;
  return given === undefined ? undefined : [...given];
};

export const squeeze: Operator = (context) => {
  const feature = featureAt(context);
  const { where } = context;
  const rank = feature.shape.length + 1;
  const axes = axesOf(context)?.map((axis) => axisFrom(axis, rank, where));
  if (axes === undefined || axes.includes(0) || axes.some((axis) => feature.shape[axis - 1] !== 1))
    throw new HbnnError(
      `${where}: expected axes of size 1 behind the batch, got [${axes?.join(', ') ?? 'all'}]; name them in the network`,
    );
  const shape = feature.shape.filter((_, axis) => !axes.includes(axis + 1));
  return reshaped(context, feature, shape);
};

export const unsqueeze: Operator = (context) => {
  const feature = featureAt(context);
  const { where } = context;
  const given = axesOf(context) ?? [];
  const rank = feature.shape.length + 1 + given.length;
  const axes = given.map((axis) => axisFrom(axis, rank, where));
  if (axes.includes(0))
    throw new HbnnError(
      `${where}: expected axes behind the batch, got [${axes.join(', ')}]; such a network cannot be imported`,
    );
  let next = 0;
  const shape = Array.from({ length: rank - 1 }, (_, axis) =>
    axes.includes(axis + 1) ? 1 : feature.shape[next++],
  );
  return reshaped(context, feature, shape);
};

/** Axes in another order: the model's values stay where they are. */
export const transpose: Operator = (context) => {
  const feature = featureAt(context);
  const { attributes, where } = context;
  const rank = feature.shape.length + 1;
  const perm = attributes.ints('perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
  if (perm.length !== rank || perm[0] !== 0)
    throw new HbnnError(
      `${where}: expected a transpose of [batch, ${feature.shape.join(', ')}] that keeps the batch first, got [${perm.join(', ')}]; such a network cannot be imported`,
    );
  const map = isPlain(feature) ? feature : asMap(feature, context.add);
  const order = perm.slice(1).map((axis) => axis - 1);
  const shape = order.map((axis) => map.shape[axis]);
  return { ...map, shape, axes: order.map((axis) => map.axes[axis]) };
};

export const concat: Operator = (context) => {
  const { inputs, attributes, where, add } = context;
  const features = inputs.map((_, i) => featureAt(context, i));
  const rank = features[0].shape.length;
  const axis = axisFrom(attributes.int('axis', 1), rank + 1, where);
  if (axis === 0 || features.some(({ shape }) => shape.length !== rank))
    throw new HbnnError(
      `${where}: expected values of one number of axes and an axis behind the batch, got axis ${axis}; such a network cannot be imported`,
    );
  if (features.length === 1) return features[0];
  const maps = features.map((feature) => asMap(feature, add));
  const alike = maps.every(
    (map) => map.flat === undefined && map.axes.join() === maps[0].axes.join(),
  );
  const parts = alike ? maps : maps.map((map) => plain(map, add));
  const [first] = parts;
  const value = add(
    { kind: 'concat', axis: first.axes[axis - 1] + 1 },
    ...parts.map((p) => p.value),
  );
  const shape = first.shape.map((size, i) =>
    i === axis - 1 ? parts.reduce((sum, part) => sum + part.shape[i], 0) : size,
  );
  return { ...first, value, shape, nonNegative: parts.every((part) => part.nonNegative) };
};
