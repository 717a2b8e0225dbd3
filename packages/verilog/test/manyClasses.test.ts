import { type FoldedDesign, type FoldedOptions, foldedDesign } from '@hbnn/circuit';
import { randomModel } from '@hbnn/model';
import { prove, verify, verilogFiles } from '@hbnn/verilog';
import { describe, expect, it } from 'vitest';

const groupsOf = ({ layers }: FoldedDesign): number[] =>
  layers.flatMap(({ output }) => output.parts ?? []);

describe('scores of many classes', () => {
  const cases: [string, FoldedOptions, number][] = [
    ['dense:12x64', { style: 'gates', folds: { layer: { pe: 4, simd: 1 } } }, 16],
    ['dense:18x66', { style: 'xc7', maxLevels: 4, folds: { layer: { pe: 2, simd: 1 } } }, 33],
    ['conv:3x2x4,k2x2,o64,s1,p0', { folds: { layer: { pe: 1, simd: 2 } } }, 64],
  ];
  it.each(cases)('are worked out some at a time: %s, %j', async (layer, o, turns) => {
    const model = randomModel(3, {
      layer,
      mix: {
        fractions: [
          { bits: 1, fraction: 0.7 },
          { bits: 2, fraction: 0.3 },
        ],
      },
    });
    const design = foldedDesign(model, o);
    expect(groupsOf(design)).toEqual([turns]);
    expect(design.scores.each * design.scores.beats).toBe(model.classes.length);
    // Scores that come group by group hold nothing up.
    expect(design.cyclesPerImage).toBeLessThanOrEqual(1.01 * design.scheduledCycles);
    const files = verilogFiles(design);
    expect((await verify(model, design, files, { images: 16 })).equal).toBe(true);
    const { layers, scores } = await prove(model, design, files);
    const last = layers.find((each) => each.layer === 'layer');
    expect(last).toMatchObject({ proved: model.classes.length, outputs: model.classes.length });
    expect(scores).toMatchObject({ proved: model.classes.length, outputs: model.classes.length });
  });

  it.each([
    ['in another order, as their weights differ in bits', 'output', { pe: 4, simd: 6 }],
    ['all by a lane of their own', 'element', { pe: 64, simd: 1 }],
  ] as const)('are dealt out where the sums are made %s', async (_, mapPer, fold) => {
    const mix = { fractions: [0.5, 0.5].map((fraction, n) => ({ bits: n + 1, fraction })) };
    const model = randomModel(4, { layer: 'dense:24x64', mapPer, mix });
    const design = foldedDesign(model, { folds: { layer: fold } });
    const kinds = design.layers.flatMap(({ units }) => units.map(({ kind }) => kind));
    expect(kinds).toContain('deal');
    expect(design.scores.each).toBeLessThan(64);
    const files = verilogFiles(design);
    expect((await verify(model, design, files, { images: 8 })).equal).toBe(true);
    const { layers } = await prove(model, design, files);
    expect(layers.at(-1)).toMatchObject({ proved: 64, outputs: 64 });
  });

  it('are worked out at once where they are few, or an image takes one cycle', () => {
    const few = randomModel(1, { layer: 'dense:12x63' });
    expect(groupsOf(foldedDesign(few, { folds: { layer: { pe: 1, simd: 1 } } }))).toEqual([]);
    const quick = randomModel(1, { layer: 'dense:12x64' });
    expect(groupsOf(foldedDesign(quick, { folds: { layer: 'constant' } }))).toEqual([]);
  });

  it.each([
    [
      'writes over a group that waits',
      'assign ce = ~(write & full & ~m_axis_tready);',
      "assign ce = 1'b1;",
    ],
    ['offers the last group alone', 'full <= (write & ce) |', 'full <= (write & ce & done_2) |'],
  ])('are found wrong where the layer %s', async (_, right, wrong) => {
    const model = randomModel(3, { layer: 'dense:12x64' });
    const design = foldedDesign(model, { folds: { layer: { pe: 4, simd: 1 } } });
    const files = { ...verilogFiles(design) };
    expect(files['layer.v']).toContain(right);
    files['layer.v'] = files['layer.v'].replace(right, wrong);
    expect((await verify(model, design, files, { images: 8 })).equal).toBe(false);
    expect((await prove(model, design, files)).proved).toBe(false);
  });
});
