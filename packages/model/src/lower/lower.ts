import { allowedMultiples, HbnnError, kindOf, nearestMultiples, suggestion } from '@hbnn/core';
import { type CheckedModel, checkModel, maxSum } from '../checkModel.ts';
import { featureCount, type IntegerModel } from '../integerModel.ts';
import type { TrainedLayer, TrainedModel } from '../trainedModel.ts';
import { channelSteps } from './channelSteps.ts';
import { checkTrained, trainedSources } from './checkTrained.ts';
import {
  borderNote,
  reportRounding,
  roundingNote,
  scaleNote,
  weightNote,
} from './inputRounding.ts';
import { limitsBehindAffine, limitsBehindRelu, unlimited } from './limits.ts';
import { lowerAdd, lowerConcat, pushPixels } from './lowerBranches.ts';
import { lowerCodes, slopeBehind } from './lowerCodes.ts';
import { lowerEdgePool } from './lowerEdgePool.ts';
import {
  keepPoolWithinSums,
  keepWithinSums,
  orderedWeights,
  prepareInput,
  restoreOrder,
} from './lowerInput.ts';
import { lowerCurve } from './lowerPiecewise.ts';
import { finerScores, flipNegative } from './lowerSigns.ts';
import {
  allEqual,
  boundAt,
  countedOn,
  filled,
  freshName,
  type LoweredLayer,
  type LowerPosition,
  type LowerState,
  positionOf,
  push,
  pushRequantized,
  reordered,
  spreadOut,
} from './lowerState.ts';
import { lowerThresholds } from './lowerThresholds.ts';
import {
  type LinearLayer,
  type LoweredWeights,
  lowerFloats,
  lowerPlanes,
  whatBecomes,
} from './lowerWeights.ts';
import { bordersMoved, offsetSums } from './offsetSums.ts';

export interface LowerOptions {
  /** Bits of the whole numbers that scales become, 2 … 8; default 4. */
  readonly scaleBits?: number;
  /**
   * Called with a sentence about binarizations whose inputs were rounded before, with one about inputs that padding by
   * whole pixels moves, with one about scales that whole numbers of so few bits miss by 1 % or more, and with one about
   * float weights that 8 bits miss by 1 % in front of a binarization, by 2 % behind all of them. Default console.warn.
   */
  readonly onNote?: (note: string) => void;
}

const optionNames: readonly string[] = ['scaleBits', 'onNote'] satisfies (keyof LowerOptions)[];

export interface Lowered {
  readonly model: CheckedModel;
  readonly layers: readonly LoweredLayer[];
}

/**
 * Turn a trained model into the integer model that every executor computes alike.
 *
 * Weight scales and input scales become whole multiples of one factor each (`nearestMultiples`); factors, batch norm,
 * biases and the scales' factor go into the thresholds of the binarization that follows, or into its rounding to 8
 * bits where floats follow. Float weights become 8-bit ones, with a factor per output (one for all in the last layer).
 *
 * @throws HbnnError naming the layer for what has no integer form (maps chosen per sample, a ReLU whose largest value
 * is unknown) and for weights that are not finite, with the way out
 */
export function lower(trained: TrainedModel, o: LowerOptions = {}): Lowered {
  if (typeof o !== 'object' || o === null)
    throw new HbnnError(
      `lower: expected an object of options, got ${kindOf(o)}; write { scaleBits: 4 } or leave it out`,
    );
  const other = Object.keys(o).find((name) => !optionNames.includes(name));
  if (other !== undefined)
    throw new HbnnError(
      `lower: expected no other options than ${optionNames.join(', ')}, got '${other}'; leave it out${suggestion(other, optionNames)}`,
    );
  const scaleBits = o.scaleBits ?? 4;
  if (!Number.isInteger(scaleBits) || scaleBits < 2 || scaleBits > 8)
    throw new HbnnError(
      `lower: expected 2 to 8 scale bits, got ${scaleBits}; give a whole number of them, such as 4`,
    );
  checkTrained(trained);
  const state = startState(trained);
  if (!trained.layers.some((layer) => isLinear(layer)))
    throw new HbnnError(
      `${trained.name}: expected a convolution or a dense layer; add one to the network and train it again`,
    );
  lowerLayers(state, trained.layers, scaleBits);
  const model = checkModel(finish(state, trained));
  const say = o.onNote ?? ((text: string): void => console.warn(text));
  for (const note of [
    roundingNote(state),
    borderNote(state),
    scaleNote(state, scaleBits),
    weightNote(state),
  ])
    if (note !== undefined) say(note);
  return { model, layers: state.report };
}

/** Where the layers that read a trained layer continue. */
interface Lowering {
  readonly position: LowerPosition;
  /**
   * The place in front of a ReLU, or of the rounding behind straight pieces, for readers that lead to binarizations
   * alone: these take the ReLU in, and need no rounding.
   */
  readonly unrounded?: LowerPosition;
}

