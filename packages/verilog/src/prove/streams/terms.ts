import { gateNumber } from '../../yosys/cells.ts';
import type { YosysCell } from '../../yosys/yosys.ts';
import { counterOf, weightedSum } from '../netlist.ts';

/** The number of a term. Equal terms have equal numbers. */
export type Term = number;

/** Terms without operands. `unknown` may be 0 or 1, and another one each time that it is looked at. */
export const [zeroTerm, oneTerm, unknown] = [0, 1, 2] as const;

export const isConstant = (term: Term): boolean => term === zeroTerm || term === oneTerm;

const kinds = ['constant', 'symbol', 'not', 'and', 'or', 'xor', 'mux', 'count', 'pair'] as const;
export type TermKind = (typeof kinds)[number];
const [symbolKind, notKind, andKind, orKind, xorKind, muxKind, countKind, pairKind] = [
  1, 2, 3, 4, 5, 6, 7, 8,
];

/** Room for the number of a term within a key. */
const room = 2 ** 24;

/** Two terms as tables of themselves: bit r is bit 0, and bit 1, of r. */
const pairTables = [0b1010, 0b1100] as const;

function gateTable(kind: number, [a, b, s = 0]: readonly number[]): number {
  switch (kind) {
    case andKind:
      return a & b;
    case orKind:
      return a | b;
    case xorKind:
      return a ^ b;
    default:
      return (a & ~s) | (b & s);
  }
}

/** An instance of a counter whose inputs are terms. */
export interface CounterUse {
  readonly cell: YosysCell;
  readonly inputs: readonly Term[];
  readonly outputs: readonly Term[];
}

/** Logic over the bits of a stream's beats, every function of the same operands once. */
export class Terms {
  private readonly kind: number[] = [0, 0, 0];
  private readonly first: number[] = [0, 0, 0];
  private readonly second: number[] = [0, 0, 0];
  private readonly known = new Map<number, Term>();
  private readonly uses: CounterUse[] = [];
  private readonly knownUses = new Map<string, CounterUse>();
  private readonly maxTerms: number;

  /** @param maxTerms how many there may be before `TooManyTerms` is thrown */
  constructor(maxTerms: number) {
    this.maxTerms = Math.min(maxTerms, room - 1);
  }

  get count(): number {
    return this.kind.length;
  }

  kindOf(term: Term): TermKind {
    return kinds[this.kind[term]];
  }

  /** A bit of a beat. Beats are numbered from the first one of an image. */
  symbol(beat: number, bit: number): Term {
    return this.made(symbolKind, beat, bit);
  }

  /** The beat and the bit of a symbol. */
  symbolOf(term: Term): { readonly beat: number; readonly bit: number } {
    return { beat: this.first[term], bit: this.second[term] };
  }

  not(a: Term): Term {
    if (a < unknown) return 1 - a;
    if (a === unknown) return unknown;
    return this.kind[a] === notKind ? this.first[a] : this.made(notKind, a, 0);
  }

  and(a: Term, b: Term): Term {
    if (a === zeroTerm || b === zeroTerm) return zeroTerm;
    if (a === oneTerm || a === b) return b;
    if (b === oneTerm) return a;
    if (a === unknown || b === unknown) return unknown;
    return this.ofPair(andKind, a, b) ?? this.ordered(andKind, a, b);
  }

  or(a: Term, b: Term): Term {
    if (a === oneTerm || b === oneTerm) return oneTerm;
    if (a === zeroTerm || a === b) return b;
    if (b === zeroTerm) return a;
    if (a === unknown || b === unknown) return unknown;
    return this.ofPair(orKind, a, b) ?? this.ordered(orKind, a, b);
  }

  xor(a: Term, b: Term): Term {
    if (a === unknown || b === unknown) return unknown;
    if (a === zeroTerm) return b;
    if (b === zeroTerm) return a;
    if (a === oneTerm) return this.not(b);
    if (b === oneTerm) return this.not(a);
    const [p, q] = [this.plain(a), this.plain(b)];
    const isInverse = (p === a) !== (q === b);
    const parity = p === q ? zeroTerm : (this.ofPair(xorKind, p, q) ?? this.ordered(xorKind, p, q));
    return isInverse ? this.not(parity) : parity;
  }

