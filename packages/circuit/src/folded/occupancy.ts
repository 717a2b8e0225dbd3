import { GroupedLanes } from './groupedLanes.ts';
import { fewestPlaces, forever, Queue, type Stage, stageOf } from './occupancyStages.ts';
import { type FoldedLayer, type LogicUnit, layerBuffers, type Unit } from './units.ts';

/** Layers between streams, each with its buffers in front of it, and the scores. */
export interface OccupancyNetwork {
  readonly layers: readonly Pick<FoldedLayer, 'units' | 'buffer' | 'sources'>[];
  readonly scores: LogicUnit;
  /** Pixels, and beats of scores, of an image. */
  readonly pixels: number;
  readonly beats: number;
}

export interface Occupancy {
  /** Cycles from an image's scores to the next one's, on average once they repeat; infinite where nothing moves. */
  readonly cyclesPerImage: number;
  /** The most beats that waited in each buffer. */
  readonly fullest: readonly number[];
  /** Cycles that were worked out one by one, times units. */
  readonly work: number;
}

export interface OccupancyOptions {
  /** Cycles of an image at which pixels are offered, evenly; without it as soon as they are taken. */
  readonly pace?: number;
  /** Whether units have as few places for beats as pauses can leave them. */
  readonly fewestPlaces?: boolean;
  /** Whether each unit is a stage of its own, where a few could be one that is worked out faster. */
  readonly apart?: boolean;
}

/** Images after which a network that does not repeat itself is measured over the last half of them. */
const maxImages = 16;

/**
 * Move beats through a network, cycle by cycle, without what they carry: the receiver never waits.
 *
 * @param depths of the buffers, those of each layer in the order of `layerBuffers`
 */
export function occupancyOf(
  network: OccupancyNetwork,
  depths: readonly number[],
  o: OccupancyOptions = {},
): Occupancy {
  const isApart = o.apart === true || o.fewestPlaces === true;
  const stages = o.fewestPlaces === true ? fewestPlaces : stageOf;
  const wiring = wired(network, depths, stages, isApart ? none : together);
  const run = new NetworkRun(wiring, network, o.pace ?? 0);
  const cyclesPerImage = run.go();
  return {
    cyclesPerImage,
    fullest: wiring.queues.map(({ fullest }) => fullest),
    work: run.ticks * wiring.stages.length,
  };
}

/** Stages, each behind those whose beats it takes. */
interface Wiring {
  readonly stages: readonly Stage[];
  /** The stages whose beats each one takes, −1 for the pixels, and those that take its own. */
  readonly from: readonly (readonly number[])[];
  readonly to: readonly (readonly number[])[];
  /** The stages that take the pixels. */
  readonly first: readonly number[];
  readonly queues: readonly Queue[];
  /** The last stage of each layer. */
  readonly ends: readonly number[];
}

/** Leaves each unit a stage of its own. */
const none = (): undefined => undefined;

/** One stage for the last unit of a layer whose groups are beats and the units of the layer behind it, which gathers them. */
function together(layers: OccupancyNetwork['layers'], at: number): Stage | undefined {
  const matrix = layers[at].units[layers[at].units.length - 1];
  if (matrix?.kind !== 'matrix' || !matrix.grouped) return undefined;
  const next = layers[at + 1];
  if (next === undefined || next.buffer !== undefined) return undefined;
  if (next.sources.length !== 1 || next.sources[0].layer !== at) return undefined;
  const [logic, gather, ...others] = next.units;
  if (logic.kind !== 'logic' || gather?.kind !== 'gather' || others.length > 0) return undefined;
  return new GroupedLanes(matrix, logic, gather);
}

