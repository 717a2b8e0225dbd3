import { type MapPer, parseMix, random } from '@hbnn/core';
import { randomModel } from '@hbnn/model';
import { expect, it } from 'vitest';
import { chooseFolds } from './chooseFolds.ts';
import { foldedDesign } from './foldedDesign.ts';
import type { Fold } from './folds.ts';
import { noInput } from './lanesAtOnce.ts';
import type { MatrixUnit } from './units.ts';
import { weightPlanes } from './weightPlanes.ts';

/** Maps that lanes for all planes at once are made for, and folds of 36 inputs. */
const ways: readonly (readonly [mix: string, map: MapPer | number, fold: Fold])[] = [
  ['2:1', 'element', { pe: 2, simd: 6, planes: 2 }],
  ['1:0.6/2:0.4', 'position', { pe: 1, simd: 9, planes: 2 }],
  ['0:0.2/1:0.5/2:0.2/3:0.1', 'position', { pe: 4, simd: 4, planes: 3 }],
  ['0:0.2/1:0.5/2:0.2/3:0.1', 'input', { pe: 2, simd: 12, planes: 3 }],
  ['1:0.6/2:0.4', 5, { pe: 2, simd: 10 }],
  ['1:0.6/2:0.4', 5, { pe: 4, simd: 40 }],
  ['0:0.25/1:0.25/2:0.25/3:0.25', 4, { pe: 1, simd: 8 }],
  ['0:0.5/1:0.5', 6, { pe: 4, simd: 6 }],
];

function unitOf(
  seed: number,
  [mix, map, fold]: (typeof ways)[number],
  inputMix = random(seed, 'inputs').below(2) === 0 ? '1:1' : '1:0.5/2:0.5',
): MatrixUnit {
  const model = randomModel(seed, {
    layer: 'conv:3x3x4,k3x3,o4',
    mix: parseMix(mix),
    ...(typeof map === 'number' ? { balance: map } : { mapPer: map }),
    inputMix: parseMix(inputMix),
    inputMapPer: 'channel',
  });
  const units = foldedDesign(model, { folds: { layer: fold } }).layers.flatMap((l) => l.units);
  const found = units.find((unit): unit is MatrixUnit => unit.kind === 'matrix');
  if (found === undefined) throw new Error('expected a design on lanes');
  return found;
}

it.each(ways)('words of %s, %j, on %j say each product once and no other', (...way) => {
  for (let seed = 1; seed <= 8; seed++) {
    const unit = unitOf(seed, way);
    const { tables, matrix, inputs } = unit;
    const { schedule, peBits, wordCounts } = tables;
    const { atOnce, patterns, outputAt, fold } = schedule;
    if (atOnce === undefined) throw new Error('expected lanes for all planes');
    const planes = weightPlanes(matrix.layer.weights);
    outputAt.forEach((o, at) => {
      const group = Math.floor(at / fold.pe);
      const taken: string[] = [];
      const numberOf = new Map<string, number>();
      for (const batch of patterns[0]) {
        // Batches with the same inputs share a word.
        const key = batch.lanes.map(({ input }) => input).join();
        const number = numberOf.get(key) ?? numberOf.size;
        numberOf.set(key, number);
        const word =
          tables.weights[group * wordCounts[0] + number] >> BigInt((at % fold.pe) * peBits);
        const field = (from: number, bits: number): number =>
          Number((word >> BigInt(from)) & ((1n << BigInt(bits)) - 1n));
        let from = batch.lanes.map(({ input }) => input);
        atOnce.planes.forEach((lanes, n) => {
          from = lanes.map(({ first, choices, sign, choice }) => {
            const chosen = choices === 1 ? 0 : field(choice, Math.ceil(Math.log2(choices)));
            expect(chosen).toBeLessThan(choices);
            const input = from[first + chosen] ?? noInput;
            const isPlus = field(sign, 1) === 1;
            if (input === noInput) expect(isPlus).toBe(true);
            else if (inputs.bits(matrix.channelOf(o, input), batch.inputPlane).length > 0)
              taken.push(`${input} ${n} ${batch.inputPlane} ${isPlus}`);
            return input;
          });
        });
      }
      const wanted = planes.flatMap((plane, n) =>
        inputs.weights.flatMap((_, j) =>
          Array.from({ length: matrix.inputs }, (_, i) => i)
            .filter((i) => plane.member(o, i) && inputs.bits(matrix.channelOf(o, i), j).length > 0)
            .map((i) => `${i} ${n} ${j} ${plane.positive(o, i)}`),
        ),
      );
      expect(taken.sort(), `seed ${seed}, output ${o}`).toEqual(wanted.sort());
    });
  }
});

it('follow the average bits of a shared map, and have none that is idle where its inputs are whole operands', () => {
  const lanes = (mix: string): number => {
    const fold = { pe: 4, simd: 12, planes: mix === '1:1' ? 1 : 2 };
    const { tables } = unitOf(1, [mix, 'position', fold], '1:1');
    const { atOnce, stepCount, idealSteps } = tables.schedule;
    expect(stepCount).toBeCloseTo(idealSteps, 9);
    return atOnce?.planes.flat().length ?? 12;
  };
  expect(['1:1', '1:0.75/2:0.25', '1:0.5/2:0.5', '2:1'].map(lanes)).toEqual([12, 15, 18, 24]);
});

it('are chosen where they are smaller for the cycles', () => {
  const model = randomModel(1, {
    layer: 'conv:10x10x32,k3x3,o32',
    mix: parseMix('1:0.6/2:0.4'),
    balance: 5,
  });
  const chosen = chooseFolds(model, { cycles: 3000 }).layer;
  expect(chosen).toMatchObject({ pe: expect.any(Number) });
  expect((chosen as Fold).simd % 5).toBe(0);
});
