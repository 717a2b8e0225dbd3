import { expect, it } from 'vitest';
import { hasRelaxedSimd } from '../webAssembly.ts';
import { hasSoundRelaxedSimd, inferenceCode } from './inferenceCode.ts';

it('takes no relaxed SIMD of a Node before 22, whose sums are wrong', () => {
  expect(['v20.20.2', 'v18.0.0'].map((version) => hasSoundRelaxedSimd(version))).toEqual([
    false,
    false,
  ]);
  expect(hasSoundRelaxedSimd('v22.0.0')).toBe(hasRelaxedSimd());
  expect(inferenceCode()).toBe(inferenceCode(hasSoundRelaxedSimd()));
  expect(inferenceCode(true)).not.toBe(inferenceCode(false));
});
