import { busWidth } from '@hbnn/circuit';
import type { Compiled } from '../simulate/compile.ts';
import type { YosysPool } from '../yosys/yosysPool.ts';
import type { Claim } from './claim.ts';
import { flatLayer, readElements, unprovedSums } from './layerNets.ts';
import type { FlatModule } from './netlist.ts';
import { type Answer, ask, maxSatBits, type Question, questionOf, valuesOf } from './sat.ts';
import {
  CodeBook,
  type CounterExample,
  maxCombinations,
  type Tried,
  tryAll,
  tryOne,
  trySome,
} from './vectors.ts';

/**
 * How outputs of a layer were shown to be right: `adders`: their gates are adders whose sums are the model's, for all
 * inputs; `exhaustive`: all values of what they depend on were tried; `sat`: Yosys's sat found no values for which they
 * are not what the model says; `simulated`: some were tried, which is no proof.
 */
export type ProofMethod = 'adders' | 'exhaustive' | 'sat' | 'simulated';

/** How the outputs of a module were shown. */
export interface OutputsProof {
  /** The last that some output was left to. */
  readonly method: ProofMethod;
  readonly outputs: number;
  /** Outputs that are right for every input. */
  readonly proved: number;
  /** Outputs among them that Yosys's sat proved: those left to it, or all it could where it was asked to. */
  readonly bySat?: number;
  /** Vectors that were computed; 0 where adders or sat showed all. */
  readonly vectors: number;
  /** Registers on every way from its inputs to its outputs; none where it has no clock. */
  readonly registers?: number;
  /** Why an output was not proved. */
  readonly reason?: string;
}

export interface Found {
  readonly proof: OutputsProof;
  readonly difference?: CounterExample;
}

/** What a module's outputs are proved with. */
export interface Means {
  readonly pool: YosysPool;
  readonly asked: Map<string, Promise<Answer>>;
  readonly rounds: number;
  readonly seed: number;
  /** Ask sat about what adders or trying all have shown too. */
  readonly sat: boolean;
  /** Seconds that are left. */
  left(): number;
  compiled(): Promise<Compiled>;
}

/** @param start when the layer's time began, as `performance.now()` says it */
export function meansFor(
  pool: YosysPool,
  asked: Means['asked'],
  start: number,
  {
    secondsPerLayer = 120,
    rounds = 16,
    seed = 1,
    sat = false,
  }: {
    readonly secondsPerLayer?: number;
    readonly rounds?: number;
    readonly seed?: number;
    readonly sat?: boolean;
  },
  compiled: () => Promise<Compiled>,
): Means {
  let built: Promise<Compiled> | undefined;
  return {
    pool,
    asked,
    rounds,
    seed,
    sat,
    left: () => secondsPerLayer - (performance.now() - start) / 1000,
    compiled: () => {
      built ??= compiled();
      return built;
    },
  };
}

/** Why a module's ports are not those of a claim. */
export function portFault(flat: FlatModule, { input, output, port }: Claim): string | undefined {
  const widths = [
    ['x', flat.inputs.x?.length, busWidth(input)],
    [port, flat.outputs[port]?.length, busWidth(output)],
  ] as const;
  const more = Object.keys(flat.inputs).find((name) => name !== 'x' && name !== 'clk');
  if (more !== undefined) return `port ${more} is no port of the design`;
  const wrong = widths.find(([, got, wanted]) => got !== wanted);
  return wrong && `port ${wrong[0]} has ${wrong[1] ?? 'no'} bits, not ${wrong[2]}`;
}

/** Prove a module's outputs for all inputs, by what can show each; simulate what nothing shows. */
export async function proveOutputs(claim: Claim, flat: FlatModule, means: Means): Promise<Found> {
  const outputs = claim.output.forms.length;
  const run = new Proving(claim, flat, means);
  let left = run.byAdders(Array.from({ length: outputs }, (_, i) => i));
  let method: ProofMethod = left.length < outputs || left.length === 0 ? 'adders' : 'exhaustive';
  const small = left.length === 0 ? left : await run.exhaustively(left);
  if (run.difference === undefined && left.length > 0) {
    if (small.length > 0) method = 'exhaustive';
    left = left.filter((o) => !small.includes(o));
  }
  if (run.difference === undefined && left.length > 0) {
    method = 'sat';
    left = await run.bySat(left);
  }
  if (run.difference === undefined && means.sat) await run.bySat(run.notAsked());
  if (run.difference === undefined && left.length > 0) {
    method = 'simulated';
    await run.some(left);
  }
  const proved = run.difference === undefined ? outputs - left.length : 0;
  return {
    proof: {
      method,
      outputs,
      proved,
      vectors: run.vectors,
      ...(run.provedBySat.size > 0 && { bySat: run.provedBySat.size }),
      ...(left.length > 0 && run.difference === undefined && { reason: run.reason }),
    },
    ...(run.difference && { difference: run.difference }),
  };
}

