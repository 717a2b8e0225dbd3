import { codeValues, type PlaneWeights } from '@hbnn/model';

/** Planes of weights that have codes of four bits. */
const maxCodedPlanes = 3;
/** Weights of b planes have codes from 2^b − 2 on, by their signs; those of none have the one after them all. */
export const firstCodes: readonly number[] = [14, 0, 2, 6];
/** Bytes of a table of what codes stand for: low bytes, then high bytes. */
export const tableBytes = 32;
/** Whether weights have codes of four bits. */
export const areCoded = ({ multiples }: PlaneWeights): boolean =>
  multiples.length <= maxCodedPlanes;

/** What is computed of an output's weights by their codes. */
export type CodeValue = (value: number) => number;

export function greatestDivisor(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}

/** What each code of an output stands for. */
export function valuesByCode(weights: PlaneWeights, output: number): Int16Array {
  const planes = weights.multiples.length;
  const values = codeValues(weights, output);
  const byCode = new Int16Array(16);
  for (let width = 1; width <= planes; width++)
    for (let signs = 0; signs < 1 << width; signs++)
      byCode[firstCodes[width] + signs] = values[(width << planes) | signs];
  return byCode;
}

/** A table of low bytes, then of high ones. */
export function tableOf(values: Int16Array, of: CodeValue): Uint8Array {
  const table = new Uint8Array(tableBytes);
  for (const [code, value] of values.entries()) {
    // It is whole where a weight has this code.
    const whole = Math.trunc(of(value));
    table[code] = whole & 255;
    table[code + 16] = whole >> 8;
  }
  return table;
}

export function perOutput(outputs: number, table: (output: number) => Uint8Array): Uint8Array {
  const tables = new Uint8Array(outputs * tableBytes);
  for (let o = 0; o < outputs; o++) tables.set(table(o), o * tableBytes);
  return tables;
}

/** What is found in the weights of some codes. */
export function factsOf(values: Int16Array, codes: number): { largest: number; divisor: number } {
  let largest = 0;
  let divisor = 0;
  for (let code = 0; code < 16; code++) {
    if (((codes >> code) & 1) === 0) continue;
    const w = Math.abs(values[code]);
    largest = Math.max(largest, w);
    divisor = greatestDivisor(w, divisor);
  }
  return { largest, divisor };
}
