import { random } from '@hbnn/core';
import { expect, it } from 'vitest';
import { BitHeap } from './bitHeap.ts';
import { inverse, Netlist } from './netlist.ts';
import { literalBit, netlistBits } from './netlistBits.ts';

it('gives the bits of gates, registers and inverted outputs', () => {
  const net = new Netlist(3);
  const [a, b, c] = [0, 1, 2].map((i) => net.input(i));
  net.outputs.push(
    net.and(a, inverse(b)),
    net.xor(a, b),
    net.xor3(a, b, c),
    net.majority(a, b, c),
    net.mux(a, b, c),
    inverse(net.register(c)),
    1,
    0,
  );
  for (let row = 0; row < 8; row++) {
    const [x, y, z] = [row & 1, (row >> 1) & 1, row >> 2];
    const bits = netlistBits(net, [x, y, z]);
    expect(net.outputs.map((output) => literalBit(bits, output))).toEqual([
      x * (1 - y),
      (x + y) % 2,
      (x + y + z) % 2,
      x + y + z >= 2 ? 1 : 0,
      x === 1 ? y : z,
      1 - z,
      1,
      0,
    ]);
  }
});

it.each(['gates', 'xc7'] as const)('comes to the sum of a heap of bits: %s', (style) => {
  const rng = random(1, 'heaps');
  const net = new Netlist(40);
  const weights = Array.from({ length: 40 }, () => 1 + rng.below(12));
  const heap = new BitHeap();
  weights.forEach((weight, i) => {
    heap.add(weight, net.input(i));
  });
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const { bits: sum, base, shift } = heap.sum(net, style, BigInt(total));
  for (let n = 0; n < 20; n++) {
    const inputs = weights.map(() => rng.below(2));
    const bits = netlistBits(net, inputs);
    const value = sum.reduce((so, bit, i) => so + 2 ** (shift + i) * literalBit(bits, bit), 0);
    expect(Number(base) + value).toBe(weights.reduce((so, w, i) => so + w * inputs[i], 0));
  }
  if (style === 'xc7') expect(net.cells.map(({ kind }) => kind)).toContain('count7');
});

it('refuses other inputs than one bit each', () => {
  const net = new Netlist(2);
  net.outputs.push(net.and(net.input(0), net.input(1)));
  expect(() => netlistBits(net, [1])).toThrow(
    'inputs: expected a bit for each of the 2 inputs of the netlist, got 1',
  );
  expect(() => netlistBits(net, [1, 2])).toThrow('inputs[1]: expected the bit 0 or 1, got 2');
});
