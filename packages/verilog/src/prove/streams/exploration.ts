import type { FlatModule } from '../netlist.ts';
import { type CellFunction, NotComputable, SymbolicModule, settledBit } from './symbolicModule.ts';
import { oneTerm, type Term, type Terms, unknown, zeroTerm } from './terms.ts';

/** The beats of a module's input and output after which the module is back in the state in which it began. */
export interface Period {
  readonly input: number;
  readonly output: number;
}

/** What a module between two streams gives out for each beat, whenever the two ends of it pause. */
export interface StreamFunction {
  /** Bits of the output ports, beat after beat, over the bits of the input's beats. */
  readonly beats: readonly Readonly<Record<string, readonly Term[]>>[];
  /** How many states of its control there are. */
  readonly states: number;
}

export interface ExplorationOptions {
  readonly period: Period;
  /** Output ports that go with the beats. */
  readonly ports: readonly string[];
  readonly maxStates: number;
  /** Bits of all states together. */
  readonly maxBits: number;
  /** What cells of these types compute. */
  readonly functions?: ReadonlyMap<string, CellFunction>;
  /**
   * Whether the module counts on its sender to offer a beat until it is taken, as the rules of AXI-Stream say. Other modules
   * are followed with senders that do not.
   */
  readonly countsOnOffer?: boolean;
  outOfTime(): boolean;
}

/** A state of the registers, and how many beats of a period have been taken in and given out. */
interface State {
  readonly input: number;
  readonly output: number;
  /** The sender offers a beat that it has to go on offering. */
  readonly offered: boolean;
  /** The module offered a beat in the cycle before that was not taken. */
  readonly waits: boolean;
  registers: Int32Array;
  waiting: boolean;
}

/** Where a state goes in a cycle. */
interface Move {
  readonly to: number;
  readonly took: boolean;
  readonly gave: boolean;
}

/**
 * Follow a module from its reset through every state that it can reach. The bits of beats are symbols, and both ends of
 * the module pause in all possible ways. If two sequences of pauses lead to equal control after equally many beats, but
 * to different terms in a register, this register counts as unknown from there on. The result holds for all images:
 *
 * - valid and ready do not depend on data, and valid does not depend on the ready of the receiver;
 * - a beat of the output has the same terms after all sequences of pauses, and stays until the receiver takes it;
 * - the module does not stop for ever, and it gives all beats of an image without waiting for the next image.
 *
 * A module that counts on its sender is right because the same is shown of the module before: the second point.
 *
 * @throws NotComputable where one of these does not hold, with the reason
 */
export function exploreStream(
  module: FlatModule,
  terms: Terms,
  o: ExplorationOptions,
): StreamFunction {
  return new Exploration(module, terms, o).run();
}

const choices = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
] as const;

/** How many images may be in a module at once, before the proof gives up. */
const maxImagesWithin = 8;

class Exploration {
  private readonly module: SymbolicModule;
  private readonly terms: Terms;
  private readonly o: ExplorationOptions;
  private readonly width: number;
  private readonly states: State[] = [];
  private readonly numbers = new Map<string, number>();
  private readonly open: number[] = [];
  private readonly beats: Record<string, readonly Term[]>[] = [];
  /** Terms an image earlier. */
  private readonly earlier = new Map<Term, Term>();
  /** Where each state goes while beats come and are taken, and while none come. */
  private readonly running: Move[] = [];
  private readonly draining: Move[] = [];

  constructor(module: FlatModule, terms: Terms, o: ExplorationOptions) {
    this.module = new SymbolicModule(module, terms, 's_axis_tdata', o.functions ?? new Map());
    this.terms = terms;
    this.o = o;
    this.width = module.inputs.s_axis_tdata?.length ?? 0;
  }

  run(): StreamFunction {
    this.enter({ input: 0, output: 0, offered: false, waits: false }, this.afterReset());
    for (let n = this.open.pop(); n !== undefined; n = this.open.pop()) {
      if (this.o.outOfTime()) throw new NotComputable('out of time');
      this.states[n].waiting = false;
      this.leave(n);
    }
    this.checkProgress();
    const { output } = this.o.period;
    for (let beat = 0; beat < output; beat++)
      if (this.beats[beat] === undefined) throw new NotComputable(`beat ${beat} never comes out`);
    return { beats: this.beats.slice(0, output), states: this.states.length };
  }

  /** Whatever the registers held before. */
  private afterReset(): Int32Array {
    const { module } = this;
    module.load(new Int32Array(module.registers.length).fill(unknown));
    this.drive(zeroTerm, undefined, unknown, unknown);
    module.evaluate();
    return module.next();
  }

  private drive(running: Term, beat: number | undefined, valid: Term, ready: Term): void {
    const { module, width, o } = this;
    module.put('aresetn', [running]);
    module.put('s_axis_tvalid', [valid]);
    module.put('m_axis_tready', [ready]);
    module.put(
      's_axis_tdata',
      Array.from({ length: width }, (_, bit) =>
        beat === undefined ? unknown : this.terms.symbol(beat, bit),
      ),
    );
    const last = beat === undefined ? unknown : beat % o.period.input === o.period.input - 1;
    module.put('s_axis_tlast', [typeof last === 'boolean' ? +last : last]);
  }

