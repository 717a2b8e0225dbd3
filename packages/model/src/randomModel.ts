import type { MapPer, ScalePer } from '@hbnn/core';
import {
  allocate,
  checkFlag,
  checkMix,
  checkOptions,
  checkSeedOrText,
  chosenName,
  distFromAverage,
  HbnnError,
  kindOf,
  type Mix,
  parseMapPer,
  parseScalePer,
  permutation,
  type Random,
  random,
  selectBits,
} from '@hbnn/core';
import { type CheckedModel, checkLayers, checkModel } from './checkModel.ts';
import { weightUnits } from './coarseMap.ts';
import {
  type FeatureShape,
  featureCount,
  type IntegerLayer,
  type IntegerModel,
  type IntegerWeights,
  type Padding4,
  type RequantizeLayer,
  rowLength,
  type ThresholdLayer,
  treeSize,
} from './integerModel.ts';
import { randomBranches, type UnaryLayer } from './randomBranches.ts';

export interface RandomLayerOptions {
  /** `dense:INPUTSxOUTPUTS` or `conv:HxWxC,kKHxKW,oOUTPUTS[,sSTRIDE][,pPAD]`, also `depthwise:…`. */
  readonly layer?: string;
  /** Bits of the weights; default a random mix (a whole network) or 1.4. */
  readonly mix?: Mix;
  readonly mapPer?: MapPer;
  /** Inputs of a group that has as many weights of each bitwidth as any other: a map per element alone. */
  readonly balance?: number;
  readonly scalePer?: ScalePer;
  /** Bits of the layer's inputs; default 1. */
  readonly inputMix?: Mix;
  /** What of one layer's inputs shares a bitwidth: each its own (the default), all of a channel, of a position. */
  readonly inputMapPer?: InputMapPer;
  /** Whether a whole network has branches, which meet in sums and concatenations; by default it is a chain. */
  readonly branches?: boolean;
  /** What errors call the layer's text; default `layer`. */
  readonly where?: string;
}

export type InputMapPer = 'element' | 'position' | 'channel';
const inputMaps: readonly InputMapPer[] = ['element', 'position', 'channel'];

const optionNames: readonly (keyof RandomLayerOptions)[] = [
  'layer',
  'mix',
  'mapPer',
  'balance',
  'scalePer',
  'inputMix',
  'inputMapPer',
  'branches',
  'where',
];

/**
 * Make a random integer model, the same for a seed on every machine: a whole network of any layers, or one layer
 * with weights whose scales are powers of two, behind thresholds that turn pixels into its binary inputs.
 *
 * @throws HbnnError when the layer is not written as it should be, or an option is not known
 */
export function randomModel(seed: number | string, o: RandomLayerOptions = {}): CheckedModel {
  checkRandom(seed, o);
  if (o.layer === undefined) return randomNetwork(seed, o);
  if (o.branches === true)
    throw new HbnnError(
      `${o.where ?? 'layer'}: expected no branches in one layer, got '${o.layer}' with branches; leave the layer out for a whole network`,
    );
  return randomLayer(seed, o.layer, o);
}

function checkRandom(seed: unknown, o: RandomLayerOptions): void {
  checkOptions('randomModel', o, optionNames);
  checkSeedOrText('randomModel', seed);
  const layer: unknown = o.layer;
  if (layer !== undefined && typeof layer !== 'string')
    throw new HbnnError(
      `randomModel: expected a text as layer, got ${kindOf(layer)}; give one such as dense:144x16`,
    );
  const { mix, inputMix, mapPer, balance, scalePer, inputMapPer } = o;
  if (mix !== undefined) checkMix(mix, 'randomModel: mix');
  if (inputMix !== undefined) checkMix(inputMix, 'randomModel: inputMix');
  if (mapPer !== undefined) parseMapPer(mapPer, 'randomModel: mapPer');
  if (balance !== undefined) {
    if (!Number.isInteger(balance) || balance < 2)
      throw new HbnnError(
        `randomModel: balance: expected inputs of a group, at least 2, got ${String(balance)}; pass a number such as 5`,
      );
    if ((mapPer ?? 'element') !== 'element')
      throw new HbnnError(
        `randomModel: balance: expected a map per element, got one per ${mapPer}; leave one of them out`,
      );
  }
  if (scalePer !== undefined) parseScalePer(scalePer, 'randomModel: scalePer');
  if (inputMapPer !== undefined) chosenName(inputMapPer, inputMaps, 'randomModel: inputMapPer');
  checkFlag('randomModel', 'branches', o.branches);
}

interface LayerShape {
  readonly kind: 'conv' | 'depthwise' | 'dense';
  readonly input: FeatureShape;
  readonly kernel: readonly [number, number];
  readonly outputs: number;
  readonly stride: number;
  readonly pad: number;
}

