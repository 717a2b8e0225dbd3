import { inverse, type Literal, literalBit, Netlist, netlistBits } from '@hbnn/circuit';
import { random } from '@hbnn/core';
import { describe, expect, it } from 'vitest';
import { registersOf } from '../unrolled/netlistCounts.ts';
import { reducedLogic } from './reducedLogic.ts';

/** The outputs for one combination of inputs, as if registers were wires. */
function valuesOf(net: Netlist, inputs: number): number[] {
  const bits = netlistBits(
    net,
    Array.from({ length: net.inputCount }, (_, i) => (inputs >> i) & 1),
  );
  return net.outputs.map((output) => literalBit(bits, output));
}

/** Gates and registers drawn one after the other. */
function drawnLogic(seed: number): Netlist {
  const rng = random('reduced logic', seed);
  const net = new Netlist(6);
  const nets = Array.from({ length: 6 }, (_, i) => net.input(i));
  const pick = (): Literal => {
    const literal = nets[rng.below(nets.length)];
    return rng.below(2) === 0 ? literal : inverse(literal);
  };
  for (let n = 0; n < 20; n++) {
    const [a, b, c] = [pick(), pick(), pick()];
    const made = [
      () => net.and(a, b),
      () => net.xor(a, b),
      () => net.mux(a, b, c),
      () => net.majority(a, b, c),
      () => net.xor3(a, b, c),
      () => net.register(a),
    ][rng.below(6)]();
    nets.push(made);
  }
  net.outputs.push(...nets.slice(-4));
  return net;
}

describe('reducedLogic', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('computes the same, seed %i', (seed) => {
    const net = drawnLogic(seed);
    const reduced = reducedLogic(net);
    for (let inputs = 0; inputs < 64; inputs++)
      expect(valuesOf(reduced, inputs)).toEqual(valuesOf(net, inputs));
    expect(registersOf(reduced)).toBeLessThanOrEqual(registersOf(net));
  });

  it('leaves out registers that another comparison decides', () => {
    const net = new Netlist(3);
    const [a, b, c] = [0, 1, 2].map((i) => net.register(net.input(i)));
    // Where a is 1, the choice takes a itself.
    net.outputs.push(net.and(a, net.or(a, net.and(b, c))));
    expect(registersOf(net)).toBe(3);
    expect(registersOf(reducedLogic(net))).toBe(1);
  });
});
