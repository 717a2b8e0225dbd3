import { HbnnError } from '@hbnn/core';
import type { Attributes } from './attributes.ts';
import { type Constant, constant, permuted, sizeOf } from './constant.ts';

/** What folding a node needs: constants in the place of its inputs, undefined where one is left out. */
interface FoldContext {
  readonly inputs: readonly (Constant | undefined)[];
  readonly attributes: Attributes;
  readonly where: string;
}

type Fold = (context: FoldContext, first: Constant) => Constant;

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

function broadcast(
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

const gather: Fold = ({ inputs: [, indices], attributes, where }, { shape, data }) => {
  if (indices === undefined) throw missingInput(where);
  const axis = axisFrom(attributes.int('axis', 0), shape.length, where);
  if (axis !== 0)
    throw new HbnnError(
      `${where}: expected axis 0 of a constant, got ${axis}; export the network with constants folded`,
    );
  const row = sizeOf(shape.slice(1));
  const rows = [...indices.data].map((index) => axisFrom(index, shape[0], where));
  return constant(
    [...indices.shape, ...shape.slice(1)],
    rows.flatMap((at) => [...data.subarray(at * row, (at + 1) * row)]),
  );
};

const slice: Fold = ({ inputs, attributes, where }, { shape, data }) => {
  const [start] = attributes.ints('starts') ?? list(inputs[1]) ?? [];
  const [end] = attributes.ints('ends') ?? list(inputs[2]) ?? [];
  const axes = attributes.ints('axes') ?? list(inputs[3]) ?? [0];
  const [step] = list(inputs[4]) ?? [1];
  if (shape.length !== 1 || axes.length !== 1 || step !== 1 || start === undefined)
    throw new HbnnError(
      `${where}: expected a slice of a list in steps of 1, got one of [${shape.join(', ')}]; export the network with constants folded`,
    );
  const part = data.slice(start, Math.min(end, shape[0]));
  return constant([part.length], part);
};

const concat: Fold = ({ inputs, attributes, where }, { shape }) => {
  const parts = inputs.filter((part) => part !== undefined);
  const axis = axisFrom(attributes.int('axis', 0), shape.length, where);
  if (axis !== 0)
    throw new HbnnError(
      `${where}: expected axis 0 of constants, got ${axis}; export the network with constants folded`,
    );
  const rows = parts.reduce((sum, part) => sum + part.shape[0], 0);
  return constant(
    [rows, ...shape.slice(1)],
    parts.flatMap((part) => [...part.data]),
  );
};

const missingInput = (where: string): HbnnError =>
  new HbnnError(`${where}: expected a further input, got none; export the network again`);

/** How each operator works on constants. */
export const folds: Readonly<Record<string, Fold | undefined>> = {
  Identity: (_, first) => first,
  Cast: ({ attributes }, first) => {
    attributes.ignore('saturate');
    // Whole numbers are cut off towards 0.
    const whole = [2, 3, 6, 7].includes(attributes.int('to', 1));
    return whole ? constant(first.shape, first.data.map(Math.trunc)) : first;
  },
  Reshape: ({ inputs: [, shape], attributes, where }, first) => {
    attributes.only('allowzero', 0, 'export the network with allowzero 0');
    return constant(reshapedTo(first.shape, list(shape) ?? [], where), first.data);
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
  Add: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: binary((a, b) => a * b),
  Div: binary((a, b) => a / b),
  Neg: unary((a) => -a),
  Sqrt: unary(Math.sqrt),
  Reciprocal: unary((a) => 1 / a),
};
