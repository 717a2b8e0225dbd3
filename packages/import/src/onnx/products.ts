import { HbnnError } from '@hbnn/core';
import { channelsLast, type Feature, plain } from './feature.ts';
import type { NodeContext } from './node.ts';

/** A product of two values; one of each channel is that of all its places, as gates of squeeze-and-excitation have it. */
export function productOf(context: NodeContext, left: Feature, right: Feature): Feature {
  return (
    hardSwish(context, left, right) ??
    hardSwish(context, right, left) ??
    multiplied(context, left, right)
  );
}

function hardSwish(context: NodeContext, x: Feature, gate: Feature): Feature | undefined {
  const factor = context.ramps.hardSwishOf(x.value, gate.value);
  if (factor === undefined) return undefined;
  const value = context.add({ kind: 'hardSwish' }, x.value);
  const one = Math.abs(factor - 1) < 1e-5;
  if (one) return { ...x, value, nonNegative: false };
  const times = context.add({ kind: 'rescaling', scale: factor, offset: 0 }, value);
  context.ramps.scaled(times, value, factor, 0);
  return { ...x, value: times, nonNegative: false };
}

function multiplied(context: NodeContext, left: Feature, right: Feature): Feature {
  const [a, b] = alignedFeatures(context, left, right);
  const value = context.add({ kind: 'multiply' }, a.value, b.value);
  const shape = a.shape.map((size, axis) => Math.max(size, b.shape[axis]));
  return { ...a, value, shape, nonNegative: left.nonNegative && right.nonNegative };
}

/** Two values whose axes lie alike. @throws HbnnError where their sizes do not fit each other */
function alignedFeatures(
  { add, where }: NodeContext,
  left: Feature,
  right: Feature,
): readonly [Feature, Feature] {
  const fits =
    left.shape.length === right.shape.length &&
    left.shape.every((size, i) => size === right.shape[i] || size === 1 || right.shape[i] === 1);
  if (!fits)
    throw new HbnnError(
      `${where}: expected two values of one shape, or one with axes of size 1, got [${left.shape.join(', ')}] and [${right.shape.join(', ')}]; such a network cannot be imported`,
    );
  if (left.shape.length === 3) return [channelsLast(left, add), channelsLast(right, add)];
  return [plain(left, add), plain(right, add)];
}
