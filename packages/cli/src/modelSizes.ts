import { type CheckedModel, type ModelSize, weightCount } from '@hbnn/model';

/** A model's file beside what the same weights take as float32 and at 1 and 2 bits each, without anything else. */
export interface ModelSizes {
  readonly weights: number;
  readonly bytes: number;
  readonly float32Bytes: number;
  readonly oneBitBytes: number;
  readonly twoBitBytes: number;
  /** float32Bytes / bytes. */
  readonly smallerThanFloat32: number;
  readonly bitsPerWeight: number;
}

/** Compare a model file's size with others of the same weights. */
export function modelSizes(model: CheckedModel, bytes: number): ModelSizes {
  const weights = weightCount(model);
  const rounded = (value: number): number => Number(value.toFixed(3));
  return {
    weights,
    bytes,
    float32Bytes: 4 * weights,
    oneBitBytes: Math.ceil(weights / 8),
    twoBitBytes: Math.ceil(weights / 4),
    smallerThanFloat32: rounded((4 * weights) / bytes),
    bitsPerWeight: rounded((8 * bytes) / weights),
  };
}

/** One part of a model's file. */
export interface FilePart {
  readonly part: string;
  readonly bytes: number;
  /** Bits per weight over all weights of the model. */
  readonly bitsPerWeight: number;
}

/** Where the bits of a model's file go. */
export interface FileParts {
  /** Maps, signs and scales of the weights in planes, over their number; left out where there are none. */
  readonly bitsPerBinarizedWeight?: number;
  readonly parts: readonly FilePart[];
}

/** Names that are listed before "and N more". */
const maxNames = 4;

function namesOf(names: readonly string[]): string {
  const more = names.length - maxNames;
  return more > 0
    ? `${names.slice(0, maxNames).join(', ')} and ${more} more`
    : names.join(', ') || 'none';
}

/** Say what each part of a model's file takes; the parts add up to the file. */
export function fileParts(model: CheckedModel, size: ModelSize): FileParts {
  const weights = weightCount(model);
  const rounded = (bytes: number, count: number): number =>
    Number(((8 * bytes) / count).toFixed(3));
  const named = (kind: 'int8' | 'planes'): string =>
    namesOf(
      model.layers.flatMap((layer) =>
        'weights' in layer && layer.weights.kind === kind ? [layer.name] : [],
      ),
    );
  const rows: readonly [part: string, bytes: number][] = [
    ['header (names, shapes, checksums)', size.header],
    [`8-bit weights (${named('int8')})`, size.bytes],
    [`bit maps of binarized weights (${named('planes')})`, size.maps],
    ['signs of binarized weights', size.signs],
    ['scales of binarized weights', size.scales],
    ['bit maps of activations', size.inputMaps],
    ['thresholds and factors of activations', size.thresholds],
  ];
  const { binarizedWeights } = size;
  const binarized = size.maps + size.signs + size.scales;
  return {
    ...(binarizedWeights > 0 && { bitsPerBinarizedWeight: rounded(binarized, binarizedWeights) }),
    parts: rows.map(([part, bytes]) => ({ part, bytes, bitsPerWeight: rounded(bytes, weights) })),
  };
}
