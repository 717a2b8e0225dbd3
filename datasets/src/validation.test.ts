import { describe, expect, it } from 'vitest';
import { splitValidation } from './validation.ts';

describe('the validation split', () => {
  it('takes each class by its share, the largest remainders first', () => {
    // Of 7, 2 and 1 images four are 2.8, 0.8 and 0.4 of each.
    const labels = [0, 0, 0, 0, 0, 0, 0, 1, 1, 2];
    const { train, validation } = splitValidation(labels, 3, 4, 9);
    expect(validation.map((i) => labels[i])).toEqual([0, 0, 0, 1]);
    expect([...train, ...validation].sort((a, b) => a - b)).toEqual([...labels.keys()]);
  });

  it('draws by the seed alone', () => {
    const labels = Array.from({ length: 100 }, (_, i) => i % 4);
    const one = splitValidation(labels, 4, 20, 1);
    expect(splitValidation(labels, 4, 20, 1)).toEqual(one);
    expect(splitValidation(labels, 4, 20, 2)).not.toEqual(one);
  });

  it('refuses to leave nothing to train on', () => {
    expect(() => splitValidation([0, 1], 2, 2, 1)).toThrow('fewer images than the 2');
  });
});
