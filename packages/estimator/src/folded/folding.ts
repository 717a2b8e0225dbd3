import { HbnnError } from '@hbnn/core';
import type { Census, StepCensus } from '@hbnn/model';

/** A layer of products as a folded machine sees it: a matrix that is multiplied at every place. */
export interface FoldedLayer {
  readonly name: string;
  readonly window: 'dense' | 'conv' | 'depthwise';
  /** Inputs of one output: kernel height × width × channels. */
  readonly matrixWidth: number;
  /** Outputs. */
  readonly matrixHeight: number;
  /** Places the matrix is applied at. */
  readonly places: number;
  /** Values of a pixel of its input. */
  readonly channels: number;
  /** Values of one row of the feature map that the window slides over: width × channels. */
  readonly rowValues: number;
  readonly kernelHeight: number;
  /** Bits of a weight and of an input: every lane is as wide as the widest. */
  readonly weightBits: number;
  readonly inputBits: number;
  /** Comparisons that turn a sum into the next layer's input: 2^bits − 1; 0 where the sum goes out. */
  readonly thresholds: number;
  /** Multipliers that scale a sum instead. */
  readonly scales: number;
}

/** Rows (PE) and columns (SIMD) of a layer's matrix that are worked on at once. */
export interface Fold {
  readonly pe: number;
  readonly simd: number;
}

/** The bits of a sum of so many products. */
export const sumBits = ({ matrixWidth, weightBits, inputBits }: FoldedLayer): number => {
  const most = (bits: number): number => 2 ** bits - 1;
  return Math.ceil(Math.log2(matrixWidth * most(weightBits) * most(inputBits) + 1)) + 1;
};

/** The matrices of a counted model, each with what turns its sums into the next inputs. */
export function foldedLayers(census: Census): FoldedLayer[] {
  const { steps } = census;
  const layers = steps.flatMap((step, i) => {
    if (step.kind !== 'conv' && step.kind !== 'depthwise' && step.kind !== 'dense') return [];
    return [foldedLayer(step, step.kind, following(steps, i))];
  });
  if (layers.length === 0)
    throw new HbnnError(
      `${census.model}: expected a layer with weights to fold, got none; give a model with one`,
    );
  return layers;
}

/** The threshold or requantization between a layer of products and the next, if there is one. */
function following(steps: readonly StepCensus[], from: number): StepCensus | undefined {
  for (const step of steps.slice(from + 1)) {
    if (step.kind === 'threshold' || step.kind === 'requantize') return step;
    if (step.fanIn > 0) return undefined;
  }
  return undefined;
}

function foldedLayer(
  step: StepCensus,
  window: FoldedLayer['window'],
  after: StepCensus | undefined,
): FoldedLayer {
  const channels = window === 'dense' ? step.fanIn : step.input[2];
  const taps = window === 'depthwise' ? step.fanIn : step.fanIn / channels;
  return {
    ...{ name: step.name, window, matrixWidth: step.fanIn, matrixHeight: step.output[2] },
    ...{ places: step.output[0] * step.output[1], channels: step.input[2] },
    rowValues: window === 'dense' ? step.fanIn : step.input[1] * step.input[2],
    // Kernels are nearly always square; only the line buffer's size hangs on it.
    kernelHeight: window === 'dense' ? 1 : Math.max(1, Math.round(Math.sqrt(taps))),
    // A plane-coded layer may be of 0 bits where all is pruned; its lanes are there all the same.
    ...{ weightBits: Math.max(1, step.widths.weight), inputBits: Math.max(1, step.widths.input) },
    thresholds: after?.kind === 'threshold' ? 2 ** after.widths.sum - 1 : 0,
    scales: after?.kind === 'requantize' ? 1 : 0,
  };
}

/** Cycles of one image: (outputs / PE) · (inputs / SIMD) · places. */
export const layerCycles = (layer: FoldedLayer, { pe, simd }: Fold): number =>
  (layer.matrixHeight / pe) * (layer.matrixWidth / simd) * layer.places;

