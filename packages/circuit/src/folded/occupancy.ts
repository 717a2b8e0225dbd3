import {
  endsWindow,
  type FoldedLayer,
  type LogicUnit,
  type MatrixUnit,
  scanSize,
  type Unit,
  type WindowUnit,
} from './units.ts';

/**
 * The control logic of one unit of a chain of streams: its valid and ready signals in each cycle, without the data. It
 * has the same registers as the Verilog of the unit.
 */
interface Stage {
  /** Offers a beat; it is a register's. */
  readonly valid: boolean;
  /** Takes a beat in this cycle, where the next unit takes its own or not. */
  ready(taken: boolean, offered: boolean): boolean;
  /** A clock edge. Returns whether anything changed but counters that run down by themselves. */
  clock(taken: boolean, offered: boolean): boolean;
  /** Cycles for which nothing changes by itself, after one in which nothing did. */
  quiet(): number;
  /** That many cycles without a change. */
  skip(cycles: number): void;
}

const forever = Number.POSITIVE_INFINITY;

/** Places for beats to wait in. */
class Queue implements Stage {
  valid = false;
  /** The most beats that waited at once. */
  fullest = 0;
  private count = 0;
  private readonly depth: number;

  constructor(depth: number) {
    this.depth = depth;
  }

  ready(): boolean {
    return this.count < this.depth;
  }

  clock(taken: boolean, offered: boolean): boolean {
    const come = offered && this.count < this.depth;
    const gone = this.valid && taken;
    if (come) this.count++;
    if (gone) this.count--;
    if (this.count > this.fullest) this.fullest = this.count;
    this.valid = this.count > 0;
    return come || gone;
  }

  quiet(): number {
    return forever;
  }

  skip(): void {}
}

/** Logic of some registers that all stand still while its last beat waits. */
class Pipeline implements Stage {
  valid = false;
  private readonly full: Uint8Array;
  private at = 0;
  private beats = 0;

  constructor({ stages }: LogicUnit) {
    this.full = new Uint8Array(stages);
  }

  ready(taken: boolean): boolean {
    return !this.valid || taken;
  }

  clock(taken: boolean, offered: boolean): boolean {
    if (this.valid && !taken) return false;
    if (this.beats === 0 && !offered) return false;
    const { full } = this;
    // The register that was the last one is the first one now.
    this.at = this.at === 0 ? full.length - 1 : this.at - 1;
    this.beats += (offered ? 1 : 0) - full[this.at];
    full[this.at] = offered ? 1 : 0;
    this.valid = full[this.at === 0 ? full.length - 1 : this.at - 1] === 1;
    return true;
  }

  quiet(): number {
    return forever;
  }

  skip(): void {}
}

/** A window that slides over the pixels and the zeros around them. */
class Window implements Stage {
  valid = false;
  private at = 0;
  /** Whether each place of the scan is a pixel, and whether a window ends there. */
  private readonly pixel: Uint8Array;
  private readonly ends: Uint8Array;

  constructor(unit: WindowUnit) {
    const [rows, columns] = scanSize(unit);
    const { input, padding } = unit;
    const within = (n: number, axis: 0 | 1): boolean =>
      n >= padding[axis] && n < padding[axis] + input[axis];
    this.pixel = new Uint8Array(rows * columns);
    this.ends = new Uint8Array(rows * columns);
    for (let y = 0; y < rows; y++)
      for (let x = 0; x < columns; x++) {
        this.pixel[y * columns + x] = within(y, 0) && within(x, 1) ? 1 : 0;
        this.ends[y * columns + x] = endsWindow(unit, 0, y) && endsWindow(unit, 1, x) ? 1 : 0;
      }
  }

  ready(taken: boolean): boolean {
    return this.pixel[this.at] === 1 && (!this.valid || taken);
  }

  clock(taken: boolean, offered: boolean): boolean {
    if (this.valid && !taken) return false;
    const move = offered || this.pixel[this.at] === 0;
    const before = this.valid;
    this.valid = move && this.ends[this.at] === 1;
    if (move) this.at = this.at + 1 === this.pixel.length ? 0 : this.at + 1;
    return move || before;
  }

  quiet(): number {
    return forever;
  }

  skip(): void {}
}

/** So many pixels that make one beat. */
class Collection implements Stage {
  valid = false;
  private count = 0;
  private readonly pixels: number;

  constructor(pixels: number) {
    this.pixels = pixels;
  }

  ready(taken: boolean): boolean {
    return !this.valid || taken;
  }

  clock(taken: boolean, offered: boolean): boolean {
    if (this.valid && !taken) return false;
    const before = this.valid;
    this.valid = offered && this.count === this.pixels - 1;
    if (offered) this.count = this.valid ? 0 : this.count + 1;
    return offered || before;
  }

