import { inverse, type Literal, Netlist } from '@hbnn/circuit';
import { random } from '@hbnn/core';
import { describe, expect, it } from 'vitest';
import { registersOf } from '../unrolled/netlistCounts.ts';
import { reducedLogic } from './reducedLogic.ts';

/** Outputs of logic for one combination of inputs, as if registers were wires. */
function valuesOf(net: Netlist, inputs: number): number[] {
  const values = new Uint8Array(net.size);
  const at = (literal: Literal): number => values[literal >> 1] ^ (literal & 1);
  for (let node = 1; node < net.size; node++) {
    const kind = net.kind(node);
    const [a = 0, b = 0, c = 0] = net.reads(node).map(at);
    if (kind === 'input') values[node] = (inputs >> (node - 1)) & 1;
    else if (kind === 'register') values[node] = a;
    else if (kind === 'and') values[node] = a & b;
    else if (kind === 'xor') values[node] = a ^ b;
    else if (kind === 'xor3') values[node] = a ^ b ^ c;
    else if (kind === 'majority') values[node] = a + b + c >= 2 ? 1 : 0;
    else values[node] = a === 1 ? b : c;
  }
  return net.outputs.map(at);
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