/** Lower each layer from where those that it reads end. */
function lowerLayers(s: LowerState, layers: readonly TrainedLayer[], scaleBits: number): void {
  const last = layers.findLastIndex((layer) => isLinear(layer));
  const sources = trainedSources(layers);
  const readers = layers.map((_, i) =>
    layers.map((_, k) => k).filter((k) => sources[k].includes(i)),
  );
  const meets = (i: number): boolean => meetsBinarization(layers, readers, i);
  const done: Lowering[] = [];
  const before = (source: number, reader: number): LowerPosition => {
    const { position, unrounded } = done[source];
    const start = unrounded !== undefined && meets(reader) ? unrounded : position;
    return readers[source].length > 1 ? { ...start, fork: start.at } : start;
  };
  layers.forEach((layer, i) => {
    const inputs = sources[i].flatMap((source) => (source < 0 ? [] : [before(source, i)]));
    if (inputs.length > 0) Object.assign(s, inputs[0]);
    const toBinarization = layer.kind === 'relu' ? readers[i].filter(meets) : [];
    // The pixels have one reader in an integer model.
    if (s.at === -1 && toBinarization.length > 0 && readers[i].length > 1) pushPixels(s);
    const beforeRelu: LowerPosition | undefined =
      layer.kind === 'relu' && toBinarization.length > 0
        ? {
            ...positionOf(s),
            limits: limitsBehindRelu(s.limits ?? unlimited(s.meaning.slopes.length), layer.ceiling),
          }
        : undefined;
    let unrounded = beforeRelu;
    if (beforeRelu !== undefined && toBinarization.length === readers[i].length)
      Object.assign(s, beforeRelu);
    else if (layer.kind === 'add') lowerAdd(s, layer.name, inputs);
    else if (layer.kind === 'concat') lowerConcat(s, layer.name, inputs);
    else if (layer.kind === 'piecewise' || layer.kind === 'hardSwish')
      unrounded = lowerCurve(s, layer, readers[i].every(meets));
    else
      lowerLayer(s, layer, {
        // A batch norm behind the last weights gives scores unlike scales anyway.
        givesScores: i === last && layers.slice(i).every(keepsScale),
        stepsOf: (step, ceiling, own) => channelSteps(step, ceiling, own, layers, readers, i),
        scaleBits,
      });
    // Nothing was measured of values in front of a ReLU that thresholds take in.
    s.measured = s.limits === undefined ? layer.largest : undefined;
    // The pixels have one reader in an integer model.
    if (s.at === -1 && readers[i].length > 1) pushPixels(s);
    done.push({ position: positionOf(s), ...(unrounded && { unrounded }) });
  });
}

/**
 * Whether values of a layer's input go into binarizations with nothing between that adds values up: max pooling, batch
 * norm, flattening and concatenation keep the order of a channel's values or turn it round, so that the comparisons take
 * a ReLU in front in, without rounding to 8 bits.
 */
function meetsBinarization(
  layers: readonly TrainedLayer[],
  readers: readonly (readonly number[])[],
  index: number,
): boolean {
  const layer = layers[index];
  if (layer.kind === 'binarize') return layer.map === 'static';
  if (!keepingOrder.has(layer.kind)) return false;
  return (
    readers[index].length > 0 &&
    readers[index].every((reader) => meetsBinarization(layers, readers, reader))
  );
}

/** Whether a layer leaves outputs of one scale as they are, as a bias does. */
const keepsScale = (layer: TrainedLayer): boolean =>
  layer.kind !== 'affine' || allEqual(layer.scales);

const keepingOrder: ReadonlySet<TrainedLayer['kind']> = new Set([
  'maxPool',
  'flatten',
  'relu',
  'affine',
  'concat',
]);

const isLinear = (layer: TrainedLayer): layer is LinearLayer =>
  layer.kind === 'conv' || layer.kind === 'depthwise' || layer.kind === 'dense';

/** Pixels with their mean taken off, to the nearest whole number: what is left of it is an offset. */
function startState({ input, layers }: TrainedModel): LowerState {
  const zeros = Int32Array.from(input.mean, (mean) => Math.round(255 * mean));
  const slopes = Float64Array.from(input.deviation, (deviation) => 1 / (255 * deviation));
  const offsets = Float64Array.from(zeros, (zero, c) => (zero - 255 * input.mean[c]) * slopes[c]);
  const meaning = { slopes, offsets };
  const names = new Set(layers.map(({ name }) => name));
  const { shape } = input;
  return {
    layers: [],
    sources: [],
    report: [],
    roundingLayers: new Set(),
    borders: new Map(),
    at: -1,
    fork: undefined,
    flat: false,
    start: shape,
    names,
    zeros,
    shape,
    meaning,
    weighted: false,
    rounded: false,
    limits: undefined,
    measured: undefined,
    order: undefined,
  };
}