function wired(
  { layers, scores }: Pick<OccupancyNetwork, 'layers' | 'scores'>,
  depths: readonly number[],
  stageFor: (unit: Unit) => Stage,
  merged: (layers: OccupancyNetwork['layers'], at: number) => Stage | undefined,
): Wiring {
  const [stages, from, queues, ends]: [Stage[], number[][], Queue[], number[]] = [[], [], [], []];
  const put = (stage: Stage, sources: number[]): number => {
    from.push(sources);
    return stages.push(stage) - 1;
  };
  const queue = (source: number): number => {
    const made = new Queue(depths[queues.length]);
    queues.push(made);
    return put(made, [source]);
  };
  const lasts = layers.map((_, at) => merged(layers, at));
  for (const [at, { units, buffer, sources }] of layers.entries()) {
    let before = sources.map((source) => {
      const end = ends[source.layer] ?? -1;
      return source.buffer === undefined ? end : queue(end);
    });
    if (buffer !== undefined) before = [queue(before[0])];
    // The layer before has the units of this one in its own last stage.
    const last = lasts[at];
    const own = lasts[at - 1] !== undefined ? [] : last === undefined ? units : units.slice(0, -1);
    for (const unit of own) before = [put(stageFor(unit), before)];
    if (last !== undefined) before = [put(last, before)];
    ends.push(before[0]);
  }
  put(stageFor(scores), [ends[ends.length - 1]]);
  const to: number[][] = stages.map(() => []);
  const first: number[] = [];
  from.forEach((sources, i) => {
    for (const source of sources) (source < 0 ? first : to[source]).push(i);
  });
  return { stages, from, to, first, queues, ends };
}

/**
 * Moves all stages by one cycle, from the last to the first. Where several read one stage, each of them is a buffer, and
 * all take a beat in the same cycle or none does. A stage that reads several takes a beat of each in one cycle.
 *
 * A stage is worked out only where its own counters run out, or where it or a neighbour changed: all others do what they
 * did before. Their counters are brought up to date when they are looked at again.
 */
class Cycle {
  private now = 0;
  private readonly wiring: Wiring;
  /** Whether each stage takes its beats in this cycle if all of them are there. */
  private readonly ready: Uint8Array;
  /** Whether each stage is offered beats in this cycle. */
  private readonly offered: Uint8Array;
  /** Stages of which several read one. */
  private readonly branches: readonly number[];
  /** The other stages that read what each one reads. */
  private readonly beside: readonly (readonly number[])[];
  private pixel = false;
  /** The cycle up to which each stage's counters are right. */
  private readonly upTo: Float64Array;
  /** The next cycle in which each stage is worked out, and the first of them. */
  private readonly wake: Float64Array;
  private nextWake = 0;

  constructor(wiring: Wiring) {
    const { stages, from, to, first } = wiring;
    this.wiring = wiring;
    this.ready = new Uint8Array(stages.length);
    this.offered = new Uint8Array(stages.length);
    this.upTo = new Float64Array(stages.length);
    this.wake = new Float64Array(stages.length);
    const forks = [...to, first].filter((readers) => readers.length > 1);
    this.branches = forks.flat();
    this.beside = from.map(([source]) => {
      const readers = source < 0 ? first : to[source];
      return readers.length > 1 ? readers : [];
    });
  }

  /**
   * @param pixel whether a pixel is offered
   * @param see what each stage's output shows before the clock edge: whether its beat is taken
   * @returns whether the pixel was taken, and whether anything changed but counters that run down by themselves
   */
  step(
    pixel: boolean,
    see?: (stage: number, taken: boolean) => void,
  ): { readonly taken: boolean; readonly changed: boolean } {
    const { stages, first } = this.wiring;
    const { now, wake } = this;
    let changed = false;
    if (pixel !== this.pixel) this.wakeAll(first);
    this.pixel = pixel;
    this.lookAtBranches();
    this.nextWake = forever;
    let next = forever;
    for (let i = stages.length - 1; i >= 0; i--) {
      if (wake[i] <= now || see !== undefined) {
        if (this.stage(i, see)) changed = true;
      }
      if (wake[i] < next) next = wake[i];
    }
    if (next < this.nextWake) this.nextWake = next;
    this.now++;
    return { taken: pixel && this.takenBy(first), changed };
  }

  /** Cycles until a stage changes by itself, after one in which none changed. */
  quiet(): number {
    return this.nextWake - this.now;
  }

  /** Go on by cycles in which no stage changes. */
  skip(cycles: number): void {
    this.now += cycles;
  }

