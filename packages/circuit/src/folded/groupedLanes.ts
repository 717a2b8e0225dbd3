import { Groups } from './groups.ts';
import { forever, type Stage } from './occupancyStages.ts';
import type { GatherUnit, LogicUnit, MatrixUnit } from './units.ts';

/** Sums of a group that are on their way, and whether its pixel is whole then. */
interface Sums {
  readonly at: number;
  readonly done: boolean;
}

/**
 * Lanes whose groups are beats, logic for one group, and what gathers the groups of a pixel, as one stage. While no pixel
 * waits, groups flow through at a known time each: only the pixel's last one is seen, and those before need no cycle of
 * their own.
 */
export class GroupedLanes implements Stage {
  valid = false;
  private busy = false;
  private group = 0;
  private left: number;
  /** Clock edges at which the lanes moved, and the sums of groups by the edge at which they are written. */
  private edges = 0;
  private writes: Sums[] = [];
  /** Whether the lanes offer a group's sums, and whether those are a pixel's last. */
  private sums: { readonly done: boolean } | undefined;
  /** Clock edges at which the logic moved, and its beats by the edge after which they are offered. */
  private moves = 0;
  private beats: Sums[] = [];
  /** Groups that the gathered pixel has. */
  private count = 0;
  private readonly groups: Groups;
  private readonly delay: number;
  private readonly held: boolean;
  private readonly registers: number;
  /** What the last clock edge found: the lanes stood still, or had a place to work on. */
  private stuck = false;
  private working = false;

  constructor({ tables, stages, held }: MatrixUnit, logic: LogicUnit, gather: GatherUnit) {
    this.groups = new Groups(tables.schedule);
    if (this.groups.count !== gather.bits.length)
      throw new Error(`gathered: expected ${this.groups.count} groups, got ${gather.bits.length}`);
    this.left = this.groups.lengths[0] - 1;
    this.delay = stages + 1;
    this.held = held;
    this.registers = logic.stages;
  }

  private get done(): boolean {
    return this.left === 0 && this.group === this.groups.count - 1;
  }

  /** Whether the logic offers a beat. */
  private get offers(): boolean {
    return this.beats.length > 0 && this.beats[0].at <= this.moves;
  }

  private logicMoves(taken: boolean): boolean {
    return !this.offers || !this.valid || taken;
  }

  /** What is written would be written over what waits. */
  private stalled(moves: boolean): boolean {
    return this.sums !== undefined && !moves && this.writes[0]?.at === this.edges;
  }

  ready(taken: boolean, offered: boolean): boolean {
    if (this.stalled(this.logicMoves(taken))) return false;
    return this.held ? offered && this.done : !this.busy || this.done;
  }

  clock(taken: boolean, offered: boolean): boolean {
    const logicMoves = this.logicMoves(taken);
    this.stuck = this.stalled(logicMoves);
    const { valid, sums } = this;
    const waited = valid && !taken;
    if (!waited) this.valid = this.gather();
    if (logicMoves) {
      if (sums !== undefined) this.beats.push({ at: this.moves + this.registers, done: sums.done });
      this.moves++;
    }
    const moved = logicMoves && (this.beats.length > 0 || sums !== undefined);
    const changed = this.valid !== valid || (waited && moved);
    if (this.stuck) return changed;
    const isSeen = this.lanes(logicMoves, offered);
    return changed || isSeen;
  }

  /** Take the beat that the logic offers. Returns whether a pixel is whole. */
  private gather(): boolean {
    if (!this.offers) return false;
    const { done } = this.beats.shift() as Sums;
    this.count = done ? 0 : this.count + 1;
    return done;
  }

  /** A clock edge at which the lanes move. Returns whether that is more than counters that run down. */
  private lanes(taken: boolean, offered: boolean): boolean {
    const { done, writes } = this;
    const before = this.sums;
    if (writes[0]?.at === this.edges) this.sums = writes.shift();
    else if (taken) this.sums = undefined;
    // While a pixel waits, each group counts: one that cannot go on stops those behind it.
    let changed = this.valid && this.sums !== before;
    this.working = this.held ? offered : this.busy;
    if (this.working) {
      if (this.left === 0 && (this.valid || done)) changed = true;
      this.work(done);
    }
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
    this.left = this.groups.lengths[this.group] - 1;
  }

  state(): string {
    const writes = this.writes.map(({ at, done }) => `${at - this.edges}${done}`);
    const beats = this.beats.map(({ at, done }) => `${Math.max(0, at - this.moves)}${done}`);
    const { valid, busy, group, left, sums, count } = this;
    return [valid, busy, group, left, ...writes, sums?.done, ...beats, count].join();
  }

  quiet(): number {
    return this.valid ? this.quietBehindPixel() : this.quietInFlow();
  }

  /** While a pixel waits: until the logic's last register has a beat, or a group of the lanes ends. */
  private quietBehindPixel(): number {
    if (!this.offers && (this.beats.length > 0 || this.sums !== undefined)) return 0;
    if (this.stuck) return forever;
    const write = this.writes.length === 0 ? forever : this.writes[0].at - this.edges;
    return this.working ? Math.min(write, this.left) : write;
  }

  /** While none waits: until a pixel is whole, or the lanes are done with one. */
  private quietInFlow(): number {
    const { groups, group, left, registers } = this;
    const ends = this.working ? left + groups.behind[group] : forever;
    const beat = this.beats.find(({ done }) => done);
    if (beat !== undefined) return Math.min(ends, beat.at - this.moves);
    if (this.sums?.done === true) return Math.min(ends, registers);
    const write = this.writes.find(({ done }) => done);
    if (write !== undefined) return Math.min(ends, write.at - this.edges + 1 + registers);
    return ends;
  }

  skip(cycles: number): void {
    if (this.valid) this.skipBehindPixel(cycles);
    else this.skipInFlow(cycles);
  }

  private skipBehindPixel(cycles: number): void {
    // Without a beat in its last register the logic moves on, empty.
    if (!this.offers) this.moves += cycles;
    if (this.stuck) return;
    this.edges += cycles;
    if (this.working) this.left -= cycles;
  }

  private skipInFlow(cycles: number): void {
    const { groups, edges, delay, registers } = this;
    // The cycle in which a pixel takes sums in, by the cycle in which the lanes write them.
    const taken = (write: number): number => write + 1 + registers;
    const flying: { write: number; done: boolean }[] = [
      ...this.beats.map(({ at, done }) => ({ write: at - this.moves - 1 - registers, done })),
      ...(this.sums === undefined ? [] : [{ write: -1, done: this.sums.done }]),
      ...this.writes.map(({ at, done }) => ({ write: at - edges, done })),
    ];
    if (this.working) {
      const before = this.left + groups.behind[this.group];
      const after = before - cycles;
      const from = this.group;
      if (cycles > this.left) this.group = groups.at(after);
      this.left = after - groups.behind[this.group];
      // Groups that came through all of it.
      let g = this.group;
      while (g > from && taken(before - groups.behind[g - 1] + delay) >= cycles) g--;
      this.count += g - from;
      for (; g < this.group; g++)
        flying.push({ write: before - groups.behind[g] + delay, done: false });
    }
    this.edges += cycles;
    this.moves += cycles;
    [this.beats, this.writes, this.sums] = [[], [], undefined];
    for (const { write, done } of flying) {
      const left = write - cycles;
      if (taken(left) < 0) this.count++;
      else if (left < -1) this.beats.push({ at: this.moves + left + 1 + registers, done });
      else if (left === -1) this.sums = { done };
      else this.writes.push({ at: this.edges + left, done });
    }
  }
}
