import {
  beats,
  beatWidth,
  type FoldedDesign,
  type FoldedLayer,
  formAt,
  type PlaceTable,
  type Stream,
  type Unit,
} from '@hbnn/circuit';
import type { CheckedModel } from '@hbnn/model';
import { compile } from '../../simulate/compile.ts';
import type { YosysNetlist } from '../../yosys/yosys.ts';
import type { YosysPool } from '../../yosys/yosysPool.ts';
import { concluded } from '../conclusion.ts';
import { counterOf, flatModule, isPrimitive, proofNetlist } from '../netlist.ts';
import { type Found, meansFor, proveOutputs } from '../outputs.ts';
import { type PrimitiveUse, useOf } from '../primitives.ts';
import type { Disproof, LayerProof, Proof, ProofOptions } from '../proof.ts';
import type { Answer } from '../sat.ts';
import type { WiresProof } from '../wires.ts';
import { withSums } from './accumulateFunction.ts';
import { exploreStream, type Period } from './exploration.ts';
import { type WithLanes, withLanes } from './laneFunction.ts';
import { type ChainBeat, ChainFunction, type ChainLink } from './layerFunction.ts';
import { beatBus, type LocalClaim, localBus, placeClaim, placePart } from './placeClaim.ts';
import { PlacesFound } from './placesFound.ts';
import { largestOfBeats, scoresOfBeat } from './scoreClaims.ts';
import { layerWires, topWires } from './streamWires.ts';
import { NotComputable } from './symbolicModule.ts';
import { termModule, withoutCounters } from './termModule.ts';
import { type Term, Terms, TooManyTerms, zeroTerm } from './terms.ts';
import { WindowClaims } from './windowClaim.ts';
import { type Shared, windowSums } from './windowSums.ts';

const [maxTerms, maxStates, maxBits] = [6_000_000, 400_000, 150_000_000];

/** A module of a layer and how many beats of its streams belong together. */
interface StreamModule {
  readonly name: string;
  readonly period: Period;
  readonly countsOnOffer?: boolean;
}

/**
 * Prove a folded design: each module between two streams gives the same function of its beats whenever the ends pause;
 * these functions, one behind the other, are the model's layers; and the modules are connected so.
 */
export async function proveStreams(
  model: CheckedModel,
  design: FoldedDesign,
  files: Readonly<Record<string, string>>,
  pool: YosysPool,
  o: ProofOptions,
): Promise<Proof> {
  const netlist = await proofNetlist(pool, design, files);
  return new StreamsProof(model, design, netlist, pool, o).run(files);
}

class StreamsProof {
  private readonly model: CheckedModel;
  private readonly design: FoldedDesign;
  private readonly netlist: YosysNetlist;
  private readonly pool: YosysPool;
  private readonly o: ProofOptions;
  private readonly asked = new Map<string, Promise<Answer>>();
  private readonly uses: PrimitiveUse[] = [];
  /** Bits of each layer's output, by number: those that are always 0. */
  private readonly zeros: ReadonlySet<number>[] = [];
  private disproof: Disproof | undefined;

  constructor(
    model: CheckedModel,
    design: FoldedDesign,
    netlist: YosysNetlist,
    pool: YosysPool,
    o: ProofOptions,
  ) {
    this.model = model;
    this.design = design;
    this.netlist = netlist;
    this.pool = pool;
    this.o = o;
  }

  async run(files: Readonly<Record<string, string>>): Promise<Proof> {
    const { design, o } = this;
    const layers: LayerProof[] = [];
    const total = design.layers.length + 2;
    for (const [i, layer] of design.layers.entries()) {
      o.onLayer?.(i, total, layer.layer);
      layers.push(await this.timed(layer.layer, (left) => this.layer(layer, i, left)));
      if (this.disproof !== undefined) break;
    }
    const rest = this.disproof === undefined ? await this.rest(total) : undefined;
    const wires = this.wires();
    o.onLayer?.(total, total, '');
    const parts = { layers, ...rest, wires, ...(this.disproof && { disproof: this.disproof }) };
    return concluded(parts, this.pool, files, this.uses);
  }

  /** The top module's wires, and the module that keeps images apart where there is one. */
  private wires(): WiresProof {
    const { design } = this;
    const fault = this.frameFault();
    return fault === undefined
      ? topWires(this.netlist, design)
      : { proved: false, bits: 0, reason: fault };
  }

