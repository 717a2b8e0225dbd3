import { HbnnError } from '@hbnn/core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { configOf, isModel } from './layerConfig.ts';

/** Shapes with the batch, by the id of the symbolic tensor. */
type Shapes = Map<number, tfl.Shape>;

/**
 * Check that each layer of a model gives at least one value: kernels and pools without padding fit the maps they meet.
 * TensorFlow.js takes larger ones, and its WASM backend then writes where it should not.
 *
 * @param images shape of the images, for models that leave it open; by default the model's own
 * @throws WindowError naming layer and sizes
 */
export function checkWindowsFit(
  model: tfl.LayersModel,
  task: string,
  images?: readonly number[],
): void {
  const shapes: Shapes = new Map();
  for (const { id, shape } of model.inputs)
    shapes.set(id, [null, ...(images ?? shape.slice(1))] as tfl.Shape);
  for (const output of model.outputs) follow(output, shapes, task);
}

/** The shape of a tensor; what it is made from is checked first. */
function follow(x: tfl.SymbolicTensor, shapes: Shapes, task: string): tfl.Shape {
  const ready = shapes.get(x.id);
  if (ready !== undefined) return ready;
  const { sourceLayer: layer } = x;
  const inputs = x.inputs.map((input) => follow(input, shapes, task));
  const shape = isModel(layer)
    ? within(layer, x, inputs, task)
    : x.shape.slice(1).includes(null)
      ? computed(layer, x, inputs)
      : x.shape;
  checkOutput(layer, inputs[0], shape, task);
  shapes.set(x.id, shape);
  return shape;
}

/** The shape of an output of a model inside the model. */
function within(
  model: tfl.LayersModel,
  x: tfl.SymbolicTensor,
  inputs: readonly tfl.Shape[],
  task: string,
): tfl.Shape {
  const shapes: Shapes = new Map(model.inputs.map(({ id }, i) => [id, inputs[i]]));
  return follow(model.outputs[indexOf(x)], shapes, task);
}

/** Which of its layer's outputs a tensor is. */
const indexOf = (x: tfl.SymbolicTensor): number =>
  (x as unknown as { readonly outputTensorIndex?: number }).outputTensorIndex ?? 0;

function computed(layer: tfl.layers.Layer, x: tfl.SymbolicTensor, inputs: tfl.Shape[]): tfl.Shape {
  const shape = layer.computeOutputShape(inputs.length === 1 ? inputs[0] : inputs);
  return (Array.isArray(shape[0]) ? shape[indexOf(x)] : shape) as tfl.Shape;
}

const sizeText = (sizes: readonly (number | null)[]): string =>
  sizes.map((size) => size ?? 'any').join('×');

/**
 * Check that a layer gives at least one value.
 *
 * @throws WindowError naming the layer, its window and the map
 */
export function checkOutput(
  layer: tfl.layers.Layer,
  input: tfl.Shape | undefined,
  output: tfl.Shape,
  task?: string,
): void {
  if (output.slice(1).every((size) => size === null || size >= 1)) return;
  const { kernelSize, poolSize, dilationRate, dataFormat } = configOf(layer);
  const window = [kernelSize ?? poolSize ?? []].flat() as number[];
  const where = `layer '${layer.name}':${task === undefined ? '' : ` ${task}`}`;
  if (input === undefined || window.length === 0) {
    const from = input === undefined ? '' : ` for inputs of ${sizeText(input.slice(1))}`;
    throw new WindowError(
      `${where} expected at least one value, got outputs of ${sizeText(output.slice(1))}${from}`,
      'take less away before it, or give larger images',
    );
  }
  const first = dataFormat === 'channelsFirst' ? 2 : 1;
  const map = input.slice(first, first + window.length);
  const dilations = [dilationRate ?? 1].flat() as number[];
  const reach = window.map((size, axis) => (size - 1) * (dilations[axis] ?? dilations[0]) + 1);
  const what = poolSize === undefined ? 'kernel' : 'pool';
  throw windowTooLarge(where, what, reach, map);
}

/** Says of a kernel or pool that it does not fit a map, both given as [height, width]. */
export function windowTooLarge(
  where: string,
  what: 'kernel' | 'pool',
  window: readonly number[],
  map: readonly (number | null)[],
): WindowError {
  return new WindowError(
    `${where} expected a ${what} that fits its feature map, got one of ${sizeText(window)} on a map of ${sizeText(map)} without padding`,
    `take a smaller ${what}, padding 'same', less pooling or smaller strides before it, or larger images`,
  );
}

/** A layer that has nothing to give, since its inputs are too small. */
export class WindowError extends HbnnError {
  /** The message without the way out. */
  readonly fault: string;

  constructor(fault: string, wayOut: string) {
    super(`${fault}; ${wayOut}`);
    this.fault = fault;
  }
}