  quiet(): number {
    return forever;
  }

  skip(): void {}
}

/** Lanes that go through a matrix, group after group of outputs. */
class Lanes implements Stage {
  valid = false;
  private busy = false;
  private group = 0;
  private left: number;
  /** Clock edges at which the lanes moved. */
  private edges = 0;
  /** When the sums of groups that are in the lanes are written, and whether a pixel is whole then. */
  private readonly writes: { readonly at: number; readonly done: boolean }[] = [];
  private readonly lengths: readonly number[];
  private readonly delay: number;
  private readonly held: boolean;
  /** What the last clock edge found: the lanes stood still, or had a place to work on. */
  private stuck = false;
  private working = false;

  constructor({ tables, stages, held }: MatrixUnit) {
    const { patterns, patternOf } = tables.schedule;
    this.lengths = patternOf.map((pattern) => patterns[pattern].length);
    this.left = this.lengths[0] - 1;
    this.delay = stages + 1;
    this.held = held;
  }

  private get done(): boolean {
    return this.left === 0 && this.group === this.lengths.length - 1;
  }

  /** What is written would be written over what waits. */
  private stalled(taken: boolean): boolean {
    return this.valid && !taken && this.writes[0]?.at === this.edges;
  }

  ready(taken: boolean, offered: boolean): boolean {
    if (this.stalled(taken)) return false;
    return this.held ? offered && this.done : !this.busy || this.done;
  }

  clock(taken: boolean, offered: boolean): boolean {
    this.stuck = this.stalled(taken);
    if (this.stuck) return false;
    const write = this.writes[0]?.at === this.edges;
    const whole = write && this.writes[0].done;
    const before = this.valid;
    this.valid = whole || (this.valid && !taken);
    if (write) this.writes.shift();
    const { done } = this;
    this.working = this.held ? offered : this.busy;
    const changed = write || this.valid !== before || (this.working && this.left === 0);
    if (this.working) this.work(done);
    this.edges++;
    if (this.held) return changed;
    const accept = offered && (!this.busy || done);
    this.busy = accept || (this.busy && !done);
    this.working = this.busy;
    return changed || accept;
  }

  private work(done: boolean): void {
    if (this.left > 0) {
      this.left--;
      return;
    }
    this.writes.push({ at: this.edges + this.delay, done });
    this.group = done ? 0 : this.group + 1;
    this.left = this.lengths[this.group] - 1;
  }

  quiet(): number {
    if (this.stuck) return forever;
    const write = this.writes.length > 0 ? this.writes[0].at - this.edges : forever;
    return Math.min(write, this.working ? this.left : forever);
  }

  skip(cycles: number): void {
    if (this.stuck) return;
    this.edges += cycles;
    if (this.working) this.left -= cycles;
  }
}

function stageOf(unit: Unit): Stage {
  switch (unit.kind) {
    case 'logic':
      return new Pipeline(unit);
    case 'window':
      return new Window(unit);
    case 'collect':
      return new Collection(unit.pixels);
    case 'matrix':
      return new Lanes(unit);
    default:
      return unit satisfies never;
  }
}

/** A chain of layers, each with its buffer in front of it where it has one, and the scores. */
export interface OccupancyChain {
  readonly layers: readonly Pick<FoldedLayer, 'units' | 'buffer'>[];
  readonly scores: LogicUnit;
  /** Pixels, and beats of scores, of an image. */
  readonly pixels: number;
  readonly beats: number;
}

export interface Occupancy {
  /** Cycles from an image's scores to the next one's, once that does not change any more. */
  readonly cyclesPerImage: number;
  /** The most beats that waited in each layer's buffer; 0 where there is none. */
  readonly fullest: readonly number[];
  /** Cycles that were worked out one by one, times units. */
  readonly work: number;
}

/** Images until which the time between them is taken to be what it stays. */
const [minImages, maxImages] = [4, 12];

/**
 * Move beats through a chain, cycle by cycle, without what they carry: the receiver never waits.
 *
 * @param depths of the buffers, a layer each
 * @param pace cycles of an image at which pixels are offered, evenly; without it as soon as they are taken
 */
export function occupancyOf(
  { layers, scores, pixels, beats }: OccupancyChain,
  depths: readonly number[],
  pace = 0,
): Occupancy {
  const queues = layers.map(({ buffer }, i) =>
    buffer === undefined ? undefined : new Queue(depths[i]),
  );
  const stages: Stage[] = layers.flatMap(({ units }, i) => {
    const queue = queues[i];
    return [...(queue === undefined ? [] : [queue]), ...units.map(stageOf)];
  });
  stages.push(stageOf(scores));
  const run = new ChainRun(stages, pixels, beats, pace);
  const cyclesPerImage = run.go();
  return {
    cyclesPerImage,
    fullest: queues.map((queue) => queue?.fullest ?? 0),
    work: run.ticks * stages.length,
  };
}

