import { HbnnError } from '@hbnn/core';
import type { PlaneMap } from './planeMaps.ts';

/** Rows (PE) and columns (SIMD) of a layer's matrix that are worked on at once. */
export interface Fold {
  readonly pe: number;
  readonly simd: number;
  /**
   * Planes of the weights that are multiplied in one cycle: 1, or all of them where all outputs have the same bits at
   * an input, or the map is balanced. Left out: all where the map is balanced and SIMD is whole groups of it, else 1.
   */
  readonly planes?: number;
}

/** A fold as it is written: 16x32, or 16x32x2 with its planes. */
export const foldText = ({ pe, simd, planes }: Fold): string =>
  `${pe}x${simd}${planes === undefined ? '' : `x${planes}`}`;

/** Folds of the layers with weights, by name; `constant` is the whole matrix at once, its weights in the logic. */
export type FoldTable = Readonly<Record<string, Fold | 'constant'>>;

/** The matrix of a layer with weights, which is multiplied at every place of the layer. */
export interface FoldMatrix {
  readonly name: string;
  /** Inputs of one output: kernel height × width × channels. */
  readonly matrixWidth: number;
  /** Outputs. */
  readonly matrixHeight: number;
  /** Places the matrix is applied at. */
  readonly places: number;
  /** How the bitwidths of the weights lie, where their planes can be multiplied at once: see `planeMap`. */
  readonly map?: PlaneMap;
}

/** LUT6s of a bit of a lane, its XNOR, membership and share of the counter: what Yosys needs with 6:3 counters. */
export const lutsPerLane = 1.4;

/** The matrix at once: what `constant` is as a fold. */
const wholeFold = ({ matrixHeight, matrixWidth }: FoldMatrix): Fold => ({
  pe: matrixHeight,
  simd: matrixWidth,
});

/** Cycles of one image with all planes at once: (outputs / PE) · (inputs / SIMD) · places. */
export const foldCycles = (
  { matrixHeight, matrixWidth, places }: FoldMatrix,
  { pe, simd }: Fold,
): number => (matrixHeight / pe) * Math.ceil(matrixWidth / simd) * places;

/** @throws HbnnError where a fold does not divide its matrix, or its planes cannot be multiplied at once */
export function checkFold(
  { name, matrixHeight, matrixWidth, map }: Omit<FoldMatrix, 'places'>,
  fold: Fold,
): void {
  const { pe, simd, planes } = fold;
  const divides = (n: number, size: number): boolean =>
    Number.isInteger(n) && n >= 1 && size % n === 0;
  const size = map?.kind === 'balanced' ? map.size : 1;
  const isGroups = size > 1 && divides(size, simd) && simd >= size && simd < matrixWidth + size;
  if (!divides(pe, matrixHeight) || !(divides(simd, matrixWidth) || isGroups)) {
    const orGroups = size > 1 ? ` or is a multiple of ${size}, the groups of its balanced map` : '';
    throw new HbnnError(
      `${name}: expected a fold PExSIMD whose pe divides its ${matrixHeight} outputs and simd its ${matrixWidth} inputs${orGroups}, got ${foldText(fold)}; take such numbers`,
    );
  }
  if (planes === undefined || (planes === 1 && divides(simd, matrixWidth))) return;
  if (planes === map?.planes && divides(size, simd)) return;
  const some =
    map === undefined
      ? '1, as its map differs from output to output and is not balanced, or its outputs have scales of their own'
      : `1 or ${map.planes}${size > 1 ? `, and simd a multiple of ${size}` : ''}`;
  throw new HbnnError(
    `${name}: expected planes at once to be ${some}, got ${foldText(fold)}; write ${pe}x${simd}`,
  );
}

/** @throws HbnnError where there is not one fold for each matrix, or a fold does not divide its matrix */
export function checkFolds(matrices: readonly FoldMatrix[], folds: readonly Fold[]): void {
  if (matrices.length !== folds.length)
    throw new HbnnError(
      `fold: expected ${matrices.length} folds, one per layer with weights (${matrices.map(({ name }) => name).join(', ')}), got ${folds.length}; give one for each, in this order`,
    );
  matrices.forEach((matrix, i) => {
    checkFold(matrix, folds[i]);
  });
}