const layerForms =
  /^(?:dense:(\d+)x(\d+)|(conv|depthwise):(\d+)x(\d+)x(\d+),k(\d+)x(\d+),o(\d+)(?:,s(\d+))?(?:,p(\d+))?)$/;

function parseLayer(text: string, where: string): LayerShape {
  const found = layerForms.exec(text);
  if (found === null)
    throw new HbnnError(
      `${where}: expected dense:144x16 or conv:8x8x16,k3x3,o32,s1,p1 (also depthwise:…), got '${text}'; write it in one of these forms`,
    );
  if (/(^|[:xkos])0+(?!\d)/.test(text))
    throw new HbnnError(
      `${where}: expected sizes and strides of at least 1, got 0 in '${text}'; give each as 1 or more`,
    );
  const n = found.slice(1).map((part) => Number(part ?? 0));
  if (found[1] !== undefined) {
    return { kind: 'dense', input: [1, 1, n[0]], kernel: [1, 1], outputs: n[1], stride: 1, pad: 0 };
  }
  return {
    kind: found[3] as 'conv' | 'depthwise',
    input: [n[3], n[4], n[5]],
    kernel: [n[6], n[7]],
    outputs: n[8],
    stride: n[9] || 1,
    pad: n[10],
  };
}

function randomLayer(seed: number | string, text: string, o: RandomLayerOptions): CheckedModel {
  const { kind, input, kernel, outputs, stride, pad } = parseLayer(text, o.where ?? 'layer');
  const rng = random(seed, 'layer', text);
  const inputMix = o.inputMix ?? distFromAverage(1);
  const { mapPer = 'element', scalePer = 'tensor', mix = distFromAverage(1.4) } = o;
  const first = randomThreshold(
    rng,
    'input',
    input,
    inputMix,
    [128, 64, 32],
    powers,
    o.inputMapPer,
  );
  const inputs = kind === 'depthwise' ? 1 : input[2];
  const shape = kind === 'dense' ? [outputs, input[2]] : [outputs, kernel[0], kernel[1], inputs];
  const { balance } = o;
  const weights = randomPlanes(rng, shape, { mix, mapPer, balance, scalePer, multiple: powers });
  const padding: Padding4 = [pad, pad, pad, pad];
  const layer: IntegerLayer =
    kind === 'dense'
      ? { kind, name: 'layer', weights }
      : { kind, name: 'layer', strides: [stride, stride], padding, weights };
  return finished(text, input, new Int32Array(input[2]), [first, layer]);
}

/** 4, 2, 1 for planes 1, 2, 3. */
const powers = (plane: number, planes: number): number => 2 ** (planes - 1 - plane);

function finished(
  name: string,
  shape: FeatureShape,
  zeros: Int32Array,
  layers: IntegerLayer[],
): CheckedModel {
  const classes = featureCount(outputOf(shape, zeros, layers));
  const model: IntegerModel = {
    name,
    input: { shape, zeros },
    layers,
    scoreFactor: 1,
    scoreOffsets: new Int32Array(classes),
    classes: Array.from({ length: classes }, (_, k) => `${k}`),
  };
  return checkModel(model);
}

function outputOf(shape: FeatureShape, zeros: Int32Array, layers: IntegerLayer[]): FeatureShape {
  return checkLayers(layers, shape, zeros)[layers.length - 1].output;
}

interface WeightOptions {
  readonly mix: Mix;
  readonly mapPer: MapPer;
  readonly balance: number | undefined;
  readonly scalePer: ScalePer;
  readonly multiple: (plane: number, planes: number, rng: Random) => number;
}

function randomPlanes(rng: Random, shape: readonly number[], o: WeightOptions): IntegerWeights {
  const bits = o.balance === undefined ? randomBits(rng, shape, o) : balancedBits(rng, shape, o);
  const signs = bits.map((width) => rng.below(256) & (2 ** width - 1));
  const planes = o.mix.fractions.reduce((max, share) => Math.max(max, share.bits), 0);
  const groups = o.scalePer === 'tensor' ? 1 : shape[0];
  const multiples = Array.from({ length: planes }, (_, n) =>
    Uint8Array.from({ length: groups }, () => o.multiple(n, planes, rng)),
  );
  const { mapPer, scalePer } = o;
  return { kind: 'planes', shape: [...shape], bits, signs, multiples, scalePer, mapPer };
}

