import { HbnnError } from '@hbnn/core';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';
import { useBackend } from '../src/backend/useBackend.ts';
import { available, missing } from './availableBackends.ts';
import { type GradientCase, gradientCases } from './gradientCases.ts';
import { gradientsOn, relativeError, seeded } from './gradientCheck.ts';
import { differences, type Exact } from './reference.ts';

/** Float32 against float64: sums of up to some hundred products, each rounded to 6e-8. */
const tolerance = 2e-5;

const inputsOf = ({ shapes }: GradientCase): tf.Tensor[] =>
  shapes.map((shape, i) => seeded(shape, `input ${i}`));

/** Value and gradients in float64, computed once for all backends. */
const references = new Map<GradientCase, Exact[]>();

async function referenceOf(one: GradientCase): Promise<Exact[]> {
  const known = references.get(one);
  if (known) return known;
  await useBackend({ prefer: 'cpu' });
  const inputs = tf.tidy(() => inputsOf(one).map((t) => t.dataSync() as Float32Array));
  const seen = inputs.map((x, i) => one.sees?.(i, x, one.shapes[i]) ?? x);
  const exact = seen.map((x, i) => ({ shape: one.shapes[i], data: Float64Array.from(x) }));
  const value = one.reference(...exact);
  const dy = Float64Array.from(seeded([...value.shape], 'dy').dataSync());
  const gradients = differences(one.reference, exact, dy).map(({ shape, data }, i) => ({
    shape,
    data: one.sees ? data.map((slope, j) => (Math.abs(inputs[i][j]) <= 1 ? slope : 0)) : data,
  }));
  const found = [{ ...value, data: value.data.slice() }, ...gradients];
  references.set(one, found);
  return found;
}

describe.each(available)('gradients on %s, against float64', (backend) => {
  test.each(gradientCases.map((one) => ({ ...one, one })))('$name', async ({ one }) => {
    const refusal = one.refused?.[backend];
    if (refusal) {
      await expect(gradientsOn(backend, () => inputsOf(one), one.run)).rejects.toThrow(refusal);
      return;
    }
    const wanted = await referenceOf(one);
    const found = await gradientsOn(backend, () => inputsOf(one), one.run);
    expect(found.length).toBe(wanted.length);
    found.forEach((values, i) => {
      expect(
        relativeError(values, wanted[i].data),
        i === 0 ? 'value' : `gradient of input ${i - 1}`,
      ).toBeLessThan(tolerance);
    });
  });
});

if (missing.length > 0) {
  test.each(missing)('not tried here: $reason', async ({ name }) => {
    await expect(useBackend({ prefer: name })).rejects.toThrow(HbnnError);
  });
}
