import {
  chooseFolds,
  controlBits,
  type Fold,
  type FoldTable,
  foldedCycles,
  foldedDesign,
  type MatrixUnit,
} from '@hbnn/circuit';
import { distFromAverage, type MapPer, parseMix, random, selectBits } from '@hbnn/core';
import { type CheckedModel, checkModel, type IntegerLayer, randomModel } from '@hbnn/model';
import { verify, verilogFiles } from '@hbnn/verilog';
import { describe, expect, it } from 'vitest';

/** `pnpm --filter @hbnn/verilog designs`: each map in both styles, not every other in one. */
const all = process.env.HBNN_DESIGNS === 'all';
const styles = ['gates', 'xc7'] as const;

function matrixOf(model: CheckedModel, folds: FoldTable): MatrixUnit {
  const units = foldedDesign(model, { folds }).layers.flatMap((layer) => layer.units);
  const unit = units.find((one): one is MatrixUnit => one.kind === 'matrix');
  if (unit === undefined) throw new Error('expected a design with a matrix');
  return unit;
}

/** The same layer with other bits of its weights. */
function withBits(model: CheckedModel, bits: Uint8Array): CheckedModel {
  const layers = model.layers.map((layer): IntegerLayer => {
    if (layer.kind !== 'conv' || layer.weights.kind !== 'planes') return layer;
    const signs = layer.weights.signs.map((_, i) => random(i, 'signs').below(2 ** bits[i]));
    return { ...layer, weights: { ...layer.weights, bits, signs } };
  });
  return checkModel({ ...model, layers });
}

describe("CNV's third layer on PE 16 x SIMD 32", () => {
  const folds: FoldTable = { layer: { pe: 16, simd: 32 } };
  const unitOf = (weights: number, inputs: number, mapPer: MapPer = 'position') =>
    matrixOf(
      randomModel('x', {
        layer: 'conv:14x14x64,k3x3,o128',
        mix: distFromAverage(weights),
        mapPer,
        inputMix: distFromAverage(inputs),
        inputMapPer: 'channel',
      }),
      folds,
    );

  it.each([
    [1, 1, 'position', 144],
    [1.2, 1, 'position', 176],
    [1.4, 1, 'position', 208],
    [1.4, 1, 'input', 208],
    [1.4, 1, 'output', 216],
    [2, 1, 'position', 288],
    [1.2, 1.2, 'position', 216],
    [1.4, 1.4, 'position', 296],
    [1.4, 1.4, 'output', 312],
    [2, 2, 'position', 576],
  ] as const)('takes for %s / %s bits, a map per %s, %i cycles a place', (w, a, per, cycles) => {
    const { schedule } = unitOf(w, a, per).tables;
    expect(schedule.stepCount).toBe(cycles);
  });

  it.each([
    [1, 1, 144 * 512],
    [1.2, 1.2, 200 * 512],
    [1.4, 1, 208 * 512],
    [1.4, 1.4, 272 * 512],
    [2, 2, 288 * 512],
  ])('has for %s / %s bits %i bits of memory for weights', (w, a, bits) => {
    const { tables } = unitOf(w, a);
    expect(tables.members).toBe('all');
    expect(tables.weights.length * tables.weightBits).toBe(bits);
    expect(bits).toBeLessThanOrEqual(1.5 * w * 128 * 576);
    expect(controlBits(tables)).toBeLessThanOrEqual(0.03 * bits);
  });

  it('has a bit of membership for each output where outputs differ, and for each weight where all do', () => {
    expect(unitOf(1.4, 1, 'output').tables.members).toBe('rows');
    expect(unitOf(1.4, 1, 'element').tables.members).toBe('each');
  });
});

