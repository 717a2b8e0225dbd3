/** The sizes of a batch's product, by which its cost is estimated. */
export interface ProductSize {
  readonly outputs: number;
  /** Inputs of one output. */
  readonly row: number;
  /** Output pixels of the whole batch. */
  readonly pixels: number;
}

/**
 * Nanoseconds of the kernels' parts, set by hand to come near what `pnpm bench:kernels --ways` shows on an AMD EPYC (it
 * prints what kernels take beside these estimates). They are constants, so that every machine chooses the same kernels.
 */
const parts = {
  /** 4 outputs x 8 pixels x 2 inputs. */
  pairs: 1.9,
  /** 4 outputs x 4 pixels x 1 input. */
  wide: 1.6,
  /** A value of an input brought to its place in a window. */
  gather: 1,
  /** 4 outputs x 4 inputs, each of four pixels together, and of a pixel alone. */
  dotFour: 1.7,
  dotOne: 0.9,
  /** 1 output x 32 inputs by codes, of four pixels together, and of a pixel alone. */
  codesFour: 6,
  codesOne: 2.5,
  /** 4 outputs x 4 inputs as bytes, of each of four pixels and of a pixel alone. */
  byteFour: 0.18,
  byteOne: 0.8,
  /** 4 outputs x 4 inputs of a pixel where they lie. */
  pixels: 0.15,
  /** 1 output x 32 inputs by codes and bytes, of four pixels together, and of a pixel alone. */
  byteCodesFour: 2.3,
  byteCodesOne: 1.2,
  /** A table applied to 16 pixels, of 64 or more and of fewer. */
  lookupMany: 0.2,
  lookupFew: 0.35,
  /** A table made. */
  table: 0.35,
  /** 16 pixels' sums at the end of a run, and at the end. */
  run: 0.25,
  sums: 1.5,
  /** 16 pixels of a place gathered. */
  gatherNibbles: 1,
  /** 128 bits counted. */
  count: 0.25,
  /** A row of bits counted, beside its bits. */
  counts: 19,
} as const;

const tiles = (n: number, tile: number): number => Math.ceil(n / tile);
const roundedUp = (n: number, tile: number): number => tile * tiles(n, tile);

export const pairsCost = ({ outputs, row, pixels }: ProductSize): number =>
  tiles(outputs, 4) * tiles(row, 2) * tiles(pixels, 8) * parts.pairs + parts.gather * row * pixels;

export const wideCost = ({ outputs, row, pixels }: ProductSize): number =>
  tiles(outputs, 4) * row * tiles(pixels, 4) * parts.wide + parts.gather * row * pixels;

export function dotCost({ outputs, row, pixels }: ProductSize): number {
  const quads = tiles(outputs, 4) * tiles(row, 4);
  const each = Math.floor(pixels / 4) * parts.dotFour + (pixels % 4) * parts.dotOne;
  return quads * each + parts.gather * row * pixels;
}

export function codesCost({ outputs, row, pixels }: ProductSize): number {
  const each = Math.floor(pixels / 4) * parts.codesFour + (pixels % 4) * parts.codesOne;
  return roundedUp(outputs, 4) * tiles(row, 32) * each + parts.gather * row * pixels;
}

export function byteDotCost({ outputs, row, pixels }: ProductSize): number {
  const quads = tiles(outputs, 4) * tiles(row, 4);
  const each = (pixels - (pixels % 4)) * parts.byteFour + (pixels % 4) * parts.byteOne;
  return quads * each + parts.gather * row * pixels;
}

export const pixelCost = ({ outputs, row, pixels }: ProductSize): number =>
  tiles(outputs, 4) * tiles(row, 4) * pixels * parts.pixels;

export function byteCodesCost({ outputs, row, pixels }: ProductSize): number {
  const each = Math.floor(pixels / 4) * parts.byteCodesFour + (pixels % 4) * parts.byteCodesOne;
  return roundedUp(outputs, 4) * tiles(row, 32) * each + parts.gather * row * pixels;
}

/** The sizes of a product of binary inputs. */
export interface BinarySize extends ProductSize {
  /** Groups of four inputs that each plane of the inputs takes. */
  readonly places: readonly number[];
}

/** @param mean the mean of |w| over its divisor, which tells how soon sums have to be widened */
export function lookupCost({ outputs, pixels, places }: BinarySize, mean: number): number {
  const vectors = tiles(pixels, 16);
  const few = vectors % 4;
  const fours = 4 * tiles(outputs, 4);
  const looked = (vectors - few) * parts.lookupMany + few * parts.lookupFew;
  const once = Math.max(0, ...places) * parts.table + vectors * parts.sums;
  return places.reduce((sum, k) => {
    const runs = Math.ceil((k * 4 * mean) / 255);
    const each = k * looked + vectors * runs * parts.run;
    return sum + fours * each + k * vectors * parts.gatherNibbles;
  }, fours * once);
}

/** @param rows counted for each output: of a plane's signs, and of its members where outputs do not share them */
export function bitsCost({ outputs, pixels, places }: BinarySize, rows: number): number {
  return places.reduce((sum, k) => {
    const row = tiles(k, 32) * parts.count + parts.counts;
    return sum + pixels * (rows * outputs * row + k * parts.gather);
  }, 0);
}
