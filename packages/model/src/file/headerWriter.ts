import type { CheckedLayer, CheckedModel } from '../checkModel.ts';
import { featureUnits, gather, weightUnits } from '../coarseMap.ts';
import type {
  FeatureShape,
  IntegerLayer,
  IntegerWeights,
  ThresholdLayer,
} from '../integerModel.ts';
import { encodeMap, widthCounts } from './mapCode.ts';
import type { Numbers } from './sectionSlots.ts';
import { packSigns } from './signCode.ts';

/** What a section holds. */
export interface DescribedSection {
  readonly kind: 'map' | 'signs' | 'scales' | 'int8' | 'inputMap' | 'thresholds';
  readonly bytes: Uint8Array;
  /** What a reader allocates when it has come, beside its own bytes. */
  readonly elements?: number;
}

type Json = Record<string, unknown>;

/** The header of a model, but for its list of sections, and the sections in order. */
export function describeModel(model: CheckedModel): {
  description: Json;
  sections: DescribedSection[];
} {
  const sections: DescribedSection[] = [];
  const layers = model.checkedLayers.map(({ layer, input }) =>
    describeLayer(layer, input, sections),
  );
  const { name, classes, scoreFactor } = model;
  const input = { shape: [...model.input.shape], zeros: [...model.input.zeros] };
  const scoreOffsets = [...model.scoreOffsets];
  const description = { name, input, classes, scoreFactor, scoreOffsets, layers };
  const sources = describeSources(model.checkedLayers);
  return { description: sources ? { ...description, sources } : description, sections };
}

/** What each layer reads, none for the layer before it; undefined for a chain, which needs no such list. */
function describeSources(layers: readonly CheckedLayer[]): number[][] | undefined {
  const lists = layers.map(({ sources }, i) =>
    sources.length === 1 && sources[0] === i - 1 ? [] : [...sources],
  );
  return lists.every((list) => list.length === 0) ? undefined : lists;
}

function describeLayer(
  layer: IntegerLayer,
  input: FeatureShape,
  sections: DescribedSection[],
): Json {
  const { kind, name } = layer;
  switch (layer.kind) {
    case 'conv':
    case 'depthwise': {
      const { strides, padding } = layer;
      return { kind, name, strides, padding, weights: describeWeights(layer.weights, sections) };
    }
    case 'dense':
      return { kind, name, weights: describeWeights(layer.weights, sections) };
    case 'maxPool': {
      const { size, strides, padding } = layer;
      return { kind, name, size, strides, padding };
    }
    case 'sumPool': {
      const { size, strides } = layer;
      return { kind, name, size, strides };
    }
    case 'threshold':
      return { kind, name, ...describeThreshold(layer, input, sections) };
    case 'requantize': {
      const { minimum, maximum, multipliers, offsets, shifts } = layer;
      for (const array of [multipliers, offsets, shifts])
        put(sections, 'thresholds', littleEndian(array));
      return { kind, name, minimum, maximum };
    }
    case 'add':
      for (const list of layer.multipliers) put(sections, 'thresholds', littleEndian(list));
      return { kind, name };
    case 'concat':
      return { kind, name };
    default:
      return layer satisfies never;
  }
}

function put(
  sections: DescribedSection[],
  kind: DescribedSection['kind'],
  bytes: Uint8Array,
  elements?: number,
): void {
  sections.push({ kind, bytes, ...(elements !== undefined && { elements }) });
}

/** The bytes of numbers, lowest byte first whatever the machine. */
function littleEndian(values: Numbers): Uint8Array {
  const size = values.BYTES_PER_ELEMENT;
  if (size === 1) return new Uint8Array(values.buffer, values.byteOffset, values.length).slice();
  const out = new Uint8Array(values.length * size);
  const view = new DataView(out.buffer);
  values.forEach((value, i) => {
    if (size === 2) view.setInt16(i * size, value, true);
    else if (size === 4) view.setInt32(i * size, value, true);
    else view.setFloat64(i * size, value, true);
  });
  return out;
}

function describeWeights(weights: IntegerWeights, sections: DescribedSection[]): Json {
  const shape = [...weights.shape];
  if (weights.kind === 'int8') {
    put(sections, 'int8', littleEndian(weights.values));
    return { kind: 'int8', shape };
  }
  const { bits, signs, multiples, scalePer } = weights;
  // A map that does not keep to its granularity is stored element by element.
  const gathered = gather(bits, weightUnits(shape, weights.mapPer));
  const mapPer = gathered ? weights.mapPer : 'element';
  const units = gathered ?? bits;
  const counts = widthCounts(units);
  put(sections, 'map', encodeMap(units, counts));
  put(sections, 'signs', packSigns(bits, signs, multiples.length), bits.length);
  for (const plane of multiples) put(sections, 'scales', plane.slice());
  return { kind: 'planes', shape, mapPer, scalePer, planes: multiples.length, counts };
}

function describeThreshold(
  layer: ThresholdLayer,
  input: FeatureShape,
  sections: DescribedSection[],
): Json {
  const { bits, multiples, thresholds, flips } = layer;
  const coarse = (['channel', 'position'] as const)
    .map((per) => ({ per, units: gather(bits, featureUnits(input, per)) }))
    .find(({ units }) => units !== undefined);
  const units = coarse?.units ?? bits;
  const counts = widthCounts(units);
  put(sections, 'inputMap', encodeMap(units, counts));
  put(sections, 'thresholds', littleEndian(multiples));
  put(sections, 'thresholds', littleEndian(thresholds), bits.length);
  put(sections, 'thresholds', littleEndian(flips));
  return { mapPer: coarse?.per ?? 'element', planes: multiples.length, counts };
}
