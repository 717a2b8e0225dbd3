import { randomModel } from '@hbnn/model';
import { describe, expect, it } from 'vitest';
import { foldedDesign } from './foldedDesign.ts';
import { type OccupancyNetwork, occupancyOf } from './occupancy.ts';
import { beats } from './stream.ts';
import { layerBuffers, type StreamBuffer, type WindowUnit } from './units.ts';

/** A stream of three stages beside one that goes straight to where they meet. */
const buffer: StreamBuffer = { name: 'buffer', depth: 2 };
const pipeline = (stages: number) => ({ kind: 'logic', stages }) as const;

function beside(stages: number): OccupancyNetwork {
  const design = foldedDesign(randomModel(8, { branches: true }));
  const logic = design.scores.unit;
  const layer = (sources: readonly { layer: number; buffer?: StreamBuffer }[], depth: number) => ({
    sources,
    units: [{ ...logic, ...pipeline(depth) }],
  });
  return {
    layers: [
      layer([{ layer: -1 }], 1),
      { ...layer([{ layer: 0 }], stages), buffer },
      layer([{ layer: 1 }, { layer: 0, buffer }], 1),
    ],
    scores: { ...logic, ...pipeline(1) },
    pixels: 50,
    beats: 50,
  };
}

describe('the occupancy of branches', () => {
  it('is a beat per cycle where the short one has room for what the long one holds', () => {
    const stages = 7;
    // The buffer before the stages holds a beat too, and a buffer that is full takes none while it gives one.
    const deep = occupancyOf(beside(stages), [2, stages + 2]);
    expect(deep.cyclesPerImage).toBe(50);
    expect(deep.fullest[1]).toBe(stages + 1);
    expect(occupancyOf(beside(stages), [2, stages + 1]).cyclesPerImage).toBeGreaterThan(50);
  });

  it('is infinite where branches wait for each other for ever', () => {
    const plain = beside(1);
    const [stem, long, join] = plain.layers;
    const [{ name, inputWidth, outputWidth }] = long.units;
    const window: WindowUnit = {
      kind: 'window',
      name,
      input: [10, 5, 1],
      output: [10, 5, 1],
      kernel: [3, 3],
      strides: [1, 1],
      padding: [1, 1, 1, 1],
      inputWidth,
      outputWidth,
    };
    const network = { ...plain, layers: [stem, { ...long, units: [window] }, join] };
    // The first window of 3 × 3 ends at the second pixel of the second row.
    expect(occupancyOf(network, [2, 6]).cyclesPerImage).toBe(Number.POSITIVE_INFINITY);
    expect(Number.isFinite(occupancyOf(network, [2, 7]).cyclesPerImage)).toBe(true);
  });

  it('stays finite in designs with the fewest places that pauses can leave', () => {
    for (const seed of [2, 8, 21, 27]) {
      const { layers, scores, input } = foldedDesign(randomModel(seed, { branches: true }));
      const network = { layers, scores: scores.unit, pixels: beats(input), beats: scores.beats };
      const depths = layers.flatMap((layer) => layerBuffers(layer).map(({ depth }) => depth));
      const { cyclesPerImage } = occupancyOf(network, depths, { fewestPlaces: true });
      expect(Number.isFinite(cyclesPerImage), `${seed}`).toBe(true);
    }
  });
});
