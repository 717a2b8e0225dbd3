import { HbnnError, kindOf } from './error.ts';

/** The widest element, in bits. */
export const maxBitwidth = 8;

/** A distribution of bitwidths: ascending bits, fractions above 0 that sum to 1. */
export interface Mix {
  readonly fractions: readonly { readonly bits: number; readonly fraction: number }[];
}

/** How far the fractions of a mix may sum from 1; what is left of the difference is divided out. */
const sumTolerance = 1e-6;

/** A number without the last digits of binary fractions: 1.1, not 1.0999999999999999. */
const readable = (value: number): number => Number(value.toPrecision(12));

function canonicalMix(shares: readonly { bits: number; fraction: number }[], where: string): Mix {
  for (const { bits, fraction } of shares) {
    if (!Number.isInteger(bits) || bits < 0 || bits > maxBitwidth)
      throw new HbnnError(
        `${where}: expected whole bitwidths from 0 to ${maxBitwidth}, got ${typeof bits === 'number' ? bits : kindOf(bits)}; leave it out`,
      );
    if (!Number.isFinite(fraction) || fraction < 0 || fraction > 1 + sumTolerance)
      throw new HbnnError(
        `${where}: expected fractions from 0 to 1, got ${typeof fraction === 'number' ? readable(fraction) : kindOf(fraction)} for ${bits} bits; give shares such as 0.7/0.2/0.1`,
      );
  }
  const sum = shares.reduce((total, share) => total + share.fraction, 0);
  if (Math.abs(sum - 1) > sumTolerance)
    throw new HbnnError(
      `${where}: expected fractions that sum to 1, got a sum of ${readable(sum)}; give shares such as 0.7/0.2/0.1`,
    );
  // A sum that is 1 but for the last digits of binary fractions is left alone, so that 0.7 stays 0.7.
  const divisor = Math.abs(sum - 1) < 1e-12 ? 1 : sum;
  const fractions = shares
    .filter((share) => share.fraction > 0)
    .map(({ bits, fraction }) => ({ bits, fraction: fraction / divisor }))
    .sort((a, b) => a.bits - b.bits);
  const twice = fractions.find((share, i) => i > 0 && fractions[i - 1].bits === share.bits);
  if (twice)
    throw new HbnnError(
      `${where}: expected each bitwidth once, got ${twice.bits} bits twice; add their fractions`,
    );
  return { fractions };
}

/**
 * Check a mix that was written as an object.
 *
 * @param where what errors call the place that the mix comes from
 * @returns the mix, its bitwidths ascending and each of a fraction above 0
 * @throws HbnnError unless it is a distribution of whole bitwidths from 0 to 8
 */
export function checkMix(mix: Mix, where: string): Mix {
  const given: unknown = mix;
  const fractions =
    typeof given === 'object' && given !== null && 'fractions' in given ? given.fractions : given;
  const isShare = (share: unknown): boolean =>
    typeof share === 'object' && share !== null && 'bits' in share && 'fraction' in share;
  if (!Array.isArray(fractions) || fractions === given || !fractions.every(isShare))
    throw new HbnnError(
      `${where}: expected a mix, got ${typeof given === 'object' && given !== null && !Array.isArray(given) ? 'an object without fractions of bits' : kindOf(given)}; give distFromAverage(1.4), or parseMix('0.7/0.2/0.1')`,
    );
  return canonicalMix(fractions, where);
}

/**
 * Make a mix from the fractions of 1, 2, 3 … bits.
 *
 * @example mixOf([0.7, 0.2, 0.1]) // 70 % of 1 bit, 20 % of 2, 10 % of 3: 1.4 bits on average
 * @throws HbnnError unless there are 1 to 8 fractions from 0 to 1 with sum 1 (within 1e-6)
 */
export function mixOf(fractions: readonly number[]): Mix {
  return canonicalMix(
    fractions.map((fraction, i) => ({ bits: i + 1, fraction })),
    'mixOf',
  );
}

