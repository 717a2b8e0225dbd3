import type { RequantizeLayer } from '../integerModel.ts';

/** How many bits a multiplier has beside its sign. */
const multiplierBits = 15;
/** 2^52 / 2^36 is beyond every 16-bit range, so that an offset cut off at 2^52 still ends where it should. */
const maxShift = 36;

/**
 * Make the layer that rounds slopes[c] · x + offsets[c] to whole numbers: multiplier m and shift s with
 * m / 2^s nearest the slope and m of 15 bits, so that the slope is within 2^−15 of its size.
 */
export function requantized(
  name: string,
  slopes: Float64Array,
  offsets: Float64Array,
  range: { minimum: number; maximum: number },
): RequantizeLayer {
  const channels = slopes.length;
  const multipliers = new Int16Array(channels);
  const shifts = new Uint8Array(channels);
  const whole = new Float64Array(channels);
  for (let c = 0; c < channels; c++) {
    const { multiplier, shift } = fixedPoint(slopes[c]);
    multipliers[c] = multiplier;
    shifts[c] = shift;
    // Half a step more, because the shift rounds down; beyond ±2^52 the output is at an end of its range.
    const offset = Math.round((offsets[c] + 0.5) * 2 ** shift);
    whole[c] = Math.max(-(2 ** 52), Math.min(2 ** 52, offset));
  }
  return { kind: 'requantize', name, multipliers, offsets: whole, shifts, ...range };
}

function fixedPoint(slope: number): { multiplier: number; shift: number } {
  // The offset alone is left: the shift keeps the half step that rounds it to the nearest.
  if (slope === 0) return { multiplier: 0, shift: multiplierBits };
  const exponent = Math.floor(Math.log2(Math.abs(slope))) + 1;
  const shift = Math.max(0, Math.min(maxShift, multiplierBits - exponent));
  const max = 2 ** multiplierBits - 1;
  const multiplier = Math.round(slope * 2 ** shift);
  return { multiplier: Math.max(-max, Math.min(max, multiplier)), shift };
}
