import { type Design, unrolledDesign } from '@hbnn/circuit';
import { distFromAverage } from '@hbnn/core';
import {
  type CheckedModel,
  checkModel,
  type IntegerLayer,
  randomModel,
  weightValues,
} from '@hbnn/model';
import { prove, verilogFiles } from '@hbnn/verilog';
import { expect, it } from 'vitest';

const threshold = (planes: number): IntegerLayer => ({
  kind: 'threshold',
  name: 'sign',
  bits: new Uint8Array(2).fill(planes),
  multiples: Uint8Array.of(2, 1).subarray(0, planes),
  thresholds: Int32Array.of(-70001, -900000, 123456, 70000, -5, 912345).subarray(
    0,
    2 * (2 ** planes - 1),
  ),
  flips: Uint8Array.of(0, 1),
});

/** 128 pixels to two sums of 23 bits, and a layer behind them. */
function wide(behind: IntegerLayer): CheckedModel {
  const values = Int8Array.from({ length: 256 }, (_, i) => ((i * 89) % 255) - 127);
  const weights = { kind: 'int8', shape: [2, 128], values } as const;
  return checkModel({
    name: 'wide',
    input: { shape: [1, 1, 128], zeros: new Int32Array(128) },
    layers: [{ kind: 'dense', name: 'sums', weights }, behind],
    scoreOffsets: Int32Array.of(3, -4),
    scoreFactor: 1,
    classes: ['a', 'b'],
  });
}

// Every case takes Yosys ten seconds or more; `pnpm --filter @hbnn/verilog proofs` has them all.
const all = process.env.HBNN_PROOFS === 'all';

it.runIf(all).each([
  ['threshold', threshold(1)],
  ['threshold of two planes', threshold(2)],
] as const)('proves a %s of wide sums by sat', async (_, layer) => {
  const model = wide(layer);
  const design = unrolledDesign(model);
  const proof = await prove(model, design, verilogFiles(design));
  const { method, bySat, proved } = proof.layers[1];
  expect({ method, bySat, proved }).toEqual({ method: 'sat', bySat: 2, proved: 2 });
  expect(proof.proved).toBe(true);
});

const pooled = checkModel({
  name: 'pooled',
  input: { shape: [2, 2, 1], zeros: Int32Array.of(7) },
  layers: [{ kind: 'maxPool', name: 'pool', size: [2, 2], strides: [2, 2], padding: [0, 0, 0, 0] }],
  scoreOffsets: Int32Array.of(-3),
  scoreFactor: 1,
  classes: ['a'],
});

it('proves the largest of wide values by sat, and finds values for which it is not', async () => {
  const design = unrolledDesign(pooled);
  const files = verilogFiles(design);
  const proof = await prove(pooled, design, files);
  expect(proof.layers[0]).toMatchObject({ method: 'sat', proved: 1, bySat: 1 });
  expect(proof.proved).toBe(true);
  // Wrong for two values alone of the last pixel.
  const text = files['pool.v'].replace(
    '  assign y = {',
    "  wire odd = x[31:25] == 7'd99 && x[23:0] == 24'd0;\n  assign y = {8{odd}} ^ {",
  );
  const broken = await prove(pooled, design, { ...files, 'pool.v': text });
  expect(broken.disproof).toMatchObject({ layer: 'pool', output: 0 });
  const values = [...(broken.disproof?.values ?? [])];
  expect(values.slice(0, 3)).toEqual([-7, -7, -7]);
  expect([198 - 7, 199 - 7]).toContain(values[3]);
  expect(broken.disproof?.expected).toBe(values[3]);
});

/** The sums of a layer as somebody would write them by hand. */
function byHand(model: CheckedModel, { layers }: Design, wrong = 0): string {
  const [, plan] = model.checkedLayers;
  const { input, output, module } = layers[1];
  if (plan.layer.kind !== 'dense') throw new Error('dense');
  const weights = weightValues(plan.layer.weights);
  const count = input.forms.length;
  const bits = (offsets: Int32Array): number => offsets[offsets.length - 1];
  const sums = output.forms.map(({ base, weights: units }, o) => {
    const terms = input.forms.flatMap((form, i) => {
      const w = weights[o * count + i];
      if (i === 0 && wrong !== 0) return [`(x[0] ? ${w * form.weights[0] + wrong} : 0)`];
      return form.weights.map((unit, j) => `(x[${input.offsets[i] + j}] ? ${w * unit} : 0)`);
    });
    const constant = input.forms.reduce(
      (sum, form, i) => sum + weights[o * count + i] * form.base,
      -base,
    );
    return `wire signed [15:0] sum${o} = ${constant} + ${terms.join(' + ')};\nassign y[${output.offsets[o + 1] - 1}:${output.offsets[o]}] = sum${o} >>> ${Math.log2(units[0])};`;
  });
  return `module ${module} (input wire [${bits(input.offsets) - 1}:0] x, output wire [${bits(output.offsets) - 1}:0] y);\n${sums.join('\n')}\nendmodule\n`;
}

it.runIf(all).each([
  [1, 1],
  [2, 2],
  [1.4, 1],
] as const)('proves sums of %d-bit weights written by hand by sat', async (average, inputs) => {
  const model = randomModel(3, {
    layer: 'dense:24x1',
    mix: distFromAverage(average),
    inputMix: distFromAverage(inputs),
  });
  const design = unrolledDesign(model);
  const files = verilogFiles(design);
  const proof = await prove(model, design, { ...files, 'layer.v': byHand(model, design) });
  expect(proof.disproof).toBeUndefined();
  expect(proof.layers[1]).toMatchObject({ proved: 1 });
  expect(proof.layers[1].method).toMatch(/sat|adders|exhaustive/);
  expect(proof.proved).toBe(true);
  const broken = await prove(model, design, {
    ...files,
    'layer.v': byHand(model, design, 2 * 4),
  });
  expect(broken).toMatchObject({ proved: false, disproof: { layer: 'layer' } });
});

it.runIf(all).each(['gates', 'xc7'] as const)(
  'asks sat too about what adders show, style %s',
  async (style) => {
    const model = randomModel(5, { layer: 'dense:32x3', mix: distFromAverage(1.4) });
    const design = unrolledDesign(model, { style });
    const proof = await prove(model, design, verilogFiles(design), { sat: true });
    expect(proof.layers[1]).toMatchObject({ method: 'adders', proved: 3, bySat: 3 });
    expect(proof).toMatchObject({ proved: true, scores: { bySat: 3 }, largest: { bySat: 1 } });
  },
);

it('finds one pattern of 32 inputs for which a sum is wrong', async () => {
  const model = randomModel(4, { layer: 'dense:40x3' });
  const design = unrolledDesign(model);
  const files = verilogFiles(design);
  const text = files['layer.v'].replace(
    /assign y = \{\n\s*([^,\n]*)/,
    "wire rare = x[31:0] == 32'h5a5a1234;\n  assign y = {\n($1) ^ rare",
  );
  expect(text).not.toBe(files['layer.v']);
  const { proved, disproof } = await prove(model, design, { ...files, 'layer.v': text });
  expect(proved).toBe(false);
  expect(disproof).toMatchObject({ layer: 'layer', output: 2 });
  // Bit i of x is 1 where the pattern's is.
  const signs = Array.from({ length: 32 }, (_, i) => ((0x5a5a1234 >> i) & 1 ? 1 : -1));
  expect([...(disproof?.values ?? [])].slice(0, 32)).toEqual(signs);
});
