import {
  chooseFolds,
  type Fold,
  type FoldTable,
  foldedCycles,
  foldedDesign,
  unrolledDesign,
} from '@hbnn/circuit';
import { distFromAverage, parseMix } from '@hbnn/core';
import { type CheckedModel, interpreter, randomModel } from '@hbnn/model';
import { simulate, testbenchFiles, verify, verilogFiles } from '@hbnn/verilog';
import { describe, expect, it } from 'vitest';
import { sourcesOf } from '../src/simulate/simulate.ts';
import { testImages } from '../src/verify/verify.ts';
import { yosys } from '../src/yosys/yosys.ts';

const conv = randomModel(2, {
  layer: 'conv:4x5x4,k3x3,o6,s1,p1',
  mix: parseMix('0.7/0.2/0.1'),
  mapPer: 'position',
  inputMix: distFromAverage(1.4),
});

const stepsOf = (model: CheckedModel, folds: FoldTable): number | undefined => {
  const layer = foldedDesign(model, { folds }).layers.find(({ fold }) => fold !== undefined);
  const unit = layer?.units.find(({ kind }) => kind === 'matrix');
  return unit?.kind === 'matrix' ? unit.tables.schedule.stepCount : undefined;
};

/** `pnpm --filter @hbnn/verilog designs`: all folds in both styles, not in one. */
const all = process.env.HBNN_DESIGNS === 'all';
const folded: [string, FoldTable][] = [
  ['one lane', { layer: { pe: 1, simd: 1 } }],
  ['six lanes', { layer: { pe: 3, simd: 2 } }],
  ['a row of lanes', { layer: { pe: 1, simd: 36 } }],
  ['constants', { layer: 'constant' }],
];

describe.each(['gates', 'xc7'] as const)('a folded design of style %s', (style) => {
  const half = style === 'gates' ? 1 : 0;
  it.each(all ? folded : folded.filter((_, i) => i % 2 === half))(
    'of %s computes what the interpreter does',
    async (_, folds) => {
      const design = foldedDesign(conv, { style, folds });
      const result = await verify(conv, design, verilogFiles(design), { images: 40 });
      expect(result.difference).toBeUndefined();
      expect(result).toMatchObject({ equal: true, images: 40 });
    },
  );

  it('passes yosys check -assert', async () => {
    const design = foldedDesign(conv, { style, folds: { layer: { pe: 3, simd: 6 } } });
    const files = sourcesOf(verilogFiles(design));
    const read = `read_verilog ${Object.keys(files).join(' ')}`;
    await yosys(`${read}\nhierarchy -check -top ${design.top}\nproc\ncheck -assert\n`, files);
  });

  it('has the same text each time', () => {
    const files = () => verilogFiles(foldedDesign(conv, { style }));
    expect(files()).toEqual(files());
  });
});

it('folded and unrolled hardware agree on every vector', async () => {
  const model = randomModel(36);
  const unrolled = await simulate(model, unrolledDesign(model));
  const folded = await simulate(model, foldedDesign(model));
  const pixels = testImages(model, 300, 5);
  expect(folded.run(pixels)).toEqual(unrolled.run(pixels));
  expect(folded.largest()).toEqual(unrolled.largest());
  expect(folded.run(new Uint8Array(0))).toHaveLength(0);
});

describe('cycles', () => {
  const layer = 'dense:32x8';
  const of = (mapPer: 'element' | 'position' | 'output' | 'block:4', mix: string) =>
    randomModel(9, { layer, mapPer, mix: parseMix(mix) });
  const fold: FoldTable = { layer: { pe: 4, simd: 4 } };

  it('are outputs / PE x inputs / SIMD for one bit', () => {
    expect(stepsOf(of('element', '1'), fold)).toBe(16);
    expect(stepsOf(of('element', '0/1'), fold)).toBe(32);
  });

  it('follow the average bits where a map is the same throughout a fold', () => {
    // 7 of 32 outputs' or inputs' rows have a second bit; those of a random map have one in every fold.
    expect(stepsOf(of('output', '0.5/0.5'), { layer: { pe: 1, simd: 4 } })).toBe(64 + 32);
    expect(stepsOf(of('position', '0.5/0.5'), { layer: { pe: 8, simd: 1 } })).toBe(32 + 16);
    expect(stepsOf(of('block:4', '0.5/0.5'), { layer: { pe: 1, simd: 4 } })).toBe(64 + 32);
    expect(stepsOf(of('element', '0.5/0.5'), fold)).toBe(32);
  });

  it('leave out planes of inputs that no channel of a fold has', () => {
    const model = randomModel(9, {
      layer: 'conv:3x3x8,k1x1,o4',
      mix: parseMix('1'),
      inputMix: parseMix('0.5/0.5'),
      inputMapPer: 'channel',
    });
    expect(stepsOf(model, { layer: { pe: 4, simd: 1 } })).toBe(8 + 4);
  });

  it('are known without making the design', () => {
    const ofOne = randomModel(9, { layer: 'dense:12x1', mix: parseMix('0.5/0.5') });
    const cases: [CheckedModel, Record<string, Fold>[]][] = [
      [of('position', '0.5/0.5'), [{ layer: { pe: 2, simd: 2 } }, { layer: { pe: 8, simd: 32 } }]],
      [conv, [{ layer: { pe: 3, simd: 6 } }, { layer: { pe: 1, simd: 1 } }]],
      [ofOne, [{ layer: { pe: 1, simd: 4 } }, { layer: { pe: 1, simd: 12 } }]],
    ];
    for (const [model, all] of cases)
      for (const folds of all)
        expect(foldedCycles(model, folds), JSON.stringify(folds)).toBe(
          foldedDesign(model, { folds }).cyclesPerImage,
        );
    // Whole networks, one lane per layer.
    for (const seed of [3, 9, 15, 36]) {
      const model = randomModel(seed);
      const matrices = model.checkedLayers.filter((plan) => 'weights' in plan.layer);
      const folds = Object.fromEntries(matrices.map((m) => [m.layer.name, { pe: 1, simd: 1 }]));
      expect(foldedCycles(model, folds), `${seed}`).toBe(
        foldedDesign(model, { folds }).cyclesPerImage,
      );
    }
    expect(() => foldedCycles(conv, {})).toThrow('layer: expected a fold of each layer');
  });

  it('of a layer with one output keep to a rate', () => {
    const model = randomModel(9, { layer: 'dense:12x1', mix: parseMix('1') });
    const folds = chooseFolds(model, { cycles: 4 });
    expect(foldedDesign(model, { folds }).cyclesPerImage).toBeLessThanOrEqual(4);
  });

  it('are what a simulation without pauses takes', async () => {
    const model = of('position', '0.5/0.5');
    const design = foldedDesign(model, { folds: { layer: { pe: 2, simd: 2 } } });
    const simulation = await simulate(model, design, verilogFiles(design), { pauses: false });
    simulation.run(testImages(model, 3, 1));
    expect(simulation.cyclesPerImage?.()).toBe(design.cyclesPerImage);
  });
});