type Curve = Extract<TrainedLayer, { kind: 'piecewise' | 'hardSwish' }>;
type UnaryLayer = Exclude<TrainedLayer, Curve | { kind: 'add' | 'concat' }>;

interface LayerOptions {
  /** Whether a layer's outputs are the scores, which must mean the same in every class. */
  readonly givesScores: boolean;
  /** A step for each channel behind a ReLU, or one for all, of its largest values (`channelSteps`). */
  readonly stepsOf: (
    step: number,
    ceiling: number,
    own: readonly number[],
  ) => number | Float64Array;
  readonly scaleBits: number;
}

function lowerLayer(s: LowerState, layer: UnaryLayer, o: LayerOptions): void {
  switch (layer.kind) {
    case 'conv':
    case 'depthwise':
    case 'dense':
      lowerLinear(s, layer, o);
      return;
    case 'maxPool': {
      const { kind, name, size, strides, padding } = layer;
      flipNegative(s, name);
      push(s, { kind, name, size, strides, padding });
      return;
    }
    case 'averagePool': {
      const { name, size, strides, padding } = layer;
      if (padding?.some((n) => n > 0)) {
        lowerEdgePool(s, layer, padding);
        return;
      }
      keepPoolWithinSums(s, name, size);
      push(s, { kind: 'sumPool', name, size, strides });
      const { slopes, offsets } = s.meaning;
      s.meaning = { slopes: slopes.map((slope) => slope / (size[0] * size[1])), offsets };
      return;
    }
    case 'flatten':
      // Whole numbers stay where they are; a channel's meaning goes on by position in memory.
      s.flat = true;
      return;
    case 'affine':
      applyAffine(s, layer);
      return;
    case 'relu':
      lowerRelu(s, layer, o.stepsOf);
      return;
    case 'binarize':
      lowerBinarization(s, layer, o.scaleBits);
      return;
    default:
      layer satisfies never;
  }
}

function lowerLinear(
  s: LowerState,
  layer: LinearLayer,
  { givesScores, scaleBits }: LayerOptions,
): void {
  const { name } = layer;
  prepareInput(s, layer, scaleBits);
  let trained = orderedWeights(s, layer);
  const lowerAs = (): LoweredWeights => {
    if (trained.kind === 'codes') return lowerCodes(trained.codes);
    return trained.kind === 'residual'
      ? lowerPlanes(trained.residual, scaleBits, name)
      : lowerFloats(trained.tensor, s.meaning.slopes, !givesScores);
  };
  let lowered = lowerAs();
  if (keepWithinSums(s, name, lowered.weights)) {
    // What keeps the sums small may lay the inputs out anew.
    trained = orderedWeights(s, layer);
    lowered = lowerAs();
  }
  const { slopes, offsets } = s.meaning;
  const { weights, error, multiples } = lowered;
  const sums = offsetSums(trained, offsets);
  if (layer.kind === 'dense') push(s, { kind: 'dense', name, weights });
  else {
    const { kind, strides, padding } = layer;
    push(s, { kind, name, strides, padding, weights });
  }
  s.meaning = {
    slopes: lowered.factors.map((factor, o) => factor * slopeBehind(trained, slopes, o)),
    offsets: sums,
  };
  if (layer.kind !== 'dense' && offsets.some((offset) => offset !== 0))
    s.borders.set(s.at, bordersMoved(trained, offsets, layer.padding, s.meaning.slopes));
  s.weighted = true;
  s.rounded = false;
  s.order = undefined;
  s.flat = false;
  s.report.push({ name, what: whatBecomes[trained.kind], error, ...(multiples && { multiples }) });
}

function applyAffine(s: LowerState, layer: Extract<TrainedLayer, { kind: 'affine' }>): void {
  const { slopes, offsets } = s.meaning;
  const given = layer.scales.length;
  const features = featureCount(s.shape);
  if (given !== slopes.length && given !== 1 && given !== features)
    throw new HbnnError(
      `${layer.name}: expected ${slopes.length} scales, one per channel, got ${given}; give one for each channel, or one for all`,
    );
  // After a flattening each element may have a scale of its own.
  const scales = inLayout(s, layer.scales);
  const added = inLayout(s, layer.offsets);
  const count = Math.max(given, slopes.length);
  const at = (values: Float64Array, i: number): number => values[i % values.length];
  const each = (value: (i: number) => number): Float64Array =>
    Float64Array.from({ length: count }, (_, i) => value(i));
  s.meaning = {
    slopes: each((i) => at(scales, i) * at(slopes, i)),
    offsets: each((i) => at(scales, i) * at(offsets, i) + at(added, i)),
  };
  s.limits &&= limitsBehindAffine(
    s.limits,
    each((i) => at(scales, i)),
    each((i) => at(added, i)),
  );
}

