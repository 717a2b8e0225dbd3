import { readFileSync } from 'node:fs';
import {
  approximate,
  binarize,
  distance,
  floatTensor,
  type Heuristic,
  type Layout,
  type MapPer,
  parseMix,
  type ScalePer,
  selectBits,
} from '@hbnn/core';
import { binarizer } from '@hbnn/core/binarizer';
import { describe, expect, it } from 'vitest';

interface Golden {
  readonly inputs: readonly { name: string; dtype: string; shape: number[]; data: string }[];
  readonly cases: readonly {
    input: string;
    mix: [bits: number, fraction: number][];
    select: Heuristic;
    mapPer: MapPer;
    scalePer: ScalePer;
    layout: Layout;
    bits: string;
    scales: number[][];
    approximation: string;
    distance: number;
  }[];
}

/** Written by golden/make_golden.py, with numpy alone. */
const golden: Golden = JSON.parse(
  readFileSync(new URL('golden/golden.json', import.meta.url), 'utf8'),
);

const bytesOf = (text: string) => Uint8Array.from(Buffer.from(text, 'base64')).buffer;

/** Both sum squares in float64, in different orders. */
const distanceTolerance = 1e-12;

describe.each(golden.inputs)('golden vectors: $name', (input) => {
  const raw = bytesOf(input.data);
  const data = input.dtype === 'float64' ? new Float64Array(raw) : new Float32Array(raw);
  const t = floatTensor(data, input.shape);
  const cases = golden.cases.filter((each) => each.input === input.name);

  it.each(cases)('$select per $mapPer, scales per $scalePer, $layout, $mix', (expected) => {
    const { mapPer, scalePer, layout, select } = expected;
    const mix = parseMix(expected.mix.map(([bits, part]) => `${bits}:${part}`).join('/'));
    const map = selectBits(t, { mix, select, mapPer, layout });
    expect(map.bits.join('')).toBe(expected.bits);
    const r = binarize(t, map, { scalePer, layout });
    expect(r.planes.map((plane) => Array.from(plane.scales))).toEqual(expected.scales);
    const approximation = approximate(r);
    const values = new Float32Array(bytesOf(expected.approximation));
    expect(Array.from(approximation.data)).toEqual(Array.from(values));
    expect(Math.abs(distance(t, approximation) - expected.distance)).toBeLessThan(
      distanceTolerance,
    );
    if (!(data instanceof Float32Array)) return;
    const out = new Float32Array(data.length);
    const b = binarizer({ shape: input.shape, layout, select, mix, mapPer, scalePer });
    b.apply(data, out);
    expect(Array.from(out)).toEqual(Array.from(values));
    expect(b.bits.join('')).toBe(expected.bits);
  });
});