describe('verify of a folded design', () => {
  const design = foldedDesign(conv, { folds: { layer: { pe: 3, simd: 6 } } });
  const files = verilogFiles(design);
  const verified = (text: string) =>
    verify(conv, design, { ...files, 'layer.v': text }, { images: 20, effort: 0.03 });

  it('names the layer of flipped weights', async () => {
    const broken = files['layer.v'].replace(
      /(weight_word = 18'd)(\d+)(;\n)/,
      (_, before, value, after) => `${before}${BigInt(value) ^ 0x3ffffn}${after}`,
    );
    expect(broken).not.toBe(files['layer.v']);
    const result = await verified(broken);
    expect(result).toMatchObject({ equal: false, difference: { layer: 'layer' } });
  });

  it('finds a reset that is missing', async () => {
    const broken = files['layer.v'].replace(
      "if (!aresetn) busy <= 1'b0;\n    else if (ce)",
      'if (ce)',
    );
    expect(broken).not.toBe(files['layer.v']);
    expect(await verified(broken)).toMatchObject({ equal: false });
  });

  it.each([
    [
      'stands still',
      'wire move = free & (~on_image | s_axis_tvalid);',
      "wire move = 1'b0;",
      'nothing moved',
    ],
    [
      'goes on by itself',
      'assign s_axis_tready = on_image & free;',
      "assign s_axis_tready = 1'b0;",
      'beats of',
    ],
  ])('finds a chain that %s', async (_, line, other, message) => {
    const broken = files['layer.v'].replace(line, other);
    expect(broken).not.toBe(files['layer.v']);
    const result = await verified(broken);
    expect(result).toMatchObject({
      equal: false,
      difference: { layer: 'layer', output: 'stream' },
    });
    expect(result.difference?.found).toContain(message);
  });

  it('finds what is written over while the other end waits', async () => {
    const broken = files['layer.v'].replace(
      'assign ce = ~(write & full & ~m_axis_tready);',
      "assign ce = 1'b1;",
    );
    expect(broken).not.toBe(files['layer.v']);
    expect(await verified(broken)).toMatchObject({ equal: false });
  });

  it('takes text that says the same in other words', async () => {
    const result = await verified(
      files['layer.v'].replace('~full | m_axis_tready', '~(full & ~m_axis_tready)'),
    );
    expect(result.difference).toBeUndefined();
    expect(result).toMatchObject({ equal: true, vectorsPerLayer: 256, sumEnds: true });
  });
});

describe('folds', () => {
  it('are chosen within cycles, or within LUTs', () => {
    const cyclesOf = (folds: FoldTable): number => foldedDesign(conv, { folds }).cyclesPerImage;
    expect(cyclesOf(chooseFolds(conv, { cycles: 1000 }))).toBeLessThanOrEqual(1000);
    expect(cyclesOf(chooseFolds(conv, { cycles: 42 }))).toBeLessThanOrEqual(42);
    const few = cyclesOf(chooseFolds(conv, { luts: 650 }));
    const many = cyclesOf(chooseFolds(conv, { luts: 100_000 }));
    expect(many).toBeLessThan(few);
    // 6 × 7 pixels with the zeros around them.
    expect(many).toBe(42);
  });

  it('that cannot be are refused with the layer and the way out', () => {
    const cases: [() => unknown, RegExp][] = [
      [() => foldedDesign(conv, { folds: { layer: { pe: 4, simd: 6 } } }), /^layer: .*4x6/],
      [() => foldedDesign(conv, { folds: { other: 'constant' } }), /^other: .*\(layer\)/],
      [() => foldedDesign(conv, { maxLevels: 0 }), /^levels: /],
      [() => chooseFolds(conv, { cycles: 41 }), /^layer: expected at least 42 cycles/],
      [() => chooseFolds(conv, { luts: 10 }), /^luts: .*got 10/],
    ];
    for (const [make, message] of cases) expect(make).toThrow(message);
  });
});

it('the interpreter and the testbench have the same scores', () => {
  const model = randomModel(3);
  const files = testbenchFiles(model, foldedDesign(model), { images: 3 });
  const beats = files['testbench_scores.hex'].trim().split('\n');
  const { output } = model.checkedLayers[model.layers.length - 1];
  expect(beats).toHaveLength(3 * output[0] * output[1]);
  expect(interpreter(model).model).toBe(model);
});
