import { HbnnError } from '@hbnn/core';
import { ownEntry } from '../ownEntry.ts';
import type { Attributes } from './attributes.ts';
import {
  type Constant,
  constant,
  type ExternalData,
  permuted,
  sizeOf,
  wholeTypes,
} from './constant.ts';

/** What folding a node needs: constants in the place of its inputs, undefined where one is left out. */
export interface FoldContext {
  readonly inputs: readonly (Constant | undefined)[];
  readonly attributes: Attributes;
  readonly where: string;
  readonly external: ExternalData;
}

export type Fold = (context: FoldContext, first: Constant) => Constant;

const list = (value: Constant | undefined): number[] | undefined =>
  value === undefined ? undefined : [...value.data];

/** An axis counted from the front. @throws HbnnError where there is no such axis */
export function axisFrom(axis: number, rank: number, where: string): number {
  const from = axis < 0 ? axis + rank : axis;
  if (Number.isInteger(from) && from >= 0 && from < rank) return from;
  throw new HbnnError(
    `${where}: expected an axis from ${-rank} to ${rank - 1}, got ${axis}; export the network again`,
  );
}

/** Refuse a Reshape whose 0 is a size, and not the size that was there: no value of it would be left. */
export function checkZeros(attributes: Attributes, wanted: readonly number[]): void {
  if (attributes.int('allowzero', 0) === 0 || !wanted.includes(0)) return;
  throw new HbnnError(
    `${attributes.where}: expected sizes of 1 or more beside allowzero 1, got [${wanted.join(', ')}]; export the network with allowzero 0`,
  );
}

/** Resolve the 0 and −1 of a Reshape. */
export function reshapedTo(
  shape: readonly number[],
  wanted: readonly number[],
  where: string,
): number[] {
  const sizes = wanted.map((size, axis) => (size === 0 ? shape[axis] : size));
  const open = sizes.indexOf(-1);
  const rest = sizeOf(sizes.filter((size) => size !== -1));
  const whole = sizeOf(shape);
  if (open >= 0) sizes[open] = whole / rest;
  if (sizeOf(sizes) === whole && sizes.every((size) => Number.isInteger(size))) return sizes;
  throw new HbnnError(
    `${where}: expected a shape of ${whole} values, got [${wanted.join(', ')}]; export the network again`,
  );
}

const binary =
  (compute: (a: number, b: number) => number): Fold =>
  ({ inputs: [, second], where }, first) =>
    broadcast(first, second as Constant, compute, where);

export function broadcast(
  a: Constant,
  b: Constant,
  compute: (a: number, b: number) => number,
  where: string,
): Constant {
  const rank = Math.max(a.shape.length, b.shape.length);
  const wide = ({ shape }: Constant): number[] => [
    ...new Array<number>(rank - shape.length).fill(1),
    ...shape,
  ];
  const [left, right] = [wide(a), wide(b)];
  const shape = left.map((size, axis) => {
    const other = right[axis];
    if (size !== other && size !== 1 && other !== 1)
      throw new HbnnError(
        `${where}: expected shapes that fit each other, got [${a.shape.join(', ')}] and [${b.shape.join(', ')}]; export the network again`,
      );
    return Math.max(size, other);
  });
  const indexIn = (sizes: readonly number[], index: number): number => {
    let [at, step] = [0, 1];
    for (let axis = rank - 1, rest = index; axis >= 0; axis--) {
      const position = rest % shape[axis];
      rest = Math.floor(rest / shape[axis]);
      at += (sizes[axis] === 1 ? 0 : position) * step;
      step *= sizes[axis];
    }
    return at;
  };
  const data = Float64Array.from({ length: sizeOf(shape) }, (_, i) =>
    compute(a.data[indexIn(left, i)], b.data[indexIn(right, i)]),
  );
  return constant(shape, data);
}

const unary =
  (compute: (a: number) => number): Fold =>
  (_, { shape, data }) =>
    constant(shape, data.map(compute));

const axesOf = ({ inputs: [, second], attributes }: FoldContext): readonly number[] | undefined =>
  attributes.ints('axes') ?? list(second);

const squeeze: Fold = (context, { shape, data }) => {
  const axes = axesOf(context)?.map((axis) => axisFrom(axis, shape.length, context.where));
  return constant(
    shape.filter((size, axis) => (axes === undefined ? size !== 1 : !axes.includes(axis))),
    data,
  );
};

