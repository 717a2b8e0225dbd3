import { type Fabric, pixelForm, planesForm } from '@hbnn/circuit';
import { describe, expect, it } from 'vitest';
import {
  pixelTables4,
  tournamentAreas,
  tournamentCounts,
  tournamentWidths,
} from './measuredParts.ts';
import { beyondFewest } from './pixelComparisons.ts';
import { tournamentArea } from './tournaments.ts';

const circuits = Object.keys(tournamentAreas) as Fabric[];

describe.each(circuits)('the choice of the largest score as %s', (circuit) => {
  it('is near what was synthesized, and never falls', () => {
    tournamentAreas[circuit].forEach((row, i) => {
      row.forEach((is, j) => {
        const area = tournamentArea(circuit, tournamentCounts[i], tournamentWidths[j]);
        // Synthesis is off by a few gates either way, and a line that never falls runs between.
        expect(
          Math.abs(area - is),
          `${tournamentCounts[i]} of ${tournamentWidths[j]}`,
        ).toBeLessThan(Math.max(8, 0.15 * is));
      });
    });
    for (let scores = 2; scores < 80; scores++)
      for (let width = 1; width < 30; width++) {
        const area = tournamentArea(circuit, scores, width);
        expect(area).toBeGreaterThanOrEqual(tournamentArea(circuit, scores, width - 1));
        expect(area).toBeGreaterThanOrEqual(tournamentArea(circuit, scores - 1, width));
      }
  });

  it('goes on beyond what was synthesized, and is nothing of one score', () => {
    expect(tournamentArea(circuit, 1000, 12)).toBeGreaterThan(10 * tournamentArea(circuit, 64, 12));
    expect(tournamentArea(circuit, 10, 32)).toBeGreaterThan(tournamentArea(circuit, 10, 24));
    expect(tournamentArea(circuit, 1, 12)).toBe(0);
  });
});

describe('comparisons of a pixel', () => {
  it('take what was synthesized', () => {
    // Of 1 to 8 bits above the lowest 1 of a threshold.
    const fewest = [0, 1, 1, 1, 2, 2, 2, 3];
    for (let threshold = 1; threshold < 256; threshold++) {
      const low = 31 - Math.clz32(threshold & -threshold);
      const tables = fewest[7 - low] + beyondFewest(pixelForm(0), threshold);
      expect(`${tables}`, `${threshold}`).toBe(pixelTables4[threshold - 1]);
    }
    expect(beyondFewest(pixelForm(128), 0b1000_0011 - 128)).toBe(1);
  });

  it('are nothing more where there is none, or what is compared is no pixel', () => {
    expect(beyondFewest(pixelForm(0), 0)).toBe(0);
    expect(beyondFewest(pixelForm(0), 256)).toBe(0);
    expect(beyondFewest(planesForm([4, 2]), 3)).toBe(0);
  });
});
