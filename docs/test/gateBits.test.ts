// The bits that the hardware playground draws.
import { decodeForm, unrolledDesign } from '@hbnn/circuit';
import { distFromAverage, random } from '@hbnn/core';
import { randomModel, weightValues } from '@hbnn/model';
import { expect, it } from 'vitest';
import { buildHardware } from '../components/hardware/buildHardware.ts';
import { gateBits } from '../components/hardware/gateBits.ts';
import { chips, type HardwareChoice } from '../components/hardware/hardwareChoice.ts';

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

it('the adders of lanes have their lines in the module of the lanes', () => {
  const choice: HardwareChoice = {
    channels: 4,
    outputs: 8,
    weightBits: 1,
    inputBits: 1,
    mapPer: 'element',
    style: 'folded',
    chip: 'xc7',
    pe: 2,
    simd: 12,
  };
  const { tree, files } = buildHardware(choice);
  if (tree === undefined) throw new Error('expected a drawing');
  const { of, nodes, samples, file } = tree;
  expect(of).toBe('the lanes of one PE');
  const lines = files[file].split('\n');
  const from = lines.findIndex((line) => line.startsWith('module layer_lane ('));
  const to = lines.findIndex((line, i) => i > from && line.startsWith('endmodule'));
  for (const { label, line, kind } of nodes) {
    if (line === undefined) continue;
    expect(line - 1).toBeGreaterThan(from);
    expect(line - 1).toBeLessThan(to);
    const name = /^(?:counter |adder )?(\w+(?:\[\d+\])?)/.exec(label)?.[1] ?? label;
    expect(lines[line - 1], label).toContain(name);
    expect(kind === 'input' || label.length > name.length).toBe(true);
  }
  // Where an input agrees with the sign of its weight, their product is 1 instead of −1: 2 more.
  const bitOf = (x: number, bits: Uint8Array): number =>
    bits[nodes.findIndex(({ label }) => label.startsWith(`x[${x}]:`))];
  for (const { bits, sum } of samples) {
    let agreeing = 0;
    for (let lane = 0; lane < 12; lane++)
      if (bitOf(lane, bits) === bitOf(12 + lane, bits)) agreeing++;
    expect(sum).toBe(2 * agreeing);
  }
  expect(new Set(samples.map(({ sum }) => sum)).size).toBeGreaterThan(1);
});