  /** What all that follows depends on. */
  state(): string {
    const { stages } = this.wiring;
    return stages
      .map((stage, i) => {
        this.catchUp(i);
        return stage.state();
      })
      .join(';');
  }

  private wakeAll(list: readonly number[]): void {
    for (const i of list) this.wake[i] = this.now;
  }

  /** A buffer's ready is a register's: what follows it does not matter. */
  private lookAtBranches(): void {
    const { ready, beside } = this;
    const { stages, from } = this.wiring;
    for (const i of this.branches) {
      const isReady = stages[i].ready(false, false) ? 1 : 0;
      if (isReady === ready[i]) continue;
      ready[i] = isReady;
      this.wakeAll(beside[i]);
      this.wakeSources(from[i]);
    }
  }

  private wakeSources(sources: readonly number[]): void {
    for (const source of sources) if (source >= 0) this.wake[source] = this.now;
  }

  private catchUp(i: number): void {
    const cycles = this.now - this.upTo[i];
    if (cycles > 0) this.wiring.stages[i].skip(cycles);
    this.upTo[i] = this.now;
  }

  /** Work out a stage. Returns whether it changed. */
  private stage(i: number, see: ((stage: number, taken: boolean) => void) | undefined): boolean {
    const { ready, offered, now, wake, beside } = this;
    const { stages, from, to } = this.wiring;
    const stage = stages[i];
    this.catchUp(i);
    const taken = i === stages.length - 1 || this.takenBy(to[i]);
    const sources = from[i];
    let come = this.offers(sources);
    let isReady = ready[i];
    if (beside[i].length > 0) come &&= beside[i].every((reader) => ready[reader] === 1);
    else isReady = stage.ready(taken, come) ? 1 : 0;
    const isOffered = come ? 1 : 0;
    // Sources stand before what reads them, so that they are worked out in this cycle yet.
    if (isReady !== ready[i] || isOffered !== offered[i]) this.wakeSources(sources);
    ready[i] = isReady;
    offered[i] = isOffered;
    see?.(i, taken);
    const { valid } = stage;
    const changed = stage.clock(taken, come);
    this.upTo[i] = now + 1;
    wake[i] = now + 1 + (changed ? 0 : stage.quiet());
    if (stage.valid !== valid && to[i].length > 0) {
      for (const reader of to[i]) wake[reader] = now + 1;
      this.nextWake = now + 1;
    }
    return changed;
  }

  /** Whether each of some stages has a beat. */
  private offers(sources: readonly number[]): boolean {
    const { stages } = this.wiring;
    for (const source of sources)
      if (!(source < 0 ? this.pixel : stages[source].valid)) return false;
    return true;
  }

  /** Whether all that read a stage take its beat, where it offers one. */
  private takenBy(readers: readonly number[]): boolean {
    const { ready, offered, wiring } = this;
    for (const reader of readers) {
      if (ready[reader] === 0) return false;
      if (wiring.from[reader].length > 1 && offered[reader] === 0) return false;
    }
    return true;
  }
}

class NetworkRun {
  ticks = 0;
  private readonly wiring: Wiring;
  private readonly cycleOf: Cycle;
  private readonly beats: number;
  /** Cycles from one pixel that is offered to the next. */
  private readonly interval: number;
  private cycle = 0;
  private sent = 0;
  private given = 0;
  /** The cycles at which images' last scores come out, and the states of all stages then. */
  private readonly ends: number[] = [];
  private readonly states = new Map<string, number>();
  /** The image after which all stages were as they are after the last one. */
  private repeated: number | undefined;

  constructor(
    wiring: Wiring,
    { pixels, beats }: Pick<OccupancyNetwork, 'pixels' | 'beats'>,
    pace: number,
  ) {
    this.wiring = wiring;
    this.cycleOf = new Cycle(wiring);
    this.beats = beats;
    this.interval = pace / pixels;
  }

  go(): number {
    const { ends } = this;
    while (this.repeated === undefined && ends.length < maxImages) {
      this.ticks++;
      const changed = this.tick();
      this.cycle++;
      if (!changed && !this.skip()) return forever;
    }
    const last = ends.length - 1;
    const from = this.repeated ?? last >> 1;
    return (ends[last] - ends[from]) / (last - from);
  }

