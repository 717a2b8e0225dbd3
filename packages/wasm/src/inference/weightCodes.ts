import { codeValues, type PlaneWeights } from '@hbnn/model';

/** Weights of more planes have no codes of four bits. */
const maxCodedPlanes = 3;
/** Weights of b bits have the codes from 2^b − 2 on, one for each pattern of signs. Weights of 0 bits have code 14. */
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

/** A table of what is computed for each code: 16 low bytes, then 16 high bytes. */
export function tableOf(values: Int16Array, of: CodeValue): Uint8Array {
  const table = new Uint8Array(tableBytes);
  for (const [code, value] of values.entries()) {
    // If a weight has this code, the value is a whole number already.
    const whole = Math.trunc(of(value));
    table[code] = whole & 255;
    table[code + 16] = whole >> 8;
  }
  return table;
}

/** The tables of all outputs, one after the other. */
export function perOutput(outputs: number, table: (output: number) => Uint8Array): Uint8Array {
  const tables = new Uint8Array(outputs * tableBytes);
  for (let o = 0; o < outputs; o++) tables.set(table(o), o * tableBytes);
  return tables;
}

/** The largest magnitude and the greatest common divisor of the values of some codes: those whose bit in `codes` is 1. */
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