const decimal = /^\d*\.?\d+(?:e[+-]?\d+)?$|^\d+\.$/i;

function parseNumber(text: string, whole: string, where: string): number {
  if (!decimal.test(text))
    throw new HbnnError(
      `${where}: expected fractions such as 0.7/0.2/0.1 or 0:0.2/1:0.5/2:0.3, got '${whole}'; write plain decimals between slashes`,
    );
  return Number(text);
}

/**
 * Read a mix: fractions of 1, 2, 3 … bits between slashes ('0.7/0.2/0.1'), or named bitwidths
 * ('0:0.2/1:0.5/2:0.3').
 *
 * @param where what errors call the place that the text comes from, such as a flag
 * @throws HbnnError when the text is neither, or the fractions are not a distribution
 */
export function parseMix(text: string, where = 'mix'): Mix {
  const parts = text.split('/').map((part) => part.trim());
  const named = parts.filter((part) => part.includes(':')).length;
  if (named > 0 && named < parts.length)
    throw new HbnnError(
      `${where}: expected every part named (bits:fraction) or none, got '${text}'; write 0.7/0.2/0.1 or 1:0.7/2:0.2/3:0.1`,
    );
  const shares = parts.map((part, i) => {
    const [bits, fraction] = named > 0 ? splitOnce(part, text, where) : [String(i + 1), part];
    return { bits: parseNumber(bits, text, where), fraction: parseNumber(fraction, text, where) };
  });
  return canonicalMix(shares, `${where} '${text}'`);
}

function splitOnce(part: string, whole: string, where: string): [string, string] {
  const pieces = part.split(':').map((piece) => piece.trim());
  if (pieces.length !== 2)
    throw new HbnnError(
      `${where}: expected bits:fraction, got '${part}' in '${whole}'; write for example 1:0.7/2:0.2/3:0.1`,
    );
  return [pieces[0], pieces[1]];
}

/**
 * The average bitwidth of a mix, Σ b·p_b, in bits.
 *
 * @throws HbnnError unless it is a mix
 */
export function averageBits(mix: Mix): number {
  return checkMix(mix, 'averageBits').fractions.reduce(
    (sum, share) => sum + share.bits * share.fraction,
    0,
  );
}

/** The mixes of the paper's Figure 2a, one for each average from 1.1 to 1.9 bits. */
export const paperMixes: readonly { readonly average: number; readonly mix: Mix }[] = [
  { average: 1.1, mix: mixOf([0.9, 0.1]) },
  { average: 1.2, mix: mixOf([0.9, 0, 0.1]) },
  { average: 1.3, mix: mixOf([0.7, 0.3]) },
  { average: 1.4, mix: mixOf([0.7, 0.2, 0.1]) },
  { average: 1.5, mix: mixOf([0.5, 0.5]) },
  { average: 1.6, mix: mixOf([0.6, 0.2, 0.2]) },
  { average: 1.7, mix: mixOf([0.5, 0.3, 0.2]) },
  { average: 1.8, mix: mixOf([0.4, 0.4, 0.2]) },
  { average: 1.9, mix: mixOf([0.4, 0.3, 0.3]) },
];

const wholeMix = (bits: number): Mix => ({ fractions: [{ bits, fraction: 1 }] });

function blend(low: Mix, high: Mix, share: number): Mix {
  const sums = new Map<number, number>();
  const add = (mix: Mix, weight: number) => {
    for (const { bits, fraction } of mix.fractions)
      sums.set(bits, (sums.get(bits) ?? 0) + weight * fraction);
  };
  add(low, 1 - share);
  add(high, share);
  return canonicalMix(
    [...sums].map(([bits, fraction]) => ({ bits, fraction })),
    'distFromAverage',
  );
}

