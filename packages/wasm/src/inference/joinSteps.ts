import type { AddLayer, CheckedLayer } from '@hbnn/model';
import { type MapLayout, mapLayout } from './featureMap.ts';
import type { Share } from './share.ts';
import type { Step } from './step.ts';

/** A join is a small part of a network: of several threads the first one computes it. */
const isOthers = (share: Share | undefined): boolean => share !== undefined && share.index > 0;

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
    bind: (raw, at) => (images, share) => {
      if (isOthers(share)) return;
      const sizes = [images * height * width, channels, output.stride];
      names.forEach((name, k) => {
        raw[name](at.inputs[k], at.output, at.constants[k], k === 0 ? 1 : 0, ...sizes);
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
  let first = 0;
  const parts = inputs.map(({ form, shape }) => {
    const [channels, to] = [shape[2], first];
    first += channels;
    return {
      widen: wide && form === 'int16',
      count: channels * output.stride,
      to: to * output.stride * bytes,
    };
  });
  return {
    layer: index,
    kernel: 'concat',
    input: inputs[0],
    output,
    scratchBytes: 0,
    constants: [],
    bind: (raw, at) => (_images, share) => {
      if (isOthers(share)) return;
      parts.forEach(({ widen, count, to }, k) => {
        if (widen) raw.widen(at.inputs[k], at.output + to, count);
        else raw.copyBytes(at.inputs[k], at.output + to, count * bytes);
      });
    },
  };
}
