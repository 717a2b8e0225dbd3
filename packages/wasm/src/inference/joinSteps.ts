import type { AddLayer, CheckedLayer } from '@hbnn/model';
import { type MapLayout, mapLayout } from './featureMap.ts';
import { sharedRange, whole } from './share.ts';
import type { Step } from './step.ts';

/** The sum of branches, one after the other, each times its channels' multipliers. */
export function addStep(
  index: number,
  plan: CheckedLayer<AddLayer>,
  inputs: readonly MapLayout[],
  batch: number,
): Step {
  const [height, width, channels] = plan.output;
  const output = mapLayout(plan.output, 'int32', batch);
  const names = inputs.map(({ form }) => (form === 'int32' ? 'addScaled32' : 'addScaled16'));
  return {
    layer: index,
    kernel: 'add',
    input: inputs[0],
    output,
    scratchBytes: 0,
    constants: plan.layer.multipliers.map((list) => Int32Array.from(list)),
    bind:
      (raw, at) =>
      (images, share = whole) => {
        const [first, end] = sharedRange(channels, share);
        const to = at.output + 4 * first * output.stride;
        const sizes = [images * height * width, end - first, output.stride];
        names.forEach((name, k) => {
          const from = at.inputs[k] + first * output.stride * (name === 'addScaled32' ? 4 : 2);
          raw[name](from, to, at.constants[k] + 4 * first, k === 0 ? 1 : 0, ...sizes);
        });
      },
  };
}

/** The channels of branches, one after the other: maps of one stride are copied as they lie. */
export function concatStep(
  index: number,
  plan: CheckedLayer,
  inputs: readonly MapLayout[],
  batch: number,
): Step {
  const wide = inputs.some(({ form }) => form === 'int32');
  const output = mapLayout(plan.output, wide ? 'int32' : 'int16', batch);
  const bytes = wide ? 4 : 2;
  let channelsBefore = 0;
  const parts = inputs.map(({ form, shape }) => {
    const [channels, to] = [shape[2], channelsBefore];
    channelsBefore += channels;
    return { widen: wide && form === 'int16', channels, to };
  });
  return {
    layer: index,
    kernel: 'concat',
    input: inputs[0],
    output,
    scratchBytes: 0,
    constants: [],
    bind:
      (raw, at) =>
      (_, share = whole) => {
        parts.forEach(({ widen, channels, to }, k) => {
          const [first, end] = sharedRange(channels, share);
          const count = (end - first) * output.stride;
          const out = at.output + (to + first) * output.stride * bytes;
          const from = at.inputs[k] + first * output.stride * (widen ? 2 : bytes);
          if (widen) raw.widen(from, out, count);
          else raw.copyBytes(from, out, count * bytes);
        });
      },
  };
}
