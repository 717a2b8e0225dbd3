import { HbnnError } from '@hbnn/core';
import { type CheckedModel, checkModel, featureCount, interpreter } from '@hbnn/model';

/** The first place at which two executions of images part. */
export interface Parting {
  /** A layer of the first model, or `scores`. */
  readonly layer: string;
  readonly kind: string;
  /** The layer at this place in the second model, where its name is another. */
  readonly otherLayer?: string;
  /** What is not the same, where no values can be compared. */
  readonly shapes?: string;
  /** The number of the image, from 0 on. */
  readonly image?: number;
  /** Row, column and channel, from 0 on; the number of a score. */
  readonly position?: readonly number[];
  readonly first?: number;
  readonly second?: number;
  /** Values of this layer that are not the same, over all images. */
  readonly differing?: number;
  /** Values of this layer, over all images. */
  readonly values?: number;
}

/** What a comparison found; `difference` is missing where all is the same. */
export interface Comparison {
  readonly equal: boolean;
  readonly images: number;
  readonly difference?: Parting;
}

/** Outputs of a layer for all images: its place in the network, or the scores. */
export interface Outputs {
  readonly name: string;
  readonly kind: string;
  readonly shape: readonly number[];
  readonly values: Int32Array;
}

/** Find where the values of two outputs of one shape part. */
function partingOf(first: Outputs, second: Outputs): Parting | undefined {
  const named = {
    layer: first.name,
    kind: first.kind,
    ...(first.name !== second.name && { otherLayer: second.name }),
  };
  if (first.shape.join() !== second.shape.join())
    return { ...named, shapes: `${first.shape.join('×')} and ${second.shape.join('×')}` };
  const at = first.values.findIndex((value, i) => value !== second.values[i]);
  if (at < 0) return undefined;
  const size = first.shape.reduce((product, n) => product * n, 1);
  return {
    ...named,
    image: Math.floor(at / size),
    position: positionOf(at % size, first.shape),
    first: first.values[at],
    second: second.values[at],
    differing: first.values.reduce((n, value, i) => n + (value === second.values[i] ? 0 : 1), 0),
    values: first.values.length,
  };
}

/** The place of an element in each dimension. */
export function positionOf(element: number, shape: readonly number[]): number[] {
  let rest = element;
  return shape
    .toReversed()
    .map((size) => {
      const at = rest % size;
      rest = Math.floor(rest / size);
      return at;
    })
    .toReversed();
}

/**
 * Compare two models layer by layer, as the interpreter computes them.
 *
 * @throws HbnnError where they do not take the same images
 */
export function compareModels(
  first: CheckedModel,
  second: CheckedModel,
  pixels: Uint8Array,
): Comparison {
  const [shape, other] = [first.input.shape.join('×'), second.input.shape.join('×')];
  if (shape !== other)
    throw new HbnnError(
      `compare: expected two models of images of one shape, got ${shape} and ${other}; give models of the same data`,
    );
  const images = pixels.length / featureCount(first.input.shape);
  const outputs = [first, second].map((model) => layerOutputs(model, pixels, images));
  const count = Math.max(...outputs.map((list) => list.length));
  for (let i = 0; i < count; i++) {
    const [a, b] = outputs.map((list) => list[Math.min(i, list.length - 1)]);
    const difference = partingOf(a, b);
    if (difference !== undefined) return { equal: false, images, difference };
  }
  return { equal: true, images };
}

/** The outputs of each layer for all images, and the scores. */
export function layerOutputs(model: CheckedModel, pixels: Uint8Array, images: number): Outputs[] {
  const outputs = model.checkedLayers.map(
    ({ layer, output }): Outputs => ({
      name: layer.name,
      kind: layer.kind,
      shape: output,
      values: new Int32Array(images * featureCount(output)),
    }),
  );
  const steps = outputs.length;
  let step = 0;
  const values = interpreter(model).run(pixels, (_, feature) => {
    outputs[step % steps].values.set(
      feature.values,
      Math.floor(step / steps) * feature.values.length,
    );
    step++;
  });
  return [...outputs, scoreOutputs(model, values)];
}

const scoreOutputs = ({ classes }: CheckedModel, values: Int32Array): Outputs => ({
  name: 'scores',
  kind: 'scores',
  shape: [classes.length],
  values,
});

/** Computes a model's scores. */
export type Executor = (model: CheckedModel, pixels: Uint8Array) => Promise<Int32Array>;

/**
 * Compare two executors of one model: by its scores, and where these part by the outputs of each layer, which are the
 * scores of the network up to it.
 */
export async function compareExecutors(
  model: CheckedModel,
  executors: readonly [Executor, Executor],
  pixels: Uint8Array,
): Promise<Comparison> {
  const images = pixels.length / featureCount(model.input.shape);
  const outputsOf = async (part: CheckedModel, outputs: Omit<Outputs, 'values'>) => {
    const [first, second] = await Promise.all(executors.map((run) => run(part, pixels)));
    return partingOf({ ...outputs, values: first }, { ...outputs, values: second });
  };
  const whole = scoreOutputs(model, new Int32Array());
  const atScores = await outputsOf(model, whole);
  if (atScores === undefined) return { equal: true, images };
  for (const [i, { layer, output }] of model.checkedLayers.entries()) {
    const outputs = { name: layer.name, kind: layer.kind, shape: output };
    const difference = await outputsOf(upTo(model, i), outputs);
    if (difference !== undefined) return { equal: false, images, difference };
  }
  return { equal: false, images, difference: atScores };
}

/** The numbers of a layer and of all layers that it depends on. */
function neededFor({ checkedLayers }: CheckedModel, last: number): ReadonlySet<number> {
  const needed = new Set([last]);
  for (let i = last; i >= 0; i--)
    if (needed.has(i)) for (const source of checkedLayers[i].sources) needed.add(source);
  return needed;
}

/** The network up to a layer, whose outputs are its scores. */
function upTo(model: CheckedModel, last: number): CheckedModel {
  const { name, input, scoreFactor } = model;
  const count = featureCount(model.checkedLayers[last].output);
  const needed = neededFor(model, last);
  return checkModel({
    name,
    input,
    scoreFactor,
    layers: model.layers.filter((_, i) => needed.has(i)),
    scoreOffsets: new Int32Array(count),
    classes: Array.from({ length: count }, (_, k) => `${k}`),
  });
}
