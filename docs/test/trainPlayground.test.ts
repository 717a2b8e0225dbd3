// Each test does one unusual thing in the train playground of the built site.
import { describe, expect, it } from 'vitest';
import { button, offline, patient, problem, servedPlaygrounds, timeout } from './playgroundPage.ts';

const { on } = servedPlaygrounds();

describe('train', () => {
  it('trains both to the end after many pauses', { timeout }, () =>
    on('train?epochs=2', async (page) => {
      await button(page, 'Train both').click();
      for (let i = 0; i < 5; i++) {
        const paused = await button(page, 'Pause')
          .click({ timeout: 5000 })
          .then(
            () => true,
            () => false,
          );
        // A training that has ended meanwhile cannot be paused.
        if (!paused) break;
        // Both trainings have come to wait.
        await page.waitForTimeout(400);
        await button(page, 'Go on').click();
        await page.waitForTimeout(60);
        if (await button(page, 'Train both').isVisible()) break;
      }
      await page.locator('text=Both are trained').waitFor(patient);
    }),
  );

  it('says that it did not start, and starts the next time', { timeout }, () =>
    on('train?epochs=1&seed=1.5', async (page) => {
      expect(await problem(page)).toContain('seed=1.5: expected a whole number from 1 to 1000');
      await offline(page, true);
      await button(page, 'Train both').click();
      await page.locator('text=The training did not start').waitFor();
      await offline(page, false);
      await button(page, 'Train both').click();
      await page.locator('text=Both are trained').waitFor(patient);
      expect(await page.locator('text=The training did not start').count()).toBe(0);
    }),
  );

  it('names the colours of the bits, which are not those of the curves', { timeout }, () =>
    on('train?epochs=1&b=1', async (page) => {
      await button(page, 'Train both').click();
      await page.locator('text=Both are trained').waitFor(patient);
      const legends = page.locator('.card .legend');
      expect(await legends.allInnerTexts()).toEqual([
        expect.stringMatching(/^1 bit: 70 %\s+2 bits: 20 %\s+3 bits: 10 %$/),
        '1 bit: 100 %',
      ]);
      const colours = (part: string, property: string): Promise<string[]> =>
        page
          .locator(part)
          .evaluateAll(
            (all, name) => all.map((each) => getComputedStyle(each).getPropertyValue(name)),
            property,
          );
      const curves = await colours('.curve path', 'stroke');
      const bits = await colours('.card .swatch', 'background-color');
      expect(curves).toHaveLength(4);
      expect(curves.filter((colour) => bits.includes(colour) || colour === 'none')).toEqual([]);
      expect(await page.locator('.curves', { hasText: 'epochs' }).count()).toBe(2);
    }),
  );

  it('says how far the training is, and where it was stopped', { timeout }, () =>
    on('train?epochs=50', async (page) => {
      await button(page, 'Train both').click();
      await page.locator('text=/Training: epoch \\d+ of 50/').waitFor(patient);
      await button(page, 'Stop').click();
      await page.locator('text=/Stopped after \\d+ of 1600 steps/').waitFor();
    }),
  );
});
