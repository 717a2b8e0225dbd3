import { Groups } from './groups.ts';
import {
  endsWindow,
  type LogicUnit,
  type MatrixUnit,
  scanSize,
  type Unit,
  type WindowUnit,
} from './units.ts';

/**
 * The control logic of one unit between streams: its valid and ready signals in each cycle, without the data. It has the
 * same registers as the Verilog of the unit.
 */
export interface Stage {
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
  /** What it does from now on depends on this alone, and on its neighbours. */
  state(): string;
}

/** Cycles until something that never comes. */
export const forever = Number.POSITIVE_INFINITY;

/** Places for beats to wait in. */
export class Queue implements Stage {
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

  state(): string {
    return `${this.count}`;
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

  constructor({ stages }: Pick<LogicUnit, 'stages'>) {
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

  state(): string {
    const { full, at } = this;
    return `${full.subarray(at).join('')}${full.subarray(0, at).join('')}`;
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

  state(): string {
    return `${this.at},${this.valid}`;
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

  state(): string {
    return `${this.count},${this.valid}`;
  }

  quiet(): number {
    return forever;
  }

  skip(): void {}
}

/** So many pixels that are added up. It takes none while their sum waits. */
class Accumulation implements Stage {
  valid = false;
  private count = 0;
  private readonly pixels: number;

  constructor(pixels: number) {
    this.pixels = pixels;
  }

  ready(): boolean {
    return !this.valid;
  }

  clock(taken: boolean, offered: boolean): boolean {
    if (this.valid) {
      this.valid = !taken;
      return taken;
    }
    if (!offered) return false;
    this.valid = this.count === this.pixels - 1;
    this.count = this.valid ? 0 : this.count + 1;
    return true;
  }

  state(): string {
    return `${this.count},${this.valid}`;
  }

  quiet(): number {
    return forever;
  }

  skip(): void {}
}

/** A beat that becomes several; it is taken with the last of them. */
class Parting implements Stage {
  valid = false;
  private turn = 0;
  private readonly turns: number;

  constructor(turns: number) {
    this.turns = turns;
  }

  private get isLast(): boolean {
    return this.turn === this.turns - 1;
  }

  ready(taken: boolean): boolean {
    return this.isLast && (!this.valid || taken);
  }

  clock(taken: boolean, offered: boolean): boolean {
    const before = this.valid;
    const moves = offered && (!before || taken);
    this.valid = moves || (before && !taken);
    if (moves) this.turn = this.isLast ? 0 : this.turn + 1;
    return moves || this.valid !== before;
  }

  state(): string {
    return `${this.turn},${this.valid}`;
  }

  quiet(): number {
    return forever;
  }

  skip(): void {}
}

/**
 * Lanes that go through a matrix, group after group of outputs. While no beat waits, nobody sees where a group ends: only
 * the last group's end makes the unit ready, and only its write offers a beat. Where each group's sums are a beat, all
 * writes offer one.
 */
class Lanes implements Stage {
  valid = false;
  private busy = false;
  private group = 0;
  private left: number;
  /** Clock edges at which the lanes moved. */
  private edges = 0;
  /** When the sums of groups that are in the lanes are written, and whether a pixel is whole then. */
  private readonly writes: { readonly at: number; readonly done: boolean }[] = [];
  private readonly groups: Groups;
  private readonly delay: number;
  private readonly held: boolean;
  private readonly grouped: boolean;
  /** What the last clock edge found: the lanes stood still, or had a place to work on. */
  private stuck = false;
  private working = false;

  constructor({ tables, stages, held, grouped }: MatrixUnit) {
    this.groups = new Groups(tables.schedule);
    this.left = this.groups.lengths[0] - 1;
    this.delay = stages + 1;
    this.held = held;
    this.grouped = grouped;
  }

  private get done(): boolean {
    return this.left === 0 && this.group === this.groups.count - 1;
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
    const seen = before || this.valid;
    const changed =
      this.valid !== before ||
      (seen && write) ||
      (this.working && this.left === 0 && (seen || done));
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
    this.writes.push({ at: this.edges + this.delay, done: done || this.grouped });
    this.group = done ? 0 : this.group + 1;
    this.left = this.groups.lengths[this.group] - 1;
  }

  state(): string {
    const writes = this.writes.map(({ at, done }) => `${at - this.edges}${done}`);
    return [this.valid, this.busy, this.group, this.left, ...writes].join();
  }

  quiet(): number {
    if (this.stuck) return forever;
    const next = this.valid ? this.writes[0] : this.writes.find(({ done }) => done);
    const write = next === undefined ? forever : next.at - this.edges;
    if (!this.working) return write;
    const isSeen = this.valid || this.grouped;
    return Math.min(write, isSeen ? this.left : this.left + this.groups.behind[this.group]);
  }

  skip(cycles: number): void {
    if (this.stuck) return;
    const { group, edges, groups, delay } = this;
    const { behind } = groups;
    if (this.working) {
      const before = this.left + behind[group];
      const after = before - cycles;
      this.group = cycles <= this.left ? group : groups.at(after);
      this.left = after - behind[this.group];
      // The sums of the last groups are still in the lanes.
      let g = this.group;
      while (g > group && behind[g - 1] <= after + delay) g--;
      for (; g < this.group; g++)
        this.writes.push({ at: edges + before - behind[g] + delay, done: false });
    }
    this.edges = edges + cycles;
    while (this.writes.length > 0 && this.writes[0].at < this.edges) this.writes.shift();
  }
}

export function stageOf(unit: Unit): Stage {
  switch (unit.kind) {
    case 'logic':
      return new Pipeline(unit);
    case 'window':
      return new Window(unit);
    case 'collect':
      return new Collection(unit.pixels);
    case 'accumulate':
      return new Accumulation(unit.pixels);
    case 'deal':
      return new Parting(unit.bits.length);
    case 'gather':
      return new Collection(unit.bits.length);
    case 'matrix':
      return new Lanes(unit);
    default:
      return unit satisfies never;
  }
}

/**
 * A unit with as few places for beats as it has in the worst case: registers hold one beat where pauses let nothing follow
 * it. Lanes hold one beat that waits and one that they work on, which is still the unit's before where they work on that.
 * Lanes that make a beat of each group hold no other one.
 */
export function fewestPlaces(unit: Unit): Stage {
  if (unit.kind === 'matrix') {
    if (unit.grouped) return new Parting(unit.tables.schedule.groups);
    return unit.held ? new Pipeline({ stages: 1 }) : new Queue(2);
  }
  return unit.kind === 'logic' ? new Pipeline({ stages: 1 }) : stageOf(unit);
}
