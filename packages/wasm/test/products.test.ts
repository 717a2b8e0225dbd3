import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ConvShape } from '../src/index.ts';
import { normals, relativeError, TestMemory } from './memory.ts';

/** Float32 sums of up to about 1000 products against float64: a few roundings of 6e-8, relative to the largest value. */
const tolerance = 2e-5;

let memory: TestMemory;
beforeAll(async () => {
  memory = await TestMemory.create();
});
beforeEach(() => memory.clear());

describe('matMul', () => {
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
});

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
    ...{ batch, inputs, outputs, outH: out(y), outW: out(x) },
    ...{ inH: y[0], kernelH: y[1], strideH: y[2], padTop: y[3] },
    ...{ inW: x[0], kernelW: x[1], strideW: x[2], padLeft: x[3] },
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

const sizesOf = (s: ConvShape) => ({
  x: s.batch * s.inH * s.inW * s.inputs,
  filter: s.kernelH * s.kernelW * s.inputs * s.outputs,
  out: s.batch * s.outH * s.outW * s.outputs,
});

describe('convolution against seven loops in float64', () => {
  const cases = shapes().map((s) => ({ name: Object.values(s).join(' '), s }));
  test.each(cases)('$name', ({ s }) => {
    const size = sizesOf(s);
    const x = normals(size.x, 'x');
    const filter = normals(size.filter, 'filter');
    const dy = normals(size.out, 'dy');
    const out = new Float64Array(size.out);
    const dx = new Float64Array(size.x);
    const dFilter = new Float64Array(size.filter);
    sevenLoops(s, (i, f, o) => {
      out[o] += x[i] * filter[f];
      dx[i] += dy[o] * filter[f];
      dFilter[f] += x[i] * dy[o];
    });
    const at = { x: memory.floats(x), filter: memory.floats(filter), dy: memory.floats(dy) };
    const to = {
      out: memory.output(size.out),
      dx: memory.output(size.x),
      dFilter: memory.output(size.filter),
    };
    memory.kernels.conv2d(at.x, at.filter, to.out, s);
    memory.kernels.conv2dBackpropInput(at.dy, at.filter, to.dx, s);
    memory.kernels.conv2dBackpropFilter(at.x, at.dy, to.dFilter, s);
    expect(relativeError(memory.read(to.out, size.out), out), 'out').toBeLessThan(tolerance);
    expect(relativeError(memory.read(to.dx, size.x), dx), 'dx').toBeLessThan(tolerance);
    expect(relativeError(memory.read(to.dFilter, size.filter), dFilter), 'dFilter').toBeLessThan(
      tolerance,
    );
  });
});
