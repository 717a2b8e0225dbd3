import { checkNormalization, HbnnError, kindOf } from '@hbnn/core';
import { sourcesOf, unreadLayer } from '../branches.ts';
import {
  maxWeightCode,
  type TrainedLayer,
  type TrainedModel,
  type TrainedWeights,
  type WeightCodes,
} from '../trainedModel.ts';
import { unknownKind } from '../unknownKind.ts';

/**
 * Check that a value is a trained model, and that every number of it is finite.
 *
 * @throws HbnnError for another value, and naming the layer and the number
 */
export function checkTrained(trained: TrainedModel): void {
  if (typeof trained !== 'object' || trained === null || trained.input?.mean === undefined)
    throw new HbnnError(
      `lower: expected a trained model, got ${kindOf(trained)}; pass what 'await exportModel(model, train)' of @hbnn/train gives`,
    );
  const { name, input, layers } = trained;
  checkNormalization(input, input.shape[2], `lower: input of ${name}`);
  for (const layer of layers) checkLayer(layer);
  checkBranches(layers);
}

/** Check that branches name layers before them, each layer by a name of its own, and that every layer is read. */
function checkBranches(layers: readonly TrainedLayer[]): void {
  if (layers.every((layer) => !('inputs' in layer) && layer.from === undefined)) return;
  const unread = unreadLayer(trainedSources(layers).map((sources, i) => ({ sources, i })));
  if (unread !== undefined)
    throw new HbnnError(
      `layer '${layers[unread.i].name}': expected a layer that another one reads, got one that none reads; leave it out`,
    );
  const names = layers.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new HbnnError(
      `layer '${twice}': expected each layer name once where a network has branches; rename one of them`,
    );
}

/** The layers that each layer reads, by number; −1 is the pixels. */
export function trainedSources(layers: readonly TrainedLayer[]): (readonly number[])[] {
  const numbers = new Map<string, number>();
  return layers.map((layer, i) => {
    const sources = sourcesOf(layer, i, numbers);
    numbers.set(layer.name, i);
    return sources;
  });
}

function checkLayer(layer: TrainedLayer): void {
  const { name } = layer;
  if (layer.largest !== undefined) checkMeasured(name, 'largest output', layer.largest);
  switch (layer.kind) {
    case 'conv':
    case 'depthwise':
    case 'dense':
      checkWeights(name, layer.weights);
      return;
    case 'affine':
      checkFinite(name, 'scales', layer.scales);
      checkFinite(name, 'offsets', layer.offsets);
      if (layer.offsets.length !== layer.scales.length)
        throw new HbnnError(
          `layer '${name}': expected ${layer.scales.length} offsets, one for each scale, got ${layer.offsets.length}; give one for each, 0 where nothing is added`,
        );
      return;
    case 'relu':
      if (layer.ceiling !== undefined)
        checkMeasured(name, 'largest value of a ReLU', layer.ceiling);
      for (const ceiling of layer.channelCeilings ?? [])
        checkMeasured(name, 'largest value of a ReLU', ceiling);
      return;
    case 'piecewise':
      checkPieces(layer);
      return;
    case 'binarize':
      if (layer.map === 'static') checkFinite(name, 'input scales', layer.scales);
      return;
    case 'hardSwish':
    case 'maxPool':
    case 'averagePool':
    case 'flatten':
    case 'add':
    case 'concat':
      return;
    default:
      throw unknownKind(
        layer,
        trainedKinds,
        'write it by layers of these kinds, as exportModel does',
      );
  }
}

const trainedKinds: readonly TrainedLayer['kind'][] = [
  'conv',
  'depthwise',
  'dense',
  'affine',
  'relu',
  'piecewise',
  'hardSwish',
  'binarize',
  'maxPool',
  'averagePool',
  'flatten',
  'add',
  'concat',
];

function checkPieces({
  name,
  knots,
  slopes,
  atZero,
}: Extract<TrainedLayer, { kind: 'piecewise' }>): void {
  checkFinite(name, 'knots', knots);
  checkFinite(name, 'slopes', slopes);
  checkFinite(name, 'value at 0', [atZero]);
  const ascends = knots.every((knot, k) => k === 0 || knot > knots[k - 1]);
  if (ascends && slopes.length === knots.length + 1 && slopes.some((slope) => slope !== 0)) return;
  throw new HbnnError(
    `layer '${name}': expected knots that ascend and one slope more than these, not all 0, got [${knots.join(', ')}] and [${slopes.join(', ')}]; give the slope of each piece`,
  );
}

function checkWeights(name: string, weights: TrainedWeights): void {
  switch (weights.kind) {
    case 'float':
      checkFinite(name, 'weights', weights.tensor.data);
      return;
    case 'residual':
      for (const plane of weights.residual.planes) checkFinite(name, 'weight scales', plane.scales);
      return;
    case 'codes':
      checkCodes(name, weights.codes);
      return;
    default:
      throw new HbnnError(
        `layer '${name}': expected weights of the kind float, residual or codes, got '${(weights satisfies never as { kind?: unknown }).kind}'; give them as exportModel does`,
      );
  }
}

function checkCodes(name: string, { shape, values, bits, scales }: WeightCodes): void {
  checkFinite(name, 'weight scales', scales);
  const count = shape.reduce((product, n) => product * n, 1);
  if (values.length !== count || scales.length !== shape[0])
    throw new HbnnError(
      `layer '${name}': expected ${count} whole weights and ${shape[0]} scales for the shape [${shape.join(', ')}], got ${values.length} and ${scales.length}; give one for each`,
    );
  if (!Number.isInteger(bits) || bits < 1 || bits > 8)
    throw new HbnnError(
      `layer '${name}': expected whole weights of 1 to 8 bits, got ${bits}; say how many bits they have`,
    );
  const at = values.findIndex((value) => Math.abs(value) > maxWeightCode);
  if (at >= 0)
    throw new HbnnError(
      `layer '${name}': expected whole weights from −${maxWeightCode} to ${maxWeightCode}, got ${values[at]} at index ${at}; quantize them to 8 bits`,
    );
}

function checkFinite(where: string, what: string, values: ArrayLike<number>): void {
  for (let i = 0; i < values.length; i++)
    if (!Number.isFinite(values[i]))
      throw new HbnnError(
        `layer '${where}': expected finite ${what}, got ${values[i]} at index ${i}; the training diverged, train again with a lower learning rate`,
      );
}

/** @throws HbnnError for what sample images cannot have brought about: no number, or one below 0 */
function checkMeasured(name: string, what: string, value: number): void {
  checkFinite(name, what, [value]);
  if (value < 0)
    throw new HbnnError(
      `layer '${name}': expected the ${what} to be 0 or more, got ${value}; give what sample images have`,
    );
}
