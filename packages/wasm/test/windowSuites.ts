import { random } from '@hbnn/core';
import { expect, test } from 'vitest';
import type { WindowShape } from '../src/index.ts';
import { normals, relativeError, TestMemory } from './memory.ts';

/** Float32 sums of a few hundred products against float64, relative to the largest value. */
const tolerance = 2e-5;

const memory = await TestMemory.create();

function shape(
  size: number,
  kernel: number,
  stride: number,
  pad: number,
  channels: number,
): WindowShape {
  const out = Math.floor((size + 2 * pad - kernel) / stride) + 1;
  return {
    batch: 2,
    channels,
    inH: size,
    inW: size + 1,
    kernelH: kernel,
    kernelW: kernel,
    strideH: stride,
    strideW: stride,
    padTop: pad,
    padLeft: pad,
    outH: out,
    outW: out,
  };
}

const tails = [1, 2, 3, 4, 5, 31, 32, 33];
const shapes = tails.flatMap((channels) => [
  shape(6, 2, 2, 0, channels),
  shape(7, 3, 2, 1, channels),
  shape(5, 3, 1, 1, channels),
  shape(8, 5, 3, 2, channels),
]);

/** Calls `visit` with (input pixel, tap, output pixel) of every window. */
function windows(s: WindowShape, visit: (pixel: number, tap: number, out: number) => void): void {
  for (let n = 0; n < s.batch; n++)
    for (let oy = 0; oy < s.outH; oy++)
      for (let ox = 0; ox < s.outW; ox++)
        for (let kh = 0; kh < s.kernelH; kh++)
          for (let kw = 0; kw < s.kernelW; kw++) {
            const y = oy * s.strideH + kh - s.padTop;
            const x = ox * s.strideW + kw - s.padLeft;
            if (y < 0 || y >= s.inH || x < 0 || x >= s.inW) continue;
            const out = (n * s.outH + oy) * s.outW + ox;
            visit((n * s.inH + y) * s.inW + x, kh * s.kernelW + kw, out);
          }
}

/** A gradient of a depthwise convolution against its definition. */
export function depthwiseSuite(name: 'depthwiseBackpropInput' | 'depthwiseBackpropFilter'): void {
  test.each([1, 2, 3])('multiplier %i', (multiplier) => {
    for (const s of shapes) {
      memory.clear();
      const outputs = s.channels * multiplier;
      const x = normals(s.batch * s.inH * s.inW * s.channels, 'x');
      const filter = normals(s.kernelH * s.kernelW * outputs, 'filter');
      const dy = normals(s.batch * s.outH * s.outW * outputs, 'dy');
      const ofInput = name === 'depthwiseBackpropInput';
      const wanted = new Float64Array(ofInput ? x.length : filter.length);
      windows(s, (pixel, tap, out) => {
        for (let c = 0; c < outputs; c++) {
          const from = pixel * s.channels + Math.floor(c / multiplier);
          const slope = dy[out * outputs + c];
          if (ofInput) wanted[from] += slope * filter[tap * outputs + c];
          else wanted[tap * outputs + c] += slope * x[from];
        }
      });
      const [first, second] = ofInput ? [dy, filter] : [x, dy];
      const to = memory.output(wanted.length);
      memory.kernels[name](memory.floats(first), memory.floats(second), to, s, multiplier);
      expect(relativeError(memory.read(to, wanted.length), wanted)).toBeLessThan(tolerance);
    }
  });
}

/** maxPoolGrad hands dy to the first maximum. */
export function maxPoolGradSuite(): void {
  const rng = random('pool');
  const kinds: Record<string, () => number> = {
    mixed: () => rng.normal(),
    negative: () => -1 - rng.uniform(),
    ties: () => rng.below(3) - 3,
    constant: () => -2,
  };
  test.each(Object.keys(kinds))('%s values', (kind) => {
    for (const s of shapes) {
      memory.clear();
      const x = Float32Array.from({ length: s.batch * s.inH * s.inW * s.channels }, kinds[kind]);
      const count = s.batch * s.outH * s.outW * s.channels;
      const dy = normals(count, 'dy');
      const best = new Float32Array(count).fill(Number.NEGATIVE_INFINITY);
      const where = new Int32Array(count);
      windows(s, (pixel, _tap, out) => {
        for (let c = 0; c < s.channels; c++) {
          const at = out * s.channels + c;
          if (x[pixel * s.channels + c] <= best[at]) continue;
          best[at] = x[pixel * s.channels + c];
          where[at] = pixel * s.channels + c;
        }
      });
      const wanted = new Float64Array(x.length);
      where.forEach((from, i) => {
        wanted[from] += dy[i];
      });
      const dx = memory.output(x.length);
      const at = [memory.floats(x), memory.floats(best), memory.floats(dy)];
      memory.kernels.maxPoolGrad(at[0], at[1], at[2], dx, s);
      expect(relativeError(memory.read(dx, x.length), wanted)).toBeLessThan(tolerance);
    }
  });
}

