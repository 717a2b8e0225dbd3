import type { Period, StreamFunction } from './exploration.ts';
import { type Term, type Terms, zeroTerm } from './terms.ts';

/** A module between two streams and how its beats belong together. */
export interface ChainLink {
  readonly period: Period;
  readonly found: StreamFunction;
}

/** A bit of a beat of the stream that a chain of modules reads. */
export interface StreamBit {
  readonly beat: number;
  readonly bit: number;
}

/** What a chain of modules gives out for a beat, over bits of what it reads. */
export interface ChainBeat {
  /** All bits of the chain's input that the outputs depend on. */
  readonly reads: readonly StreamBit[];
  /** The outputs, with other terms in place of those bits. */
  over(of: (bit: StreamBit) => Term): Readonly<Record<string, readonly Term[]>>;
}

/** Modules one behind the other: beats of the last one's output over those of the first one's input. */
export class ChainFunction {
  private readonly terms: Terms;
  private readonly links: readonly ChainLink[];
  private readonly isZero: (beat: number, bit: number) => boolean;
  private readonly known = new Map<string, readonly Term[]>();
  private readonly symbols = new Map<string, readonly StreamBit[]>();

  /** @param isZero bits of the input that are always 0 */
  constructor(
    terms: Terms,
    links: readonly ChainLink[],
    isZero: (beat: number, bit: number) => boolean,
  ) {
    this.terms = terms;
    this.links = links;
    this.isZero = isZero;
  }

  /** @param asked the output ports that are of interest */
  beat(n: number, asked: readonly string[]): ChainBeat {
    const last = this.links.length - 1;
    const { first, ports: all } = this.at(last, n);
    const ports = Object.fromEntries(asked.map((port) => [port, all[port]]));
    const targets = new Map<string, Term>();
    const wanted = Object.values(ports).flat();
    for (const { beat, bit } of this.symbolsOf(n, asked))
      targets.set(`${beat} ${bit}`, this.input(last, first + beat, bit));
    const isWires = [...targets.values()].every((term) => term <= 1 || this.isSymbol(term));
    // Where more than wires lies before the last module, its logic is put in first.
    const made = isWires
      ? wanted
      : this.terms.replaced(
          wanted,
          (beat, bit) => targets.get(`${beat} ${bit}`) ?? zeroTerm,
          new Map(),
        );
    const through = (beat: number, bit: number): Term =>
      isWires ? (targets.get(`${beat} ${bit}`) ?? zeroTerm) : this.terms.symbol(beat, bit);
    const reads = isWires
      ? [...new Set(targets.values())].filter((term) => this.isSymbol(term))
      : this.terms.cone(made).filter((term) => this.isSymbol(term));
    return {
      reads: reads.map((term) => this.terms.symbolOf(term)),
      over: (of) => {
        const bits = this.terms.replaced(
          made,
          (beat, bit) => {
            const term = through(beat, bit);
            return this.isSymbol(term) ? of(this.terms.symbolOf(term)) : term;
          },
          new Map(),
        );
        let at = 0;
        return Object.fromEntries(
          Object.entries(ports).map(([port, { length }]) => {
            at += length;
            return [port, bits.slice(at - length, at)];
          }),
        );
      },
    };
  }

  private isSymbol(term: Term): boolean {
    return this.terms.kindOf(term) === 'symbol';
  }

  /** What a module gives out as its n-th beat, and the beat of its input that symbols count from. */
  private at(
    link: number,
    n: number,
  ): { readonly first: number; readonly ports: StreamFunction['beats'][number] } {
    const { period, found } = this.links[link];
    const begun = Math.floor(n / period.output);
    return { first: begun * period.input, ports: found.beats[n % period.output] };
  }

  /** The bits that ports of the last module depend on. Beats are counted from the first one of its period. */
  private symbolsOf(n: number, asked: readonly string[]): readonly StreamBit[] {
    const last = this.links.length - 1;
    const key = `${n % this.links[last].period.output} ${asked.join()}`;
    let found = this.symbols.get(key);
    if (found === undefined) {
      const { ports } = this.at(last, n);
      found = this.terms
        .cone(asked.flatMap((port) => ports[port]))
        .filter((term) => this.isSymbol(term))
        .map((term) => this.terms.symbolOf(term));
      this.symbols.set(key, found);
    }
    return found;
  }

  /** A bit that module number `link` reads, over the chain's input. */
  private input(link: number, beat: number, bit: number): Term {
    if (link === 0) return this.isZero(beat, bit) ? zeroTerm : this.terms.symbol(beat, bit);
    return this.outputOf(link - 1, beat)[bit];
  }

  /** Bits of the n-th beat that comes out of the last module, over bits of the chain's input. */
  output(n: number): readonly Term[] {
    return this.outputOf(this.links.length - 1, n);
  }

  private outputOf(link: number, n: number): readonly Term[] {
    const key = `${link} ${n}`;
    let found = this.known.get(key);
    if (found === undefined) {
      const { first, ports } = this.at(link, n);
      found = this.terms.replaced(
        ports.m_axis_tdata,
        (beat, bit) => this.input(link, first + beat, bit),
        new Map(),
      );
      this.known.set(key, found);
    }
    return found;
  }
}