  /** s ? b : a */
  mux(a: Term, b: Term, s: Term): Term {
    if (s === zeroTerm || a === b) return a;
    if (s === oneTerm) return b;
    if (a === unknown || b === unknown || s === unknown) return unknown;
    if (a === zeroTerm) return this.and(b, s);
    if (b === zeroTerm) return this.and(a, this.not(s));
    if (a === oneTerm) return this.or(b, this.not(s));
    if (b === oneTerm) return this.or(a, s);
    const simple = this.ofPair(muxKind, a, b, s);
    return simple ?? this.made(muxKind, this.made(pairKind, a, b), s);
  }

  /** What a gate of Yosys makes of its operands, by its number in `yosysGates`. */
  gate(gate: number, a: Term, b: Term, s: Term): Term {
    switch (gate) {
      case 0:
        return this.not(a);
      case 1:
        return a;
      case 2:
        return this.and(a, b);
      case 3:
        return this.not(this.and(a, b));
      case 4:
        return this.or(a, b);
      case 5:
        return this.not(this.or(a, b));
      case 6:
        return this.xor(a, b);
      case 7:
        return this.not(this.xor(a, b));
      case 8:
        return this.and(a, this.not(b));
      case 9:
        return this.or(a, this.not(b));
      default:
        return this.mux(a, b, s);
    }
  }

  /** What a counter of the file of primitives makes of its inputs. */
  counter(cell: YosysCell, inputs: readonly Term[]): readonly Term[] {
    const counter = counterOf(cell);
    if (counter === undefined) throw new Error(`${cell.type} is no counter`);
    const { outputs, weights, inverted } = counter;
    if (inputs.includes(unknown)) return outputs.map(() => unknown);
    if (inputs.every(isConstant)) {
      const sum = inputs.reduce((all, bit, i) => all + (bit ^ +inverted[i]) * weights[i], 0);
      return outputs.map((_, j) => Math.floor(sum / 2 ** j) % 2);
    }
    const key = `${cell.type} ${JSON.stringify(cell.parameters)} ${outputs.length} ${inputs.join()}`;
    let use = this.knownUses.get(key);
    if (use === undefined) {
      const made = outputs.map((_, j) => this.made(countKind, this.uses.length, j));
      use = { cell, inputs, outputs: made };
      this.uses.push(use);
      this.knownUses.set(key, use);
    }
    return use.outputs;
  }

  /** The bits of Σ weight · input, from the lowest on. */
  sum(inputs: readonly Term[], weights: readonly number[], width: number): readonly Term[] {
    const outputs = Array.from({ length: width }, () => 0);
    return this.counter(weightedSum(weights, inputs, outputs), inputs);
  }

  /** The operands that a term is made of, in order; of a choice between two: both, then what chooses. */
  operands(term: Term): readonly Term[] {
    const [a, b] = [this.first[term], this.second[term]];
    switch (this.kind[term]) {
      case notKind:
        return [a];
      case andKind:
      case orKind:
      case xorKind:
        return [a, b];
      case muxKind:
        return [this.first[a], this.second[a], b];
      case countKind:
        return this.uses[a].inputs;
      default:
        return [];
    }
  }

  /** The counter that a term is an output of. */
  useOf(term: Term): CounterUse | undefined {
    return this.kind[term] === countKind ? this.uses[this.first[term]] : undefined;
  }

  /** What a term is where its operands have values. */
  valueOf(term: Term, of: (operand: Term) => number): number {
    const values = this.operands(term).map(of);
    switch (this.kind[term]) {
      case notKind:
        return 1 - values[0];
      case muxKind:
        return values[2] === 1 ? values[1] : values[0];
      case countKind: {
        const counter = counterOf(this.uses[this.first[term]].cell);
        if (counter === undefined) throw new Error(`${term} is no counter`);
        const sum = counter.weights.reduce(
          (all, weight, i) => all + (values[i] ^ +counter.inverted[i]) * weight,
          0,
        );
        return Math.floor(sum / 2 ** this.second[term]) % 2;
      }
      default:
        return gateTable(this.kind[term], values) & 1;
    }
  }