/** Batch norm in training: the kernel `name` against float64. The others run too, since each reads what one before it wrote. */
export function batchNormSuite(name: 'moments' | 'normalize' | 'batchNormBackprop'): void {
  const epsilon = 1e-3;
  test.each(tails)('%i channels', (channels) => {
    for (const rows of [1, 2, 31, 32, 33, 200]) {
      memory.clear();
      const count = rows * channels;
      // A mean far from 0: taking it off must not cancel.
      const x = normals(count, 'x').map((value, i) => value * (1 + (i % channels)) + 30);
      const [dy, gamma, beta] = [count, channels, channels].map((n, i) => normals(n, `p${i}`));
      const wanted = reference(x, dy, gamma, beta, epsilon);
      const at = [x, dy, gamma, beta].map((values) => memory.floats(values));
      const [mean, variance] = [memory.output(channels), memory.output(channels)];
      memory.kernels.moments(at[0], rows, channels, mean, variance);
      const p = { mean, variance, gamma: at[2], epsilon };
      const y = memory.output(count);
      memory.kernels.normalize(at[0], rows, channels, { ...p, beta: at[3] }, y);
      const dx = memory.output(count);
      const [dGamma, dBeta] = [memory.output(channels), memory.output(channels)];
      memory.kernels.batchNormBackprop(at[0], at[1], rows, channels, p, { dx, dGamma, dBeta });
      const close = (offset: number, values: Float64Array, what: string) =>
        expect(
          relativeError(memory.read(offset, values.length), values),
          `${what} of ${rows} rows`,
        ).toBeLessThan(tolerance);
      // With 1 row the variance is 0, and nothing but rounding is left of what depends on it.
      if (name === 'moments') {
        close(mean, wanted.mean, 'mean');
        if (rows > 1) close(variance, wanted.variance, 'variance');
      } else if (name === 'normalize') {
        close(y, wanted.y, 'y');
      } else {
        close(dBeta, wanted.dBeta, 'dBeta');
        if (rows > 1) close(dGamma, wanted.dGamma, 'dGamma');
        // With 2 rows dx is the difference of equal numbers.
        if (rows > 2) close(dx, wanted.dx, 'dx');
      }
    }
  });
}

/** Training batch norm in float64, gradients by the formulas that assembly/training/batchNorm.ts derives. */
function reference(
  x: Float32Array,
  dy: Float32Array,
  gamma: Float32Array,
  beta: Float32Array,
  epsilon: number,
) {
  const channels = gamma.length;
  const rows = x.length / channels;
  const found = {
    mean: new Float64Array(channels),
    variance: new Float64Array(channels),
    y: new Float64Array(x.length),
    dx: new Float64Array(x.length),
    dGamma: new Float64Array(channels),
    dBeta: new Float64Array(channels),
  };
  for (let i = 0; i < x.length; i++) found.mean[i % channels] += x[i] / rows;
  for (let i = 0; i < x.length; i++)
    found.variance[i % channels] += (x[i] - found.mean[i % channels]) ** 2 / rows;
  const normal = Float64Array.from(x, (value, i) => {
    const c = i % channels;
    return (value - found.mean[c]) / Math.sqrt(found.variance[c] + epsilon);
  });
  for (let i = 0; i < x.length; i++) {
    const c = i % channels;
    found.y[i] = normal[i] * gamma[c] + beta[c];
    found.dGamma[c] += dy[i] * normal[i];
    found.dBeta[c] += dy[i];
  }
  for (let i = 0; i < x.length; i++) {
    const c = i % channels;
    const inner = dy[i] - found.dBeta[c] / rows - (normal[i] * found.dGamma[c]) / rows;
    found.dx[i] = (gamma[c] * inner) / Math.sqrt(found.variance[c] + epsilon);
  }
  return found;
}

export function straightThroughSuite(): void {
  test('keeps dy where |x| <= 1', () => {
    for (const count of tails) {
      memory.clear();
      const x = normals(count, count);
      x[0] = count % 2 === 0 ? 1 : -1;
      const dy = normals(count, 'dy');
      const dx = memory.output(count);
      memory.kernels.straightThrough(memory.floats(x), memory.floats(dy), dx, count);
      expect([...memory.read(dx, count)]).toEqual(
        [...dy].map((slope, i) => (Math.abs(x[i]) <= 1 ? slope : 0)),
      );
    }
  });
}

export function sgdMomentumSuite(): void {
  test('takes the step of the formula', () => {
    for (const count of tails) {
      memory.clear();
      const [w, v, g] = ['w', 'v', 'g'].map((seed) => normals(count, seed));
      const [newW, newV] = [memory.output(count), memory.output(count)];
      const from = { w: memory.floats(w), v: memory.floats(v), g: memory.floats(g) };
      const o = { rate: 0.1, momentum: 0.9, decay: 0.01 };
      memory.kernels.sgdMomentum(from, { w: newW, v: newV }, count, o);
      const velocity = Float64Array.from(v, (value, i) => 0.9 * value + g[i] + 0.01 * w[i]);
      const weight = Float64Array.from(w, (value, i) => value - 0.1 * velocity[i]);
      expect(relativeError(memory.read(newV, count), velocity)).toBeLessThan(tolerance);
      expect(relativeError(memory.read(newW, count), weight)).toBeLessThan(tolerance);
    }
  });
}