  /** Why the module that keeps images apart does not hand on their pixels as they are; undefined where it does. */
  private frameFault(): string | undefined {
    const { frame, input } = this.design;
    if (frame === undefined) return undefined;
    const terms = new Terms(maxTerms);
    const period = { input: beats(input), output: beats(input) };
    // What its sender offers goes straight on.
    const countsOnOffer = true;
    const { secondsPerLayer = 120 } = this.o;
    const start = performance.now();
    const left = (): number => secondsPerLayer - (performance.now() - start) / 1000;
    try {
      const { found } = this.explored(
        { name: frame, period, countsOnOffer },
        terms,
        ['m_axis_tdata'],
        left,
      );
      const isSame = found.beats.every((ports, beat) =>
        ports.m_axis_tdata.every((term, bit) => term === terms.symbol(beat, bit)),
      );
      return isSame ? undefined : `${frame} changes pixels`;
    } catch (error) {
      if (error instanceof NotComputable) return error.message;
      throw error;
    }
  }

  /** Run a part of the proof, and say why it was not given. */
  private async timed(
    layer: string,
    part: (left: () => number) => Promise<Omit<LayerProof, 'layer' | 'seconds'>>,
    outputs = 1,
  ): Promise<LayerProof> {
    const start = performance.now();
    const { secondsPerLayer = 120 } = this.o;
    const left = (): number => secondsPerLayer - (performance.now() - start) / 1000;
    let found: Omit<LayerProof, 'layer' | 'seconds'>;
    try {
      found = await part(left);
    } catch (error) {
      if (!(error instanceof NotComputable || error instanceof TooManyTerms)) throw error;
      const reason =
        error instanceof TooManyTerms ? 'its logic over an image is too large' : error.message;
      found = { method: 'simulated', outputs, proved: 0, vectors: 0, reason };
    }
    return { layer, ...found, seconds: (performance.now() - start) / 1000 };
  }

  private async layer(
    layer: FoldedLayer,
    number: number,
    left: () => number,
  ): Promise<Omit<LayerProof, 'layer' | 'seconds'>> {
    const terms = new Terms(maxTerms);
    const { buffer, units, input, output } = layer;
    const modules = [
      ...(buffer === undefined ? [] : [{ name: buffer.name, period: { input: 1, output: 1 } }]),
      ...units.map((unit) => ({
        name: unit.name,
        period: periodOf(unit),
        // Without its beat it begins with the first group again.
        countsOnOffer: unit.kind === 'matrix' && unit.held && unit.grouped,
      })),
    ];
    const fault = layerWires(this.netlist, layer);
    if (fault !== undefined) throw new NotComputable(fault);
    const isZero = this.isZero(layer, input);
    const links = modules.map((module, i) =>
      this.explored(module, terms, ['m_axis_tdata'], left, () =>
        this.withFunctions(layer, units.at(i - modules.length), terms),
      ),
    );
    const chain = new ChainFunction(terms, links, isZero);
    const windows = WindowClaims.of(layer, isZero);
    const before = new ChainFunction(terms, links.slice(0, -1), isZero);
    const places = beats(output);
    const zeros = new Set<number>();
    const sum = new PlacesFound();
    const asked = new Map<string, Found>();
    for (let place = 0; place < places && this.disproof === undefined; place++) {
      const shared = { terms, asked, isZero, left };
      const found =
        windowSums(windows, { links, before }, beatBus(output, place), place, shared) ??
        (await this.place(layer, chain.beat(place, ['m_axis_tdata']), place, shared));
      sum.add(found.found, output.shape[2]);
      found.y.forEach((term, bit) => {
        if (term === zeroTerm) zeros.add(place * beatWidth(output) + bit);
      });
    }
    this.zeros[number] = zeros;
    const states = links.reduce((all, { found }) => all + found.states, 0);
    return { ...sum.found, states };
  }

  private explored(
    { name, period, countsOnOffer }: StreamModule,
    terms: Terms,
    ports: readonly string[],
    left: () => number,
    withFunctions: () => WithLanes | undefined = () => undefined,
  ): ChainLink {
    const flat = flatModule(this.netlist, name);
    if (flat === undefined) throw new NotComputable(`no module ${name} is used`);
    const made = withFunctions();
    for (const cell of flat.cells) {
      const counter = counterOf(cell);
      if (counter !== undefined && isPrimitive(cell)) this.uses.push(useOf(counter));
    }
    try {
      const found = exploreStream(made?.module ?? flat, terms, {
        ...(made !== undefined && { functions: made.functions }),
        period,
        ports,
        countsOnOffer,
        maxStates,
        maxBits,
        outOfTime: () => left() <= 0,
      });
      return { period, found };
    } catch (error) {
      if (error instanceof NotComputable) throw new NotComputable(`${name}: ${error.message}`);
      throw error;
    }
  }

  /** A unit's module with parts of it as functions that were proved. */
  private withFunctions(
    layer: FoldedLayer,
    unit: Unit | undefined,
    terms: Terms,
  ): WithLanes | undefined {
    if (unit?.kind === 'matrix') return withLanes(this.netlist, unit, terms);
    if (unit?.kind === 'accumulate') return withSums(this.netlist, unit, layer, terms);
    return undefined;
  }