/** @throws HbnnError where a fold does not divide its matrix */
export function checkFolds(layers: readonly FoldedLayer[], folds: readonly Fold[]): void {
  if (layers.length !== folds.length)
    throw new HbnnError(
      `fold: expected ${layers.length} folds, one per layer with weights (${layers.map(({ name }) => name).join(', ')}), got ${folds.length}`,
    );
  layers.forEach(({ name, matrixHeight, matrixWidth }, i) => {
    const { pe, simd } = folds[i];
    const fits = (n: number, of: number): boolean => Number.isInteger(n) && n >= 1 && of % n === 0;
    if (!fits(pe, matrixHeight) || !fits(simd, matrixWidth))
      throw new HbnnError(
        `${name}: expected a fold PExSIMD that divides its ${matrixHeight} outputs and ${matrixWidth} inputs, got ${pe}x${simd}`,
      );
  });
}

const foldForm = /^(\d{1,7})x(\d{1,7})$/;

/**
 * Parse `PExSIMD,…`, one per layer with weights, in order: `16x3,32x32`.
 *
 * @throws HbnnError for another form, or a fold that does not divide its layer
 */
export function parseFolds(text: string, layers: readonly FoldedLayer[]): Fold[] {
  const folds = text.split(',').map((part): Fold => {
    const found = foldForm.exec(part.trim());
    if (found === null)
      throw new HbnnError(`fold: expected PExSIMD per layer such as 16x3,32x32, got '${part}'`);
    return { pe: Number(found[1]), simd: Number(found[2]) };
  });
  checkFolds(layers, folds);
  return folds;
}

/** The next larger divisor; undefined at the whole. */
function nextDivisor(of: number, from: number): number | undefined {
  for (let n = from + 1; n <= of; n++) if (of % n === 0) return n;
  return undefined;
}

/** The slowest layer, and the folds one step wider in it: by its next PE or its next SIMD. */
function widened(layers: readonly FoldedLayer[], folds: readonly Fold[]) {
  const cycles = layers.map((layer, i) => layerCycles(layer, folds[i]));
  const most = Math.max(...cycles);
  const slowest = cycles.indexOf(most);
  const { matrixHeight, matrixWidth } = layers[slowest];
  const { pe, simd } = folds[slowest];
  const wider: readonly Partial<Fold>[] = [
    { pe: nextDivisor(matrixHeight, pe) },
    { simd: nextDivisor(matrixWidth, simd) },
  ];
  const next = wider
    .filter((step) => Object.values(step)[0] !== undefined)
    .map((step) => folds.map((fold, i) => (i === slowest ? { ...fold, ...step } : fold)));
  return { cycles: most, slowest: layers[slowest], next };
}

/**
 * A small folding that is fast enough: as long as a layer takes more cycles than there are for an image, the slowest is
 * widened, by what gains most cycles for what it costs.
 *
 * @param cycles for an image
 * @param cost a measure of what folds take
 * @throws HbnnError when a layer takes longer even with all of its matrix at once
 */
export function foldsWithin(
  layers: readonly FoldedLayer[],
  cycles: number,
  cost: (folds: readonly Fold[]) => number,
): Fold[] {
  let folds: Fold[] = layers.map(() => ({ pe: 1, simd: 1 }));
  for (;;) {
    const { cycles: most, slowest, next } = widened(layers, folds);
    if (most <= cycles) return folds;
    const now = cost(folds);
    const at = layers.indexOf(slowest);
    const gain = (to: readonly Fold[]): number =>
      (most / layerCycles(slowest, to[at]) - 1) / Math.max(1e-9, cost(to) - now);
    const [best] = [...next].sort((a, b) => gain(b) - gain(a));
    if (best === undefined)
      throw new HbnnError(
        `${slowest.name}: expected at most ${Math.floor(cycles)} cycles for an image, got ${most} with its whole matrix at once; lower the rate or raise the clock`,
      );
    folds = best;
  }
}

/**
 * The largest folding that fits: the layer that takes longest is widened, by the cheaper of its next PE and SIMD,
 * as long as the whole still fits.
 *
 * @param cost a measure of what folds take, to tell the cheaper
 * @throws HbnnError when not even one lane per layer fits
 */
export function largestFolds(
  layers: readonly FoldedLayer[],
  fits: (folds: readonly Fold[]) => boolean,
  cost: (folds: readonly Fold[]) => number,
): Fold[] {
  let folds: Fold[] = layers.map(() => ({ pe: 1, simd: 1 }));
  if (!fits(folds))
    throw new HbnnError(
      'fold: expected a device that holds at least one lane per layer; take a larger one or a smaller model',
    );
  for (;;) {
    const better = widened(layers, folds)
      .next.filter((next) => fits(next))
      .sort((a, b) => cost(a) - cost(b))[0];
    if (better === undefined) return folds;
    folds = better;
  }
}