const unsqueeze: Fold = (context, { shape, data }) => {
  const axes = axesOf(context) ?? [];
  const rank = shape.length + axes.length;
  const added = new Set(axes.map((axis) => axisFrom(axis, rank, context.where)));
  let next = 0;
  return constant(
    Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : shape[next++])),
    data,
  );
};

/** A constant as blocks along an axis: [outer][size][inner]. */
function blocksAlong({ shape }: Constant, axis: number): { outer: number; inner: number } {
  return { outer: sizeOf(shape.slice(0, axis)), inner: sizeOf(shape.slice(axis + 1)) };
}

/** The places of an axis that are named, in their order. */
function atPlaces(value: Constant, axis: number, places: readonly number[]): Constant {
  const { outer, inner } = blocksAlong(value, axis);
  const size = value.shape[axis];
  const data = new Float64Array(outer * places.length * inner);
  for (let o = 0, to = 0; o < outer; o++)
    for (const place of places) {
      const from = (o * size + place) * inner;
      data.set(value.data.subarray(from, from + inner), to);
      to += inner;
    }
  const shape = value.shape.map((n, i) => (i === axis ? places.length : n));
  return { kind: 'constant', shape, data };
}

const gather: Fold = ({ inputs: [, indices], attributes, where }, value) => {
  if (indices === undefined) throw missingInput(where);
  const axis = axisFrom(attributes.int('axis', 0), value.shape.length, where);
  const places = [...indices.data].map((index) => axisFrom(index, value.shape[axis], where));
  const { data } = atPlaces(value, axis, places);
  const [before, after] = [value.shape.slice(0, axis), value.shape.slice(axis + 1)];
  return { kind: 'constant', shape: [...before, ...indices.shape, ...after], data };
};

/** The places from `start` to before `end` in steps, as ONNX counts them: negative ones from the back. */
export function placesOf(size: number, start: number, end: number, step: number): number[] {
  const [least, largest] = step > 0 ? [0, size] : [-1, size - 1];
  const bounded = (place: number): number =>
    Math.min(Math.max(place < 0 ? place + size : place, least), largest);
  const places: number[] = [];
  const last = bounded(end);
  for (let at = bounded(start); step > 0 ? at < last : at > last; at += step) places.push(at);
  return places;
}

const slice: Fold = ({ inputs, attributes, where }, value) => {
  const starts = attributes.ints('starts') ?? list(inputs[1]) ?? [];
  const ends = attributes.ints('ends') ?? list(inputs[2]) ?? [];
  const axes = attributes.ints('axes') ?? list(inputs[3]) ?? starts.map((_, i) => i);
  const steps = list(inputs[4]) ?? starts.map(() => 1);
  const fits = [ends, axes, steps].every(({ length }) => length === starts.length);
  if (!fits || starts.length === 0 || steps.includes(0))
    throw new HbnnError(
      `${where}: expected one start, end, axis and step for each axis, got ${starts.length}, ${ends.length}, ${axes.length} and ${steps.length}; export the network with constants folded`,
    );
  return axes.reduce((part, given, i) => {
    const axis = axisFrom(given, value.shape.length, where);
    return atPlaces(part, axis, placesOf(part.shape[axis], starts[i], ends[i], steps[i]));
  }, value);
};

const concat: Fold = ({ inputs, attributes, where }, first) => {
  const parts = inputs.filter((part) => part !== undefined);
  const axis = axisFrom(attributes.int('axis', 0), first.shape.length, where);
  const other = parts.find(
    ({ shape }) =>
      shape.length !== first.shape.length ||
      shape.some((n, i) => i !== axis && n !== first.shape[i]),
  );
  if (other !== undefined)
    throw new HbnnError(
      `${where}: expected constants that fit each other beside axis ${axis}, got [${first.shape.join(', ')}] and [${other.shape.join(', ')}]; export the network again`,
    );
  const { outer } = blocksAlong(first, axis);
  const data = new Float64Array(parts.reduce((sum, part) => sum + part.data.length, 0));
  for (let o = 0, to = 0; o < outer; o++)
    for (const part of parts) {
      const length = part.data.length / outer;
      data.set(part.data.subarray(o * length, (o + 1) * length), to);
      to += length;
    }
  const size = parts.reduce((sum, { shape }) => sum + shape[axis], 0);
  return { kind: 'constant', shape: first.shape.map((n, i) => (i === axis ? size : n)), data };
};