  /** Bits of what a layer reads that are always 0. */
  private isZero({ sources }: FoldedLayer, input: Stream): (beat: number, bit: number) => boolean {
    const { layers } = this.design;
    const parts = sources.map(({ layer }) => {
      const stream = layer < 0 ? input : layers[layer].output;
      const width = stream.offsets[stream.forms.length];
      return { stream, width, stride: beatWidth(stream), zeros: this.zeros[layer] };
    });
    return (beat, bit) => {
      let rest = bit;
      for (const { stream, width, stride, zeros } of parts) {
        if (rest < width)
          return zeros?.has(beat * stride + rest) === true || isUnused(stream, beat, rest);
        rest -= width;
      }
      return false;
    };
  }

  private async place(
    layer: FoldedLayer,
    beat: ChainBeat,
    place: number,
    shared: Shared,
  ): Promise<{ readonly found: Found; readonly y: readonly Term[] }> {
    const { input, output } = layer;
    const part = placePart(layer, place);
    const channels = input.shape[2];
    const elements = merged(
      part.elements,
      beat.reads.map(({ beat: at, bit }) => at * channels + channelOf(input, bit)),
    );
    const local = localBus(input, elements, shared.isZero);
    const out = beatBus(output, place);
    const claimed = placeClaim(layer.layer, part, elements, local.bus, out);
    const numbers = new Map(local.bits.map(([at, bit], i) => [`${at} ${bit}`, i]));
    const ports = beat.over(({ beat: at, bit }) => {
      const n = numbers.get(`${at} ${bit}`);
      if (n === undefined) throw new NotComputable(`it reads bit ${bit}, which no channel has`);
      return shared.terms.symbol(0, n);
    });
    const y = ports.m_axis_tdata;
    const found = await this.claim(claimed, local.bits.length, y, shared);
    const { difference } = found;
    if (difference !== undefined) {
      const values = new Int32Array(input.shape[0] * input.shape[1] * channels);
      elements.forEach((element, i) => {
        values[element] = difference.values[i];
      });
      const own = place * output.shape[2] + difference.output;
      this.disproof ??= { layer: layer.layer, ...difference, output: own, values };
    }
    return { found, y };
  }

  /** Prove that terms are what they are claimed to be; what was asked before is not asked again. */
  private async claim(
    { claim, key }: LocalClaim,
    width: number,
    y: readonly Term[],
    { terms, asked, left }: Shared,
  ): Promise<Found> {
    const question = `${y.join()} ${key}`;
    const known = asked.get(question);
    if (known !== undefined) return { proof: { ...known.proof, vectors: 0, bySat: 0 } };
    const x = Array.from({ length: width }, (_, i) => terms.symbol(0, i));
    const flat = termModule(terms, claim.module, x, y);
    const start = performance.now();
    const seconds = Math.max(0, left());
    const found = flat.fault
      ? unproved(claim.output.forms.length, flat.fault)
      : await proveOutputs(
          claim,
          flat,
          meansFor(this.pool, this.asked, start, { ...this.o, secondsPerLayer: seconds }, () =>
            compile({ modules: { [flat.name]: withoutCounters(flat, flat.name) } }, flat.name),
          ),
        );
    asked.set(question, found);
    return found;
  }

  /** Scores, and the number of the largest. */
  private async rest(
    total: number,
  ): Promise<{ readonly scores: LayerProof; readonly largest: LayerProof }> {
    const { design, o } = this;
    const last = design.layers.length - 1;
    const input = design.layers[last].output;
    const all = input.shape[2] * beats(input);
    const terms = new Terms(maxTerms);
    const isZero = (beat: number, bit: number): boolean =>
      this.zeros[last]?.has(beat * beatWidth(input) + bit) === true || isUnused(input, beat, bit);
    const { unit } = design.scores;
    const period = { input: beats(input), output: beats(input) };
    let chain: ChainFunction | undefined;
    const made = (left: () => number): ChainFunction => {
      const ports = ['m_axis_tdata', 'm_axis_tuser', 'm_axis_tlast'];
      chain ??= new ChainFunction(
        terms,
        [this.explored({ name: unit.name, period }, terms, ports, left)],
        isZero,
      );
      return chain;
    };
    o.onLayer?.(total - 2, total, 'scores');
    const scores = await this.timed(
      'scores',
      (left) => this.scores(made(left), { terms, asked: new Map(), isZero, left }),
      all,
    );
    o.onLayer?.(total - 1, total, 'largest');
    const largest = await this.timed('largest', (left) =>
      this.largest(made(left), { terms, asked: new Map(), isZero, left }),
    );
    return { scores, largest };
  }