/** Values of a flattened map, given in memory order, as they lie. */
function inLayout({ order }: LowerState, values: Float64Array): Float64Array {
  return order !== undefined && values.length === order.length ? reordered(values, order) : values;
}

type Relu = Extract<TrainedLayer, { kind: 'relu' }>;

/** Round what is above 0 to 8 bits. */
function lowerRelu(s: LowerState, layer: Relu, stepsOf: LayerOptions['stepsOf']): void {
  const { name, ceiling } = layer;
  if (ceiling === undefined)
    throw new HbnnError(
      `${name}: expected the largest value of this ReLU, which sets its 8-bit scale, got none; give sample images`,
    );
  const step = (ceiling > 0 ? ceiling : 1) / 255;
  const range = { minimum: 0, maximum: 255 };
  const own = layer.channelCeilings;
  const isPerChannel = own?.length === s.shape[2] && s.meaning.slopes.length <= s.shape[2];
  pushRequantized(s, name, isPerChannel ? stepsOf(step, ceiling, own) : step, range);
}

function lowerBinarization(
  s: LowerState,
  layer: Extract<TrainedLayer, { kind: 'binarize' }>,
  scaleBits: number,
): void {
  const { name } = layer;
  if (layer.map === 'dynamic')
    throw new HbnnError(
      `${name}: expected a map fixed for all images, got one chosen for each (dynamic), which has no integer form; binarize with inputs: inputPrecision(distFromAverage(1.4), { map: 'static' }), or train with --input-map static`,
    );
  spreadOut(s);
  const bits = s.order === undefined ? layer.bits : reordered(layer.bits, s.order);
  const scales = [...layer.scales].slice(
    0,
    bits.reduce((max, width) => Math.max(max, width), 0),
  );
  const counts = scales.map((_, n) => bits.reduce((sum, width) => sum + (width > n ? 1 : 0), 0));
  const found = nearestMultiples(scales, counts, allowedMultiples(`integers:${scaleBits}`));
  reportRounding(s, name, scales[0] ?? 0);
  const { slopes, offsets } = s.meaning;
  const { thresholds, flips } = lowerThresholds(slopes, offsets, scales, s.limits);
  s.limits = undefined;
  const multiples = Uint8Array.from(found.multiples);
  push(s, { kind: 'threshold', name, bits: bits.slice(), multiples, thresholds, flips });
  s.rounded = true;
  s.meaning = { slopes: filled(s.shape[2], found.factor), offsets: filled(s.shape[2], 0) };
  const weighted = (of: (n: number) => number): number =>
    Math.sqrt(scales.reduce((sum, _, n) => sum + counts[n] * of(n) ** 2, 0));
  const norm = weighted((n) => scales[n]);
  const error =
    norm === 0 ? 0 : weighted((n) => scales[n] - found.factor * found.multiples[n]) / norm;
  s.report.push({ name, what: 'input scales', error, multiples: found.multiples });
}

/** Scores must mean the same in every class, a larger one more. */
function finish(s: LowerState, trained: TrainedModel): IntegerModel {
  const { slopes } = s.meaning;
  if (!allEqual(slopes) || !(slopes[0] > 0) || scoresLeaveSums(s)) rescaleScores(s);
  else finerScores(s);
  restoreOrder(s);
  const [slope] = s.meaning.slopes;
  const { offsets } = s.meaning;
  const scores = featureCount(s.shape);
  const perScore = Array.from({ length: scores }, (_, k) => offsets[k % offsets.length]);
  return {
    name: trained.name,
    input: { shape: trained.input.shape, zeros: s.zeros },
    layers: s.layers,
    scoreOffsets: Int32Array.from(perScore, (offset) => Math.round(offset / slope)),
    scoreFactor: slope,
    classes: trained.classes,
  };
}

/** Whether sums with their offsets could leave int32. */
function scoresLeaveSums(s: LowerState): boolean {
  const { slopes, offsets } = s.meaning;
  const added = offsets.reduce((max, offset) => Math.max(max, Math.abs(offset / slopes[0])), 0);
  return boundAt(s) + added + 1 > maxSum;
}

/** Bring scores of unlike or negative slopes, or too large ones, to 16 bits of one scale. */
function rescaleScores(s: LowerState): void {
  const { slopes, offsets } = s.meaning;
  const bound = boundAt(s);
  const max = slopes.reduce(
    (largest, slope, c) => Math.max(largest, Math.abs(slope) * bound + Math.abs(offsets[c])),
    0,
  );
  const step = max > 0 ? countedOn(s, max) / 32767 : 1;
  pushRequantized(s, freshName(s, 'score_scale'), step, { minimum: -32768, maximum: 32767 });
}
