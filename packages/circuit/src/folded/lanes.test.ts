import { type MapPer, parseMix, random } from '@hbnn/core';
import { randomModel } from '@hbnn/model';
import { expect, it } from 'vitest';
import { literalBit, netlistBits } from '../netlist/netlistBits.ts';
import { foldedDesign } from './foldedDesign.ts';
import { laneLogic } from './lanes.ts';
import type { MatrixUnit } from './units.ts';

/** The lanes of a small layer, which take the planes of its weights one after the other. */
function unitOf(seed: number, mapPer: MapPer, inputMix: string): MatrixUnit {
  const model = randomModel(seed, {
    layer: 'conv:3x3x4,k3x3,o4',
    mix: parseMix('1:0.4/2:0.4/3:0.2'),
    mapPer,
    inputMix: parseMix(inputMix),
    inputMapPer: 'channel',
  });
  const folds = { layer: { pe: 2, simd: 12 } };
  const units = foldedDesign(model, { folds }).layers.flatMap((layer) => layer.units);
  const found = units.find((unit): unit is MatrixUnit => unit.kind === 'matrix');
  if (found === undefined || found.tables.schedule.atOnce !== undefined)
    throw new Error('expected lanes for one plane at a time');
  return found;
}

/** Widths of an accumulator that are too narrow for the sum, the unit's own, and a wide one. */
const widths = (own: number): number[] => [1, 2, 3, 4, 5, own, own + 8];

it.each([
  ['element', '1:1'],
  ['element', '1:0.5/2:0.5'],
  ['position', '1:1'],
  ['output', '2:1'],
] as const)(
  'lanes give the product modulo 2^width: a map per %s, inputs %s',
  (mapPer, inputMix) => {
    const { tables, inputs } = unitOf(3, mapPer, inputMix);
    const { members, factors, schedule } = tables;
    const { simd } = schedule.fold;
    const rng = random(1, 'operands');
    for (const width of widths(tables.width)) {
      const net = laneLogic({ ...tables, width }, inputs.width, 'xc7');
      for (let n = 0; n < 30; n++) {
        const operands = Array.from({ length: simd }, () => rng.below(2 ** inputs.width));
        const signs = operands.map(() => rng.below(2));
        const counted = { all: 0, rows: 1, each: simd }[members];
        const member = Array.from({ length: counted }, () => rng.below(2));
        const factor = factors[rng.below(factors.length)];
        const bits = operands.flatMap((x) =>
          Array.from({ length: inputs.width }, (_, i) => (x >> i) & 1),
        );
        const before = bits.length + simd + counted;
        const factorBits = Array.from(
          { length: net.inputCount - before },
          (_, i) => (factor >> i) & 1,
        );
        const values = netlistBits(net, [...bits, ...signs, ...member, ...factorBits]);
        const got = net.outputs.reduce((sum, out, i) => sum + 2 ** i * literalBit(values, out), 0);
        // A minus is made by inverting all bits.
        const sum = operands.reduce((so, x, i) => {
          const counts = members === 'all' ? 1 : members === 'rows' ? member[0] : member[i];
          return so + counts * (signs[i] === 1 ? x : 2 ** inputs.width - 1 - x);
        }, 0);
        expect(net.outputs.length).toBeLessThanOrEqual(width);
        expect(got, `width ${width}`).toBe((sum * factor) % 2 ** width);
      }
    }
  },
);
