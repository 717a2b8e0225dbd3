import { random } from '@hbnn/core';
import { describe, expect, it } from 'vitest';
import { carryErrors, nearestValues, outputError, weightsBehind } from './carryErrors.ts';
import { inverseFactor, secondMoments } from './hessian.ts';
import { columnsOf } from './layerColumns.ts';
import { chooseLevels } from './levels.ts';

const [inputs, outputs, rows] = [12, 5, 400];
const rng = random(3, 'carried errors');

/** Rows whose inputs share a common part, so that they vary together. */
function correlatedRows(): Float32Array {
  const x = new Float32Array(rows * inputs);
  for (let r = 0; r < rows; r++) {
    const common = rng.normal();
    for (let i = 0; i < inputs; i++) x[r * inputs + i] = common + (0.2 + 0.1 * i) * rng.normal();
  }
  return x;
}

const moments = secondMoments(correlatedRows(), inputs, 0, inputs);
const weights = Float32Array.from({ length: inputs * outputs }, () => rng.normal());
const view = columnsOf(weights.length, outputs, false);
const blocks = [{ from: 0, size: inputs, moments }];
const importance = Float64Array.from({ length: inputs }, (_, i) => moments[i * inputs + i]);
const range = { minBits: 1, maxBits: 3 };

describe('errors carried over', () => {
  it('use a factor U of the inverse: UᵀU·H = I', () => {
    const u = inverseFactor(moments, inputs);
    for (let i = 0; i < inputs; i++)
      for (let j = 0; j < inputs; j++) {
        let sum = 0;
        for (let k = 0; k < inputs; k++)
          for (let m = 0; m < inputs; m++)
            sum += u[k * inputs + i] * u[k * inputs + m] * moments[m * inputs + j];
        expect(sum).toBeCloseTo(i === j ? 1 : 0, 6);
      }
  });

  it('leave less than half of the output error of nearest values', () => {
    const levels = chooseLevels(view, weights, importance, 1.4, range);
    const plain = nearestValues(view, weights, levels.bits, levels.scales);
    const carried = carryErrors(view, weights, levels, blocks);
    const before = outputError(view, weights, plain, blocks);
    expect(carried.error).toBe(outputError(view, weights, carried.values, blocks));
    expect(carried.error).toBeLessThan(before / 2);
  });

  it('keep to the budget and to values of the scales', () => {
    for (const average of [1, 1.4, 2.2]) {
      const levels = chooseLevels(view, weights, importance, average, range);
      const bits = levels.bits.reduce((sum, b) => sum + b, 0) / weights.length;
      expect(bits).toBeLessThanOrEqual(average);
      expect(Math.min(...levels.bits)).toBe(1);
      const { values, scales } = carryErrors(view, weights, levels, blocks);
      expect(nearestValues(view, values, levels.bits, scales)).toEqual(values);
    }
  });

  it('leave weights for fine-tuning that lie nearer to the float ones and give the same values', () => {
    const levels = chooseLevels(view, weights, importance, 1.4, range);
    const carried = carryErrors(view, weights, levels, blocks);
    const behind = weightsBehind(view, weights, levels.bits, carried);
    expect(nearestValues(view, behind, levels.bits, carried.scales)).toEqual(carried.values);
    const away = (x: Float32Array): number =>
      x.reduce((sum, v, i) => sum + (v - weights[i]) ** 2, 0);
    expect(away(behind)).toBeLessThan(away(carried.values) / 2);
  });

  it('are those of each channel alone in a depthwise layer', () => {
    const depthwise = columnsOf(weights.length, outputs, true);
    const own = Array.from({ length: outputs }, (_, output) => ({ ...blocks[0], output }));
    const each = Float64Array.from(weights, (_, i) => importance[Math.floor(i / outputs)]);
    const levels = chooseLevels(depthwise, weights, each, 1.4, range);
    expect(levels).toEqual(chooseLevels(view, weights, importance, 1.4, range));
    expect(carryErrors(depthwise, weights, levels, own)).toEqual(
      carryErrors(view, weights, levels, blocks),
    );
  });
});