/** @throws HbnnError for a fold of something that is no layer with weights */
export function checkFoldNames(names: readonly string[], table: FoldTable): void {
  for (const name of Object.keys(table))
    if (!names.includes(name))
      throw new HbnnError(
        `${name}: expected folds of layers with weights (${names.join(', ')}); take this one out`,
      );
}

/** The folds of a table in the order of the matrices; a layer that is not named has one lane. @throws HbnnError */
export function foldsOf(matrices: readonly FoldMatrix[], table: FoldTable): Fold[] {
  checkFoldNames(
    matrices.map(({ name }) => name),
    table,
  );
  const folds = matrices.map((matrix): Fold => {
    const fold = table[matrix.name] ?? { pe: 1, simd: 1 };
    return fold === 'constant' ? wholeFold(matrix) : fold;
  });
  checkFolds(matrices, folds);
  return folds;
}

/** What is asked of folds: a rate, a size, the largest that fits, or each fold in the order of the layers. */
export type FoldRequest =
  | { readonly kind: 'largest' }
  | { readonly kind: 'rate'; readonly framesPerSecond: number }
  | { readonly kind: 'luts'; readonly luts: number }
  | { readonly kind: 'each'; readonly folds: readonly (Fold | 'constant')[] };

/** How folds are written, for messages and help. */
export const foldForms =
  "largest, fps:RATE, luts:N, or PExSIMD, PExSIMDxPLANES or 'constant' per layer with weights such as 16x3,32x32";

const foldForm = String.raw`(?:\d{1,7}x\d{1,7}(?:x\d)?|constant)`;
const eachForm = new RegExp(`^${foldForm}(?:,\\s*${foldForm})*$`);

/**
 * Parse `largest`, `fps:RATE`, `luts:N`, or `PExSIMD`, `PExSIMDxPLANES` or `constant` for each layer with weights, in
 * order: `16x3,constant`.
 *
 * @returns undefined for a text of another form, which may be the name of a file
 * @throws HbnnError for a rate or a number of LUTs that is none
 */
export function parseFoldRequest(text: string): FoldRequest | undefined {
  if (text === 'largest') return { kind: 'largest' };
  const numbered = /^(fps|luts):(.*)$/.exec(text);
  if (numbered !== null) {
    const [, form, digits] = numbered;
    const number = digits.trim() === '' ? Number.NaN : Number(digits);
    if (!(Number.isFinite(number) && number > 0))
      throw new HbnnError(
        form === 'fps'
          ? `--fold fps: expected a number of frames such as 450, above 0, got '${digits}'; write it as --fold fps:450`
          : `--fold luts: expected a number of LUTs such as 8000, above 0, got '${digits}'; write it as --fold luts:8000`,
      );
    return form === 'fps'
      ? { kind: 'rate', framesPerSecond: number }
      : { kind: 'luts', luts: number };
  }
  if (!eachForm.test(text)) return undefined;
  const folds = text.split(',').map((part): Fold | 'constant' => {
    if (part.trim() === 'constant') return 'constant';
    const [pe, simd, planes] = part.split('x').map(Number);
    return { pe, simd, ...(planes !== undefined && { planes }) };
  });
  return { kind: 'each', folds };
}

/** A table of folds that are given in the order of the layers. @throws HbnnError where their numbers differ */
export function foldTable(
  names: readonly string[],
  folds: readonly (Fold | 'constant')[],
  where = 'fold',
): FoldTable {
  if (names.length !== folds.length)
    throw new HbnnError(
      `${where}: expected ${names.length === 1 ? '1 fold' : `${names.length} folds`}, one per layer with weights (${names.join(', ')}), got ${folds.length}; give one for each, in this order`,
    );
  return Object.fromEntries(names.map((name, i) => [name, folds[i]]));
}
