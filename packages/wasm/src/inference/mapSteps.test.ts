import { random } from '@hbnn/core';
import type { RequantizeLayer } from '@hbnn/model';
import { expect, test } from 'vitest';
import { kernelsOn, type RawKernels, webAssembly } from '../webAssembly.ts';
import { mapLayout } from './featureMap.ts';
import { inferenceCode } from './inferenceCode.ts';
import { requantizeStep } from './mapSteps.ts';
import { Regions } from './regions.ts';

const rng = random('requantize');
const pixels = 67;

/** The formula of the integer model, without rounding. */
function requantized(layer: RequantizeLayer, c: number, value: number): number {
  const numerator = BigInt(value) * BigInt(layer.multipliers[c]) + BigInt(layer.offsets[c]);
  const result = Number(numerator >> BigInt(layer.shifts[c]));
  return Math.min(layer.maximum, Math.max(layer.minimum, result));
}

/** Inputs around both ends of where the result is within its limits, the ends of int32, and some of any size. */
function inputsOf(layer: RequantizeLayer, c: number): number[] {
  const multiplier = layer.multipliers[c] || 1;
  const at = (result: number) =>
    Math.round((result * 2 ** layer.shifts[c] - layer.offsets[c]) / multiplier);
  return Array.from({ length: pixels }, (_, i) => {
    const near = [at(layer.minimum), at(layer.maximum + 1), -(2 ** 31), 2 ** 31 - 1][i % 4];
    const value =
      i < 40 ? near + Math.floor(i / 4) - 5 : Math.floor(rng.normal() * 2 ** rng.below(30));
    return Math.min(2 ** 31 - 1, Math.max(-(2 ** 31), value));
  });
}

/** Runs a step on int32 inputs and tells which kernel it called. */
function run(
  raw: RawKernels,
  memory: { readonly buffer: ArrayBufferLike },
  layer: RequantizeLayer,
  inputs: readonly number[][],
): { readonly kernel: string; readonly outputs: number[][] } {
  const shape = [1, pixels, inputs.length] as const;
  const input = mapLayout(shape, 'int32', 1);
  const plan = { layer, input: shape, output: shape, inputBound: 2 ** 31 - 1 };
  const step = requantizeStep(0, plan as never, input, 1);
  const regions = new Regions(64);
  const constants = step.constants.map((constant) => {
    const at = regions.place(constant.byteLength);
    const bytes = new Uint8Array(constant.buffer, constant.byteOffset, constant.byteLength);
    new Uint8Array(memory.buffer).set(bytes, at);
    return at;
  });
  const [from, to] = [regions.place(input.bytes), regions.place(step.output.bytes)];
  inputs.forEach((values, c) => {
    new Int32Array(memory.buffer, from + 4 * c * input.stride, pixels).set(values);
  });
  let kernel = '';
  const recording = new Proxy(raw, {
    get(kernels, name: string) {
      kernel = name;
      return kernels[name];
    },
  });
  const places = { scratch: 0, common: 0, constants };
  step.bind(recording, { input: from, inputs: [from], output: to, ...places })(1);
  const outputs = inputs.map((_, c) => [
    ...new Int16Array(memory.buffer, to + 2 * c * step.output.stride, pixels),
  ]);
  return { kernel, outputs };
}

test('requantization is exact at every limit, in int32 and in float64', async () => {
  const memory = new webAssembly.Memory({ initial: 4 });
  const raw = await kernelsOn(inferenceCode(false), memory);
  const counts = new Map<string, number>();
  for (let round = 0; round < 400; round++) {
    const channels = 1 + rng.below(3);
    const maxShift = [12, 23, 31][round % 3];
    const limits = [
      [0, 255],
      [-128, 127],
      [-32768, 32767],
      [-32768, -1],
      [0, 32767],
      [5, 5],
    ][rng.below(6)];
    const layer: RequantizeLayer = {
      kind: 'requantize',
      name: 'r',
      multipliers: Int16Array.from({ length: channels }, () =>
        round % 5 === 0 ? rng.below(65536) - 32768 : 1 + rng.below(2 ** (1 + rng.below(15)) - 1),
      ),
      offsets: Float64Array.from({ length: channels }, () =>
        Math.floor(rng.normal() * 2 ** rng.below(45)),
      ),
      shifts: Uint8Array.from({ length: channels }, () => rng.below(maxShift)),
      minimum: limits[0],
      maximum: limits[1],
    };
    const inputs = Array.from({ length: channels }, (_, c) => inputsOf(layer, c));
    const { kernel, outputs } = run(raw, memory, layer, inputs);
    counts.set(kernel, (counts.get(kernel) ?? 0) + 1);
    const wanted = inputs.map((values, c) => values.map((value) => requantized(layer, c, value)));
    expect({ round, kernel, outputs }).toEqual({ round, kernel, outputs: wanted });
  }
  expect(counts.get('requantizeShort')).toBeGreaterThan(50);
  expect(counts.get('requantize32')).toBeGreaterThan(50);
});
