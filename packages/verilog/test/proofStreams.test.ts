import { type FoldedOptions, foldedDesign } from '@hbnn/circuit';
import { parseMix, random } from '@hbnn/core';
import { type CheckedModel, checkModel, type IntegerLayer, randomModel } from '@hbnn/model';
import { type Proof, prove, verilogFiles } from '@hbnn/verilog';
import { describe, expect, it } from 'vitest';

type Files = Record<string, string>;

const mix = parseMix('0.7/0.3');
const single = randomModel(3, { layer: 'conv:4x4x3,k3x3,o2,s2,p1', mix, mapPer: 'position' });
const singleFolds = { layer: { pe: 2, simd: 9 } };

function proofOf(
  model: CheckedModel,
  o: FoldedOptions,
  change: (files: Files) => Files = (files) => files,
): Promise<Proof> {
  const design = foldedDesign(model, o);
  return prove(model, design, change(verilogFiles(design)), { secondsPerLayer: 60 });
}

const partsOf = ({ layers, scores, largest }: Proof) =>
  [...layers, scores, largest].flatMap((part) => (part === undefined ? [] : [part]));

/** A network with a pool behind which thresholds are taken, and a layer of all pixels. */
function network(): CheckedModel {
  const rng = random(1, 'proof of streams');
  const weights = (shape: readonly number[]) => {
    const count = shape.reduce((product, n) => product * n, 1);
    return {
      kind: 'planes' as const,
      shape,
      bits: Uint8Array.from({ length: count }, (_, i) => 1 + (i % 2)),
      signs: Uint8Array.from({ length: count }, (_, i) => rng.below(i % 2 === 0 ? 2 : 4)),
      scalePer: 'tensor' as const,
      mapPer: 'element' as const,
      multiples: [Uint8Array.of(2), Uint8Array.of(1)],
    };
  };
  const threshold = (name: string, count: number, channels: number): IntegerLayer => ({
    kind: 'threshold',
    name,
    multiples: Uint8Array.of(3, 1),
    bits: new Uint8Array(count).fill(2),
    thresholds: Int32Array.from({ length: 3 * channels }, (_, i) => 7 * (i % 3) - 6),
    flips: Uint8Array.from({ length: channels }, (_, c) => c % 2),
  });
  return checkModel({
    name: 'small',
    input: { shape: [4, 4, 2], zeros: Int32Array.of(0, 128) },
    layers: [
      threshold('in', 32, 2),
      {
        kind: 'conv',
        name: 'conv',
        strides: [1, 1],
        padding: [1, 1, 1, 1],
        weights: weights([4, 3, 3, 2]),
      },
      { kind: 'maxPool', name: 'pool', size: [2, 2], strides: [2, 2], padding: [0, 0, 0, 0] },
      threshold('codes', 16, 4),
      { kind: 'dense', name: 'dense', weights: weights([3, 16]) },
    ],
    scoreFactor: 1,
    scoreOffsets: Int32Array.of(1, -2, 0),
    classes: ['a', 'b', 'c'],
  });
}

describe('a folded design is proved', () => {
  it.each(['gates', 'xc7'] as const)(
    'with its pools, thresholds and wires, of %s',
    async (style) => {
      const folds = { conv: { pe: 2, simd: 6 }, dense: { pe: 3, simd: 4 } };
      const proof = await proofOf(network(), { folds, style, inputLast: true });
      expect(partsOf(proof).filter(({ outputs, proved }) => proved < outputs)).toEqual([]);
      expect(proof).toMatchObject({ proved: true, wires: { proved: true } });
      expect(proof.layers.map(({ layer }) => layer)).toEqual([
        'in',
        'conv',
        'codes',
        'pool',
        'dense',
      ]);
      const conv = proof.layers[1];
      expect(conv).toMatchObject({ method: 'adders', outputs: 64, proved: 64, vectors: 0 });
      expect(conv.states).toBeGreaterThan(100);
    },
  );

  it('whatever its memories are', async () => {
    const memories = { rom: 'hex', lines: 'block' } as const;
    const folds = { layer: { pe: 1, simd: 3 } };
    const { layers } = await proofOf(single, { folds, memories });
    expect(layers[1]).toMatchObject({ method: 'adders', outputs: 8, proved: 8 });
  });

  it('with lanes for all bits of the weights, and lanes that choose their inputs', async () => {
    for (const [mapPer, fold] of [
      ['position', { pe: 2, simd: 8, planes: 2 }],
      ['balanced', { pe: 2, simd: 10 }],
    ] as const) {
      const weights =
        mapPer === 'balanced' ? { balance: 5, mix: parseMix('0.6/0.4') } : { mix, mapPer };
      const model = randomModel(9, { layer: 'dense:40x4', ...weights });
      const proof = await proofOf(model, { folds: { layer: fold } });
      expect(proof, mapPer).toMatchObject({ proved: true });
    }
  });
});