  /** From a state that comes again all goes on as it did before. Several images may lie between. */
  private imageEnds(): void {
    const { ends, states, interval } = this;
    const ahead = interval === 0 ? 0 : this.sent * interval - this.cycle;
    const state = `${ahead};${this.cycleOf.state()}`;
    this.repeated = states.get(state);
    states.set(state, ends.push(this.cycle) - 1);
  }

  private get offered(): boolean {
    return this.cycle >= this.sent * this.interval;
  }

  private tick(): boolean {
    const { stages } = this.wiring;
    if (stages[stages.length - 1].valid) {
      this.given++;
      if (this.given % this.beats === 0) this.imageEnds();
    }
    const { taken, changed } = this.cycleOf.step(this.offered);
    if (taken) this.sent++;
    return changed || taken;
  }

  /** Go on to the next cycle in which something happens. Returns false where nothing ever will. */
  private skip(): boolean {
    let cycles = this.cycleOf.quiet();
    const next = Math.ceil(this.sent * this.interval);
    if (next >= this.cycle) cycles = Math.min(cycles, next - this.cycle);
    if (cycles === forever) return false;
    if (cycles <= 0) return true;
    this.cycleOf.skip(cycles);
    this.cycle += cycles;
    return true;
  }
}

/** What moves between the units of a design, cycle by cycle. */
export interface BeatTrace {
  /** Units in the order of the design: the layer's name ('scores' for the last), and what the unit is. */
  readonly units: readonly { readonly layer: string; readonly kind: Unit['kind'] | 'buffer' }[];
  /** For each unit and cycle what its output shows: 0 nothing, 1 a beat that waits, 2 a beat that is taken. */
  readonly outputs: readonly Uint8Array[];
}

/** Layers with names and buffers, as `FoldedDesign` has them. */
interface NamedNetwork {
  readonly layers: readonly (OccupancyNetwork['layers'][number] & { readonly layer: string })[];
  readonly scores: { readonly unit: LogicUnit };
}

/**
 * Move beats through a design from its reset on, without what they carry, and note what each unit's output shows in
 * each cycle: pixels are offered as soon as they are taken, and the receiver never waits.
 */
export function beatTrace({ layers, scores }: NamedNetwork, cycles: number): BeatTrace {
  const units = layers.flatMap((layer) => [
    ...layerBuffers(layer).map(() => ({ layer: layer.layer, kind: 'buffer' as const })),
    ...layer.units.map(({ kind }) => ({ layer: layer.layer, kind })),
  ]);
  const depths = layers.flatMap((layer) => layerBuffers(layer).map(({ depth }) => depth));
  const wiring = wired({ layers, scores: scores.unit }, depths, stageOf, none);
  const outputs = wiring.stages.map(() => new Uint8Array(cycles));
  const cycleOf = new Cycle(wiring);
  for (let cycle = 0; cycle < cycles; cycle++)
    cycleOf.step(true, (stage, taken) => {
      if (wiring.stages[stage].valid) outputs[stage][cycle] = taken ? 2 : 1;
    });
  return { units: [...units, { layer: 'scores', kind: 'logic' }], outputs };
}

/**
 * Beats of scores that come out before the images that they belong to: windows that hold nothing but padding need no
 * pixel, so that layers begin with the next image by themselves.
 *
 * @param pixels of an image
 */
export function beatsAhead(
  { layers, scores }: NamedNetwork & { readonly scores: { readonly beats: number } },
  pixels: number,
): number {
  const depths = layers.flatMap((layer) => layerBuffers(layer).map(({ depth }) => depth));
  const wiring = wired({ layers, scores: scores.unit }, depths, stageOf, together);
  const cycleOf = new Cycle(wiring);
  const last = wiring.stages[wiring.stages.length - 1];
  let [sent, given] = [0, 0];
  for (;;) {
    if (last.valid) given++;
    const { taken, changed } = cycleOf.step(sent < pixels);
    if (taken) sent++;
    if (changed || taken) continue;
    const cycles = cycleOf.quiet();
    if (cycles === forever) return given - scores.beats;
    cycleOf.skip(Math.max(0, cycles));
  }
}
