import { type FoldedDesign, type FoldedOptions, foldedDesign } from '@hbnn/circuit';
import { type Random, random } from '@hbnn/core';
import { type CheckedModel, checkModel, type IntegerLayer } from '@hbnn/model';
import { prove, verify, verilogFiles } from '@hbnn/verilog';
import { describe, expect, it } from 'vitest';

/** `pnpm --filter @hbnn/verilog designs`: larger networks, and proofs of all. */
const all = process.env.HBNN_DESIGNS === 'all';

const images = all ? 64 : 16;

interface Wide {
  readonly seed: number;
  /** Height and width of the image. */
  readonly size: number;
  readonly kind: 'conv' | 'depthwise';
  readonly channels: number;
  readonly kernel: number;
  readonly pad: number;
  /** k_n of the thresholds' planes. */
  readonly multiples: readonly number[];
  readonly planes: 'as many everywhere' | 'by channel' | 'by element';
  /** Pixels of a side of the max pool between the layer and its thresholds. */
  readonly pool?: number;
  /** Dense layers with thresholds between them in place of one. */
  readonly deep?: boolean;
}

/** Random weights from −7 to 7. */
const weightsFrom = (rng: Random) => (shape: readonly number[]) => ({
  kind: 'int8' as const,
  shape,
  values: Int8Array.from(
    { length: shape.reduce((product, n) => product * n, 1) },
    () => rng.below(15) - 7,
  ),
});

/** A layer of many channels, thresholds behind it, and a dense layer that reads their planes. */
function wide(o: Wide): CheckedModel {
  const { seed, size, kind, channels, kernel, pad, multiples, pool = 1, deep = false } = o;
  const rng = random(seed, 'wide');
  const weights = weightsFrom(rng);
  const after = Math.floor((size + 2 * pad - kernel + 1) / pool);
  const thresholds = (name: string, places: number, count: number, most: number): IntegerLayer => {
    const planes = Array.from({ length: count }, () => rng.below(multiples.length + 1));
    const bits = Uint8Array.from({ length: places * count }, (_, i) => {
      if (o.planes === 'by element') return rng.below(multiples.length + 1);
      return o.planes === 'by channel' ? planes[i % count] : multiples.length;
    });
    return {
      kind: 'threshold',
      name,
      multiples: Uint8Array.from(multiples),
      bits,
      thresholds: Int32Array.from({ length: count * (2 ** multiples.length - 1) }, (_, i) =>
        i === 5 ? 2147483647 : i === 9 ? -2147483648 : rng.below(2 * most) - most,
      ),
      flips: Uint8Array.from({ length: count }, (_, c) => (c + seed) & 1),
    };
  };
  const first = kind === 'conv' ? [channels, kernel, kernel, 2] : [channels, kernel, kernel, 1];
  const layers: IntegerLayer[] = [
    {
      kind,
      name: 'first',
      strides: [1, 1],
      padding: [pad, pad, pad, pad],
      weights: weights(first),
    },
    ...(pool === 1
      ? []
      : [
          {
            kind: 'maxPool' as const,
            name: 'pool',
            size: [pool, pool] as const,
            strides: [pool, pool] as const,
            padding: [0, 0, 0, 0] as const,
          },
        ]),
    thresholds('bits', after * after, channels, 900),
  ];
  if (deep)
    layers.push(
      { kind: 'dense', name: 'second', weights: weights([48, after * after * channels]) },
      thresholds('more', 1, 48, 300),
    );
  const last = deep ? 48 : after * after * channels;
  layers.push({ kind: 'dense', name: 'last', weights: weights([3, last]) });
  return checkModel({
    name: `wide ${seed}`,
    input: { shape: [size, size, 2], zeros: Int32Array.of(128, 100) },
    layers,
    scoreOffsets: Int32Array.of(5, -7, 0),
    scoreFactor: 1,
    classes: ['a', 'b', 'c'],
  });
}

const plain: Wide = {
  seed: 1,
  size: all ? 4 : 3,
  kind: 'conv',
  channels: 32,
  kernel: 2,
  pad: 0,
  multiples: [2, 1],
  planes: 'by channel',
};

