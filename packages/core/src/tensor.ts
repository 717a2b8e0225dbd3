import { HbnnError, kindOf } from './error.ts';

/** Real numbers with a shape, row-major. Weights are [outputs, kernelH, kernelW, inputs] unless a layout says otherwise. */
export interface FloatTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array;
}

/** The most dimensions a tensor may have here. */
const maxDimensions = 4;

/** The number of elements of a shape. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** A shape as people write it: `[64, 3, 3, 16]`. */
export function shapeText(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}

/** Whether two shapes are the same. */
export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/**
 * Check that a shape has 1 to 4 dimensions of at least 1 element each.
 *
 * @throws HbnnError naming `where`
 */
export function checkShape(shape: readonly number[], where: string): void {
  if (shape.length < 1 || shape.length > maxDimensions)
    throw new HbnnError(
      `${where}: expected 1 to ${maxDimensions} dimensions, got ${shape.length} (shape ${shapeText(shape)}); reshape it first`,
    );
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 1))
    throw new HbnnError(
      `${where}: expected every dimension to be a whole number of at least 1, got shape ${shapeText(shape)}; an empty tensor has nothing to binarize`,
    );
}

/**
 * Check that a value is a tensor: an object with a shape and as many real numbers.
 *
 * @throws HbnnError naming `where`
 */
export function checkFloatTensor(t: FloatTensor, where: string): void {
  const given: unknown = t;
  const isTensor =
    typeof given === 'object' && given !== null && 'shape' in given && 'data' in given;
  if (!isTensor)
    throw new HbnnError(
      `${where}: expected a tensor { shape, data }, got ${kindOf(given)}; make one by floatTensor(values, shape)`,
    );
  if (
    !(t.data instanceof Float32Array || t.data instanceof Float64Array) ||
    !Array.isArray(t.shape)
  )
    throw new HbnnError(
      `${where}: expected a tensor with a list as shape and its data in a Float32Array or Float64Array, got ${kindOf(t.shape)} and ${kindOf(t.data)}; make one by floatTensor(values, shape)`,
    );
  const count = elementCount(t.shape);
  if (count !== t.data.length)
    throw new HbnnError(
      `${where}: expected ${count} values for shape ${shapeText(t.shape)}, got ${t.data.length}; pass the shape that the data has`,
    );
}

/**
 * Make a checked tensor around data (not copied).
 *
 * @param data the values, row-major
 * @param shape 1 to 4 sizes whose product is `data.length`
 * @param where what to call the tensor in an error
 * @throws HbnnError when the shape does not fit the data, or a value is NaN or infinite
 */
export function floatTensor(
  data: Float32Array | Float64Array,
  shape: readonly number[],
  where = 'tensor',
): FloatTensor {
  checkShape(shape, where);
  const count = elementCount(shape);
  if (count !== data.length)
    throw new HbnnError(
      `${where}: expected ${count} values for shape ${shapeText(shape)}, got ${data.length}; pass the shape that the data has`,
    );
  const bad = data.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0)
    throw new HbnnError(
      `${where}: expected finite values, got ${data[bad]} at index ${bad}; replace NaN and infinite values first`,
    );
  return { shape: [...shape], data };
}
