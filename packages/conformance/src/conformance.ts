import { randomModel } from '@hbnn/model';
import { describe, expect, test } from 'vitest';
import { branchedCases } from './branchedCases.ts';
import { modelCases } from './cases.ts';
import { differenceFrom, type Open, pixelsFor } from './difference.ts';

/** Seeded random networks tried beside the cases. */
const randomModels = 300;
const together = 25;

/** Try an executor against the interpreter: every model case, then random networks without branches and with; all numbers are the same. */
export function conformance(name: string, open: Open, o: { random?: number } = {}): void {
  describe(`${name} agrees with the interpreter`, () => {
    test.each([...modelCases(), ...branchedCases()])('$name', async ({ make }) => {
      const model = make();
      expect(await differenceFrom(model, open, pixelsFor(model, 4))).toBe('');
    });
    const { random = randomModels } = o;
    const firsts = Array.from({ length: Math.ceil(random / together) }, (_, i) => i * together);
    test.each(firsts)(`random networks from seed %i, ${together} of them`, async (first) => {
      for (let seed = first; seed < Math.min(random, first + together); seed++) {
        for (const branches of [false, true]) {
          const model = randomModel(seed, { branches });
          const difference = await differenceFrom(model, open, pixelsFor(model, 3));
          expect(difference, `seed ${seed}, branches ${branches}`).toBe('');
        }
      }
    });
  });
}