  private leave(n: number): void {
    const { module } = this;
    const { input, output, offered, waits, registers } = this.states[n];
    const valids: number[] = [];
    for (const [valid, ready] of choices) {
      if (offered && valid === 0) continue;
      module.load(registers);
      this.drive(oneTerm, valid === 1 ? input : undefined, valid, ready);
      module.evaluate();
      const gives = settledBit(module.at('m_axis_tvalid')[0], 'm_axis_tvalid');
      const takes = settledBit(module.at('s_axis_tready')[0], 's_axis_tready');
      if (ready === 0) valids[valid] = gives;
      else if (valids[valid] !== gives)
        throw new NotComputable('m_axis_tvalid depends on m_axis_tready');
      if (gives === 1) this.give(output);
      else if (waits) throw new NotComputable('a beat that waits is not offered any longer');
      const [took, gave] = [valid === 1 && takes === 1, gives === 1 && ready === 1];
      const keeps = this.o.countsOnOffer === true && valid === 1 && !took;
      const to = this.enter(
        {
          input: input + +took,
          output: output + +gave,
          offered: keeps,
          waits: gives === 1 && ready === 0,
        },
        module.next(),
      );
      const move = { to, took, gave };
      if (ready === 0) continue;
      if (valid === 1) this.running[n] = move;
      if (valid === 0 || offered) this.draining[n] = move;
    }
  }

  /** A beat at the output is what it was on all other ways. */
  private give(output: number): void {
    const { period, ports } = this.o;
    const [image, beat] = [Math.floor(output / period.output), output % period.output];
    let bits: Record<string, readonly Term[]> = {};
    for (const port of ports) bits[port] = this.module.at(port);
    for (let i = 0; i < image; i++)
      bits = Object.fromEntries(
        Object.entries(bits).map(([port, own]) => [port, this.imageEarlier(own)]),
      );
    const before = this.beats[beat];
    if (before === undefined) {
      this.beats[beat] = bits;
      return;
    }
    for (const port of ports)
      bits[port].forEach((term, i) => {
        if (term !== before[port][i])
          throw new NotComputable(
            `bit ${i} of ${port} in beat ${beat} is not the same after all pauses`,
          );
      });
  }

  private imageEarlier(list: readonly Term[]): Term[] {
    const { input } = this.o.period;
    return this.terms.renamed(
      list,
      (beat, bit) => (beat < input ? unknown : this.terms.symbol(beat - input, bit)),
      this.earlier,
    );
  }

  /** Note a state. @returns its number */
  private enter(
    now: Pick<State, 'input' | 'output' | 'offered' | 'waits'>,
    next: Int32Array,
  ): number {
    const { period } = this.o;
    const { offered, waits } = now;
    let { input, output } = now;
    let registers = next;
    while (input >= period.input && output >= period.output) {
      input -= period.input;
      output -= period.output;
      registers = this.shifted(registers);
    }
    const isTooFar = input > maxImagesWithin * period.input + this.module.registers.length;
    if (isTooFar || output > maxImagesWithin * period.output)
      throw new NotComputable('beats do not come out in the ratio in which they go in');
    const key = `${+offered}${+waits} ${this.keyOf(input, output, registers)}`;
    const known = this.numbers.get(key);
    if (known !== undefined) {
      this.merge(known, registers);
      return known;
    }
    const number = this.states.length;
    const { maxStates, maxBits } = this.o;
    if (number >= maxStates || number * registers.length > maxBits)
      throw new NotComputable(`it has more than ${number} states, too many to go through`);
    this.states.push({ input, output, offered, waits, registers, waiting: true });
    this.numbers.set(key, number);
    this.open.push(number);
    return number;
  }

  private shifted(registers: Int32Array): Int32Array {
    return Int32Array.from(this.imageEarlier([...registers]));
  }

  /** Beats and the bits of control. */
  private keyOf(input: number, output: number, registers: Int32Array): string {
    let key = `${input} ${output} `;
    registers.forEach((term, i) => {
      if (this.module.isData[i]) return;
      key += term;
      if (term > unknown) throw new NotComputable('its control depends on data');
    });
    return key;
  }

  /** Registers in which ways differ are unknown. */
  private merge(number: number, registers: Int32Array): void {
    const state = this.states[number];
    let merged: Int32Array | undefined;
    registers.forEach((term, i) => {
      const before = state.registers[i];
      if (term === before || before === unknown) return;
      merged ??= state.registers.slice();
      merged[i] = unknown;
    });
    if (merged === undefined) return;
    state.registers = merged;
    if (state.waiting) return;
    state.waiting = true;
    this.open.push(number);
  }

  private checkProgress(): void {
    const { states, running, draining } = this;
    const { input } = this.o.period;
    checkMoves(running, ({ took, gave }) => took || gave, 'stops while beats come and are taken');
    checkMoves(
      draining,
      ({ gave }, from) => gave || states[from].input < input,
      'keeps beats back until the next image comes',
    );
  }
}

/** Every way along the moves comes to one that is good. */
function checkMoves(
  moves: readonly Move[],
  isGood: (move: Move, from: number) => boolean,
  fault: string,
): void {
  const done = new Uint8Array(moves.length);
  for (let start = 0; start < moves.length; start++) {
    const way: number[] = [];
    const onWay = new Set<number>();
    for (let at = start; done[at] === 0; at = moves[at].to) {
      if (onWay.has(at)) throw new NotComputable(`it ${fault}`);
      way.push(at);
      onWay.add(at);
      if (isGood(moves[at], at)) break;
    }
    for (const state of way) done[state] = 1;
  }
}