  /**
   * Terms that some are made of, each after its operands; constants are none.
   *
   * @param ends terms behind which it does not go on
   */
  cone(roots: Iterable<Term>, ends: ReadonlySet<Term> = new Set()): Term[] {
    const seen = new Set<Term>();
    const order: Term[] = [];
    for (const root of roots) {
      const stack = [root];
      while (stack.length > 0) {
        const term = stack[stack.length - 1];
        if (term <= unknown || seen.has(term)) {
          stack.pop();
          continue;
        }
        const operands = ends.has(term) ? [] : this.operands(term);
        const open = operands.filter((t) => t > unknown && !seen.has(t));
        if (open.length > 0) {
          stack.push(...open);
          continue;
        }
        stack.pop();
        seen.add(term);
        order.push(term);
      }
    }
    return order;
  }

  /**
   * The same terms with other symbols, all different, in place of theirs, or with unknown bits. What is made of symbols
   * alone keeps its form, whatever the order of the new ones.
   *
   * @param known what terms have become so far; symbols that are not in it are asked for
   */
  renamed(
    roots: readonly Term[],
    of: (beat: number, bit: number) => Term,
    known: Map<Term, Term>,
  ): Term[] {
    return this.replaced(roots, of, known, true);
  }

  /**
   * The same terms with others in place of their symbols.
   *
   * @param known what terms have become so far; symbols that are not in it are asked for
   */
  replaced(
    roots: readonly Term[],
    of: (beat: number, bit: number) => Term,
    known: Map<Term, Term>,
    keepsForm = false,
  ): Term[] {
    const now = (term: Term): Term => (term <= unknown ? term : (known.get(term) ?? term));
    const open = (term: Term): boolean => term > unknown && !known.has(term);
    for (const root of roots) {
      const stack = [root];
      while (stack.length > 0) {
        const term = stack[stack.length - 1];
        if (!open(term)) {
          stack.pop();
          continue;
        }
        const waiting = this.operands(term).filter(open);
        if (waiting.length > 0) stack.push(...waiting);
        else {
          stack.pop();
          const isKept = keepsForm && this.operands(term).every((own) => now(own) > unknown);
          const made = isKept ? this.copied(term, now) : undefined;
          known.set(term, made ?? this.rebuilt(term, of, now));
        }
      }
    }
    return roots.map(now);
  }

  /** A term of the same form; undefined for what is no gate. */
  private copied(term: Term, now: (term: Term) => Term): Term | undefined {
    const [kind, a, b] = [this.kind[term], this.first[term], this.second[term]];
    if (kind === notKind) return this.made(kind, now(a), 0);
    if (kind === andKind || kind === orKind || kind === xorKind)
      return this.ordered(kind, now(a), now(b));
    if (kind !== muxKind) return undefined;
    const pair = this.made(pairKind, now(this.first[a]), now(this.second[a]));
    return this.made(kind, pair, now(b));
  }

  private rebuilt(
    term: Term,
    of: (beat: number, bit: number) => Term,
    now: (term: Term) => Term,
  ): Term {
    const [a, b] = [this.first[term], this.second[term]];
    switch (this.kind[term]) {
      case symbolKind:
        return of(a, b);
      case notKind:
        return this.not(now(a));
      case andKind:
        return this.and(now(a), now(b));
      case orKind:
        return this.or(now(a), now(b));
      case xorKind:
        return this.xor(now(a), now(b));
      case muxKind:
        return this.mux(now(this.first[a]), now(this.second[a]), now(b));
      default: {
        const { cell, inputs } = this.uses[a];
        return this.counter(cell, inputs.map(now))[b];
      }
    }
  }

  private ordered(kind: number, a: Term, b: Term): Term {
    return a < b ? this.made(kind, a, b) : this.made(kind, b, a);
  }

