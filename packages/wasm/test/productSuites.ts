import { expect, test } from 'vitest';
import type { ConvShape } from '../src/index.ts';
import { normals, relativeError, TestMemory } from './memory.ts';

/** Float32 sums of up to about 1000 products against float64: a few roundings of 6e-8, relative to the largest value. */
const tolerance = 2e-5;

const memory = await TestMemory.create();

export function matMulSuite(): void {
  const sizes = [1, 2, 3, 4, 5, 31, 32, 33];
  for (const transposeA of [false, true])
    for (const transposeB of [false, true])
      test(`transposeA ${transposeA}, transposeB ${transposeB}, all tails`, () => {
        for (const m of sizes)
          for (const n of sizes)
            for (const k of [1, 4, 7, 33]) {
              memory.clear();
              const a = normals(m * k, `a ${m} ${k}`);
              const b = normals(k * n, `b ${n} ${k}`);
              const wanted = new Float64Array(m * n);
              for (let i = 0; i < m; i++)
                for (let j = 0; j < n; j++)
                  for (let l = 0; l < k; l++)
                    wanted[i * n + j] +=
                      a[transposeA ? l * m + i : i * k + l] * b[transposeB ? j * k + l : l * n + j];
              const c = memory.output(m * n);
              const at = [memory.floats(a), memory.floats(b)];
              memory.kernels.matMul(at[0], at[1], c, { m, n, k, transposeA, transposeB });
              expect(relativeError(memory.read(c, m * n), wanted), `${m} ${n} ${k}`).toBeLessThan(
                tolerance,
              );
            }
      });

  test('a group of strips larger than the cache', () => {
    memory.clear();
    const [m, n, k] = [130, 9, 700];
    const a = normals(m * k, 1);
    const b = normals(k * n, 2);
    const wanted = new Float64Array(m * n);
    for (let i = 0; i < m; i++)
      for (let j = 0; j < n; j++)
        for (let l = 0; l < k; l++) wanted[i * n + j] += a[i * k + l] * b[l * n + j];
    const c = memory.output(m * n);
    const o = { m, n, k, transposeA: false, transposeB: false };
    memory.kernels.matMul(memory.floats(a), memory.floats(b), c, o);
    expect(relativeError(memory.read(c, m * n), wanted)).toBeLessThan(tolerance);
  });
}

/** Calls `visit` for each product of a convolution: indices into x, the filter and the output. */
function sevenLoops(s: ConvShape, visit: (x: number, filter: number, out: number) => void): void {
  for (let n = 0; n < s.batch; n++)
    for (let oy = 0; oy < s.outH; oy++)
      for (let ox = 0; ox < s.outW; ox++)
        for (let o = 0; o < s.outputs; o++)
          for (let kh = 0; kh < s.kernelH; kh++)
            for (let kw = 0; kw < s.kernelW; kw++)
              for (let i = 0; i < s.inputs; i++) {
                const y = oy * s.strideH + kh - s.padTop;
                const x = ox * s.strideW + kw - s.padLeft;
                if (y < 0 || y >= s.inH || x < 0 || x >= s.inW) continue;
                visit(
                  ((n * s.inH + y) * s.inW + x) * s.inputs + i,
                  ((kh * s.kernelW + kw) * s.inputs + i) * s.outputs + o,
                  ((n * s.outH + oy) * s.outW + ox) * s.outputs + o,
                );
              }
}

type Side = [size: number, kernel: number, stride: number, before: number, after: number];

function shape(y: Side, x: Side, batch: number, inputs: number, outputs: number): ConvShape {
  const out = ([size, kernel, stride, before, after]: Side) =>
    Math.floor((size + before + after - kernel) / stride) + 1;
  return {
    batch,
    inputs,
    outputs,
    inH: y[0],
    kernelH: y[1],
    strideH: y[2],
    padTop: y[3],
    outH: out(y),
    inW: x[0],
    kernelW: x[1],
    strideW: x[2],
    padLeft: x[3],
    outW: out(x),
  };
}

/** Odd sizes, channels around the tile's 4 and 8, strides and paddings of all kinds, one-sided ones included. */
function shapes(): ConvShape[] {
  const sides: Side[] = [
    [5, 3, 1, 1, 1],
    [6, 3, 2, 0, 1],
    [7, 3, 3, 1, 1],
    [7, 5, 2, 2, 2],
    [4, 2, 1, 0, 0],
    [5, 1, 1, 0, 0],
    [5, 1, 2, 0, 0],
    [9, 4, 3, 3, 0],
    [3, 3, 1, 2, 2],
    [1, 3, 1, 1, 1],
    [8, 2, 4, 0, 0],
  ];
  const channels = [1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33];
  const found = sides.flatMap((y, i) => [
    shape(y, y, 2, channels[i], channels[(i * 3 + 2) % 11]),
    shape(y, sides[(i + 1) % sides.length], 1, channels[(i + 5) % 11], channels[(i * 2) % 11]),
  ]);
  return [...found, shape([12, 3, 1, 1, 1], [20, 3, 1, 1, 1], 1, 64, 40)];
}

type ConvKernel = 'conv2d' | 'conv2dBackpropInput' | 'conv2dBackpropFilter';

/** A convolution or one of its gradients against seven loops in float64. */
export function convSuite(name: ConvKernel): void {
  const cases = shapes().map((s) => ({ name: Object.values(s).join(' '), s }));
  test.each(cases)('$name', ({ s }) => {
    memory.clear();
    const x = normals(s.batch * s.inH * s.inW * s.inputs, 'x');
    const filter = normals(s.kernelH * s.kernelW * s.inputs * s.outputs, 'filter');
    const dy = normals(s.batch * s.outH * s.outW * s.outputs, 'dy');
    const [first, second, result] = {
      conv2d: [x, filter, dy],
      conv2dBackpropInput: [dy, filter, x],
      conv2dBackpropFilter: [x, dy, filter],
    }[name];
    const wanted = new Float64Array(result.length);
    sevenLoops(s, (i, f, o) => {
      if (name === 'conv2d') wanted[o] += x[i] * filter[f];
      else if (name === 'conv2dBackpropInput') wanted[i] += dy[o] * filter[f];
      else wanted[f] += x[i] * dy[o];
    });
    const to = memory.output(wanted.length);
    memory.kernels[name](memory.floats(first), memory.floats(second), to, s);
    expect(relativeError(memory.read(to, wanted.length), wanted)).toBeLessThan(tolerance);
  });
}
