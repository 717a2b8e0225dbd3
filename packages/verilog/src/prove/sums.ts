import type { YosysBit } from '../yosys/yosys.ts';
import type { AdderGraph, AdderPart, Counter } from './adders.ts';

/** constant + Σ coefficient · bit. */
export interface LinearForm {
  readonly constant: number;
  readonly terms: readonly (readonly [bit: YosysBit, coefficient: number])[];
}

/**
 * Show that a sum of bits is 0 modulo 2^k for every input: each bit is replaced by the operands of the adder that made
 * it, from the outputs back to the inputs, where all has to cancel. A carry out of the last column weighs a multiple of
 * the modulus.
 *
 * @param modulus a power of two of at most 2^40
 * @returns undefined when shown, or the net at which it did not go on
 */
export function unprovedNet(
  graph: AdderGraph,
  form: LinearForm,
  modulus: number,
): number | 'constant' | undefined {
  return new Elimination(graph, modulus).run(form);
}

/** Wide enough for any sum of a layer, either way. */
const wide = 2 ** 40;

/** The largest value of a sum of bits, found from what they are made of; undefined where that is not adders. */
function largestValue(graph: AdderGraph, form: LinearForm): number | undefined {
  return new Elimination(graph, wide).largest(form);
}

class Elimination {
  private readonly graph: AdderGraph;
  private readonly modulus: number;
  private constant = 0;
  private readonly coefficients = new Map<number, number>();
  /** Nets by rank. */
  private readonly waiting: Set<number>[] = [];

  constructor(graph: AdderGraph, modulus: number) {
    this.graph = graph;
    this.modulus = modulus;
  }

  run(form: LinearForm): number | 'constant' | undefined {
    const stuck = this.toInputs(form);
    if (stuck !== undefined) return stuck;
    for (const [net, coefficient] of this.coefficients) if (coefficient !== 0) return net;
    return this.constant === 0 ? undefined : 'constant';
  }

  /** Where the sum is linear in inputs, its value at those that make it largest. */
  largest(form: LinearForm): number | undefined {
    if (this.toInputs(form) !== undefined) return undefined;
    const signed = (value: number): number =>
      2 * value > this.modulus ? value - this.modulus : value;
    let max = signed(this.constant);
    for (const coefficient of this.coefficients.values()) max += Math.max(0, signed(coefficient));
    return max;
  }

  private toInputs({ constant, terms }: LinearForm): number | undefined {
    this.constant = this.reduced(constant);
    for (const [bit, coefficient] of terms) this.add(bit, coefficient);
    for (let rank = this.waiting.length - 1; rank > 0; rank--) {
      const stuck = this.eliminate(this.waiting[rank] ?? new Set());
      if (stuck !== undefined) return stuck;
    }
    return undefined;
  }

  private reduced(value: number): number {
    const rest = value % this.modulus;
    return rest < 0 ? rest + this.modulus : rest;
  }

  private add(bit: YosysBit, coefficient: number): void {
    if (typeof bit !== 'number') {
      if (bit === '1') this.constant = this.reduced(this.constant + coefficient);
      return;
    }
    const { net, inverted } = this.graph.root(bit);
    if (inverted) this.constant = this.reduced(this.constant + coefficient);
    const before = this.coefficients.get(net) ?? 0;
    this.coefficients.set(net, this.reduced(before + (inverted ? -coefficient : coefficient)));
    const rank = this.graph.rank(net);
    this.waiting[rank] ??= new Set();
    this.waiting[rank].add(net);
  }

  /** Replace all nets of a rank; what they are made of has lower ones. */
  private eliminate(nets: Set<number>): number | undefined {
    const carries = new Map<number, { sum: number; net: number; part: AdderPart }>();
    const counters = new Set<Counter>();
    for (const net of nets) {
      const counter = this.graph.counter(net);
      if (counter !== undefined) {
        counters.add(counter);
        continue;
      }
      const coefficient = this.coefficients.get(net) ?? 0;
      if (coefficient === 0) continue;
      const part = this.graph.partOf(net);
      if (part === undefined) return net;
      this.coefficients.delete(net);
      this.constant = this.reduced(this.constant + coefficient * part.constant);
      part.nets.forEach((leaf, i) => {
        this.add(leaf, coefficient * part.coefficients[i]);
      });
      const sum = (carries.get(part.adder)?.sum ?? 0) + coefficient * part.carry;
      carries.set(part.adder, { sum: this.reduced(sum), net, part });
    }
    for (const { sum, net, part } of carries.values())
      if (sum !== 0 && !this.neverCarries(part)) return net;
    for (const counter of counters) {
      const stuck = this.count(counter);
      if (stuck !== undefined) return stuck;
    }
    return undefined;
  }

  /** Whether no two of an adder's operands are ever 1 at once: then its carry is 0. */
  private neverCarries({ adder, nets }: AdderPart): boolean {
    return this.graph.settled(`adder ${adder}`, () => {
      const terms = nets.map((net) => [net, 1] as const);
      return (largestValue(this.graph, { constant: 0, terms }) ?? 2) < 2;
    });
  }

  /** Whether what a counter adds up is always less than its outputs hold. */
  private fits({ outputs, inputs, weights, inverted }: Counter): boolean {
    return this.graph.settled(`counter ${outputs.join()}`, () => {
      const room = 2 ** outputs.length;
      const always0 = (i: number): boolean => inputs[i] === (inverted[i] ? '1' : '0');
      const each = weights.reduce((sum, weight, i) => sum + (always0(i) ? 0 : weight), 0);
      if (each < room) return true;
      // Not all of its inputs can be 1 at once, where they count the same bits.
      const constant = weights.reduce((sum, weight, i) => sum + (inverted[i] ? weight : 0), 0);
      const terms = inputs.map((bit, i) => [bit, inverted[i] ? -weights[i] : weights[i]] as const);
      return (largestValue(this.graph, { constant, terms }) ?? room) < room;
    });
  }

  private count(counter: Counter): number | undefined {
    const { outputs, inputs, weights, inverted } = counter;
    const coefficientOf = (bit: YosysBit | undefined): number =>
      typeof bit === 'number' ? (this.coefficients.get(bit) ?? 0) : 0;
    const unit = coefficientOf(outputs[0]);
    for (let j = 0; j < outputs.length; j++) {
      const bit = outputs[j];
      if (coefficientOf(bit) !== this.reduced(unit * 2 ** j)) return bit as number;
      if (typeof bit === 'number') this.coefficients.delete(bit);
    }
    // Beyond its outputs it counts modulo 2^outputs: a multiple of that has to vanish, or never to come.
    const multiple = this.reduced(unit * 2 ** outputs.length);
    if (multiple !== 0 && !this.fits(counter)) return outputs[0] as number;
    inputs.forEach((bit, i) => {
      const weight = unit * weights[i];
      if (inverted[i]) this.constant = this.reduced(this.constant + weight);
      this.add(bit, inverted[i] ? -weight : weight);
    });
    return undefined;
  }
}