/**
 * The default mix for an average bitwidth (Algorithm 1's DistFromAvg): the paper's own mix where it
 * names one (1.1 … 1.9), the blend of the two neighbouring named ones between 1 and 2, and the blend
 * of floor and ceiling elsewhere.
 *
 * @param average bits per element, from 0 to 8
 * @param where what errors call the place that the average comes from, such as a flag
 * @throws HbnnError outside of that
 */
export function distFromAverage(average: number, where = 'distFromAverage'): Mix {
  // null, true and texts compare with numbers as if they were some.
  if (typeof average !== 'number' || !(average >= 0 && average <= maxBitwidth))
    throw new HbnnError(
      `${where}: expected an average from 0 to ${maxBitwidth} bits, got ${typeof average === 'number' ? average : kindOf(average)}; ask for such an average or give a mix`,
    );
  const named = [{ average: 1, mix: wholeMix(1) }, ...paperMixes, { average: 2, mix: wholeMix(2) }];
  const exact = named.find((entry) => Math.abs(entry.average - average) < 1e-9);
  if (exact) return exact.mix;
  const above = named.findIndex((entry) => entry.average > average);
  if (above > 0) {
    const [low, high] = [named[above - 1], named[above]];
    return blend(low.mix, high.mix, (average - low.average) / (high.average - low.average));
  }
  const floor = Math.floor(average);
  if (floor === average) return wholeMix(floor);
  return blend(wholeMix(floor), wholeMix(floor + 1), average - floor);
}

/**
 * Hand out `count` bitwidths of the mix, and no others, so that each b gets about p_b·count of them,
 * Σ c_b = count and |Σ b·c_b − count·Σ b·p_b| <= 1 (the average is within 1/count of the mix's).
 *
 * Among all ways to round every p_b·count down or up, take the one with the nearest average, then
 * the nearest counts, then the one of fewest bits. Where none of these is within 1 bit, counts move
 * further, by as much as brings the average nearest. A mix whose bitwidths lie 3 or more apart may
 * have no counts within 1 bit at all (half of 1 bit and half of 8, 3 elements): then the nearest
 * there are, half of the widest gap off at most.
 *
 * @returns ascending bits, counts of at least 1
 */
export function allocate(mix: Mix, count: number): { bits: number; count: number }[] {
  if (!Number.isSafeInteger(count) || count < 1)
    throw new HbnnError(
      `allocate: expected a count of at least 1 element, got ${count}; pass the number of elements`,
    );
  const floors = checkMix(mix, 'allocate').fractions.map(({ bits, fraction }) => {
    const exact = fraction * count;
    const nearest = Math.round(exact);
    // 0.7 * 10 must be 7 even where binary fractions make it 6.999….
    const whole = Math.abs(exact - nearest) <= 1e-12 * count ? nearest : Math.floor(exact);
    return { bits, count: whole, rest: Math.max(0, exact - whole) };
  });
  const up = count - floors.reduce((sum, share) => sum + share.count, 0);
  const { chosen, excess } = bestRounding(floors, up);
  const rounded = floors.map(({ count: whole }, i) => whole + ((chosen >> i) & 1));
  const moves = Math.abs(excess) > 1 + 1e-9 ? bestMoves(mix, count, rounded) : undefined;
  return mix.fractions
    .map(({ bits }, i) => ({ bits, count: rounded[i] + (moves?.[i] ?? 0) }))
    .filter((share) => share.count > 0);
}

/** Try every set of `up` shares to round up (at most 2^9 sets), as a bit set; excess is in bits. */
function bestRounding(
  shares: readonly { bits: number; rest: number }[],
  up: number,
): { chosen: number; excess: number } {
  const wanted = shares.reduce((sum, share) => sum + share.bits * share.rest, 0);
  let best = { chosen: 0, excess: Number.POSITIVE_INFINITY, spread: Number.POSITIVE_INFINITY };
  for (let chosen = 0; chosen < 1 << shares.length; chosen++) {
    let [rounded, excess, spread] = [0, -wanted, 0];
    shares.forEach(({ bits, rest }, i) => {
      const bit = (chosen >> i) & 1;
      // A whole share has nothing to round: count it as too many.
      rounded += bit && rest === 0 ? 99 : bit;
      excess += bit * bits;
      spread += (bit - rest) ** 2;
    });
    if (rounded !== up) continue;
    const nearer = Math.abs(excess) - Math.abs(best.excess);
    const closer = spread - best.spread;
    const better =
      nearer < -1e-9 ||
      (nearer <= 1e-9 && (closer < -1e-9 || (closer <= 1e-9 && excess < best.excess - 1e-9)));
    if (better) best = { chosen, excess, spread };
  }
  return best;
}

