import { randomModel } from '@hbnn/model';
import { describe, expect, test } from 'vitest';
import { modelCases } from './cases.ts';
import { differenceFrom, type Open, pixelsFor } from './difference.ts';

/** Seeded random networks tried beside the cases. */
const randomModels = 300;
const together = 25;

/** Try an executor against the interpreter: every model case, then random networks; all numbers are the same. */
export function conformance(name: string, open: Open, o: { random?: number } = {}): void {
  describe(`${name} agrees with the interpreter`, () => {
    test.each(modelCases())('$name', async ({ make }) => {
      const model = make();
      expect(await differenceFrom(model, open, pixelsFor(model, 4))).toBe('');
    });
    const { random = randomModels } = o;
    const firsts = Array.from({ length: Math.ceil(random / together) }, (_, i) => i * together);
    test.each(firsts)(`random networks from seed %i, ${together} of them`, async (first) => {
      for (let seed = first; seed < Math.min(random, first + together); seed++) {
        const model = randomModel(seed);
        const difference = await differenceFrom(model, open, pixelsFor(model, 3));
        expect(difference, `seed ${seed}`).toBe('');
      }
    });
  });
}
