import {
  approximate,
  binarize,
  bitCounts,
  distance,
  distFromAverage,
  type FloatTensor,
  floatTensor,
  HbnnError,
  type Heuristic,
  heuristics,
  type MapPer,
  type Mix,
  maxBitwidth,
  mixOf,
  type ResidualTensor,
  random,
  type ScalePer,
  selectBits,
  storedBits,
} from '@hbnn/core';
import { optimal } from '@hbnn/core/optimal';
import { withMinus } from '../shared/numberWords.ts';

/** A selection rule that the playground offers. */
export type Rule = Heuristic | 'optimal';

export const rules: readonly Rule[] = [...heuristics, 'optimal'];

/** What the visitor chose. */
export interface BitsChoice {
  readonly average: number;
  /** The shares of 1, 2, 3 … bits; without it those of the paper for the average. */
  readonly mix?: Mix;
  readonly rule: Rule;
  readonly mapPer: MapPer;
  readonly scalePer: ScalePer;
}

/** A mix as the page shows it and reads it again: shares of at most six decimals, which add up to 1. */
export function mixWords({ fractions }: Mix): string {
  const largest = fractions.reduce((a, b) => (b.fraction > a.fraction ? b : a));
  const shares = fractions.map((one) => ({ ...one, share: Number(one.fraction.toFixed(6)) }));
  const others = shares.reduce(
    (sum, { bits, share }) => sum + (bits === largest.bits ? 0 : share),
    0,
  );
  return shares
    .map(({ bits, share }) => ({ bits, share: bits === largest.bits ? 1 - others : share }))
    .map(({ bits, share }) => `${bits}:${Number(share.toFixed(6))}`)
    .join('/');
}

/** A binarized tensor with what there is to say of it. */
export interface Binarized {
  readonly tensor: FloatTensor;
  readonly bits: Uint8Array;
  readonly values: Float32Array | Float64Array;
  /** ‖T − T_B‖ / ‖T‖ */
  readonly distance: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly stored: ReturnType<typeof storedBits>;
  /** Bits that signs, map (a fixed-width code) and scales take, per weight. */
  readonly storedPerWeight: number;
}

/** A row of the comparison: the same tensor by another rule, or with the same bits for every weight. */
export type ErrorRow =
  | {
      readonly name: string;
      readonly averageBits: number;
      readonly storedPerWeight: number;
      readonly distance: number;
      readonly problem?: undefined;
    }
  | { readonly name: string; readonly problem: string };

/** 32 outputs of 3 × 3 positions and 16 inputs, standard normal. */
export function normalTensor(seed = 7): FloatTensor {
  const rng = random(seed);
  return floatTensor(
    Float32Array.from({ length: 32 * 9 * 16 }, () => rng.normal()),
    [32, 3, 3, 16],
  );
}

function residual(tensor: FloatTensor, choice: BitsChoice): ResidualTensor {
  const { average, rule, mapPer, scalePer, mix = distFromAverage(average) } = choice;
  if (rule === 'optimal') return optimal(tensor, { average, mapPer, scalePer, starts: 24 });
  const map = selectBits(tensor, { mix, select: rule, mapPer, seed: 1 });
  return binarize(tensor, map, { scalePer });
}

/** Bits per weight of a file whose bit map is compressed, as that of a `.hbnn` file is. */
function perWeight(r: ResidualTensor): number {
  const { signs, scales, mapStored, mapEntropy } = storedBits(r);
  return (signs + scales + Math.min(mapStored, mapEntropy)) / r.map.bits.length;
}

/** Binarize a tensor as chosen. */
export function binarized(tensor: FloatTensor, choice: BitsChoice): Binarized {
  const r = residual(tensor, choice);
  const approximation = approximate(r);
  return {
    tensor,
    bits: r.map.bits,
    values: approximation.data,
    distance: distance(tensor, approximation),
    counts: bitCounts(r.map),
    stored: storedBits(r),
    storedPerWeight: perWeight(r),
  };
}