class ChainRun {
  ticks = 0;
  private readonly stages: readonly Stage[];
  private readonly beats: number;
  /** Cycles from one pixel that is offered to the next. */
  private readonly interval: number;
  private cycle = 0;
  private sent = 0;
  private given = 0;
  private readonly ends: number[] = [];

  constructor(stages: readonly Stage[], pixels: number, beats: number, pace: number) {
    this.stages = stages;
    this.beats = beats;
    this.interval = pace / pixels;
  }

  go(): number {
    const { ends } = this;
    while (!this.settled()) {
      this.ticks++;
      const changed = this.tick();
      this.cycle++;
      if (!changed) this.skip();
    }
    const last = ends.length - 1;
    const [from, to] = last < maxImages - 1 ? [last - 1, last] : [last >> 1, last];
    return (ends[to] - ends[from]) / (to - from);
  }

  private settled(): boolean {
    const { ends } = this;
    const last = ends.length - 1;
    if (last < minImages - 1) return false;
    return (
      last === maxImages - 1 || ends[last] - ends[last - 1] === ends[last - 1] - ends[last - 2]
    );
  }

  private get offered(): boolean {
    return this.cycle >= this.sent * this.interval;
  }

  private tick(): boolean {
    const { stages } = this;
    let [taken, changed] = [true, false];
    if (stages[stages.length - 1].valid) {
      this.given++;
      if (this.given % this.beats === 0) this.ends.push(this.cycle);
    }
    for (let i = stages.length - 1; i >= 0; i--) {
      const offered = i === 0 ? this.offered : stages[i - 1].valid;
      const ready = stages[i].ready(taken, offered);
      if (stages[i].clock(taken, offered)) changed = true;
      taken = ready;
    }
    if (taken && this.offered) {
      this.sent++;
      changed = true;
    }
    return changed;
  }

  /** Go on to the next cycle in which something happens. */
  private skip(): void {
    let cycles = this.stages.reduce((least, stage) => Math.min(least, stage.quiet()), forever);
    const next = Math.ceil(this.sent * this.interval);
    if (next >= this.cycle) cycles = Math.min(cycles, next - this.cycle);
    if (cycles === forever)
      throw new Error('occupancy: expected a chain that moves, got one that stands still');
    if (cycles <= 0) return;
    for (const stage of this.stages) stage.skip(cycles);
    this.cycle += cycles;
  }
}

/** What moves between the units of a chain, cycle by cycle. */
export interface BeatTrace {
  /** Units in the order of the stream: the layer's name ('scores' for the last), and what the unit is. */
  readonly units: readonly { readonly layer: string; readonly kind: Unit['kind'] | 'buffer' }[];
  /** For each unit and cycle what its output shows: 0 nothing, 1 a beat that waits, 2 a beat that is taken. */
  readonly outputs: readonly Uint8Array[];
}

/** A chain with names and buffers, as `FoldedDesign` has it. */
interface NamedChain {
  readonly layers: readonly (Pick<FoldedLayer, 'units' | 'buffer'> & { readonly layer: string })[];
  readonly scores: { readonly unit: LogicUnit };
}

/**
 * Move beats through a design from its reset on, without what they carry, and note what each unit's output shows in
 * each cycle: pixels are offered as soon as they are taken, and the receiver never waits.
 */
export function beatTrace({ layers, scores }: NamedChain, cycles: number): BeatTrace {
  const units = layers.flatMap(({ layer, units: own, buffer }) => [
    ...(buffer === undefined ? [] : [{ layer, kind: 'buffer' as const }]),
    ...own.map(({ kind }) => ({ layer, kind })),
  ]);
  const stages = layers.flatMap(({ units: own, buffer }) => [
    ...(buffer === undefined ? [] : [new Queue(buffer.depth)]),
    ...own.map(stageOf),
  ]);
  stages.push(stageOf(scores.unit));
  const outputs = stages.map(() => new Uint8Array(cycles));
  for (let cycle = 0; cycle < cycles; cycle++) {
    let taken = true;
    for (let i = stages.length - 1; i >= 0; i--) {
      const offered = i === 0 || stages[i - 1].valid;
      if (stages[i].valid) outputs[i][cycle] = taken ? 2 : 1;
      const ready = stages[i].ready(taken, offered);
      stages[i].clock(taken, offered);
      taken = ready;
    }
  }
  return { units: [...units, { layer: 'scores', kind: 'logic' }], outputs };
}
