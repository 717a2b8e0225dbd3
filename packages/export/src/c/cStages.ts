import {
  type CheckedLayer,
  type CheckedModel,
  type FeatureShape,
  featureCount,
  type MaxPoolLayer,
  type SumPoolLayer,
} from '@hbnn/model';
import { byteSize, type CInteger, smallestInteger } from './cData.ts';

/** Where a feature map lies while a program runs, and as which integers. */
export interface CPlace {
  readonly at: 'pixels' | 'memory' | 'scores';
  readonly type: CInteger;
  readonly shape: FeatureShape;
  /** Bytes from the beginning of the memory. */
  readonly offset: number;
  /** This is taken from each value as it is read: the zero of all channels of the pixels. */
  readonly zero: number;
}

export type PoolLayer = MaxPoolLayer | SumPoolLayer;

/** One pass over a feature map: a layer that moves values together, and the layers of single values behind it. */
export interface CStage {
  /** Undefined where pixels are copied, less their zeros. */
  readonly layer: CheckedLayer | undefined;
  /** A pool whose windows are apart: each of its values is pooled from sums as they are computed. */
  readonly pool?: CheckedLayer<PoolLayer>;
  /** Thresholds and requantizations, which need no feature map of their own. */
  readonly following: readonly CheckedLayer[];
  readonly input: CPlace;
  readonly output: CPlace;
  /** The zeros of the pixels, which a stage without a layer takes away. */
  readonly zeros: Int32Array;
}

/** The stages of a program and the bytes that their feature maps share. */
export interface CStages {
  readonly stages: readonly CStage[];
  readonly memoryBytes: number;
}

interface Range {
  readonly minimum: number;
  readonly maximum: number;
}

const isOfSingleValues = ({ layer }: CheckedLayer): boolean =>
  layer.kind === 'threshold' || layer.kind === 'requantize';

/** Bounds of a layer's outputs, from those of its inputs. */
function rangeAfter({ layer, outputBound }: CheckedLayer, before: Range): Range {
  if (layer.kind === 'requantize') return { minimum: layer.minimum, maximum: layer.maximum };
  if (layer.kind === 'maxPool') return before;
  return {
    minimum: before.minimum >= 0 && layer.kind === 'sumPool' ? 0 : -outputBound,
    maximum: outputBound,
  };
}

interface Draft {
  readonly layer: CheckedLayer | undefined;
  pool?: CheckedLayer<PoolLayer>;
  readonly following: CheckedLayer[];
}

/** Divide a network into stages and lay out the memory of their feature maps: inputs and outputs at its two ends. */
export function cStages(model: CheckedModel): CStages {
  const drafts = draftStages(model);
  const { shape, zeros } = model.input;
  const reads = drafts[0].layer !== undefined;
  let range: Range = { minimum: -Math.max(...zeros), maximum: 255 - Math.min(...zeros) };
  let before: Omit<CPlace, 'offset'> = {
    at: 'pixels',
    type: 'uint8_t',
    shape,
    zero: reads ? zeros[0] : 0,
  };
  const placed = drafts.map(({ layer, pool, following }, i) => {
    const steps = [layer, pool, ...following].filter((step) => step !== undefined);
    for (const step of steps) range = rangeAfter(step, range);
    const isLast = i === drafts.length - 1;
    const type = isLast ? 'int32_t' : smallestInteger(range.minimum, range.maximum);
    const input = before;
    before = {
      at: isLast ? 'scores' : 'memory',
      type,
      shape: steps.at(-1)?.output ?? shape,
      zero: 0,
    };
    return { layer, pool, following, input, output: before };
  });
  const memoryBytes = placed.reduce(
    (max, { input, output }) => Math.max(max, bytesOf(input) + bytesOf(output)),
    0,
  );
  // Feature maps alternate between the beginning and the end.
  const located = (place: Omit<CPlace, 'offset'>, i: number): CPlace => ({
    ...place,
    offset: i % 2 === 0 || place.at !== 'memory' ? 0 : memoryBytes - bytesOf(place),
  });
  const stages = placed.map(
    ({ layer, pool, following, input, output }, i): CStage => ({
      layer,
      ...(pool !== undefined && { pool }),
      following,
      zeros,
      input: located(input, i),
      output: located(output, i + 1),
    }),
  );
  return { stages, memoryBytes };
}

/** Layers of single values join the stage before them; pixels are copied where their first layer cannot read them. */
function draftStages(model: CheckedModel): readonly Draft[] {
  const { zeros } = model.input;
  const layers = model.checkedLayers;
  const copies = zeros.some((zero) => zero !== zeros[0]) || isOfSingleValues(layers[0]);
  const drafts: Draft[] = copies ? [{ layer: undefined, following: [] }] : [];
  for (const layer of layers) {
    const last = drafts.at(-1);
    if (last !== undefined && isOfSingleValues(layer)) last.following.push(layer);
    else if (last !== undefined && isPoolApart(layer) && takesPool(last)) last.pool = layer;
    else drafts.push({ layer, following: [] });
  }
  return drafts;
}

/** Whether a layer is a pool that reads each value at most once. */
const isPoolApart = (checked: CheckedLayer): checked is CheckedLayer<PoolLayer> => {
  const { layer } = checked;
  return (
    (layer.kind === 'maxPool' || layer.kind === 'sumPool') &&
    layer.size.every((size, axis) => size <= layer.strides[axis])
  );
};

/** Whether a stage ends with the sums of a convolution. */
const takesPool = ({ layer, pool, following }: Draft): boolean =>
  (layer?.layer.kind === 'conv' || layer?.layer.kind === 'depthwise') &&
  pool === undefined &&
  following.length === 0;

/** Bytes in the memory, in whole words; feature maps of the caller take none. */
const bytesOf = ({ at, type, shape }: Omit<CPlace, 'offset'>): number =>
  at === 'memory' ? 4 * Math.ceil((featureCount(shape) * byteSize[type]) / 4) : 0;
