import type { Value } from '../assemble/assembler.ts';

/** A value that comes from another by min(max(scale · x + offset, minimum), maximum). */
export interface Ramp {
  readonly of: Value;
  readonly scale: number;
  readonly offset: number;
  readonly minimum: number;
  readonly maximum: number;
}

/** How values come from others, so that a product of one with what it comes from is known as a HardSwish. */
export class Ramps {
  private readonly ramps = new Map<Value, Ramp>();

  /** A value is scale · x + offset. */
  scaled(value: Value, x: Value, scale: number, offset: number): void {
    const before = this.of(x);
    const ends = [before.minimum, before.maximum].map((end) => scale * end + offset);
    this.ramps.set(value, {
      of: before.of,
      scale: scale * before.scale,
      offset: scale * before.offset + offset,
      minimum: Math.min(...ends),
      maximum: Math.max(...ends),
    });
  }

  /** A value is x between bounds. */
  bounded(value: Value, x: Value, minimum: number, maximum: number): void {
    const before = this.of(x);
    const cut = (end: number): number => Math.min(Math.max(end, minimum), maximum);
    const ends = { minimum: cut(before.minimum), maximum: cut(before.maximum) };
    this.ramps.set(value, { ...before, ...ends });
  }

  private of(value: Value): Ramp {
    const itself = { of: value, scale: 1, offset: 0, minimum: -Infinity, maximum: Infinity };
    return this.ramps.get(value) ?? itself;
  }

  /** How often HardSwish x · gate is, where gate is k · min(max(x + 3, 0), 6): 6 k; undefined where it is another gate. */
  hardSwishOf(x: Value, gate: Value): number | undefined {
    const { of, scale, offset, minimum, maximum } = this.of(gate);
    const isNear = (value: number, right: number): boolean =>
      Math.abs(value - right) < 1e-5 * right;
    const isRamp = scale > 0 && Math.abs(minimum) < 1e-6 * scale;
    const fits = isNear(offset / scale, 3) && isNear(maximum / scale, 6);
    return of === x && isRamp && fits ? 6 * scale : undefined;
  }
}
