import { type IntegerWeights, type PlaneWeights, rowLength } from '@hbnn/model';
import { digitAt, digitCount } from '../netlist/signedDigits.ts';
import type { Row } from './rowGrouping.ts';

/** Rows of one plane or one place of digits, at most one of each output. */
export type Pool = readonly Row[];

/** Whether its rows count the same power of two times. */
export const ofOnePlace = (pool: Pool): boolean =>
  digitCount(pool[0].multiple) === 1 && pool.every(({ multiple }) => multiple === pool[0].multiple);

/** Whether its rows are of the same inputs, whatever their signs. */
export const ofSameInputs = ([first, ...rest]: Pool): boolean =>
  rest.every(({ signs }) => signs.every((sign, i) => (sign === 0) === (first.signs[i] === 0)));

/** Whether it has nothing of some outputs. */
export const missesOutputs = (pool: Pool): boolean => pool.some(({ members }) => members === 0);

/** [outputs, inputs]: the weights as whole numbers. */
export function valuesOf(
  weights: IntegerWeights,
  planes: readonly Pool[],
  { from, outputs, taps }: SumPart,
): Int16Array {
  const inputs = taps.length;
  const values = new Int16Array(outputs * inputs);
  if (weights.kind === 'planes') {
    for (const { output, multiple, signs } of planes.flat())
      for (let i = 0, at = output * inputs; i < inputs; i++, at++)
        values[at] += multiple * signs[i];
  } else {
    const row = rowLength(weights.shape);
    for (let o = 0; o < outputs; o++)
      for (let i = 0; i < inputs; i++)
        values[o * inputs + i] = weights.values[(from + o) * row + taps[i]];
  }
  return values;
}

/** One row per output and plane; planes that have nothing in this part are left out. */
export function planePools(weights: PlaneWeights, { from, outputs, taps }: SumPart): Pool[] {
  const { multiples, bits, signs: bytes, scalePer } = weights;
  const row = rowLength(weights.shape);
  const inputs = taps.length;
  const pools = multiples.map((ks, n) => {
    const pool: Row[] = [];
    for (let o = 0; o < outputs; o++) {
      const multiple = ks[scalePer === 'tensor' ? 0 : from + o];
      if (multiple === 0) continue;
      const signs = new Int8Array(inputs);
      let members = 0;
      for (let i = 0; i < inputs; i++) {
        const at = (from + o) * row + taps[i];
        if (bits[at] <= n) continue;
        signs[i] = (bytes[at] >> n) & 1 ? 1 : -1;
        members++;
      }
      pool.push({ output: o, multiple, signs, members });
    }
    return pool;
  });
  return pools.filter((pool) => pool.some(({ members }) => members > 0));
}

/** Signed digits of whole weights, no two neighbours: one row per output and place. */
export function digitPools(
  values: Int16Array,
  { outputs, inputs }: { readonly outputs: number; readonly inputs: number },
): Pool[] {
  const pools: Row[][] = [];
  for (let o = 0; o < outputs; o++) {
    const own = values.subarray(o * inputs, (o + 1) * inputs);
    let max = 0;
    for (let i = 0; i < inputs; i++) max = Math.max(max, Math.abs(own[i]));
    // 3v has a place more than v, which its highest digit may take.
    for (let place = 0; 2 ** (place + 1) <= 3 * max; place++) {
      const signs = new Int8Array(inputs);
      let members = 0;
      for (let i = 0; i < inputs; i++) {
        signs[i] = digitAt(own[i], place);
        members += signs[i] & 1;
      }
      pools[place] ??= [];
      if (members > 0) pools[place].push({ output: o, multiple: 2 ** place, signs, members });
    }
  }
  return pools.filter((pool) => pool.length > 0);
}

/** Which of a layer's weights a matrix has: outputs from one on, and places in each output's row. */
export interface SumPart {
  readonly from: number;
  readonly outputs: number;
  readonly taps: ArrayLike<number>;
}
