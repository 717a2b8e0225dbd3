import type { MapPer } from '@hbnn/core';
import { type FeatureShape, rowLength } from './integerModel.ts';

/**
 * Which of a map's units each element belongs to, by arithmetic: units of millions of weights take no memory.
 * Elements come in rows, a row in runs that share a unit (the last may be shorter), and units start over after the
 * last one.
 */
export interface Unit {
  readonly count: number;
  readonly row: number;
  readonly run: number;
  of(element: number): number;
}

function unitOf(count: number, row: number, run: number): Unit {
  const perRow = Math.ceil(row / run);
  return {
    count,
    row,
    run,
    of: (i) => (Math.floor(i / row) * perRow + Math.floor((i % row) / run)) % count,
  };
}

/** Units of weights [outputs, kernelH, kernelW, inputs] or [outputs, inputs]. */
export function weightUnits(shape: readonly number[], mapPer: MapPer): Unit {
  const outputs = shape[0];
  const inputs = shape[shape.length - 1];
  const row = rowLength(shape);
  if (mapPer === 'element') return unitOf(outputs * row, row, 1);
  if (mapPer === 'position') return unitOf(row, row, 1);
  if (mapPer === 'input') return unitOf(inputs, inputs, 1);
  if (mapPer === 'output') return unitOf(outputs, row, row);
  const block = Number(mapPer.slice('block:'.length));
  return unitOf(((outputs * row) / inputs) * Math.ceil(inputs / block), inputs, block);
}

export type FeatureMapPer = 'element' | 'position' | 'channel';

/** Units of a feature map [height, width, channels]. */
export function featureUnits([height, width, channels]: FeatureShape, mapPer: FeatureMapPer): Unit {
  if (mapPer === 'channel') return unitOf(channels, channels, 1);
  if (mapPer === 'position') return unitOf(height * width, channels, channels);
  return unitOf(height * width * channels, channels, 1);
}

/** Calls `visit` for each run of elements of one unit, in order. */
function eachRun(
  { count, row, run }: Unit,
  elements: number,
  visit: (unit: number, from: number, to: number) => boolean,
): boolean {
  let unit = 0;
  for (let start = 0; start < elements; start += row) {
    const end = Math.min(start + row, elements);
    for (let from = start; from < end; from += run) {
      if (!visit(unit, from, Math.min(from + run, end))) return false;
      unit = unit + 1 === count ? 0 : unit + 1;
    }
  }
  return true;
}

/** One value per unit; undefined when a unit's elements differ. */
export function gather(bits: Uint8Array, unit: Unit): Uint8Array | undefined {
  if (unit.count === bits.length) return bits;
  const unseen = 255;
  const found = new Uint8Array(unit.count).fill(unseen);
  const alike = eachRun(unit, bits.length, (u, from, to) => {
    const width = found[u] === unseen ? bits[from] : found[u];
    found[u] = width;
    for (let i = from; i < to; i++) if (bits[i] !== width) return false;
    return true;
  });
  return alike ? found : undefined;
}

/** The value of each element's unit. */
export function spread(units: Uint8Array, unit: Unit, count: number): Uint8Array {
  if (unit.count === count) return units;
  const bits = new Uint8Array(count);
  if (unit.run === 1) {
    bits.set(units);
    // What is filled doubles with each copy.
    for (let filled = units.length; filled < count; filled *= 2)
      bits.copyWithin(filled, 0, Math.min(filled, count - filled));
    return bits;
  }
  eachRun(unit, count, (u, from, to) => {
    bits.fill(units[u], from, to);
    return true;
  });
  return bits;
}
