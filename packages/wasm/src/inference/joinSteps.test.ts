import type { AddLayer, CheckedLayer, ConcatLayer, FeatureShape } from '@hbnn/model';
import { expect, test } from 'vitest';
import type { RawKernels } from '../webAssembly.ts';
import { mapLayout } from './featureMap.ts';
import { addStep, concatStep } from './joinSteps.ts';
import type { Step } from './step.ts';

const shape: FeatureShape = [3, 4, 7];
const count = 3;

/** The channels [first, end) of the output that each share of a step writes, call after call. */
function writtenBy(step: Step): (readonly [first: number, end: number])[][] {
  const row = 4 * step.output.stride;
  return Array.from({ length: count }, (_, index) => {
    const written: (readonly [number, number])[] = [];
    const note = (to: number, channels: number): void => {
      if (channels > 0) written.push([to / row, to / row + channels]);
    };
    const add = (_from: number, to: number, ...rest: number[]): void => note(to, rest[3]);
    const raw: RawKernels = {
      addScaled16: add,
      addScaled32: add,
      widen: (_from: number, to: number, values: number) => note(to, (4 * values) / row),
      copyBytes: (_from: number, to: number, bytes: number) => note(to, bytes / row),
    };
    const at = { input: 0, inputs: [0, 0], output: 0, scratch: 0, common: 0, constants: [0, 0] };
    step.bind(raw, at)(1, { index, count });
    return written;
  });
}

const inputs = [mapLayout(shape, 'int16', 1), mapLayout(shape, 'int32', 1)];
const plan = { sources: [0, 1], inputs: [shape, shape], inputBound: 9, outputBound: 99 };

test('threads write channels of a sum that no other one writes', () => {
  const multipliers = [new Int16Array(7).fill(2), new Int16Array(7).fill(-3)];
  const layer: AddLayer = { kind: 'add', name: 'sum', inputs: ['a', 'b'], multipliers };
  const added: CheckedLayer<AddLayer> = { ...plan, layer, input: shape, output: shape };
  const written = writtenBy(addStep(0, added, inputs, 1));
  // Both branches of each thread's own channels.
  expect(written).toEqual([
    [
      [0, 2],
      [0, 2],
    ],
    [
      [2, 4],
      [2, 4],
    ],
    [
      [4, 7],
      [4, 7],
    ],
  ]);
});

test('threads write channels of a concatenation that no other one writes', () => {
  const layer: ConcatLayer = { kind: 'concat', name: 'both', inputs: ['a', 'b'] };
  const output: FeatureShape = [3, 4, 14];
  const joined: CheckedLayer<ConcatLayer> = { ...plan, layer, input: output, output };
  const channels = writtenBy(concatStep(0, joined, inputs, 1))
    .flat()
    .flatMap(([first, end]) => Array.from({ length: end - first }, (_, i) => first + i));
  expect(channels.sort((a, b) => a - b)).toEqual(Array.from({ length: 14 }, (_, c) => c));
});
