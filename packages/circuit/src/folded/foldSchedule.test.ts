import { distFromAverage, type MapPer, random } from '@hbnn/core';
import { randomModel } from '@hbnn/model';
import { expect, it } from 'vitest';
import { foldedDesign } from './foldedDesign.ts';
import { foldSchedules } from './foldSchedule.ts';
import { inputPlanes } from './inputPlanes.ts';
import { channelTaps, tapOperands } from './operands.ts';
import type { MatrixUnit } from './units.ts';
import { weightPlanes } from './weightPlanes.ts';

const mapPers: readonly MapPer[] = ['element', 'position', 'input', 'output', 'block:8'];
const divisors = (n: number): number[] =>
  Array.from({ length: n }, (_, i) => i + 1).filter((d) => n % d === 0);

/** A layer and its folds, drawn anew for each number. */
function drawnDesign(seed: number) {
  const rng = random(seed, 'fold schedule');
  const draw = <T>(list: readonly T[]): T => list[Math.floor(rng.uniform() * list.length)];
  const [outputs, channels] = [draw([2, 4, 6, 8]), draw([4, 6, 8])];
  const layers = {
    dense: { text: `dense:${32 * channels}x${outputs}`, inputs: 32 * channels },
    conv: { text: `conv:4x4x${channels},k3x3,o${outputs},p1`, inputs: 9 * channels },
    depthwise: { text: `depthwise:4x4x${channels},k3x3,o${channels},p1`, inputs: 9 },
  };
  const kind = draw(['dense', 'dense', 'conv', 'depthwise'] as const);
  const model = randomModel(seed, {
    layer: layers[kind].text,
    mix: distFromAverage(draw([1, 1.2, 1.4, 1.8, 2, 0.7])),
    inputMix: distFromAverage(draw([1, 1.2, 1.4, 2])),
    mapPer: kind === 'depthwise' ? 'element' : draw(mapPers),
    scalePer: draw(['tensor', 'output']),
  });
  const pe = draw(divisors(kind === 'depthwise' ? channels : outputs));
  const simd = draw(divisors(layers[kind].inputs).filter((n) => n <= 36));
  return { model, design: foldedDesign(model, { folds: { layer: { pe, simd } } }), simd };
}

it('takes each product of a weight bit and an input bit as often as its factor says, and none else', () => {
  let matrices = 0;
  for (let seed = 1; seed <= 150; seed++) {
    const { model, design, simd } = drawnDesign(seed);
    const unit = design.layers
      .flatMap(({ units }) => units)
      .find((found): found is MatrixUnit => found.kind === 'matrix');
    // A layer that is worked on at once has its weights in logic.
    if (unit === undefined) continue;
    matrices++;
    const [, layer] = model.layers;
    if (!('weights' in layer)) throw new Error('expected the second layer to have weights');
    const planes = weightPlanes(layer.weights);
    const inputs = inputPlanes(unit.input);
    const { schedule } = unit.tables;
    const { pe } = schedule.fold;
    schedule.outputAt.forEach((o, at) => {
      const taken = new Map<string, number>();
      for (const batch of schedule.patterns[schedule.patternOf[Math.floor(at / pe)]]) {
        expect(batch.lanes.length).toBeLessThanOrEqual(simd);
        for (const { input, weightPlane, inputPlane } of batch.lanes) {
          if (!planes[weightPlane].member(o, input)) continue;
          if (inputs.bits(unit.matrix.channelOf(o, input), inputPlane).length === 0) continue;
          const key = `${input} ${weightPlane} ${inputPlane}`;
          const factor = planes[batch.weightPlane].factor(o) * inputs.weights[batch.inputPlane];
          taken.set(key, (taken.get(key) ?? 0) + factor);
        }
      }
      const wanted = new Map<string, number>();
      planes.forEach((plane, n) => {
        inputs.weights.forEach((weight, j) => {
          for (let i = 0; i < unit.matrix.inputs; i++)
            if (plane.member(o, i) && inputs.bits(unit.matrix.channelOf(o, i), j).length > 0)
              wanted.set(`${i} ${n} ${j}`, plane.factor(o) * weight);
        });
      });
      const sorted = (map: Map<string, number>) => [...map].sort();
      expect(sorted(taken), `seed ${seed}, output ${o}`).toEqual(sorted(wanted));
    });
  }
  expect(matrices).toBeGreaterThan(120);
});

it('counts no fewer steps than all lanes at work would take', () => {
  for (let seed = 201; seed <= 260; seed++) {
    const unit = drawnDesign(seed)
      .design.layers.flatMap(({ units }) => units)
      .find((found): found is MatrixUnit => found.kind === 'matrix');
    if (unit === undefined) continue;
    const planes = weightPlanes(unit.matrix.layer.weights);
    const schedules = foldSchedules(unit.matrix, planes, inputPlanes(unit.input));
    const { outputs, inputs } = unit.matrix;
    for (const pe of divisors(outputs))
      for (const simd of divisors(inputs)) {
        const least = schedules.leastSteps({ pe, simd });
        expect(least).toBeGreaterThanOrEqual(outputs / pe);
        const { stepCount } = schedules.of({ pe, simd });
        expect(least, `seed ${seed}, ${pe} x ${simd}`).toBeLessThanOrEqual(stepCount);
      }
  }
});

it.each([1, 3, 9])('chooses among few operands in a depthwise layer of %i lanes', (simd) => {
  const model = randomModel(5, {
    layer: 'depthwise:4x4x64,k3x3,o64,p1',
    mix: distFromAverage(1.4),
    inputMix: distFromAverage(1.4),
  });
  const { layers } = foldedDesign(model, { folds: { layer: { pe: 4, simd } } });
  const unit = layers
    .flatMap(({ units }) => units)
    .find((found): found is MatrixUnit => found.kind === 'matrix');
  if (unit === undefined) throw new Error('expected lanes, found none');
  const { groups } = unit.tables.schedule;
  const bits = tapOperands(unit).length * simd * unit.inputs.width;
  const taps = channelTaps(unit, 0);
  expect(taps).toHaveLength(groups);
  expect(bits).toBeLessThanOrEqual(groups * taps[0].length + 4 * simd);
});