const folds = (pe: number): FoldedOptions['folds'] => ({
  first: { pe, simd: 2 },
  last: 'constant',
});

const cases: readonly [string, Wide, FoldedOptions][] = [
  ['planes by channel', plain, { folds: folds(1) }],
  ['two PEs, xc7', { ...plain, seed: 2 }, { folds: folds(2), style: 'xc7', maxLevels: 4 }],
  ['one plane', { ...plain, seed: 3, multiples: [3] }, { folds: folds(1), style: 'xc7' }],
  ['three planes of any order', { ...plain, seed: 4, multiples: [1, 5, 2] }, { folds: folds(1) }],
  [
    'a plane that counts for nothing, as many everywhere',
    { ...plain, seed: 5, multiples: [2, 0, 1], planes: 'as many everywhere' },
    { folds: folds(1) },
  ],
  ['padding', { ...plain, seed: 6, kernel: 3, pad: 1, size: 3 }, { folds: folds(1) }],
  ['a depthwise layer', { ...plain, seed: 7, kind: 'depthwise' }, { folds: folds(1) }],
  ['a max pool', { ...plain, seed: 8, size: 5, pool: 2 }, { folds: folds(1) }],
  [
    'several in a row',
    { ...plain, seed: 9, size: 3, channels: 64, deep: true },
    { folds: { ...folds(2), second: { pe: 1, simd: 8 } } },
  ],
];

/** A layer of many channels whose sums are scaled to 8 bits by constants of each channel, and a dense layer. */
function scaled(seed: number, channels: number, shifts: readonly number[]): CheckedModel {
  const rng = random(seed, 'scaled');
  const weights = weightsFrom(rng);
  return checkModel({
    name: `scaled ${seed}`,
    input: { shape: [2, 3, 2], zeros: Int32Array.of(128, 100) },
    layers: [
      {
        kind: 'conv',
        name: 'first',
        strides: [1, 1],
        padding: [0, 0, 0, 0],
        weights: weights([channels, 2, 2, 2]),
      },
      {
        kind: 'requantize',
        name: 'relu',
        multipliers: Int16Array.from({ length: channels }, () => rng.below(200) - 60),
        offsets: Float64Array.from({ length: channels }, () => rng.below(90_000) - 20_000),
        shifts: Uint8Array.from({ length: channels }, (_, c) => shifts[c % shifts.length]),
        minimum: seed % 2 === 0 ? 0 : -20,
        maximum: 255 - (seed % 2 === 0 ? 0 : 20),
      },
      { kind: 'dense', name: 'last', weights: weights([3, 2 * channels]) },
    ],
    scoreOffsets: Int32Array.of(5, -7, 0),
    scoreFactor: 1,
    classes: ['a', 'b', 'c'],
  });
}

const grouped = ({ layers }: FoldedDesign): string[] =>
  layers.filter(({ output }) => output.parts !== undefined).map(({ layer }) => layer);

