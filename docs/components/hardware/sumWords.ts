import type { Form } from '@hbnn/circuit';
import { withMinus } from '../shared/numberWords.ts';

/** What follows a number: plus or minus another, or nothing. */
const plus = (value: number): string =>
  value === 0 ? '' : value > 0 ? ` + ${value}` : ` − ${-value}`;

/**
 * How the bits of a sum give it, in sentences: the bits, the number in binary, and what it is multiplied by and added to.
 *
 * @param bits those of the sum, the lowest first
 */
export function sumWords({ base, weights }: Form, bits: readonly number[]): string {
  const value = weights.reduce((sum, weight, i) => sum + weight * bits[i], base);
  if (bits.length === 0) return `The sum is always ${withMinus(base)}.`;
  const text = [...bits].reverse().join('');
  const [first] = weights;
  if (!weights.every((weight, i) => weight === first * 2 ** i)) {
    const ones = weights.filter((_, i) => bits[i] === 1);
    const added = ones.map((weight, i) => (i === 0 ? withMinus(weight) : plus(weight))).join('');
    const all = ones.length === 0 ? withMinus(base) : `${added}${plus(base)}`;
    const heaviest = [...weights].reverse().map(withMinus).join(', ');
    return `The bits of the sum, the highest first, are ${text}. They count ${heaviest}, and ${all} = ${withMinus(value)}.`;
  }
  const number = bits.reduce((sum, bit, i) => sum + 2 ** i * bit, 0);
  const bitsAre = `The bits of the sum, the highest first, are ${text}: ${number} in binary.`;
  if (first === 1 && base === 0) return bitsAre;
  const times = first === 1 ? `${number}` : `${first} × ${number}`;
  return `${bitsAre} ${times}${plus(base)} = ${withMinus(value)}.`;
}
