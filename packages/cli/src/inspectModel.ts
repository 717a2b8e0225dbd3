import { bitCounts } from '@hbnn/core';
import { type CheckedModel, census, type IntegerLayer, type Operations } from '@hbnn/model';
import { averageOf, type BitCounts } from './bitHistogram.ts';
import { type ModelSizes, modelSizes } from './modelSizes.ts';

/** A layer of an integer model as `hbnn inspect` shows it. */
export interface LayerView {
  readonly name: string;
  readonly kind: string;
  /** The layers that it reads, where that is not the one before it. */
  readonly reads?: readonly string[];
  readonly input: readonly number[];
  readonly output: readonly number[];
  readonly weights?: number;
  /** Bits of weights, or of the binarized values that a threshold layer gives. */
  readonly averageBits?: number;
  readonly bits?: BitCounts;
  readonly macs: number;
  /** Weights, scales and thresholds, without maps. */
  readonly bitsStored: number;
  readonly operations: Operations;
}

/** An integer model as `hbnn inspect` shows it. */
export interface ModelView extends ModelSizes {
  readonly kind: 'integer model';
  readonly name: string;
  readonly input: readonly number[];
  readonly classes: number;
  readonly layers: readonly LayerView[];
  /** Operations for one image, over all layers. */
  readonly operations: Operations;
  readonly macs: number;
}

/** Describe an integer model; `bytes` is the size of its file. */
export function inspectModel(model: CheckedModel, bytes: number): ModelView {
  const { steps, total } = census(model);
  const { xnor, popcount, add, compare, multiply, macs } = total;
  const layers = model.checkedLayers.map(({ layer, sources, input, output }, i): LayerView => {
    // The first step is the pixels.
    const step = steps[i + 1];
    const bits = bitsOf(layer);
    return {
      name: layer.name,
      kind: layer.kind,
      ...((sources.length > 1 || sources[0] !== i - 1) && {
        reads: sources.map((source) => model.layers[source].name),
      }),
      input,
      output,
      ...('weights' in layer && { weights: layer.weights.shape.reduce((n, size) => n * size, 1) }),
      ...(bits !== undefined && { averageBits: averageOf(bits), bits }),
      macs: step.macs,
      bitsStored: step.bitsStored,
      operations: step.operations,
    };
  });
  return {
    kind: 'integer model',
    name: model.name,
    input: model.input.shape,
    classes: model.classes.length,
    ...modelSizes(model, bytes),
    macs,
    operations: { xnor, popcount, add, compare, multiply },
    layers,
  };
}

function bitsOf(layer: IntegerLayer): BitCounts | undefined {
  if (layer.kind === 'threshold') return bitCounts({ shape: [], bits: layer.bits });
  if (!('weights' in layer)) return undefined;
  const { weights } = layer;
  if (weights.kind === 'int8') return { 8: weights.values.length };
  return bitCounts({ shape: weights.shape, bits: weights.bits });
}
