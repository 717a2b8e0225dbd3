import { unrolledDesign } from '@hbnn/circuit';
import { parseMix } from '@hbnn/core';
import { randomModel } from '@hbnn/model';
import { describe, expect, it } from 'vitest';
import { pipelineRegisters } from './pipelineRegisters.ts';

const count = (model: Parameters<typeof unrolledDesign>[0], maxLevels?: number): number =>
  pipelineRegisters(unrolledDesign(model, { style: 'xc7', maxLevels })).reduce(
    (sum, { flipFlops }) => sum + flipFlops,
    0,
  );

/** Flip-flops that `hbnn synth --target xc7 --yosys native` (Yosys 0.23) counts of the same designs. */
describe('pipelineRegisters', () => {
  const dense = randomModel(1, { layer: 'dense:144x16', mix: parseMix('0.7/0.2/0.1') });

  it('counts what synthesis counts', () => {
    expect(count(dense, 6)).toBe(3439);
    const conv = randomModel(2, { layer: 'conv:4x4x4,k3x3,o4', mix: parseMix('0/1') });
    expect(count(conv, 4)).toBe(3122);
  });

  it('counts beats that wait for other branches, those that nothing reads too', () => {
    expect(count(randomModel(8, { branches: true }), 8)).toBe(1918 + 3);
  });

  it('counts none where there are none', () => {
    expect(count(dense)).toBe(0);
  });
});