/** The names of the rows of the comparison: every rule, and 1 to 4 bits for every weight. */
export const comparisonRows: readonly string[] = [
  ...rules,
  ...[1, 2, 3, 4].map((bits) => `all ${bits} bit${bits === 1 ? '' : 's'}`),
];

/** A row of the comparison, at the average of the choice where the row is a rule. */
export function comparisonRow(tensor: FloatTensor, choice: BitsChoice, at: number): ErrorRow {
  const name = comparisonRows[at];
  try {
    const r = at < rules.length ? residual(tensor, { ...choice, rule: rules[at] }) : undefined;
    return rowOf(name, tensor, r ?? sameBits(tensor, at - rules.length + 1, choice.scalePer));
  } catch (error) {
    if (!(error instanceof HbnnError)) throw error;
    return { name, problem: error.message };
  }
}

function sameBits(tensor: FloatTensor, bits: number, scalePer: ScalePer): ResidualTensor {
  const fractions = Array.from({ length: bits }, (_, i) => (i === bits - 1 ? 1 : 0));
  const map = selectBits(tensor, { mix: mixOf(fractions), select: 'middle-out' });
  return binarize(tensor, map, { scalePer });
}

function rowOf(name: string, tensor: FloatTensor, r: ResidualTensor): ErrorRow {
  return {
    name,
    averageBits: storedBits(r).signs / tensor.data.length,
    storedPerWeight: perWeight(r),
    distance: distance(tensor, approximate(r)),
  };
}

/** A histogram whose bars are parted by bitwidth. */
export interface Histogram {
  readonly from: number;
  readonly width: number;
  /** counts[bin][bits] */
  readonly counts: readonly (readonly number[])[];
  readonly largest: number;
  readonly widest: number;
}

/** Count weights by value and bitwidth. What lies beyond 3.5 standard deviations is in the outermost bars. */
export function histogram(data: ArrayLike<number>, bits: Uint8Array, bins = 81): Histogram {
  let square = 0;
  let widest = 0;
  for (let i = 0; i < data.length; i++) {
    square += data[i] * data[i];
    widest = Math.max(widest, bits[i]);
  }
  const reach = 3.5 * Math.sqrt(square / data.length) || 1;
  const width = (2 * reach) / bins;
  const counts = Array.from({ length: bins }, () => new Array<number>(widest + 1).fill(0));
  for (let i = 0; i < data.length; i++) {
    const bin = Math.floor((data[i] + reach) / width);
    counts[Math.min(bins - 1, Math.max(0, bin))][bits[i]]++;
  }
  const largest = Math.max(...counts.map((parts) => parts.reduce((a, b) => a + b, 0)));
  return { from: -reach, width, counts, largest, widest };
}

/** As many values as a histogram shows stems for. */
export const maxLevels = 64;

/** The values that binarized weights take, and how many take each; one more than `maxLevels` of them at most. */
export function levels(values: ArrayLike<number>, bits: Uint8Array): Level[] {
  const byBits = Array.from({ length: maxBitwidth + 1 }, () => new Map<number, Level>());
  const found: Level[] = [];
  for (let i = 0; i < values.length && found.length <= maxLevels; i++) {
    const level = byBits[bits[i]].get(values[i]);
    if (level) level.count++;
    else {
      const next = { value: values[i], bits: bits[i], count: 1 };
      byBits[bits[i]].set(values[i], next);
      found.push(next);
    }
  }
  return found.sort((a, b) => a.value - b.value);
}

/** A value of binarized weights. */
export interface Level {
  readonly value: number;
  readonly bits: number;
  count: number;
}

/** What a stem of a histogram says: 1,024 weights become 0.798 (1 bit). */
export const levelWords = ({ value, bits, count }: Level): string =>
  `${count.toLocaleString('en')} weight${count === 1 ? ' becomes' : 's become'} ${withMinus(value.toPrecision(3))} (${bits} bit${bits === 1 ? '' : 's'})`;