class Proving {
  private readonly claim: Claim;
  private readonly flat: FlatModule;
  private readonly means: Means;
  private readonly layer: ReturnType<typeof flatLayer>;
  private readonly book = new CodeBook();
  private readonly asked = new Set<number>();
  private reads: readonly (readonly number[])[] | undefined;
  readonly provedBySat = new Set<number>();
  difference: CounterExample | undefined;
  vectors = 0;
  reason = 'out of time';

  constructor(claim: Claim, flat: FlatModule, means: Means) {
    this.claim = claim;
    this.flat = flat;
    this.means = means;
    this.layer = flatLayer(flat, claim.port);
  }

  private readonly outOfTime = (): boolean => this.means.left() <= 0;

  private async tried(): Promise<Tried> {
    return { compiled: await this.means.compiled(), claim: this.claim };
  }

  private get elements(): readonly (readonly number[])[] {
    this.reads ??= readElements(this.layer, this.claim);
    return this.reads;
  }

  /** Outputs that are left. */
  byAdders(all: readonly number[]): readonly number[] {
    const { terms } = this.claim;
    if (terms === undefined) return all;
    const unproved = unprovedSums(this.layer, this.claim, terms, this.outOfTime);
    if (unproved.length > 0) this.reason = unproved[0].reason;
    return unproved.map(({ output }) => output);
  }

  /** Outputs that all values were tried of. */
  async exhaustively(left: readonly number[]): Promise<readonly number[]> {
    const { input } = this.claim;
    const few = (o: number): boolean =>
      this.book.combinations(input, this.elements[o]) <= maxCombinations;
    const small = left.filter(few);
    if (small.length === 0 || this.outOfTime()) return [];
    const tries = tryAll(await this.tried(), this.book, small, this.elements, this.outOfTime);
    this.vectors += tries?.vectors ?? 0;
    this.difference = tries?.difference;
    return tries === undefined ? [] : small;
  }

  notAsked(): number[] {
    return this.claim.output.forms.flatMap((_, o) => (this.asked.has(o) ? [] : [o]));
  }

  /** Ask sat, one question per core at a time; outputs that are left. */
  async bySat(outputs: readonly number[]): Promise<readonly number[]> {
    const open: number[] = [];
    const queue = [...outputs];
    const work = async (): Promise<void> => {
      for (let o = queue.shift(); o !== undefined; o = queue.shift()) {
        this.asked.add(o);
        const reason = this.difference === undefined ? await this.unsatisfied(o) : 'out of time';
        if (reason === undefined) this.provedBySat.add(o);
        else {
          open.push(o);
          this.reason = reason;
        }
      }
    };
    await Promise.all(Array.from({ length: this.means.pool.size }, work));
    return open.sort((a, b) => a - b);
  }

  /** Why sat did not prove an output. */
  private async unsatisfied(o: number): Promise<string | undefined> {
    const { pool, asked } = this.means;
    const { forms } = this.claim.input;
    const width = this.elements[o].reduce((sum, i) => sum + forms[i].weights.length, 0);
    if (width > maxSatBits)
      return `it depends on ${width} bits, and sat is asked of ${maxSatBits} at most`;
    if (this.outOfTime()) return 'out of time';
    const question = questionOf(this.flat, this.claim, o, this.elements[o]);
    const name = `${this.claim.layer}, output ${o}`;
    let answer = asked.get(question.text);
    if (answer === undefined) {
      answer = ask(pool, name, question, this.means.left());
      asked.set(question.text, answer);
    }
    const found = await answer;
    if (found === 'proved') return undefined;
    if (found === 'open') return 'sat did not end in time';
    if (found === 'refused') return 'Yosys ended without an answer of its sat';
    await this.confirm(o, question, found.bits);
    return 'sat found values for which it is another';
  }

  /** What sat found, computed: a disproof is what gates and interpreter give, not what sat says of them. */
  private async confirm(o: number, question: Question, bits: readonly number[]): Promise<void> {
    const given = valuesOf(question, this.claim.input.forms, bits);
    this.difference = tryOne(await this.tried(), this.book, o, given);
    if (this.difference === undefined)
      throw new Error(`${this.claim.layer}, output ${o}: gates do not do what sat found of them`);
  }

  async some(left: readonly number[]): Promise<void> {
    const { rounds, seed } = this.means;
    const { vectors, difference } = trySome(await this.tried(), this.book, left, rounds, seed);
    this.vectors += vectors;
    this.difference = difference;
  }
}
