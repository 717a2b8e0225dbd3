import { type Random, random } from '@hbnn/core';
import { checkModel, type IntegerLayer } from '@hbnn/model';
import { expect, it } from 'vitest';
import { foldedDesign } from './foldedDesign.ts';
import { type OccupancyNetwork, occupancyOf } from './occupancy.ts';
import { beats } from './stream.ts';
import { layerBuffers, type Unit } from './units.ts';

const oneOf = <T>(rng: Random, list: readonly T[]): T => list[rng.below(list.length)];

/** Layers of many channels with thresholds between them: groups of sums that are beats. */
function networkOf(seed: number): { readonly network: OccupancyNetwork; readonly buffers: number } {
  const rng = random(seed, 'grouped lanes');
  const size = 4 + rng.below(3);
  const [first, second] = [oneOf(rng, [32, 48]), oneOf(rng, [32, 64])];
  const weights = (shape: readonly number[]) => ({
    kind: 'int8' as const,
    shape,
    values: Int8Array.from(
      { length: shape.reduce((product, n) => product * n, 1) },
      () => rng.below(15) - 7,
    ),
  });
  const conv = (name: string, outputs: number, inputs: number): IntegerLayer => ({
    kind: 'conv',
    name,
    strides: [1, 1],
    padding: name === 'second' ? [1, 1, 1, 1] : [0, 0, 0, 0],
    weights: weights([outputs, 2, 2, inputs]),
  });
  const bits = (name: string, side: number, channels: number): IntegerLayer => ({
    kind: 'threshold',
    name,
    multiples: Uint8Array.of(2, 1),
    bits: new Uint8Array(side * side * channels).fill(2),
    thresholds: Int32Array.from({ length: 3 * channels }, () => rng.below(1000) - 500),
    flips: new Uint8Array(channels),
  });
  const model = checkModel({
    name: `lanes ${seed}`,
    input: { shape: [size, size, 2], zeros: Int32Array.of(128, 100) },
    layers: [
      conv('first', first, 2),
      bits('bits', size - 1, first),
      conv('second', second, first),
      bits('more', size, second),
      { kind: 'dense', name: 'last', weights: weights([3, size * size * second]) },
    ],
    scoreOffsets: Int32Array.of(5, -7, 0),
    scoreFactor: 1,
    classes: ['a', 'b', 'c'],
  });
  const design = foldedDesign(model, {
    folds: {
      first: { pe: oneOf(rng, [1, 2]), simd: oneOf(rng, [1, 2, 4, 8]) },
      second: { pe: oneOf(rng, [1, 2]), simd: oneOf(rng, [4, 16, 64, 4 * first]) },
      last: { pe: 1, simd: oneOf(rng, [16, 32]) },
    },
    balanced: false,
  });
  const stages = (): number => 1 + rng.below(6);
  const changed = (unit: Unit): Unit => {
    if (unit.kind === 'logic') return { ...unit, stages: stages() };
    return unit.kind === 'matrix' ? { ...unit, stages: stages(), held: rng.below(2) === 0 } : unit;
  };
  const { scores, input } = design;
  const layers = design.layers.map((layer) => ({ ...layer, units: layer.units.map(changed) }));
  return {
    network: { layers, scores: scores.unit, pixels: beats(input), beats: scores.beats },
    buffers: design.layers.flatMap(layerBuffers).length,
  };
}

it.each([...Array(12).keys()])('moves as its units do one by one: network %i', (seed) => {
  const { network, buffers } = networkOf(seed);
  const gathered = network.layers.filter(({ units }) => units[1]?.kind === 'gather');
  expect(gathered.length).toBeGreaterThan(0);
  const rng = random(seed, 'depths');
  for (let n = 0; n < 4; n++) {
    const depths = Array.from({ length: buffers }, () => 2 + rng.below(n === 3 ? 40 : 3));
    const pace = n === 0 ? 0 : rng.below(6000);
    const { cyclesPerImage, fullest } = occupancyOf(network, depths, { pace });
    const apart = occupancyOf(network, depths, { pace, apart: true });
    expect({ cyclesPerImage, fullest }).toEqual({
      cyclesPerImage: apart.cyclesPerImage,
      fullest: apart.fullest,
    });
  }
});