describe('a folded layer computes what the interpreter does', () => {
  const conv = 'conv:3x3x12,k2x3,o8,s1,p1';
  const ways: [string, CheckedModel, FoldTable][] = [];
  const folds: FoldTable[] = [
    { layer: { pe: 4, simd: 8 } },
    { layer: { pe: 2, simd: 36 } },
    { layer: { pe: 8, simd: 3 } },
  ];
  const pers: MapPer[] = ['element', 'position', 'input', 'output', 'block:8', 'block:3'];
  pers.forEach((mapPer, k) => {
    const model = randomModel(mapPer, {
      layer: conv,
      mix: parseMix('0.1/0.4/0.3/0.2'),
      mapPer,
      scalePer: k % 2 === 0 ? 'output' : 'tensor',
      inputMix: parseMix('0.1/0.5/0.2/0.2'),
      inputMapPer: (['channel', 'element', 'position'] as const)[k % 3],
    });
    ways.push([`of a map per ${mapPer}`, model, folds[k % 3]]);
  });
  const inputs = { inputMix: distFromAverage(1.4), inputMapPer: 'channel' } as const;
  const plain = randomModel('balanced', { layer: conv, mix: distFromAverage(1.4), ...inputs });
  const data = Float32Array.from({ length: 8 * 72 }, (_, i) => random(i, 'weight').uniform() - 0.5);
  const { bits } = selectBits(
    { shape: [8, 2, 3, 12], data },
    { mix: distFromAverage(1.4), select: 'middle-out', balance: 10 },
  );
  ways.push(['of a balanced map', withBits(plain, bits), folds[0]]);
  const conv36 = 'conv:5x5x4,k3x3,o4,p1';
  const atOnce: readonly (readonly [string, string, MapPer | number, string, Fold])[] = [
    ['dense:20x4', '2:1', 'element', '1:1', { pe: 2, simd: 10, planes: 2 }],
    [conv36, '1:0.7/2:0.2/3:0.1', 'position', '1:0.6/2:0.4', { pe: 2, simd: 12, planes: 3 }],
    [conv36, '0:0.2/1:0.6/2:0.2', 'input', '2:1', { pe: 1, simd: 1, planes: 2 }],
    ['depthwise:5x5x4,k3x3,o4,p1', '1:0.5/2:0.5', 'position', '2:1', { pe: 2, simd: 3, planes: 2 }],
    ['dense:23x4', '1:0.6/2:0.4', 5, '1:1', { pe: 4, simd: 25 }],
    [conv36, '0:0.25/1:0.25/2:0.25/3:0.25', 4, '1:0.6/2:0.4', { pe: 2, simd: 8 }],
    ['depthwise:5x5x4,k3x3,o4,p1', '1:0.66667/2:0.33333', 3, '2:1', { pe: 4, simd: 6 }],
  ];
  for (const [layer, mix, map, inputMix, fold] of atOnce)
    ways.push([
      `for all planes at once, ${layer}, ${mix}, ${map}`,
      randomModel('at once', {
        layer,
        mix: parseMix(mix),
        ...(typeof map === 'number' ? { balance: map } : { mapPer: map }),
        inputMix: parseMix(inputMix),
        inputMapPer: 'channel',
      }),
      { layer: fold },
    ]);
  for (const mapPer of ['position', 'element', 'output'] as const)
    ways.push([
      `with a window of its own, a map per ${mapPer}`,
      randomModel(`depthwise ${mapPer}`, {
        layer: 'depthwise:5x5x6,k3x3,o12,s1,p1',
        mix: distFromAverage(1.4),
        mapPer,
        scalePer: 'output',
        ...inputs,
      }),
      { layer: { pe: 4, simd: 3 } },
    ]);

  it.each(ways)('%s', async (name, model, table) => {
    const at = ways.findIndex(([one]) => one === name);
    for (const style of all ? styles : [styles[at % 2]]) {
      const design = foldedDesign(model, { style, folds: table });
      const result = await verify(model, design, verilogFiles(design), { images: 12 });
      expect(result.difference).toBeUndefined();
      expect(result.equal).toBe(true);
    }
  });

  it('where lanes are used several times for a larger factor', async () => {
    const model = randomModel('several', {
      layer: 'conv:3x3x20,k2x2,o4',
      mix: distFromAverage(1.4),
      mapPer: 'position',
      ...inputs,
    });
    const table: FoldTable = { layer: { pe: 2, simd: 16 } };
    const { schedule } = matrixOf(model, table).tables;
    const lanes = schedule.patterns[0].flatMap((batch) =>
      batch.lanes.filter(
        (lane) => lane.weightPlane !== batch.weightPlane || lane.inputPlane !== batch.inputPlane,
      ),
    );
    expect(lanes.length).toBeGreaterThan(0);
    expect(foldedCycles(model, { layer: { pe: 2, simd: 16 } })).toBe(schedule.stepCount * 4);
    const design = foldedDesign(model, { folds: table });
    const result = await verify(model, design, verilogFiles(design), { images: 20 });
    expect(result.equal).toBe(true);
  });
});

it('folds that keep to cycles do so with the lanes as they are filled', () => {
  const model = randomModel(5, {
    layer: 'conv:6x6x8,k3x3,o16',
    mix: distFromAverage(1.4),
    mapPer: 'position',
  });
  const folds = chooseFolds(model, { cycles: 1500 });
  expect(foldedDesign(model, { folds }).cyclesPerImage).toBeLessThanOrEqual(1500);
});
