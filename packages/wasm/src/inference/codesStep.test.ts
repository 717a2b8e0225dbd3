import { random } from '@hbnn/core';
import type { PlaneWeights } from '@hbnn/model';
import { expect, test } from 'vitest';
import { compiledCode } from '../webAssembly.ts';
import { tablesOf } from './codesStep.ts';
import { inferenceCode } from './inferenceCode.ts';
import { LoadingKernels } from './loadingKernels.ts';

/** Weights of some planes, drawn; with `shift` they do not lie at whole words. */
function drawn(planes: number, outputs: number, row: number, shift: number): PlaneWeights {
  const rng = random('codes', planes, outputs, row);
  const bits = new Uint8Array(outputs * row + shift).subarray(shift);
  const signs = new Uint8Array(outputs * row + shift).subarray(shift);
  for (let i = 0; i < bits.length; i++) {
    bits[i] = rng.below(planes + 1);
    signs[i] = rng.below(2 ** bits[i]);
  }
  const multiples = Array.from({ length: planes }, () =>
    Uint8Array.from({ length: outputs }, () => 1 + rng.below(9)),
  );
  return {
    kind: 'planes',
    shape: [outputs, 1, 1, row],
    bits,
    signs,
    multiples,
    mapPer: 'element',
    scalePer: 'output',
  };
}

/** What weight `k` of an output is worth by its planes. */
function weightAt({ bits, signs, multiples }: PlaneWeights, o: number, i: number): number {
  let value = 0;
  for (let n = 0; n < bits[i]; n++)
    value += (signs[i] >> n) & 1 ? multiples[n][o] : -multiples[n][o];
  return value;
}

const rows = [1, 4, 31, 32, 33, 64, 1020, 1024, 1056, 8192, 40001];

test.each([1, 2, 3])('codes and sums of %i planes are those of the weights', async (planes) => {
  const loops = await LoadingKernels.on(await compiledCode(inferenceCode()));
  for (const row of rows)
    for (const shift of [0, 1])
      for (const outputs of [1, 3, 4]) {
        const weights = drawn(planes, outputs, row, shift);
        const codes = loops.codes(weights);
        const tables = tablesOf(weights, new Int32Array(outputs).fill(1));
        const size = (Math.ceil(row / 32) * 32) / 2;
        expect(codes.length).toBe(Math.ceil(outputs / 4) * 4 * size);
        const sums = new Int32Array(outputs);
        for (let o = 0, i = 0; o < outputs; o++)
          for (let k = 0; k < row; k++, i++) {
            const byte = codes[o * size + (k >> 5) * 16 + (k & 15)];
            const code = k & 16 ? byte >> 4 : byte & 15;
            const value = weightAt(weights, o, i);
            if (tables[16 * o + code] !== value)
              expect.fail(`row ${row}, output ${o}, weight ${k}: ${code}`);
            sums[o] += value;
          }
        expect(loops.planeSums(weights), `row ${row}, shift ${shift}`).toEqual(sums);
      }
});
