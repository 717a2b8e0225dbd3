import { type CheckedLayer, checkLayers } from '../checkModel.ts';
import { type IntegerWeights, type RequantizeLayer, rowLength } from '../integerModel.ts';
import type { LowerState } from './lowerState.ts';

/** How far rounding can have moved the whole numbers of each channel, and which layers rounded. */
interface Rounding {
  readonly distances: Float64Array;
  readonly layers: readonly string[];
}

/** Rounding to 16 bits, which moves values by less of a scale, is not worth a note. */
const minNotedRounding = 2 ** -10;

/**
 * Report how far rounding between the last layer with weights, or the last binarization, and here can have moved values
 * that a binarization reads: near a threshold that can turn a level.
 *
 * @param name the binarization
 * @param scale its largest scale
 */
export function reportRounding(s: LowerState, name: string, scale: number): void {
  const { distances, layers } = roundingAt(checkLayers(s.layers, s.start, s.zeros), s.at);
  const distance = s.meaning.slopes.reduce(
    (max, slope, c) => Math.max(max, Math.abs(slope) * (distances[c] ?? 0)),
    0,
  );
  if (scale === 0 || distance < minNotedRounding * scale) return;
  s.report.push({ name, what: 'rounded inputs', error: distance / scale });
  for (const layer of layers) s.roundingLayers.add(layer);
}

/** Say which binarizations read values that were rounded before; undefined where none does. */
export function roundingNote({ report, roundingLayers }: LowerState): string | undefined {
  const rounded = report.filter(({ what }) => what === 'rounded inputs');
  if (rounded.length === 0) return undefined;
  const { name, error } = rounded.reduce((a, b) => (b.error > a.error ? b : a));
  const named = (names: readonly string[]): string =>
    `${names.length === 1 ? 'layer' : 'layers'} ${names.map((each) => `'${each}'`).join(', ')}`;
  const readers = named(rounded.map((layer) => layer.name));
  return `${readers} binarize${rounded.length === 1 ? 's' : ''} values that ${named([...roundingLayers])} rounded before, which moves them by up to ${(100 * error).toPrecision(2)} % of the largest scale (at '${name}'); a value as near to a threshold comes out a level off, which can change classes: compare the accuracy before and after lowering; max pooling in place of an average behind a ReLU, or a ReLU behind an average or a sum in place of before it, is lowered exactly`;
}

/** Scales that are met within less are not worth a note. */
const minNotedScaleError = 0.01;

/** Say which layer's scales are met worst by whole numbers of a few bits; undefined where all are met well. */
export function scaleNote({ report }: LowerState, scaleBits: number): string | undefined {
  const scales = report.filter(({ what }) => what === 'weight scales' || what === 'input scales');
  if (scales.length === 0) return undefined;
  const { name, what, error } = scales.reduce((a, b) => (b.error > a.error ? b : a));
  if (error < minNotedScaleError) return undefined;
  const more =
    scaleBits < 8
      ? `, or lower with more scale bits (up to 8: scaleBits in the API, --scale-bits in the command), for larger hardware`
      : '';
  return `the ${what} of layer '${name}' are ${(100 * error).toPrecision(2)} % off as whole numbers of ${scaleBits} bits, which can turn a level and with it a class: compare the accuracy before and after lowering${more}`;
}

function roundingAt(checked: readonly CheckedLayer[], at: number): Rounding {
  // The pixels are whole numbers.
  if (at < 0) return { distances: new Float64Array(0), layers: [] };
  const { layer, sources, output } = checked[at];
  const none: Rounding = { distances: new Float64Array(output[2]), layers: [] };
  const [first, ...others] =
    layer.kind === 'threshold' ? [none] : sources.map((source) => roundingAt(checked, source));
  switch (layer.kind) {
    case 'threshold':
      return none;
    case 'conv':
    case 'depthwise':
    case 'dense':
      return movesOnly(layer.weights)
        ? { ...first, distances: none.distances.fill(Math.max(0, ...first.distances)) }
        : none;
    case 'maxPool':
      return first;
    case 'sumPool':
      return {
        ...first,
        distances: first.distances.map((distance) => distance * layer.size[0] * layer.size[1]),
      };
    case 'requantize':
      return requantized(layer, first);
    case 'add':
      return {
        distances: none.distances.map((_, c) =>
          [first, ...others].reduce((sum, { distances }, k) => {
            const distance = Math.abs(layer.multipliers[k][c]) * (distances[c] ?? 0);
            return arePieces(checked, sources) ? Math.max(sum, distance) : sum + distance;
          }, 0),
        ),
        layers: [first, ...others].flatMap(({ layers }) => layers),
      };
    case 'concat':
      return {
        distances: Float64Array.from([first, ...others].flatMap(({ distances }) => [...distances])),
        layers: [first, ...others].flatMap(({ layers }) => layers),
      };
    default:
      return layer satisfies never;
  }
}

/** Whether layers bound the same values, each where the others leave off: a value that moves then moves in one of them. */
function arePieces(checked: readonly CheckedLayer[], sources: readonly number[]): boolean {
  const ends = sources.map((source) => {
    const { layer, sources: behind } = checked[source] ?? {
      layer: { kind: 'pixels' },
      sources: [],
    };
    return layer.kind === 'requantize' ? { ...layer, from: behind[0] } : undefined;
  });
  return ends.every(
    (piece, k) =>
      piece !== undefined &&
      piece.from === ends[0]?.from &&
      (k === 0 || piece.minimum >= (ends[k - 1]?.maximum ?? 0)),
  );
}

/** Beside what it makes of earlier distances, a requantization moves values by half a step, unless it only adds. */
function requantized(layer: RequantizeLayer, before: Rounding): Rounding {
  const { name, multipliers, offsets, shifts } = layer;
  const steps = Float64Array.from(shifts, (shift) => 2 ** shift);
  const isExact = (c: number): boolean =>
    multipliers[c] % steps[c] === 0 && (offsets[c] - steps[c] / 2) % steps[c] === 0;
  const distances = steps.map(
    (step, c) =>
      (Math.abs(multipliers[c]) / step) * (before.distances[c] ?? 0) + (isExact(c) ? 0 : 0.5),
  );
  const rounds = !steps.every((_, c) => isExact(c));
  return { distances, layers: rounds ? [...before.layers, name] : before.layers };
}

/** Whether each output is an input or its negative, as in layers that lowering adds to move values. */
function movesOnly(weights: IntegerWeights): boolean {
  if (weights.kind !== 'planes' || weights.multiples.length !== 1) return false;
  const row = rowLength(weights.shape);
  return (
    weights.multiples[0].every((k) => k === 1) &&
    Array.from({ length: weights.shape[0] }, (_, o) =>
      weights.bits.subarray(o * row, (o + 1) * row).reduce((sum, bits) => sum + bits, 0),
    ).every((members) => members === 1)
  );
}
