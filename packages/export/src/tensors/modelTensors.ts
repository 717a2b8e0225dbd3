import type { NpyArray } from '@hbnn/core';
import {
  type CheckedModel,
  checkModel,
  type IntegerLayer,
  treeSize,
  weightValues,
} from '@hbnn/model';

/** A model's tensors by name, and what says which tensor is what. */
export interface ModelTensors {
  /** The network, its layers in order, each with the names of its tensors. */
  readonly description: Readonly<Record<string, unknown>>;
  readonly tensors: Readonly<Record<string, NpyArray>>;
}

/**
 * Name every tensor of an integer model: weights, planes, bit maps, scales, thresholds.
 *
 * @param ending comes after each name, such as `.npy`
 */
export function modelTensors(given: CheckedModel, ending = ''): ModelTensors {
  const model = checkModel(given);
  const tensors: Record<string, NpyArray> = {};
  const save = (name: string, array: NpyArray): string => {
    tensors[`${name}${ending}`] = array;
    return `${name}${ending}`;
  };
  const layers = model.checkedLayers.map(({ layer, sources, input, output }, i) => ({
    kind: layer.kind,
    name: layer.name,
    // The layers that it reads, where that is not the one before it.
    ...((sources.length > 1 || sources[0] !== i - 1) && {
      inputs: sources.map((source) => model.layers[source].name),
    }),
    input,
    output,
    ...describe(layer, input, (what, array) =>
      save(`${String(i).padStart(2, '0')}-${layer.kind}-${what}`, array),
    ),
  }));
  const int32 = (data: Int32Array): NpyArray => ({ shape: [data.length], data });
  const description = {
    format: 'HBNN integer model, version 1',
    name: model.name,
    classes: model.classes,
    input: { shape: model.input.shape, zeros: save('input-zeros', int32(model.input.zeros)) },
    layers,
    scoreOffsets: save('score-offsets', int32(model.scoreOffsets)),
    scoreFactor: model.scoreFactor,
  };
  return { description, tensors };
}

type Save = (what: string, array: NpyArray) => string;

function describe(
  layer: IntegerLayer,
  input: readonly number[],
  save: Save,
): Record<string, unknown> {
  switch (layer.kind) {
    case 'conv':
    case 'depthwise':
      return { strides: layer.strides, padding: layer.padding, ...dumpWeights(layer, save) };
    case 'dense':
      return dumpWeights(layer, save);
    case 'maxPool':
      return { size: layer.size, strides: layer.strides, padding: layer.padding };
    case 'sumPool':
      return { size: layer.size, strides: layer.strides };
    case 'threshold': {
      const { bits, multiples, thresholds, flips } = layer;
      const nodes = treeSize(multiples.length);
      return {
        bits: save('bits', { shape: [...input], data: bits }),
        multiples: save('multiples', { shape: [multiples.length], data: multiples }),
        thresholds: save('thresholds', { shape: [input[2], nodes], data: thresholds }),
        flips: save('flips', { shape: [flips.length], data: flips }),
      };
    }
    case 'requantize': {
      const { multipliers, offsets, shifts, minimum, maximum } = layer;
      const shape = [multipliers.length];
      return {
        multipliers: save('multipliers', { shape, data: Int32Array.from(multipliers) }),
        offsets: save('offsets', { shape, data: offsets }),
        shifts: save('shifts', { shape, data: shifts }),
        minimum,
        maximum,
      };
    }
    case 'add': {
      const shape = [layer.multipliers.length, input[2]];
      const data = Int32Array.from(layer.multipliers.flatMap((list) => [...list]));
      return { multipliers: save('multipliers', { shape, data }) };
    }
    case 'concat':
      return {};
    default:
      return layer satisfies never;
  }
}

function dumpWeights(
  { weights }: Extract<IntegerLayer, { weights: unknown }>,
  save: Save,
): Record<string, unknown> {
  const shape = [...weights.shape];
  const values = save('weights', { shape, data: Int32Array.from(weightValues(weights)) });
  if (weights.kind === 'int8') return { weights: values, weightKind: 'int8' };
  const { bits, signs, multiples, scalePer, mapPer } = weights;
  const groups = scalePer === 'tensor' ? 1 : shape[0];
  const all = Uint8Array.from(multiples.flatMap((plane) => [...plane]));
  return {
    weights: values,
    weightKind: 'planes',
    scalePer,
    mapPer,
    bits: save('weight-bits', { shape, data: bits }),
    signs: save('weight-signs', { shape, data: signs }),
    multiples: save('weight-multiples', { shape: [multiples.length, groups], data: all }),
  };
}