  private async scores(
    chain: ChainFunction,
    shared: Shared,
  ): Promise<Omit<LayerProof, 'layer' | 'seconds'>> {
    const { design, model } = this;
    const input = design.layers[design.layers.length - 1].output;
    const channels = input.shape[2];
    const sum = new PlacesFound();
    for (let beat = 0; beat < beats(input) && this.disproof === undefined; beat++) {
      const elements = Array.from({ length: channels }, (_, c) => beat * channels + c);
      const local = localBus(input, elements, shared.isZero);
      const claimed = scoresOfBeat(model, local.bus, beat * channels);
      const ports = overBits(
        chain.beat(beat, ['m_axis_tdata', 'm_axis_tlast']),
        local.bits,
        shared.terms,
      );
      const isLast = beat === beats(input) - 1;
      const found =
        ports.m_axis_tlast[0] === +isLast
          ? await this.claim(claimed, local.bits.length, ports.m_axis_tdata, shared)
          : unproved(channels, `m_axis_tlast is not ${+isLast} in beat ${beat}`);
      sum.add(found, channels);
      const { difference } = found;
      if (difference === undefined) continue;
      this.disproof ??= {
        layer: 'scores',
        ...difference,
        output: beat * channels + difference.output,
      };
    }
    return sum.found;
  }

  private async largest(
    chain: ChainFunction,
    shared: Shared,
  ): Promise<Omit<LayerProof, 'layer' | 'seconds'>> {
    const { design, model } = this;
    const input = design.layers[design.layers.length - 1].output;
    const elements = Array.from({ length: model.scoreOffsets.length }, (_, k) => k);
    const local = localBus(input, elements, shared.isZero);
    const ports = overBits(
      chain.beat(beats(input) - 1, ['m_axis_tuser']),
      local.bits,
      shared.terms,
    );
    const claimed = largestOfBeats(model, local.bus, ports.m_axis_tuser.length);
    const found = await this.claim(claimed, local.bits.length, ports.m_axis_tuser, shared);
    const sum = new PlacesFound();
    sum.add(found, 1);
    if (found.difference !== undefined) this.disproof ??= { layer: 'largest', ...found.difference };
    return sum.found;
  }
}

const unproved = (outputs: number, reason: string): Found => ({
  proof: { method: 'simulated', outputs, proved: 0, vectors: 0, reason },
});

/** Whether a channel's number in a beat is shorter than the bits that it has there: sums were shown to be in their range. */
function isUnused(stream: Stream, beat: number, bit: number): boolean {
  if (stream.whole === undefined) return false;
  const c = channelOf(stream, bit);
  return bit - stream.offsets[c] >= formAt(stream, beat, c).weights.length;
}

/** A chain's beat over the bits of a bus, by their numbers. */
function overBits(
  beat: ChainBeat,
  bits: readonly (readonly [beat: number, bit: number])[],
  terms: Terms,
): Readonly<Record<string, readonly Term[]>> {
  const numbers = new Map(bits.map(([at, bit], i) => [`${at} ${bit}`, i]));
  return beat.over(({ beat: at, bit }) => {
    const n = numbers.get(`${at} ${bit}`);
    if (n === undefined) throw new NotComputable(`it reads bit ${bit} of beat ${at}`);
    return terms.symbol(0, n);
  });
}

function channelOf({ forms, offsets }: Stream, bit: number): number {
  const c = forms.findIndex((_, i) => bit >= offsets[i] && bit < offsets[i + 1]);
  if (c < 0) throw new NotComputable(`it reads bit ${bit}, which no channel has`);
  return c;
}

function merged(some: readonly number[], others: readonly number[]): readonly number[] {
  const all = new Set([...some, ...others]);
  return all.size === some.length ? some : [...all].sort((a, b) => a - b);
}

const placesOf = ({ rows, columns }: PlaceTable): number => rows.length * columns.length;

/** How many beats of a unit's streams belong together. */
function periodOf(unit: Unit): Period {
  switch (unit.kind) {
    case 'logic': {
      const places = unit.table === undefined ? 1 : placesOf(unit.table.placed.table);
      return { input: places, output: places };
    }
    case 'window':
      return {
        input: unit.input[0] * unit.input[1],
        output: unit.output[0] * unit.output[1],
      };
    case 'collect':
    case 'accumulate':
      return { input: unit.pixels, output: 1 };
    case 'deal':
      return { input: 1, output: unit.bits.length };
    case 'gather':
      return { input: unit.bits.length, output: 1 };
    case 'matrix': {
      const { table } = unit.starts;
      const places = table.count > 1 ? placesOf(table) : 1;
      return { input: places, output: places * (unit.grouped ? unit.tables.schedule.groups : 1) };
    }
    default:
      return unit satisfies never;
  }
}