/**
 * How far counts need to move from a rounding. A move from one bitwidth to another changes the bits
 * by at most 8; of 16 or more moves some add up to 0 and can be left out, unless they all go one way.
 */
const farthest = 16;
const moveStride = 2 * farthest + 1;
/** Bits that the moves may add up to, either way. */
const bitReach = maxBitwidth * farthest;

/**
 * Find the changes of counts that leave their sum and bring the bits nearest to the mix's, and of
 * those the nearest counts: shortest paths over (elements added, bits added), a width at a time.
 */
function bestMoves(mix: Mix, count: number, counts: readonly number[]): number[] {
  const { fractions } = mix;
  const base = fractions[0].bits;
  const size = moveStride * (2 * bitReach + 1);
  const start = farthest * (2 * bitReach + 1) + bitReach;
  let costs = new Float64Array(size).fill(Number.POSITIVE_INFINITY);
  costs[start] = 0;
  const steps = fractions.map(({ bits, fraction }, i) => {
    const next = new Float64Array(size).fill(Number.POSITIVE_INFINITY);
    const taken = new Int8Array(size);
    spreadMoves(costs, next, taken, {
      width: bits - base,
      least: -Math.min(farthest, counts[i]),
      off: counts[i] - fraction * count,
    });
    costs = next;
    return taken;
  });
  const excess =
    fractions.reduce((sum, share, i) => sum + share.bits * counts[i], 0) - count * averageBits(mix);
  let at = nearestMove(costs, excess);
  const moves = fractions.map(() => 0);
  for (let i = fractions.length - 1; i >= 0; i--) {
    moves[i] = steps[i][at];
    at -= moves[i] * (2 * bitReach + 1 + fractions[i].bits - base);
  }
  return moves;
}

/** Extend all paths by every move of one width that keeps its count from 0 up. */
function spreadMoves(
  costs: Float64Array,
  next: Float64Array,
  taken: Int8Array,
  o: { width: number; least: number; off: number },
): void {
  const stride = 2 * bitReach + 1;
  for (let at = 0; at < costs.length; at++) {
    if (costs[at] === Number.POSITIVE_INFINITY) continue;
    const elements = Math.floor(at / stride);
    const bits = at % stride;
    for (let move = Math.max(o.least, -elements); move <= farthest; move++) {
      const sum = bits + move * o.width;
      if (elements + move >= moveStride || sum < 0 || sum >= stride) continue;
      const to = at + move * (stride + o.width);
      const cost = costs[at] + (o.off + move) ** 2;
      if (cost >= next[to] - 1e-9) continue;
      next[to] = cost;
      taken[to] = move;
    }
  }
}

/** The end, with as many elements as before, of the least excess; then of least cost, then fewest bits. */
function nearestMove(costs: Float64Array, excess: number): number {
  const row = farthest * (2 * bitReach + 1);
  let best = row + bitReach;
  const off = (at: number) => Math.abs(excess + at - row - bitReach);
  for (let at = row; at <= row + 2 * bitReach; at++) {
    if (costs[at] === Number.POSITIVE_INFINITY) continue;
    const nearer = off(at) - off(best);
    if (nearer < -1e-9 || (nearer <= 1e-9 && costs[at] < costs[best] - 1e-9)) best = at;
  }
  return best;
}