function randomBits(rng: Random, shape: readonly number[], o: WeightOptions): Uint8Array {
  const unit = weightUnits(shape, o.mapPer);
  const order = permutation(unit.count, rng);
  const unitBits = new Uint8Array(unit.count);
  let rank = 0;
  for (const { bits, count } of allocate(o.mix, unit.count))
    for (const end = rank + count; rank < end; rank++) unitBits[order[rank]] = bits;
  const count = shape.reduce((product, n) => product * n, 1);
  return Uint8Array.from({ length: count }, (_, i) => unitBits[unit.of(i)]);
}

/** As many weights of each bitwidth in every group of inputs, at random places of it. */
function balancedBits(
  rng: Random,
  shape: readonly number[],
  { mix, balance }: WeightOptions,
): Uint8Array {
  const rows = [shape[0], rowLength(shape)];
  const data = new Float32Array(rows[0] * rows[1]);
  return selectBits(
    { shape: rows, data },
    { mix, select: 'random', balance, seed: rng.below(2 ** 31) },
  ).bits;
}

/** Thresholds at ± sums of levels, a little off in each channel: each bit is about as often 0 as 1. */
function randomThreshold(
  rng: Random,
  name: string,
  shape: FeatureShape,
  mix: Mix,
  levels: readonly number[],
  multiple: WeightOptions['multiple'],
  mapPer: InputMapPer = 'element',
): ThresholdLayer {
  const planes = mix.fractions.reduce((max, share) => Math.max(max, share.bits), 0);
  const nodes = treeSize(planes);
  const unit = {
    element: { count: featureCount(shape), of: (i: number) => i },
    position: { count: shape[0] * shape[1], of: (i: number) => Math.floor(i / shape[2]) },
    channel: { count: shape[2], of: (i: number) => i % shape[2] },
  }[mapPer];
  const order = permutation(unit.count, rng);
  const unitBits = new Uint8Array(unit.count);
  let rank = 0;
  for (const share of allocate(mix, unit.count))
    for (const end = rank + share.count; rank < end; rank++) unitBits[order[rank]] = share.bits;
  const bits = Uint8Array.from({ length: featureCount(shape) }, (_, i) => unitBits[unit.of(i)]);
  const thresholds = new Int32Array(shape[2] * nodes);
  for (let c = 0; c < shape[2]; c++) {
    const centre = levels[0] + rng.below(1 + (Math.abs(levels[0]) >> 3));
    for (let node = 1; node <= nodes; node++) {
      let at = centre;
      const depth = Math.floor(Math.log2(node));
      for (let n = 0; n < depth; n++)
        at +=
          ((node >> (depth - 1 - n)) & 1 ? 1 : -1) * (levels[n + 1] ?? levels[levels.length - 1]);
      thresholds[c * nodes + node - 1] = at;
    }
  }
  const flips = Uint8Array.from({ length: shape[2] }, () => rng.below(2));
  const multiples = Uint8Array.from({ length: planes }, (_, n) => multiple(n, planes, rng));
  return { kind: 'threshold', name, bits, multiples, thresholds, flips };
}

/** A network of layers drawn one after the other until it is as long as it should be. */
function randomNetwork(seed: number | string, o: RandomLayerOptions): CheckedModel {
  const rng = random(seed, 'network');
  const start: FeatureShape = [1 + rng.below(12), 1 + rng.below(12), 1 + rng.below(4)];
  const zeros = Int32Array.from({ length: start[2] }, () => rng.below(256));
  if (o.branches === true) {
    const layers = randomBranches(rng, start, zeros, {
      step: (name, shape, bound, before) => randomStep(rng, name, shape, bound, before, o),
      weights: (shape) => randomWeights(rng, shape, o),
    });
    return finished(`random ${seed} with branches`, start, zeros, layers);
  }
  const layers: IntegerLayer[] = [];
  const length = 2 + rng.below(7);
  while (layers.length < length) {
    const last = layers.length === 0 ? undefined : checkLayers(layers, start, zeros).at(-1);
    const shape = last?.output ?? start;
    const bound = last?.outputBound ?? 255;
    const built = randomStep(
      rng,
      `layer${layers.length + 1}`,
      shape,
      bound,
      layers.at(-1)?.kind,
      o,
    );
    layers.push(built);
  }
  return finished(`random ${seed}`, start, zeros, layers);
}

const maps: readonly MapPer[] = ['element', 'position', 'input', 'output', 'block:3'];

