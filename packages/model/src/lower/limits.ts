/**
 * The ends of each channel's values, beyond which a ReLU has cut them off: value = min(max(y, minimum), maximum), where
 * y is what the whole numbers stand for. A binarization takes them into its thresholds.
 */
export interface Limits {
  readonly minimums: Float64Array;
  readonly maximums: Float64Array;
}

const cut = (value: number, least: number, largest: number): number =>
  Math.min(Math.max(value, least), largest);

/** No limits. */
export const unlimited = (channels: number): Limits => ({
  minimums: new Float64Array(channels).fill(Number.NEGATIVE_INFINITY),
  maximums: new Float64Array(channels).fill(Number.POSITIVE_INFINITY),
});

/** Limits behind a ReLU of a largest value. */
export function limitsBehindRelu({ minimums, maximums }: Limits, ceiling = Infinity): Limits {
  const through = (value: number): number => cut(value, 0, ceiling);
  return { minimums: minimums.map(through), maximums: maximums.map(through) };
}

/** Limits behind scale · value + offset, for scales of either sign and as many channels as there are scales. */
export function limitsBehindAffine(
  { minimums, maximums }: Limits,
  scales: Float64Array,
  offsets: Float64Array,
): Limits {
  const ends = scales.map((_, c) => (scales[c] < 0 ? maximums : minimums)[c % minimums.length]);
  const others = scales.map((_, c) => (scales[c] < 0 ? minimums : maximums)[c % minimums.length]);
  const through = (value: number, c: number): number =>
    scales[c] === 0 ? offsets[c] : scales[c] * value + offsets[c];
  return { minimums: ends.map(through), maximums: others.map(through) };
}

/** Limits of channels taken from elsewhere: channel i is channel from[i] of these. */
export function limitsFrom({ minimums, maximums }: Limits, from: ArrayLike<number>): Limits {
  const taken = (values: Float64Array): Float64Array =>
    Float64Array.from(from, (c) => values[c % values.length]);
  return { minimums: taken(minimums), maximums: taken(maximums) };
}

/** The channels of several limits one after the other. */
export function joinedLimits(parts: readonly Limits[]): Limits {
  return {
    minimums: Float64Array.from(parts.flatMap(({ minimums }) => [...minimums])),
    maximums: Float64Array.from(parts.flatMap(({ maximums }) => [...maximums])),
  };
}
