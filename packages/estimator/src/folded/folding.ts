import { type FoldMatrix, planeMap } from '@hbnn/circuit';
import { HbnnError } from '@hbnn/core';
import type { Census, CheckedModel, StepCensus } from '@hbnn/model';

/** A layer of products as a folded machine sees it: a matrix that is multiplied at every place. */
export interface FoldedLayer extends FoldMatrix {
  readonly window: 'dense' | 'conv' | 'depthwise';
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

/** The bits of a sum of so many products. */
export const sumBits = ({ matrixWidth, weightBits, inputBits }: FoldedLayer): number => {
  const max = (bits: number): number => 2 ** bits - 1;
  return Math.ceil(Math.log2(matrixWidth * max(weightBits) * max(inputBits) + 1)) + 1;
};

/**
 * The matrices of a counted model, each with what turns its sums into the next inputs.
 *
 * @param model the model itself, so that folds may be whole groups of its balanced maps
 */
export function foldedLayers(census: Census, model?: CheckedModel): FoldedLayer[] {
  const { steps } = census;
  const maps = new Map(
    model?.layers.flatMap((layer) => {
      const found = 'weights' in layer ? planeMap(layer.weights) : undefined;
      return found === undefined ? [] : [[layer.name, found] as const];
    }),
  );
  const layers = steps.flatMap((step, i) => {
    if (step.kind !== 'conv' && step.kind !== 'depthwise' && step.kind !== 'dense') return [];
    const own = maps.get(step.name);
    return [
      {
        ...foldedLayer(step, step.kind, following(steps, i)),
        ...(own !== undefined && { map: own }),
      },
    ];
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
    if (step.fanIn > 0 || step.kind === 'add' || step.kind === 'concat') return undefined;
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
    name: step.name,
    window,
    matrixWidth: step.fanIn,
    matrixHeight: step.output[2],
    places: step.output[0] * step.output[1],
    channels: step.input[2],
    rowValues: window === 'dense' ? step.fanIn : step.input[1] * step.input[2],
    // Kernels are nearly always square; only the line buffer's size hangs on it.
    kernelHeight: window === 'dense' ? 1 : Math.max(1, Math.round(Math.sqrt(taps))),
    // A plane-coded layer may be of 0 bits where all is pruned; its lanes are there all the same.
    weightBits: Math.max(1, step.widths.weight),
    inputBits: Math.max(1, step.widths.input),
    thresholds: after?.kind === 'threshold' ? 2 ** after.widths.sum - 1 : 0,
    scales: after?.kind === 'requantize' ? 1 : 0,
  };
}
