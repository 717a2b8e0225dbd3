import { type CheckedLayer, checkLayers } from '../checkModel.ts';
import { type IntegerWeights, type RequantizeLayer, rowLength } from '../integerModel.ts';
import { type LowerState, movesOnly } from './lowerState.ts';

/** How far rounding can have moved the whole numbers of each channel, and which layers rounded. */
interface Rounding {
  readonly distances: Float64Array;
  readonly layers: readonly string[];
}

/** Rounding to 16 bits, which moves values by less of a scale, is not worth a note. */
const minNotedRounding = 2 ** -10;

/**
 * Report how far rounding between the last layer with weights, or the last binarization, and here can have moved values
 * that a binarization reads, and how far the padding of that layer: near a threshold that can turn a level.
 *
 * @param name the binarization
 * @param scale its largest scale
 */
export function reportRounding(s: LowerState, name: string, scale: number): void {
  if (scale === 0) return;
  const checked = checkLayers(s.layers, s.start, s.zeros);
  const moved = ({ distances }: Rounding): number =>
    s.meaning.slopes.reduce(
      (max, slope, c) => Math.max(max, Math.abs(slope) * (distances[c] ?? 0)),
      0,
    ) / scale;
  const rounding = roundingAt({ checked, step: 0.5, moved: new Map() }, s.at);
  const rounded = moved(rounding);
  if (rounded >= minNotedRounding) {
    s.report.push({ name, what: 'rounded inputs', error: rounded });
    for (const layer of rounding.layers) s.roundingLayers.add(layer);
  }
  const padded = moved(roundingAt({ checked, step: 0, moved: s.borders }, s.at));
  if (padded >= minNotedScaleError) s.report.push({ name, what: 'padded inputs', error: padded });
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

/** Say which binarization reads values that padding by whole pixels moves most; undefined where none does. */
export function borderNote({ report }: LowerState): string | undefined {
  const padded = report.filter(({ what }) => what === 'padded inputs');
  if (padded.length === 0) return undefined;
  const { name, error } = padded.reduce((a, b) => (b.error > a.error ? b : a));
  return `layer '${name}' binarizes sums of windows that hang over the edge of the image, where the network adds the mean of the pixels and the integer model the nearest whole pixel: that moves them by up to ${(100 * error).toPrecision(2)} % of the largest scale, which can turn a level there: compare the accuracy before and after lowering; a normalization whose mean is a whole pixel, such as 128/255, or no padding in the first layer, is lowered exactly`;
}

/** Scales that are met within less are not worth a note, nor are weights of 8 bits in front of a binarization. */
const minNotedScaleError = 0.01;

/** Where no binarization follows, weights of 8 bits move scores a little and turn no level, so that more is let pass. */
const minNotedWeightError = 0.02;

/** Say which layer's float weights are met worst by 8 bits; undefined where all are met well. */
export function weightNote({ report, layers }: LowerState): string | undefined {
  const lastBinarization = layers.findLastIndex(({ kind }) => kind === 'threshold');
  const noted = report
    .filter(({ what }) => what === 'weights of 8 bits')
    .map(({ name, error }) => {
      const isBinarized = layers.findIndex((layer) => layer.name === name) < lastBinarization;
      const min = isBinarized ? minNotedScaleError : minNotedWeightError;
      return { name, error, isBinarized, excess: error / min };
    });
  const [worst] = noted.sort((a, b) => b.excess - a.excess);
  if (worst === undefined || worst.excess < 1) return undefined;
  const { name, error, isBinarized } = worst;
  return `the float weights of layer '${name}' are ${(100 * error).toPrecision(2)} % off as weights of 8 bits, because a few are many times larger than the rest, which can change ${isBinarized ? 'levels and with them ' : ''}scores and classes: compare the accuracy before and after lowering; binarize this layer too, or clip its largest weights and train on`;
}

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

/** What is asked of `roundingAt`. */
interface Asked {
  readonly checked: readonly CheckedLayer[];
  /** By how much a requantization moves values, in its steps. */
  readonly step: number;
  /** How far each output of a layer with weights is moved, by the layer's number; 0 where it is not there. */
  readonly moved: ReadonlyMap<number, Float64Array>;
}

function roundingAt(asked: Asked, at: number): Rounding {
  const { checked, step, moved } = asked;
  // The pixels are whole numbers.
  if (at < 0) return { distances: new Float64Array(0), layers: [] };
  const { layer, sources, output } = checked[at];
  const none: Rounding = { distances: new Float64Array(output[2]), layers: [] };
  const [first, ...others] =
    layer.kind === 'threshold' ? [none] : sources.map((source) => roundingAt(asked, source));
  switch (layer.kind) {
    case 'threshold':
      return none;
    case 'conv':
    case 'depthwise':
    case 'dense':
      if (movesOnly(layer.weights))
        return { ...first, distances: none.distances.fill(Math.max(0, ...first.distances)) };
      return layer.kind === 'depthwise' && addsUp(layer.weights)
        ? {
            ...first,
            distances: none.distances.map(
              (_, c) =>
                rowLength(layer.weights.shape) * Math.max(0, ...first.distances) +
                (moved.get(at)?.[c] ?? 0),
            ),
          }
        : { ...none, distances: moved.get(at) ?? none.distances };
    case 'maxPool':
      return first;
    case 'sumPool':
      return {
        ...first,
        distances: first.distances.map((distance) => distance * layer.size[0] * layer.size[1]),
      };
    case 'requantize':
      return requantized(layer, first, step);
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

/** Whether each output is the sum of its window, as an average that counts zeros beyond the edge is lowered. */
function addsUp(weights: IntegerWeights): boolean {
  if (weights.kind !== 'planes' || weights.multiples.length !== 1) return false;
  const { bits, signs, multiples } = weights;
  return [bits, signs, multiples[0]].every((values) => values.every((value) => value === 1));
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
function requantized(layer: RequantizeLayer, before: Rounding, step: number): Rounding {
  const { name, multipliers, offsets, shifts } = layer;
  const powers = Float64Array.from(shifts, (shift) => 2 ** shift);
  const isExact = (c: number): boolean =>
    multipliers[c] % powers[c] === 0 && (offsets[c] - powers[c] / 2) % powers[c] === 0;
  const distances = powers.map(
    (power, c) =>
      (Math.abs(multipliers[c]) / power) * (before.distances[c] ?? 0) + (isExact(c) ? 0 : step),
  );
  const rounds = !powers.every((_, c) => isExact(c));
  return { distances, layers: rounds ? [...before.layers, name] : before.layers };
}
