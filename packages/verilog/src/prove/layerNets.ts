import type { Bus, Form } from '@hbnn/circuit';
import type { YosysBit, YosysModule } from '../yosys/yosys.ts';
import { AdderGraph, type Counter } from './adders.ts';
import type { Claim } from './claim.ts';
import type { Terms } from './modelSums.ts';
import { counterOf, type FlatModule } from './netlist.ts';
import { type LinearForm, unprovedNet } from './sums.ts';

/** A module without registers, whatever its output port is called: its gates and its primitives. */
export interface FlatLayer {
  readonly module: YosysModule;
  readonly counters: readonly Counter[];
}

/** Gates and primitives of a module, with ports x and y. */
export function flatLayer({ inputs, outputs, cells }: FlatModule, port: string): FlatLayer {
  const ports = {
    x: { direction: 'input', bits: inputs.x ?? [] },
    y: { direction: 'output', bits: outputs[port] ?? [] },
  };
  return {
    module: { ports, cells: Object.fromEntries(cells.entries()), netnames: {} },
    counters: cells.flatMap((cell) => counterOf(cell) ?? []),
  };
}

/** Outputs of a layer of sums that the adders do not show to be right, with the net where it ended; none: it is proved. */
export function unprovedSums(
  { module, counters }: FlatLayer,
  { input, output }: Pick<Claim, 'input' | 'output'>,
  sums: readonly Terms[],
  outOfTime: () => boolean,
): { readonly output: number; readonly reason: string }[] {
  const x = module.ports.x?.bits ?? [];
  const y = module.ports.y?.bits ?? [];
  const graph = new AdderGraph(module, counters, y);
  return sums.flatMap((terms, o) => {
    if (outOfTime()) return [{ output: o, reason: 'out of time' }];
    const claim = difference(graph, input, output, x, y, terms, o);
    if (typeof claim === 'string') return [{ output: o, reason: claim }];
    const net = unprovedNet(graph, claim.form, claim.modulus);
    return net === undefined ? [] : [{ output: o, reason: `its adders end at net ${net}` }];
  });
}

const maxModulus = 2 ** 40;

/**
 * The output less what it should be, and a modulus above any value that the difference can have: where it is 0 modulo
 * that, it is 0.
 */
function difference(
  graph: AdderGraph,
  input: Bus,
  output: Bus,
  x: readonly YosysBit[],
  y: readonly YosysBit[],
  terms: Terms,
  o: number,
): { readonly form: LinearForm; readonly modulus: number } | string {
  let [low, high] = [0, 0];
  const out = output.forms[o];
  const own = out.weights.map((_, j) => y[output.offsets[o] + j]);
  const { base, weights, taken } = withoutRepeats(graph, out, own);
  let constant = base;
  const bits = weights.map((weight, j): [YosysBit, number] => [taken[j], weight]);
  for (const [i, weight] of terms) {
    const form = input.forms[i];
    const ends = [weight * form.low, weight * form.high];
    low += Math.min(...ends);
    high += Math.max(...ends);
    constant -= weight * form.base;
    form.weights.forEach((unit, j) => {
      bits.push([x[input.offsets[i] + j], -weight * unit]);
    });
  }
  const room = (sign: number): number =>
    weights.reduce((sum, weight) => sum + (sign * weight > 0 ? weight : 0), base);
  if (low < room(-1) || high > room(1)) return 'its bits do not hold all of its values';
  const unit = Math.abs(weights[0] ?? 1);
  const modulus = unit * 2 ** weights.length;
  const binary = weights.every((weight, j) =>
    j + 1 < weights.length ? weight === unit * 2 ** j : Math.abs(weight) === unit * 2 ** j,
  );
  if (!binary || modulus > maxModulus || !Number.isInteger(Math.log2(unit)))
    return 'its bits are not those of binary';
  // No bits: the sum is always the same, whatever the modulus.
  return { form: { constant, terms: bits }, modulus: weights.length === 0 ? maxModulus : modulus };
}

/** A word in two's complement without the bits that are its sign once more, or always the same. */
function withoutRepeats(
  graph: AdderGraph,
  { base, weights }: Form,
  bits: readonly YosysBit[],
): {
  readonly base: number;
  readonly weights: readonly number[];
  readonly taken: readonly YosysBit[];
} {
  const last = weights.length - 1;
  if (last < 0 || weights[last] > 0) return { base, weights, taken: bits };
  const key = (bit: YosysBit): string => {
    if (typeof bit !== 'number') return bit;
    const { net, inverted } = graph.root(bit);
    return `${net} ${inverted}`;
  };
  let first = last;
  while (first > 0 && key(bits[first - 1]) === key(bits[last])) first--;
  // The weights of the sign and its repeats add up to that of one sign, in the lowest one's place.
  const sign = weights.slice(first).reduce((sum, weight) => sum + weight, 0);
  const top = bits[last];
  if (typeof top !== 'number')
    return {
      base: base + (top === '1' ? sign : 0),
      weights: weights.slice(0, first),
      taken: bits.slice(0, first),
    };
  return { base, weights: [...weights.slice(0, first), sign], taken: bits.slice(0, first + 1) };
}

/** The elements of a layer's input that each of its outputs depends on, in the hardware or in the model. */
export function readElements(
  { module, counters }: FlatLayer,
  { input, output, dependencies: inModel }: Claim,
): number[][] {
  const elementOf = new Map<YosysBit, number>();
  const x = module.ports.x?.bits ?? [];
  input.forms.forEach(({ weights }, i) => {
    for (let j = 0; j < weights.length; j++) elementOf.set(x[input.offsets[i] + j], i);
  });
  const readsOf = new Map<YosysBit, readonly YosysBit[]>();
  for (const { inputs, outputs } of counters) for (const bit of outputs) readsOf.set(bit, inputs);
  for (const { connections } of Object.values(module.cells)) {
    const { Y, Q, ...others } = connections;
    for (const bit of [...(Y ?? []), ...(Q ?? [])]) readsOf.set(bit, Object.values(others).flat());
  }
  const y = module.ports.y?.bits ?? [];
  return output.forms.map(({ weights }, o) => {
    const stack = y.slice(output.offsets[o], output.offsets[o] + weights.length);
    const seen = new Set<YosysBit>(stack);
    const found = new Set<number>(inModel[o]);
    for (let bit = stack.pop(); bit !== undefined; bit = stack.pop()) {
      const element = elementOf.get(bit);
      if (element !== undefined) found.add(element);
      for (const next of readsOf.get(bit) ?? []) {
        if (typeof next !== 'number' || seen.has(next)) continue;
        seen.add(next);
        stack.push(next);
      }
    }
    return [...found];
  });
}
