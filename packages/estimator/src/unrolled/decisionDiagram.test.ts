import { type Literal, literalBit, Netlist, netlistBits } from '@hbnn/circuit';
import { random } from '@hbnn/core';
import { describe, expect, it } from 'vitest';
import { withFewGates } from './decisionDiagram.ts';

/** Each output for each combination of inputs. */
function valuesOf(net: Netlist): number[][] {
  return Array.from({ length: 2 ** net.inputCount }, (_, row) => {
    const bits = netlistBits(
      net,
      Array.from({ length: net.inputCount }, (__, i) => (row >> i) & 1),
    );
    return net.outputs.map((output) => literalBit(bits, output));
  });
}

const gateCount = (net: Netlist): number => {
  const live = net.live();
  return live.reduce((sum, on, node) => sum + (on === 1 && node > net.inputCount ? 1 : 0), 0);
};

/** Gates over so many inputs, drawn at random; some outputs inverted, constant, or inputs as they are. */
function randomNetlist(seed: number): Netlist {
  const rng = random('few inputs', seed);
  const net = new Netlist(1 + rng.below(8));
  const literals: Literal[] = [0, 1];
  for (let i = 0; i < net.inputCount; i++) literals.push(net.input(i));
  const pick = (): Literal => literals[rng.below(literals.length)] ^ rng.below(2);
  for (let i = 0; i < 4 + rng.below(20); i++) {
    const [a, b, c] = [pick(), pick(), pick()];
    const makes = [
      () => net.and(a, b),
      () => net.xor(a, b),
      () => net.xor3(a, b, c),
      () => net.majority(a, b, c),
      () => net.mux(a, b, c),
    ];
    literals.push(makes[rng.below(makes.length)]());
  }
  for (let i = 0; i < 1 + rng.below(5); i++) net.outputs.push(pick());
  return net;
}

describe('withFewGates', () => {
  it('makes logic of the same values, in either order', () => {
    for (let seed = 0; seed < 150; seed++) {
      const net = randomNetlist(seed);
      const is = valuesOf(net);
      for (const orders of ['last', 'some'] as const)
        expect(valuesOf(withFewGates(net, orders)), `seed ${seed}, ${orders}`).toEqual(is);
    }
  });

  it('finds that a sum of one bit several times is a few gates', () => {
    // 5a + 5b of two bits: adders make what 0, 5 and 10 are.
    const net = new Netlist(2);
    const [a, b] = [net.input(0), net.input(1)];
    const sums = [net.xor3(a, b, 0), net.xor3(net.and(a, b), 0, 0)];
    net.outputs.push(net.xor3(sums[0], sums[1], a), net.majority(sums[0], sums[1], a));
    const made = withFewGates(net, 'some');
    expect(valuesOf(made)).toEqual(valuesOf(net));
    expect(gateCount(made)).toBeLessThan(gateCount(net));
  });

  it('leaves what is as small already', () => {
    const net = new Netlist(3);
    net.outputs.push(net.and(net.input(0), net.and(net.input(1), net.input(2))));
    expect(withFewGates(net, 'some')).toBe(net);
  });
});