  /**
   * Some logic depends on two terms alone, but is made of several gates. Adders with constant inputs become such logic,
   * and the proof would not find their parts. This function gives one gate of the two terms for it.
   */
  private ofPair(kind: number, a: Term, b: Term, s: Term = zeroTerm): Term | undefined {
    const inputs = kind === muxKind ? [a, b, s] : [a, b];
    const roots = inputs.map((input) => this.plain(input));
    // As few of the operands as can be are seen as what they are made of.
    for (let opened = 1; opened < 2 ** inputs.length; opened++) {
      const leaves = new Set<Term>();
      roots.forEach((root, i) => {
        const isOpen = ((opened >> i) & 1) === 1 && this.isGate(root);
        for (const leaf of isOpen ? [this.first[root], this.second[root]] : [root])
          leaves.add(this.plain(leaf));
      });
      if (leaves.size > 2) continue;
      const pair = [...leaves];
      if (inputs.some((input) => pair.includes(input)) && pair.length === inputs.length) {
        // The operands themselves, unless one of them is made of the other.
        const isOpened = roots.some((root) => !pair.includes(root));
        if (!isOpened) continue;
      }
      const tables = inputs.map((input) => this.table(input, pair));
      if (tables.some((table) => table < 0)) continue;
      return this.fromTable(gateTable(kind, tables), pair);
    }
    return undefined;
  }

  /** A term without the inversion around it. */
  plain(term: Term): Term {
    return this.kind[term] === notKind ? this.first[term] : term;
  }

  private isGate(term: Term): boolean {
    return this.kind[term] >= andKind && this.kind[term] <= xorKind;
  }

  /** A term as a table of two others: bit r is its value where they are the bits of r; −1 where it is none. */
  private table(term: Term, pair: readonly Term[]): number {
    const root = this.plain(term);
    const inverted = root === term ? 0 : 15;
    const at = pair.indexOf(root);
    if (at >= 0) return pairTables[at] ^ inverted;
    if (!this.isGate(root)) return -1;
    const own = [this.first[root], this.second[root]].map((operand) => {
      const leaf = this.plain(operand);
      const place = pair.indexOf(leaf);
      return place < 0 ? -1 : pairTables[place] ^ (leaf === operand ? 0 : 15);
    });
    return own.some((each) => each < 0) ? -1 : gateTable(this.kind[root], own) ^ inverted;
  }

  private fromTable(table: number, [p, q = zeroTerm]: readonly Term[]): Term {
    const ones = [0, 1, 2, 3].filter((row) => ((table >> row) & 1) === 1);
    const literal = (row: number): Term =>
      this.ordered(andKind, (row & 1) === 1 ? p : this.not(p), (row & 2) === 2 ? q : this.not(q));
    switch (table) {
      case 0:
        return zeroTerm;
      case 15:
        return oneTerm;
      case pairTables[0]:
        return p;
      case pairTables[1]:
        return q;
      case 15 ^ pairTables[0]:
        return this.not(p);
      case 15 ^ pairTables[1]:
        return this.not(q);
      case pairTables[0] ^ pairTables[1]:
        return this.ordered(xorKind, p, q);
      case 15 ^ pairTables[0] ^ pairTables[1]:
        return this.not(this.ordered(xorKind, p, q));
      default:
        if (ones.length === 1) return literal(ones[0]);
        return this.not(literal([0, 1, 2, 3].find((row) => !ones.includes(row)) ?? 0));
    }
  }

  private made(kind: number, a: number, b: number): Term {
    const key = (kind * room + a) * room + b;
    const found = this.known.get(key);
    if (found !== undefined) return found;
    const term = this.kind.length;
    if (term >= this.maxTerms) throw new TooManyTerms();
    this.kind.push(kind);
    this.first.push(a);
    this.second.push(b);
    this.known.set(key, term);
    return term;
  }
}

/** A module's logic over an image is larger than can be held. */
export class TooManyTerms extends Error {}

/** The numbers of gates that terms are written as. */
export const gateOfKind: Partial<Record<TermKind, number>> = {
  not: gateNumber('$_NOT_'),
  and: gateNumber('$_AND_'),
  or: gateNumber('$_OR_'),
  xor: gateNumber('$_XOR_'),
  mux: gateNumber('$_MUX_'),
};