function randomStep(
  rng: Random,
  name: string,
  shape: FeatureShape,
  bound: number,
  before: IntegerLayer['kind'] | undefined,
  o: RandomLayerOptions,
): UnaryLayer {
  // Sums must stay within int32, and a product of products leaves it soon.
  const wide = bound > 1000;
  const linear = before === 'conv' || before === 'depthwise' || before === 'dense';
  const pick = wide || linear ? rng.below(4) : 4 + rng.below(5);
  if (pick === 0) return randomPool(rng, name, shape, 'maxPool');
  if (pick === 1) return randomRequantize(rng, name, shape, bound);
  if (pick <= 3) {
    const step = Math.max(1, Math.floor(bound / 8));
    const levels = [rng.below(step) - (step >> 1), step, step >> 1, step >> 2];
    const mix = o.inputMix ?? randomMix(rng);
    return randomThreshold(rng, name, shape, mix, levels, randomMultiple);
  }
  if (pick === 4) return randomPool(rng, name, shape, rng.below(2) === 0 ? 'maxPool' : 'sumPool');
  if (pick === 5) {
    const weights = randomWeights(rng, [1 + rng.below(20), featureCount(shape)], o);
    return { kind: 'dense', name, weights };
  }
  return randomConv(rng, name, shape, pick === 6 ? 'depthwise' : 'conv', o);
}

/** A mix of 0 to 3 bits, coarse enough for small tensors to meet. */
function randomMix(rng: Random): Mix {
  const parts = Array.from({ length: 4 }, () => rng.below(4));
  const sum = parts.reduce((a, b) => a + b, 0);
  if (sum === 0) return { fractions: [{ bits: rng.below(4), fraction: 1 }] };
  const fractions = parts.map((part, bits) => ({ bits, fraction: part / sum }));
  return { fractions: fractions.filter(({ fraction }) => fraction > 0) };
}

const randomMultiple = (_plane: number, _planes: number, rng: Random): number => rng.below(16);

function randomWeights(rng: Random, shape: number[], o: RandomLayerOptions): IntegerWeights {
  if (rng.below(4) === 0) {
    const count = shape.reduce((product, n) => product * n, 1);
    const values = Int8Array.from({ length: count }, () => rng.below(255) - 127);
    return { kind: 'int8', shape, values };
  }
  return randomPlanes(rng, shape, {
    mix: o.mix ?? randomMix(rng),
    mapPer: o.mapPer ?? (o.balance === undefined ? maps[rng.below(maps.length)] : 'element'),
    balance: o.balance,
    scalePer: o.scalePer ?? (rng.below(2) === 0 ? 'tensor' : 'output'),
    multiple: randomMultiple,
  });
}

function randomConv(
  rng: Random,
  name: string,
  shape: FeatureShape,
  kind: 'conv' | 'depthwise',
  o: RandomLayerOptions,
): UnaryLayer {
  const kernel = [1 + rng.below(Math.min(4, shape[0])), 1 + rng.below(Math.min(4, shape[1]))];
  const padding: Padding4 = [rng.below(3), rng.below(3), rng.below(3), rng.below(3)];
  const strides = [1 + rng.below(3), 1 + rng.below(3)] as const;
  const outputs = kind === 'depthwise' ? shape[2] * (1 + rng.below(2)) : 1 + rng.below(40);
  const inputs = kind === 'depthwise' ? 1 : shape[2];
  const weights = randomWeights(rng, [outputs, ...kernel, inputs], o);
  return { kind, name, strides, padding, weights };
}

function randomPool(
  rng: Random,
  name: string,
  shape: FeatureShape,
  kind: 'maxPool' | 'sumPool',
): UnaryLayer {
  const size = [
    1 + rng.below(Math.min(3, shape[0])),
    1 + rng.below(Math.min(3, shape[1])),
  ] as const;
  const strides = [1 + rng.below(3), 1 + rng.below(3)] as const;
  const along = (axis: 0 | 1): number => rng.below(size[axis]);
  const padding: Padding4 = [along(0), along(1), along(0), along(1)];
  return kind === 'sumPool'
    ? { kind, name, size, strides }
    : { kind, name, size, strides, padding };
}

function randomRequantize(
  rng: Random,
  name: string,
  shape: FeatureShape,
  bound: number,
): RequantizeLayer {
  const channels = Array.from({ length: shape[2] }, () => ({
    shift: 4 + rng.below(20),
    slope: ((rng.uniform() - 0.5) * 1000) / Math.max(1, bound),
    offset: rng.uniform() * 255,
  }));
  const clip = (n: number): number => Math.max(-32768, Math.min(32767, n));
  return {
    kind: 'requantize',
    name,
    minimum: rng.below(2) === 0 ? 0 : -128,
    maximum: 255,
    multipliers: Int16Array.from(channels, ({ slope, shift }) =>
      clip(Math.round(slope * 2 ** shift)),
    ),
    offsets: Float64Array.from(channels, ({ offset, shift }) => Math.round(offset * 2 ** shift)),
    shifts: Uint8Array.from(channels, ({ shift }) => shift),
  };
}
