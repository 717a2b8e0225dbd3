import { distFromAverage } from '@hbnn/core';
import { type CheckedModel, randomModel } from '@hbnn/model';
import { expect, it } from 'vitest';
import { foldedDesign } from './foldedDesign.ts';
import { beatsAhead, beatTrace } from './occupancy.ts';
import { beats } from './stream.ts';

const design = foldedDesign(
  randomModel(1, {
    layer: 'conv:5x4x4,k3x3,o4,s1,p1',
    mix: distFromAverage(1.4),
    mapPer: 'position',
  }),
  { folds: { layer: { pe: 2, simd: 12 } } },
);

it('traces as many beats as an image has, in as many cycles as an image takes', () => {
  const images = 6;
  const { units, outputs } = beatTrace(design, 400 + images * design.cyclesPerImage);
  expect(units.map(({ layer }) => layer)).toContain('layer');
  expect(units[units.length - 1]).toEqual({ layer: 'scores', kind: 'logic' });
  const last = outputs[outputs.length - 1];
  const taken = [...last.keys()].filter((cycle) => last[cycle] === 2);
  // The receiver never waits, so that no beat of scores does.
  expect(last.includes(1)).toBe(false);
  expect(taken.length).toBeGreaterThanOrEqual(images * design.scores.beats);
  const ends = taken.filter((_, i) => i % design.scores.beats === design.scores.beats - 1);
  expect(ends[images - 1] - ends[images - 2]).toBe(design.cyclesPerImage);
});

it('gives no beat from a buffer that did not come into it', () => {
  const { units, outputs } = beatTrace(design, 2 * design.cyclesPerImage);
  const given = outputs.map((states) => states.filter((state) => state === 2).length);
  const buffers = [...units.keys()].filter((i) => i > 0 && units[i].kind === 'buffer');
  expect(buffers.length).toBeGreaterThan(0);
  for (const i of buffers) {
    expect(given[i]).toBeGreaterThan(0);
    expect(given[i]).toBeLessThanOrEqual(given[i - 1]);
  }
});

const aheadOf = (model: CheckedModel): number => {
  const padded = foldedDesign(model);
  return beatsAhead(padded, beats(padded.input));
};

it.each([
  ['windows with a pixel each', 'conv:5x4x4,k3x3,o4,s1,p1', 0],
  ['a row of padding and the first of the next row', 'conv:2x2x1,k1x1,o2,s1,p1', 5],
  ['two rows of padding and two places', 'conv:2x2x1,k1x1,o2,s1,p2', 14],
  // The first window of the second row has no pixel either, but comes after pixels of its rows.
  ['a row of windows in the padding', 'conv:4x4x2,k2x2,o3,s2,p2', 4],
] as const)('counts the beats that come before their image: %s', (_, layer, ahead) => {
  expect(aheadOf(randomModel(1, { layer }))).toBe(ahead);
});

it('counts the images that several padded layers begin by themselves', () => {
  expect(aheadOf(randomModel(1970))).toBe(2);
});
