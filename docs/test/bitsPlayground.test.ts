// Each test does one unusual thing in the bits playground of the built site.
import { encodeNpy, random } from '@hbnn/core';
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

const { on } = servedPlaygrounds();

/** Give a file of normal values to the bits playground. */
async function giveTensor(
  page: Page,
  name: string,
  shape: number[],
  o: { unit?: number; double?: boolean } = {},
): Promise<void> {
  const rng = random(5, name);
  const count = shape.reduce((a, b) => a * b, 1);
  const values = Float64Array.from({ length: count }, () =>
    Math.max(-3.4e38, Math.min(3.4e38, rng.normal() * (o.unit ?? 1))),
  );
  if (o.double) values[4] = 1e300;
  const data = o.double ? values : Float32Array.from(values);
  const buffer = Buffer.from(encodeNpy({ shape, data }));
  await page.setInputFiles('input[type=file]', {
    name,
    mimeType: 'application/octet-stream',
    buffer,
  });
}

describe('bits', () => {
  const error = (page: Page) => page.locator('.figures strong').first();
  const status = (page: Page) => page.locator('.playground [role=status]');

  it(
    'works on 600,000 weights with the page awake, and drops what is no longer asked for',
    { timeout },
    () =>
      on('bits', async (page) => {
        await error(page).waitFor();
        await giveTensor(page, 'large.npy', [100, 6000]);
        await page.locator('text=on 600,000 weights').waitFor(patient);
        // The page answers while the worker is at it.
        await page.locator('input[aria-label="Average bits"]').focus();
        for (let i = 0; i < 12; i++) await page.keyboard.press('ArrowRight');
        expect(await page.locator('strong').first().innerText()).toBe('2.00');
        expect(await status(page).innerText()).toMatch(
          /^(Working|Comparing the rules) on 600,000 weights/,
        );
        await eventually(() => error(page).innerText()).toBe('36.1 %');
        await eventually(() => status(page).innerText()).toMatch(/^Binarized in/);
        expect(await page.locator('tr.working').count()).toBe(0);
        expect(await page.locator('.compare tbody tr').count()).toBe(9);
        // Six lines for each of 100 outputs.
        expect(await page.locator('canvas.bit-map').getAttribute('height')).toBe('600');
        expect(await page.locator('canvas.bit-map').getAttribute('width')).toBe('1000');
      }),
  );

  it('wraps a long row, and puts a tall column side by side', { timeout }, () =>
    on('bits', async (page) => {
      const map = page.locator('canvas.bit-map');
      await giveTensor(page, 'row.npy', [200_000]);
      await page.locator('text=The only output takes 196 lines').waitFor(patient);
      expect(await map.getAttribute('width')).toBe('1021');
      await giveTensor(page, 'column.npy', [200_000, 1]);
      await page.locator('text=After 391 rows the map continues at the right').waitFor(patient);
      expect((await map.boundingBox())?.height).toBeLessThan(700);
      const painted = await map.evaluate((element: HTMLCanvasElement) => {
        const { data } = (element.getContext('2d') as CanvasRenderingContext2D).getImageData(
          0,
          0,
          element.width,
          element.height,
        );
        let count = 0;
        for (let i = 3; i < data.length; i += 4) count += Number(data[i] === 255);
        return count;
      });
      expect(painted).toBe(200_000);
    }),
  );

  it('says which value float32 does not hold, and why a rule has no answer', { timeout }, () =>
    on('bits?rule=optimal&scale=output', async (page) => {
      await error(page).waitFor();
      await giveTensor(page, 'double.npy', [3, 3], { double: true });
      await page.locator('.problem').waitFor();
      expect(await problem(page)).toBe(
        'double.npy: expected values that float32 holds (below 3.4e38), got 1e+300 at index 4; divide the array by a number first',
      );
      await giveTensor(page, 'huge.npy', [16, 144], { unit: 1e38 });
      await eventually(() => problem(page)).toMatch(/sums of scales that fit float32/);
      expect(await page.locator('.figures').count()).toBe(0);
      await page.selectOption('select >> nth=0', 'middle-out');
      await eventually(() => error(page).innerText()).toBe('32.8 %');
      await page.locator('td.why', { hasText: 'sums of scales that fit float32' }).waitFor();
      expect(await page.locator('.playground').innerText()).not.toMatch(/Infinity|NaN/);
    }),
  );

  it('takes mixes of any average from the address, and the slider agrees', { timeout }, () =>
    on('bits?mix=8:1', async (page) => {
      const slider = page.locator('input[aria-label="Average bits"]');
      expect(await slider.inputValue()).toBe('8');
      expect(await page.locator('strong').first().innerText()).toBe('8.00');
      await eventually(() => page.locator('.legend').innerText()).toBe('8 bits: 100 %');
      await page.locator('input[type=text]').fill('0:0.5/5:0.5');
      await page.keyboard.press('Enter');
      await eventually(() => slider.inputValue()).toBe('2.5');
      await eventually(() => query(page)).toBe('?mix=0:0.5/5:0.5');
      await page.locator('input[type=text]').fill('0.5/0.1');
      await page.keyboard.press('Enter');
      expect(await problem(page)).toMatch(
        /^Mix: expected shares .* add up to 1, got '0.5\/0.1'\.$/,
      );
      await slider.focus();
      await page.keyboard.press('ArrowLeft');
      await eventually(() => query(page)).toBe('?average=2.45');
    }),
  );

  it('has a bar of shares, whose handles take each other along', { timeout }, () =>
    on('bits', async (page) => {
      await error(page).waitFor();
      const handle = (name: string) => page.getByLabel(`Weights of ${name}, in percent`);
      expect(await handle('1 bit').inputValue()).toBe('70');
      expect(await handle('at most 2 bits').inputValue()).toBe('90');
      await handle('1 bit').focus();
      await page.keyboard.press('ArrowLeft');
      await eventually(() => query(page)).toBe('?mix=1:0.69/2:0.21/3:0.1');
      await page.keyboard.press('End');
      await eventually(() => query(page)).toBe('?mix=1:1');
      expect(await handle('at most 2 bits').inputValue()).toBe('100');
      await handle('at most 2 bits').focus();
      await page.keyboard.press('Home');
      await eventually(() => query(page)).toBe('?mix=3:1');
      const box = await page.locator('.mix-bar').boundingBox();
      const { x, y, width, height } = box ?? { x: 0, y: 0, width: 0, height: 0 };
      const to = (share: number) => page.mouse.move(x + share * width, y + height / 2);
      await to(0);
      await page.mouse.down();
      await to(0.5);
      await page.mouse.up();
      await eventually(() => query(page)).toMatch(/^\?mix=2:0\.5\/3:0\.5$/);
    }),
  );

  it('draws the shares of any average, with the thumb at it', { timeout }, () =>
    on('bits?average=1.234567', async (page) => {
      await error(page).waitFor();
      const slider = page.locator('input[aria-label="Average bits"]');
      expect(await page.locator('.mix-bar').count()).toBe(1);
      expect(Number(await slider.inputValue())).toBeCloseTo(1.234567, 6);
      expect(await page.getByLabel('Mix of bits').inputValue()).toMatch(
        /^1:0\.\d{1,6}\/2:0\.\d{1,6}\/3:0\.\d{1,6}$/,
      );
      await slider.focus();
      await page.keyboard.press('ArrowRight');
      await eventually(() => query(page)).toBe('?average=1.25');
    }),
  );

  it('keeps what is typed as a mix while the page works, and what is refused', { timeout }, () =>
    on('bits', async (page) => {
      await error(page).waitFor();
      await giveTensor(page, 'large.npy', [100, 6000]);
      await page.locator('text=on 600,000 weights').waitFor(patient);
      const mix = page.getByLabel('Mix of bits');
      await mix.click();
      await page.keyboard.press('Control+a');
      await page.keyboard.type('1:0.6/3:0.4', { delay: 250 });
      expect(await mix.inputValue()).toBe('1:0.6/3:0.4');
      await page.keyboard.press('Enter');
      await eventually(() => query(page)).toBe('?mix=1:0.6/3:0.4');
      await mix.fill('1:0.6/3:0.5');
      await page.keyboard.press('Enter');
      expect(await problem(page)).toContain("got '1:0.6/3:0.5'");
      await eventually(() => status(page).innerText()).toMatch(/^Binarized in/);
      expect(await mix.inputValue()).toBe('1:0.6/3:0.5');
      expect(await mix.getAttribute('aria-invalid')).toBe('true');
      await page.locator('input[aria-label="Average bits"]').focus();
      await page.keyboard.press('ArrowLeft');
      expect(await mix.inputValue()).toMatch(/^1:0\.\d+\/2:/);
      expect(await page.locator('.problem').count()).toBe(0);
    }),
  );

  it('says that optimal takes the average alone', { timeout }, () =>
    on('bits?mix=1:0.7/3:0.3', async (page) => {
      await error(page).waitFor();
      const words = page.locator('text=The rule optimal uses only the average, 1.60 bits');
      expect(await words.count()).toBe(0);
      await page.selectOption('select >> nth=0', 'optimal');
      await words.waitFor();
    }),
  );

  it('counts one weight, and cuts no label of the histogram', { timeout }, () =>
    on(
      'bits',
      async (page) => {
        await error(page).waitFor();
        await giveTensor(page, 'one.npy', [1]);
        await page.locator('.caption', { hasText: /^1 weight\. / }).waitFor();
        await giveTensor(page, 'large.npy', [20, 30], { unit: 30_000 });
        await page.locator('.caption', { hasText: /^600 weights\. / }).waitFor();
        const cut = await page.locator('svg.histogram').evaluate((svg) => {
          const plot = svg.getBoundingClientRect();
          const labels = [...svg.querySelectorAll('.tick')].map((label) =>
            label.getBoundingClientRect(),
          );
          return {
            count: labels.length,
            cut: labels.filter(({ left, right }) => left < plot.left || right > plot.right).length,
          };
        });
        expect(cut.count).toBeGreaterThan(2);
        expect(cut.cut).toBe(0);
        // A thumb on the slider leaves the histogram in sight.
        const [slider, picture] = await Promise.all(
          ['input[aria-label="Average bits"]', 'svg.histogram'].map((part) =>
            page.locator(part).boundingBox(),
          ),
        );
        expect((picture?.y ?? 0) + (picture?.height ?? 0) - (slider?.y ?? 0)).toBeLessThan(400);
      },
      { width: 390 },
    ),
  );

  it(
    'goes back and forward with the address, and keeps an own file on links within the page',
    { timeout },
    () =>
      on('bits?average=2', async (page) => {
        const shown = page.locator('strong').first();
        await page.locator('.VPSidebar a', { hasText: 'Bits' }).first().click();
        await eventually(() => shown.innerText()).toBe('1.40');
        await page.goBack();
        await eventually(() => shown.innerText()).toBe('2.00');
        await page.goForward();
        await eventually(() => shown.innerText()).toBe('1.40');
        // Just when a choice is written to the address, 200 ms after it was made.
        await page.evaluate(async () => {
          for (let ms = 180; ms < 230; ms += 6)
            for (const way of [-1, 1]) {
              history.go(way);
              await new Promise((resolve) => setTimeout(resolve, ms));
            }
        });
        await page.waitForTimeout(500);
        expect([await shown.innerText(), query(page)]).toEqual(['1.40', '']);
        await page.goBack();
        await eventually(() => shown.innerText()).toBe('2.00');
        expect(query(page)).toBe('?average=2');
        await page.goForward();
        await eventually(() => shown.innerText()).toBe('1.40');
        await giveTensor(page, 'own.npy', [10, 30]);
        await page.locator('text=300 weights').first().waitFor();
        await page.locator('a.header-anchor[href="#what-to-look-for"]').click({ force: true });
        await page.goBack();
        await page.waitForTimeout(500);
        expect(await page.locator('option:checked', { hasText: 'own.npy' }).count()).toBe(1);
      }),
  );

  it('tries again to load a layer', { timeout }, () =>
    on('bits', async (page) => {
      await error(page).waitFor();
      await offline(page, true);
      await page.selectOption('select >> nth=3', 'conv3');
      await page.locator('.problem').waitFor();
      expect(await problem(page)).toMatch(/^The layer conv3 could not be loaded/);
      expect(await problem(page)).toContain('the browser is offline and did not get conv3.npy');
      expect(await page.locator('.figures').count()).toBe(0);
      // What needs no file works as before.
      await page.selectOption('select >> nth=3', 'normal');
      await error(page).waitFor();
      expect(await page.locator('.problem').count()).toBe(0);
      await page.selectOption('select >> nth=3', 'conv3');
      await page.locator('.problem').waitFor();
      await offline(page, false);
      await button(page, 'Try again').click();
      await page.locator('text=6,912 weights').first().waitFor();
      expect(await page.locator('.problem').count()).toBe(0);
    }),
  );
});
