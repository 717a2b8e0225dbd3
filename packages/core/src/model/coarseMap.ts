import type { MapPer } from '../granularity.ts';
import type { FeatureShape } from './integerModel.ts';

/** Which of a map's units each element belongs to, by arithmetic: units of millions of weights take no memory. */
export interface Unit {
  readonly count: number;
  of(element: number): number;
}

/** Units of weights [outputs, kernelH, kernelW, inputs] or [outputs, inputs]. */
export function weightUnits(shape: readonly number[], mapPer: MapPer): Unit {
  const outputs = shape[0];
  const inputs = shape[shape.length - 1];
  const row = shape.slice(1).reduce((product, n) => product * n, 1);
  if (mapPer === 'element') return { count: outputs * row, of: (i) => i };
  if (mapPer === 'position') return { count: row, of: (i) => i % row };
  if (mapPer === 'input') return { count: inputs, of: (i) => i % inputs };
  if (mapPer === 'output') return { count: outputs, of: (i) => Math.floor(i / row) };
  const block = Number(mapPer.slice('block:'.length));
  const blocks = Math.ceil(inputs / block);
  return {
    count: ((outputs * row) / inputs) * blocks,
    of: (i) => Math.floor(i / inputs) * blocks + Math.floor((i % inputs) / block),
  };
}

export type FeatureMapPer = 'element' | 'position' | 'channel';

/** Units of a feature map [height, width, channels]. */
export function featureUnits([height, width, channels]: FeatureShape, mapPer: FeatureMapPer): Unit {
  if (mapPer === 'channel') return { count: channels, of: (i) => i % channels };
  if (mapPer === 'position') return { count: height * width, of: (i) => Math.floor(i / channels) };
  return { count: height * width * channels, of: (i) => i };
}

/** One value per unit; undefined when a unit's elements differ. */
export function gather(bits: Uint8Array, unit: Unit): Uint8Array | undefined {
  const found = new Uint8Array(unit.count);
  const seen = new Uint8Array(unit.count);
  for (let i = 0; i < bits.length; i++) {
    const u = unit.of(i);
    if (seen[u] === 1 && found[u] !== bits[i]) return undefined;
    found[u] = bits[i];
    seen[u] = 1;
  }
  return found;
}

/** The value of each element's unit. */
export function spread(units: Uint8Array, unit: Unit, count: number): Uint8Array {
  const bits = new Uint8Array(count);
  for (let i = 0; i < count; i++) bits[i] = units[unit.of(i)];
  return bits;
}
