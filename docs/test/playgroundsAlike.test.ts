// What all playgrounds of the built site bear: the keyboard alone, odd addresses, no JavaScript, paper, no network.
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import {
  button,
  eventually,
  offline,
  patient,
  problem,
  query,
  servedPlaygrounds,
  timeout,
} from './playgroundPage.ts';

const { on, siteUrl } = servedPlaygrounds();

describe('by keyboard alone', () => {
  const focused = (page: Page): Promise<string> =>
    page.evaluate(() => document.activeElement?.textContent?.trim() ?? '');

  it('train: Enter in a field starts, and the focus stays with the buttons', { timeout }, () =>
    on('train?epochs=1', async (page) => {
      await page.getByLabel('Seed').focus();
      await page.keyboard.press('ArrowUp');
      await page.keyboard.press('Enter');
      await page.locator('text=Both are trained').waitFor(patient);
      await page.getByLabel('Epochs').fill('50');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Tab');
      expect(await focused(page)).toBe('Train both');
      await page.keyboard.press('Enter');
      await eventually(() => focused(page)).toBe('Pause');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Space');
      await eventually(() => focused(page)).toBe('Train both');
      await eventually(() => query(page)).toBe('?epochs=50&seed=2');
    }),
  );

  it('hardware: the focus goes from Synthesize to Stop and back', { timeout }, () =>
    on('hardware?channels=1&outputs=4', async (page) => {
      await page.locator('pre.verilog').waitFor(patient);
      await button(page, 'Synthesize').focus();
      await page.keyboard.press('Enter');
      await eventually(() => focused(page)).toBe('Stop');
      await page.keyboard.press('Enter');
      await eventually(() => focused(page)).toBe('Synthesize by Yosys');
    }),
  );
});

describe('all', () => {
  const names = ['bits', 'classify', 'hardware', 'train'];

  it.each(names)('%s: takes nothing from an address that it does not know', { timeout }, (name) =>
    on(
      `${name}?__proto__=1&toString=2&constructor=3&average=&image=%00&pe=-1&a=%3Cb%3E&mix=1e999`,
      async (page) => {
        await page.locator('.playground').first().waitFor();
        await page.locator('.problem').waitFor();
        expect(await problem(page)).toMatch(/^The address has .* the page starts from /);
        expect(await page.locator('.problem b').count()).toBe(0);
      },
    ),
  );

  it.each([
    ['bits', 'guide/bit-maps'],
    ['classify', 'guide/integer-models'],
    ['hardware', 'guide/hardware'],
    ['train', 'guide/training'],
  ])('%s: says that it needs JavaScript', { timeout }, (name, guide) =>
    on(
      name,
      async (page) => {
        expect(await problem(page)).toContain('needs JavaScript, which is switched off');
        const href = await page.locator('.problem a').getAttribute('href');
        expect(new URL(href ?? '', siteUrl()).href).toBe(siteUrl() + guide);
      },
      { javaScriptEnabled: false },
    ),
  );

  it.each(names)('%s: is printed in light colours, and stays dark', { timeout }, (name) =>
    on(
      name,
      async (page) => {
        await page.locator('.playground').first().waitFor();
        await page.evaluate(() => {
          window.addEventListener('beforeprint', () => {
            const { color } = getComputedStyle(document.querySelector('h1') as HTMLElement);
            document.title = color;
          });
        });
        expect((await page.pdf({ format: 'A4' })).length).toBeGreaterThan(10_000);
        const [red] = (await page.title()).match(/\d+/g)?.map(Number) ?? [];
        expect(red).toBeLessThan(100);
        expect(await page.locator('html.dark').count()).toBe(1);
      },
      { dark: true },
    ),
  );

  it(
    'keeps what was chosen just before a link, in the address that it was chosen at',
    { timeout },
    () =>
      on('classify', async (page) => {
        await page.locator('.card').nth(3).waitFor(patient);
        await page.locator('.thumbnail').nth(9).click();
        await page.locator('.VPSidebar a', { hasText: 'Bits' }).first().click();
        await page.locator('.figures').waitFor(patient);
        await page.waitForTimeout(500);
        expect(query(page)).toBe('');
        await page.goBack();
        await page.locator('text=Test image 9').waitFor(patient);
        expect(query(page)).toBe('?image=9');
      }),
  );

  it.each([
    ['bits', 'bitsWorker', /^The page could not work on the weights/, '.figures'],
    ['bits', 'BitsPlayground', /^This part of the page could not be loaded/, '.figures'],
    ['classify', 'models/', /^The networks could not be loaded/, '.card'],
  ])('%s: tries again to load %s', { timeout }, (name, part, said, there) =>
    on('train', async (page, { problems }) => {
      await page.route(`**/${part}*`, (route) => route.abort('internetdisconnected'));
      await page.locator(`.VPSidebar a[href$="playground/${name}.html"]`).click();
      await page.locator('.problem').waitFor();
      expect(await problem(page)).toMatch(said);
      await page.unroute(`**/${part}*`);
      await button(page, 'Try again').click();
      await page.locator(there).first().waitFor(patient);
      expect(await page.locator('.problem').count()).toBe(0);
      // Vue reports a part that did not come.
      const reported = problems.filter((text) => text.includes('dynamically imported module'));
      expect(reported).toHaveLength(part === 'BitsPlayground' ? 1 : 0);
      problems.splice(0);
    }),
  );

  it('says that a page is not there offline, and tries again', { timeout }, () =>
    on('train', async (page) => {
      // Its own scripts must be there before the network goes.
      await button(page, 'Train both').waitFor(patient);
      await page.waitForLoadState('networkidle');
      await offline(page, true);
      await page.locator('.VPSidebar a', { hasText: 'Hardware' }).first().click();
      await page.locator('h1', { hasText: 'This page could not be loaded' }).waitFor();
      await offline(page, false);
      await page.locator('button', { hasText: 'Try again' }).click();
      await page.locator('pre.verilog').waitFor(patient);
    }),
  );
});
