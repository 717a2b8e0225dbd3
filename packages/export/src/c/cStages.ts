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
  /** Thresholds and requantizations, which need no feature map of their own; `layer` itself where it is one. */
  readonly following: readonly CheckedLayer[];
  readonly input: CPlace;
  /** All that it reads: more than `input` where branches meet. */
  readonly inputs: readonly CPlace[];
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
function rangeAfter({ layer, outputBound }: CheckedLayer, inputs: readonly Range[]): Range {
  const [before] = inputs;
  if (layer.kind === 'concat')
    return {
      minimum: Math.min(...inputs.map(({ minimum }) => minimum)),
      maximum: Math.max(...inputs.map(({ maximum }) => maximum)),
    };
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
  /** The layers that it reads, by number; −1 is the pixels. */
  readonly sources: readonly number[];
  /** The number of its last layer; −1 where it copies the pixels. */
  last: number;
}

type Place = Omit<CPlace, 'offset'>;

/** Divide a network into stages and lay out the memory of their feature maps. */
export function cStages(model: CheckedModel): CStages {
  const drafts = draftStages(model);
  const { shape, zeros } = model.input;
  const pixels: Place = {
    at: 'pixels',
    type: 'uint8_t',
    shape,
    zero: drafts[0].layer !== undefined ? zeros[0] : 0,
  };
  const pixelRange: Range = { minimum: -Math.max(...zeros), maximum: 255 - Math.min(...zeros) };
  const numbers = new Map(drafts.map(({ last }, i) => [last, i]));
  /** The stages that a stage reads; −1 is the pixels themselves. */
  const reads = drafts.map(({ sources, layer }) =>
    layer === undefined ? [-1] : sources.map((source) => numbers.get(source) ?? -1),
  );
  const ranges: Range[] = [];
  const outputs = drafts.map(({ layer, pool, following }, i): Place => {
    const steps = [layer, pool, ...following].filter((step) => step !== undefined);
    let before = reads[i].map((read) => ranges[read] ?? pixelRange);
    for (const step of steps) before = [rangeAfter(step, before)];
    const [range] = before;
    ranges.push(range);
    const isLast = i === drafts.length - 1;
    return {
      at: isLast ? 'scores' : 'memory',
      type: isLast ? 'int32_t' : smallestInteger(range.minimum, range.maximum),
      shape: steps.at(-1)?.output ?? shape,
      zero: 0,
    };
  });
  const isChain = reads.every((list, i) => list.length === 1 && list[0] === i - 1);
  const { offsets, memoryBytes } = isChain ? alternating(outputs) : placedApart(outputs, reads);
  const places = outputs.map((place, i): CPlace => ({ ...place, offset: offsets[i] }));
  const stages = drafts.map(({ layer, pool, following }, i): CStage => {
    const inputs = reads[i].map((read) => places[read] ?? { ...pixels, offset: 0 });
    return {
      layer,
      ...(pool !== undefined && { pool }),
      following,
      zeros,
      input: inputs[0],
      inputs,
      output: places[i],
    };
  });
  return { stages, memoryBytes };
}

interface Layout {
  readonly offsets: readonly number[];
  readonly memoryBytes: number;
}

/** The maps of a chain alternate between the end and the beginning. */
function alternating(outputs: readonly Place[]): Layout {
  const memoryBytes = outputs.reduce(
    (max, place, i) => Math.max(max, bytesOf(place) + (i > 0 ? bytesOf(outputs[i - 1]) : 0)),
    0,
  );
  const offsets = outputs.map((place, i) =>
    i % 2 === 1 || place.at !== 'memory' ? 0 : memoryBytes - bytesOf(place),
  );
  return { offsets, memoryBytes };
}

/** Maps that are needed at the same time do not overlap: the largest first, each as low as it fits. */
function placedApart(outputs: readonly Place[], reads: readonly (readonly number[])[]): Layout {
  const lastRead = outputs.map((_, i) => i);
  reads.forEach((list, i) => {
    for (const read of list) if (read >= 0) lastRead[read] = i;
  });
  const sizes = outputs.map(bytesOf);
  const order = sizes.map((_, i) => i).sort((a, b) => sizes[b] - sizes[a] || a - b);
  const offsets: number[] = sizes.map(() => 0);
  const placed: number[] = [];
  let memoryBytes = 0;
  for (const i of order) {
    const beside = placed
      .filter((k) => k <= lastRead[i] && i <= lastRead[k])
      .sort((a, b) => offsets[a] - offsets[b]);
    let at = 0;
    for (const k of beside) {
      if (offsets[k] - at >= sizes[i]) break;
      at = Math.max(at, offsets[k] + sizes[k]);
    }
    offsets[i] = at;
    placed.push(i);
    memoryBytes = Math.max(memoryBytes, at + sizes[i]);
  }
  return { offsets, memoryBytes };
}

/**
 * Layers of single values join the stage before them, where nothing else reads what lies between; pixels are copied where
 * their first layer cannot read them.
 */
function draftStages(model: CheckedModel): readonly Draft[] {
  const { zeros } = model.input;
  const layers = model.checkedLayers;
  const copies = zeros.some((zero) => zero !== zeros[0]) || isOfSingleValues(layers[0]);
  const drafts: Draft[] = copies
    ? [{ layer: undefined, following: [], sources: [-1], last: -1 }]
    : [];
  const readers = layers.map(() => 0);
  for (const { sources } of layers) for (const source of sources) readers[source]++;
  layers.forEach((layer, i) => {
    const [source] = layer.sources;
    const last = drafts.at(-1);
    const behind = last !== undefined && last.last === source && !(readers[source] > 1);
    if (behind && isOfSingleValues(layer)) last.following.push(layer);
    else if (behind && isPoolApart(layer) && takesPool(last)) last.pool = layer;
    else {
      const following = isOfSingleValues(layer) ? [layer] : [];
      drafts.push({ layer, following, sources: layer.sources, last: i });
      return;
    }
    last.last = i;
  });
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
const bytesOf = ({ at, type, shape }: Place): number =>
  at === 'memory' ? 4 * Math.ceil((featureCount(shape) * byteSize[type]) / 4) : 0;
