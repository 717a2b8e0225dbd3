import { describe, expect, it } from 'vitest';
import { digitAt, digitCount, digitPlaces, heapDigits } from './signedDigits.ts';

const maximumOf = 5000;
const values = Array.from({ length: 2 * maximumOf + 1 }, (_, i) => i - maximumOf);
const places = Array.from({ length: 16 }, (_, i) => i);

const digitsOf = (value: number): number[] => places.map((place) => digitAt(value, place));

/** The number that digits of a heap stand for. */
const heapValue = (digits: readonly number[]): number =>
  digits.reduce((sum, digit) => sum + (digit < 0 ? -(2 ** (-1 - digit)) : 2 ** digit), 0);

describe('signed digits', () => {
  it('stand for their number, and no two are neighbours', () => {
    for (const value of values) {
      const digits = digitsOf(value);
      expect(digits.reduce((sum, digit, place) => sum + digit * 2 ** place, 0)).toBe(value);
      expect(digits.some((digit, i) => digit !== 0 && digits[i + 1] !== 0)).toBe(false);
      expect(digits.filter((digit) => digit !== 0).length).toBe(digitCount(value));
      expect(digits.map((digit, i) => Math.abs(digit) * 2 ** i).reduce((a, b) => a | b)).toBe(
        digitPlaces(value),
      );
    }
    expect(digitsOf(3).slice(0, 3)).toEqual([-1, 0, 1]);
  });

  it('of heaps are as many, and differ where the highest are 4 - 1 alone', () => {
    for (const value of values) {
      const digits = heapDigits(BigInt(value));
      expect(heapValue(digits)).toBe(value);
      expect(digits.length).toBe(digitCount(value));
      const plain = places.flatMap((place) => {
        const digit = digitAt(value, place);
        return digit === 0 ? [] : [digit > 0 ? place : -1 - place];
      });
      const [top, next] = [plain[plain.length - 1], plain[plain.length - 2]];
      const at = (digit: number): number => (digit < 0 ? -1 - digit : digit);
      const fourLessOne = plain.length > 1 && top < 0 !== next < 0 && at(top) - at(next) === 2;
      if (!fourLessOne) expect(digits).toEqual(plain);
      else {
        const sign = (place: number): number => (value < 0 ? -1 - place : place);
        expect(digits).toEqual([...plain.slice(0, -2), sign(at(next)), sign(at(next) + 1)]);
      }
    }
    expect(heapDigits(3n)).toEqual([0, 1]);
    expect(heapDigits(-3n)).toEqual([-1, -2]);
    expect(heapDigits(7n)).toEqual([-1, 3]);
    expect(heapDigits(3n << 60n)).toEqual([60, 61]);
  });
});