/** A constant repeated along its axes of size 1. */
const expand: Fold = ({ inputs: [, sizes], where }, first) => {
  if (sizes === undefined) throw missingInput(where);
  const shape = list(sizes) ?? [];
  const ones = constant(shape, new Float64Array(checkedSize(shape, where)).fill(1));
  return broadcast(first, ones, (a) => a, where);
};

/** A tensor of one value, 0 where none is given, in a shape that is the input. */
const constantOfShape: Fold = ({ attributes, where, external }, first) => {
  const value = attributes.tensor('value', external)?.data[0] ?? 0;
  const shape = list(first) ?? [];
  return constant(shape, new Float64Array(checkedSize(shape, where)).fill(value));
};

/** The values of a constant that a file asks for; a small file may ask for many. */
const maxConstant = 2 ** 20;

function checkedSize(shape: readonly number[], where: string): number {
  const size = sizeOf(shape);
  if (shape.every((n) => Number.isSafeInteger(n) && n >= 0) && size <= maxConstant) return size;
  throw new HbnnError(
    `${where}: expected a shape of at most ${maxConstant} values, got [${shape.join(', ')}]; export the network with constants folded`,
  );
}

const missingInput = (where: string): HbnnError =>
  new HbnnError(`${where}: expected a further input, got none; export the network again`);

/**
 * Compute a node of constants.
 *
 * @returns undefined where the operator is not known on constants
 * @throws HbnnError where its inputs do not fit
 */
export function foldedNode(
  operator: string,
  context: FoldContext,
  first: Constant,
): Constant | undefined {
  const fold = ownEntry(folds, operator);
  if (fold === undefined) return undefined;
  const isWhole = context.inputs.every((input) => input === undefined || input.isWhole === true);
  const value: Constant = { isWhole, ...fold(context, first) };
  if (first.quantized === undefined || !keepsCodes.has(operator) || value.isWhole === true)
    return value;
  // What the operator does to the values it does to their scales: the whole numbers stay.
  const scales = fold(context, { ...first, data: first.quantized.scales, quantized: undefined });
  return { ...value, quantized: { bits: first.quantized.bits, scales: scales.data } };
}

/** Operators that move values or scale them. */
const keepsCodes: ReadonlySet<string> = new Set([
  'Identity',
  'Cast',
  'Reshape',
  'Flatten',
  'Transpose',
  'Squeeze',
  'Unsqueeze',
  'Gather',
  'Slice',
  'Mul',
  'Div',
]);

/** How each operator works on constants. */
export const folds: Readonly<Record<string, Fold | undefined>> = {
  Identity: (_, first) => first,
  Cast: ({ attributes }, first) => {
    attributes.ignore('saturate');
    // Whole numbers are cut off towards 0.
    const isWhole = wholeTypes.includes(attributes.int('to', 1));
    const { shape, data } = first;
    return { ...constant(shape, isWhole ? data.map(Math.trunc) : data), isWhole };
  },
  Reshape: ({ inputs: [, shape], attributes, where }, first) => {
    const wanted = list(shape) ?? [];
    checkZeros(attributes, wanted);
    return constant(reshapedTo(first.shape, wanted, where), first.data);
  },
  Flatten: ({ attributes, where }, { shape, data }) => {
    const axis = axisFrom(attributes.int('axis', 1), shape.length + 1, where);
    return constant([sizeOf(shape.slice(0, axis)), sizeOf(shape.slice(axis))], data);
  },
  Transpose: ({ attributes }, first) =>
    permuted(first, attributes.ints('perm') ?? first.shape.map((_, i) => i).reverse()),
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Gather: gather,
  Slice: slice,
  Concat: concat,
  ConstantOfShape: constantOfShape,
  Expand: expand,
  Max: binary(Math.max),
  Min: binary(Math.min),
  Pow: binary((a, b) => a ** b),
  Floor: unary(Math.floor),
  Ceil: unary(Math.ceil),
  Add: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: binary((a, b) => a * b),
  Div: (context, first) => {
    const isWhole = context.inputs.every((input) => input?.isWhole === true);
    return binary((a, b) => (isWhole ? Math.trunc(a / b) : a / b))(context, first);
  },
  Neg: unary((a) => -a),
  Sqrt: unary(Math.sqrt),
  Reciprocal: unary((a) => 1 / a),
};
