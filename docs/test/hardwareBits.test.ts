// The bits that the hardware playground draws.
import { decodeForm, literalBit, netlistBits, unrolledDesign } from '@hbnn/circuit';
import { distFromAverage, random } from '@hbnn/core';
import { randomModel, weightValues } from '@hbnn/model';
import { expect, it } from 'vitest';
import { buildHardware } from '../components/hardware/buildHardware.ts';
import { chips, type HardwareChoice } from '../components/hardware/hardwareChoice.ts';
import { sumWords } from '../components/hardware/sumWords.ts';

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
    const bits = netlistBits(leaf.net, inputs);
    output.forms.forEach((form, o) => {
      const sum = decodeForm(form, (i) => {
        return literalBit(bits, leaf.net.outputs[output.offsets[o] + i]) === 1;
      });
      const expected = input.forms.reduce((total, one, i) => {
        const value = decodeForm(one, (bit) => inputs[input.offsets[i] + bit] === 1);
        return total + weights[o * input.forms.length + i] * value;
      }, 0);
      expect(sum).toBe(expected);
    });
  }
});

const layer: HardwareChoice = {
  channels: 4,
  outputs: 8,
  weightBits: 1.4,
  inputBits: 1,
  mapPer: 'element',
  style: 'unrolled',
  chip: 'xc7',
  pe: 2,
  simd: 12,
};

/** The bits of a sum that a label names, and whether they are the gate's own or the other ones. */
function namedBits(label: string): { readonly bit: number; readonly inverted: boolean }[] {
  const parts = label.split('; ').slice(1);
  return parts.flatMap((part) => {
    const named = /^(inverted it is )?bits? ([\d, and]+) of the sum of /.exec(part);
    const numbers = named?.[2].match(/\d+/g) ?? [];
    return numbers.map((bit) => ({ bit: Number(bit), inverted: named?.[1] !== undefined }));
  });
}

it.each([
  layer,
  { ...layer, weightBits: 1 },
  { ...layer, channels: 1, weightBits: 2, inputBits: 2 },
  { ...layer, channels: 2, weightBits: 3, chip: 'ecp5' },
  { ...layer, weightBits: 1.8, inputBits: 1.4, mapPer: 'position', chip: 'ice40' },
  { ...layer, channels: 1, weightBits: 1.2, mapPer: 'output', chip: 'ice40' },
  { ...layer, style: 'folded', inputBits: 2 },
  { ...layer, style: 'folded', mapPer: 'position', simd: 4 },
  { ...layer, style: 'folded', weightBits: 1, chip: 'ecp5' },
] satisfies HardwareChoice[])('labels name the bits of the sum: %o', (choice) => {
  const { tree } = buildHardware(choice);
  if (tree === undefined) throw new Error('expected a drawing');
  const named = tree.nodes.map(({ label }) => namedBits(label));
  const texts = tree.samples.map(({ bits, sum, words }) => {
    const text = /the highest first, are ([01]+)/.exec(words)?.[1] ?? '';
    named.forEach((places, node) => {
      for (const { bit, inverted } of places)
        expect(text.at(-1 - bit), `${tree.nodes[node].label} of ${words}`).toBe(
          `${bits[node] ^ (inverted ? 1 : 0)}`,
        );
    });
    expect(lastNumber(words)).toBe(sum);
    return text;
  });
  // What no label names is a constant.
  const all = new Set(named.flat().map(({ bit }) => bit));
  expect(all.size).toBeGreaterThan(0);
  for (let bit = 0; bit < texts[0].length; bit++)
    if (!all.has(bit)) expect(new Set(texts.map((text) => text.at(-1 - bit))).size).toBe(1);
});

/** The number that the sentences of a sum end in, which the arithmetic before it gives. */
function lastNumber(words: string): number {
  const plain = words.replaceAll('−', '-');
  const formula = /([-\d+× ]+) = (-?\d+)\.$/.exec(plain);
  if (formula === null) return Number(/: (\d+) in binary\.$/.exec(plain)?.[1]);
  const sum = formula[1]
    .replaceAll(' ', '')
    .split(/(?=[-+])/)
    .map((term) => term.split('×').reduce((product, factor) => product * Number(factor), 1))
    .reduce((total, term) => total + term, 0);
  expect(sum).toBe(Number(formula[2]));
  return sum;
}

it('a sum whose bits count no powers of two says what they count', () => {
  const form = { base: -10, weights: [3, 6, 12, 7], low: -10, high: 18 };
  expect(sumWords(form, [1, 0, 1, 0])).toBe(
    'The bits of the sum, the highest first, are 0101. They count 7, 12, 6, 3, and 3 + 12 − 10 = 5.',
  );
  expect(sumWords(form, [0, 0, 0, 0])).toContain('and −10 = −10.');
  expect(sumWords({ base: 4, weights: [], low: 4, high: 4 }, [])).toBe('The sum is always 4.');
});

it('the adders of lanes have their lines in the module of the lanes', () => {
  const choice: HardwareChoice = { ...layer, weightBits: 1, style: 'folded' };
  const { tree, files } = buildHardware(choice);
  if (tree === undefined) throw new Error('expected a drawing');
  const { of, nodes, samples, file } = tree;
  expect(of).toBe('the lanes of one PE');
  const lines = files[file].split('\n');
  const from = lines.findIndex((line) => line.startsWith('module layer_lane ('));
  const to = lines.findIndex((line, i) => i > from && line.startsWith('endmodule'));
  for (const { label, line } of nodes) {
    if (line === undefined) continue;
    expect(line - 1).toBeGreaterThan(from);
    expect(line - 1).toBeLessThan(to);
    const name = /^(?:counter |adder )?(\w+(?:\[\d+\])?)/.exec(label)?.[1] ?? label;
    expect(lines[line - 1], label).toContain(name);
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
