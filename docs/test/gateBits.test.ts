// The bits that the hardware playground draws.
import { decodeForm, unrolledDesign } from '@hbnn/circuit';
import { distFromAverage, random } from '@hbnn/core';
import { randomModel, weightValues } from '@hbnn/model';
import { expect, it } from 'vitest';
import { gateBits } from '../components/hardware/gateBits.ts';
import { chips } from '../components/hardware/hardwareChoice.ts';

it.each(['xc7', 'ice40'] as const)('the bits of gates come to the sums: %s', (chip) => {
  const model = randomModel(1, {
    layer: 'dense:36x8',
    mix: distFromAverage(1.4),
    inputMix: distFromAverage(1.4),
  });
  const design = unrolledDesign(model, { style: chips[chip].adders });
  const layer = design.layers.find((one) => one.layer === 'layer');
  const leaf = layer?.modules.find((one) => one.kind === 'leaf');
  const dense = model.layers.find((one) => one.name === 'layer');
  if (!layer || leaf?.kind !== 'leaf' || !dense || !('weights' in dense))
    throw new Error('expected a layer of gates');
  const noise = random('bits');
  const weights = weightValues(dense.weights);
  const { input, output } = layer;
  for (let n = 0; n < 20; n++) {
    const inputs = Uint8Array.from({ length: leaf.net.inputCount }, () => noise.below(2));
    const bits = gateBits(leaf.net, inputs);
    output.forms.forEach((form, o) => {
      const sum = decodeForm(form, (i) => {
        const literal = leaf.net.outputs[output.offsets[o] + i];
        return (bits[literal >> 1] ^ (literal & 1)) === 1;
      });
      const expected = input.forms.reduce((total, one, i) => {
        const value = decodeForm(one, (bit) => inputs[input.offsets[i] + bit] === 1);
        return total + weights[o * input.forms.length + i] * value;
      }, 0);
      expect(sum).toBe(expected);
    });
  }
});