const only = (files: Files, name: RegExp): string => {
  const found = Object.keys(files).filter((file) => name.test(file));
  expect(found).toHaveLength(1);
  return found[0];
};

/** Change a text once; every change is one. */
const changed =
  (name: RegExp, from: RegExp | string, to: string) =>
  (files: Files): Files => {
    const file = only(files, name);
    const text = files[file].replace(from, to);
    expect(text).not.toBe(files[file]);
    return { ...files, [file]: text };
  };

describe('a folded design is not proved', () => {
  it.each([
    [
      'a weight is another',
      changed(/^layer\.v$/, /weight_word = (\d+)'d(\d+);/, "weight_word = $1'd1;"),
    ],
    ['a sum starts too high', changed(/^layer\.v$/, /(start_word = \d+'h?d?)(\w+);/, '$17;')],
  ])('where %s, and the values show it', async (_, change) => {
    const proof = await proofOf(single, { folds: singleFolds }, change);
    expect(proof.proved).toBe(false);
    expect(proof.disproof).toMatchObject({ layer: 'layer' });
    expect(proof.disproof?.values).toHaveLength(48);
  });

  it.each([
    [
      'zeros around the image are forgotten',
      changed(/^layer\.v$/, /on_image \? s_axis_tdata : \d+'d0/, 's_axis_tdata'),
    ],
    [
      'a sum goes on while it should wait',
      changed(/^layer\.v$/, 'assign ce = ~(write & full & ~m_axis_tready);', "assign ce = 1'b1;"),
    ],
    [
      'a buffer loses a beat',
      changed(
        /^layer\.v$/,
        'assign s_axis_tready = ~both;',
        'assign s_axis_tready = ~both | m_axis_tready;',
      ),
    ],
    ['a beat does not stay', changed(/^layer\.v$/, /\| \(full & ~m_axis_tready\);/, ';')],
    [
      'a counter is not reset',
      changed(/^layer\.v$/, /place_row <= \d+'d0;/, 'place_row <= place_row;'),
    ],
    [
      'two wires are exchanged',
      changed(
        /^conv_\w+\.v$/,
        '.s_axis_tdata(m_input_tdata)',
        '.s_axis_tdata({m_input_tdata[0], m_input_tdata[2:1]})',
      ),
    ],
    [
      'scores have no end',
      changed(/^scores_logic\.v$/, 'assign m_axis_tlast = last;', "assign m_axis_tlast = 1'b1;"),
    ],
  ])('where %s', async (_, change) => {
    const proof = await proofOf(single, { folds: singleFolds }, change);
    expect(proof.proved).toBe(false);
    const reasons = [...partsOf(proof).map(({ reason }) => reason), proof.wires?.reason];
    expect([proof.disproof?.layer, ...reasons].some((reason) => reason !== undefined)).toBe(true);
  });

  it('where the module that keeps images apart changes pixels, or loses one', async () => {
    for (const [from, to] of [
      [': s_axis_tdata;', ': ~s_axis_tdata;'],
      ['assign s_axis_tready = dropping |', 'assign s_axis_tready = place[0] |'],
    ]) {
      const change = changed(/^conv_\w+\.v$/, from, to);
      const proof = await proofOf(single, { folds: singleFolds, inputLast: true }, change);
      expect(proof).toMatchObject({ proved: false, wires: { proved: false } });
    }
  });

  it('where it names a cell of the proof as a module', async () => {
    const change = changed(
      /^layer\.v$/,
      'module layer (',
      'module \\hbnn.sum (input x);\nendmodule\nmodule layer (',
    );
    await expect(proofOf(single, { folds: singleFolds }, change)).rejects.toThrow(
      'layer.v: expected modules of the design, got one whose name begins with hbnn.',
    );
  });

  it('where branches meet, though each of its layers is', async () => {
    const model = network();
    const [first, conv, ...rest] = model.layers;
    const branched = checkModel({
      ...model,
      layers: [
        first,
        conv,
        {
          kind: 'add',
          name: 'sum',
          inputs: ['conv', 'conv'],
          multipliers: [1, 2].map((n) => new Int16Array(4).fill(n)),
        },
        ...rest,
      ],
    });
    const folds = { conv: { pe: 4, simd: 6 }, dense: { pe: 3, simd: 4 } };
    const proof = await proofOf(branched, { folds });
    expect(partsOf(proof).every(({ outputs, proved }) => outputs === proved)).toBe(true);
    expect(proof).toMatchObject({ proved: false, wires: { proved: false } });
    expect(proof.wires?.reason).toContain('branches meet at sum');
  });
});