describe('thresholds of groups of channels', () => {
  it.each(cases)('are those of the model: %s', async (name, o, options) => {
    const model = wide(o);
    const design = foldedDesign(model, options);
    expect(grouped(design)).toEqual(o.deep === true ? ['first', 'second'] : ['first']);
    expect(design.cyclesPerImage).toBeLessThanOrEqual(1.01 * design.scheduledCycles);
    const files = verilogFiles(design);
    const result = await verify(model, design, files, { images });
    expect(result.difference).toBeUndefined();
    expect(result.equal).toBe(true);
    if (!all && name !== 'planes by channel') return;
    const { layers, proved } = await prove(model, design, files);

    expect(layers.map(({ layer, proved: own, outputs }) => [layer, own, outputs])).toEqual(
      layers.map(({ layer, outputs }) => [layer, outputs, outputs]),
    );
    expect(proved).toBe(true);
  });

  it.each([
    ['one shift', 1, 32, [9], { folds: folds(1) }],
    [
      'several shifts, two PEs, xc7',
      2,
      32,
      [8, 10, 9],
      { folds: folds(2), style: 'xc7', maxLevels: 4 },
    ],
  ] as const)(
    'have scaling to 8 bits as well: %s',
    async (name, seed, channels, shifts, options) => {
      const model = scaled(seed, channels, shifts);
      const design = foldedDesign(model, options);
      expect(grouped(design)).toEqual(['first']);
      const files = verilogFiles(design);
      const result = await verify(model, design, files, { images });
      expect(result.difference).toBeUndefined();
      expect(result.equal).toBe(true);
      if (!all && name !== 'one shift') return;
      const { layers, proved } = await prove(model, design, files);
      expect(layers.map(({ proved: own, outputs }) => own === outputs)).toEqual(
        layers.map(() => true),
      );
      expect(proved).toBe(true);
    },
  );

  it('have no groups of scaling to 8 bits where nothing is left of the sums, or sums are too long', async () => {
    const plainScaling = scaled(1, 32, [9]);
    const changed = (o: object): CheckedModel =>
      checkModel({
        ...plainScaling,
        layers: plainScaling.layers.map((layer) =>
          layer.kind === 'requantize' ? { ...layer, ...o } : layer,
        ),
      });
    const alike = (n: number): Float64Array => new Float64Array(32).fill(n);
    for (const o of [
      { minimum: 5, maximum: 5 },
      { offsets: alike(-(2 ** 40)) },
      {
        offsets: alike(2 ** 52).map((n, c) => (c % 2 === 0 ? n - 4 : -n)),
        shifts: new Uint8Array(32).fill(46),
      },
    ]) {
      const model = changed(o);
      const design = foldedDesign(model, { folds: folds(1) });
      expect(grouped(design)).toEqual([]);
      expect((await verify(model, design, verilogFiles(design), { images: 16 })).equal).toBe(true);
    }
  });

  it('are each by themselves where planes differ from place to place, or groups are few', () => {
    const byElement = foldedDesign(wide({ ...plain, planes: 'by element' }), { folds: folds(1) });
    expect(grouped(byElement)).toEqual([]);
    expect(grouped(foldedDesign(wide(plain), { folds: folds(16) }))).toEqual([]);
  });

  it.each([[[0]], [[0, 3]]])(
    'are each by themselves where no plane counts: %j',
    async (multiples) => {
      const model = wide({ ...plain, seed: 11, size: 3, multiples, planes: 'by channel' });
      const none = multiples.length === 1;
      const design = foldedDesign(model, { folds: folds(1) });
      expect(grouped(design)).toEqual(none ? [] : ['first']);
      expect((await verify(model, design, verilogFiles(design), { images: 8 })).equal).toBe(true);
    },
  );

  it('are not proved behind a unit that takes back what it offers', async () => {
    const model = wide({ ...plain, size: 3 });
    const design = foldedDesign(model, { folds: folds(1) });
    const files = { ...verilogFiles(design) };
    const right = 'assign m_axis_tvalid = full;\n  assign m_axis_tdata = {';
    expect(files['bits.v']).toContain(right);
    files['bits.v'] = files['bits.v'].replace(
      right,
      'reg off;\n  always @(posedge aclk) off <= aresetn & ~off;\n  assign m_axis_tvalid = full & ~off;\n  assign m_axis_tdata = {',
    );
    const { layers, proved } = await prove(model, design, files);
    expect(proved).toBe(false);
    expect(layers.find(({ layer }) => layer === 'bits')?.reason).toContain(
      'not offered any longer',
    );
  });

  it.each([
    ['are kept of a wrong beat', 'take & keep[0]', 'take & ~keep[0]'],
    [
      'are written over while a pixel waits',
      '~full | m_axis_tready;\n  assign m_axis_tvalid = full;\n  assign m_axis_tdata = {',
      "1'b1;\n  assign m_axis_tvalid = full;\n  assign m_axis_tdata = {",
    ],
    [
      'count their groups wrongly',
      /last_place = place == (\d+)'d31/,
      "last_place = place == $1'd30",
    ],
  ])('are found wrong where bits %s', async (_, right, wrong) => {
    const model = wide(plain);
    const design = foldedDesign(model, { folds: folds(1) });
    const files = { ...verilogFiles(design) };
    expect(files['bits.v']).not.toBe(files['bits.v'].replace(right, wrong));
    files['bits.v'] = files['bits.v'].replace(right, wrong);
    expect((await verify(model, design, files, { images: 16 })).equal).toBe(false);
  });
});
