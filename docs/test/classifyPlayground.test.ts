// Each test does one unusual thing in the classify playground of the built site.
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

describe('classify', () => {
  const cards = (page: Page) => page.locator('.card').nth(3).waitFor(patient);

  it('has radio buttons that arrow keys move, and an address for them', { timeout }, () =>
    on('classify?image=2', async (page) => {
      await cards(page);
      await page.locator('.thumbnail input:checked').focus();
      for (const key of ['ArrowRight', 'ArrowRight', 'ArrowUp']) await page.keyboard.press(key);
      await page.locator('text=Test image 3').waitFor();
      await eventually(() => query(page)).toBe('?image=3');
      const layers = page.locator('.layers input');
      await layers.first().focus();
      await page.keyboard.press('ArrowDown');
      expect(await layers.nth(1).isChecked()).toBe(true);
      await eventually(() => query(page)).toBe('?image=3&layer=pool1');
      const map = page.locator('canvas.feature-map').first();
      await eventually(() => map.getAttribute('aria-label')).toContain(
        await layers.nth(1).getAttribute('value'),
      );
      await map.focus();
      for (const key of ['ArrowRight', 'ArrowRight']) await page.keyboard.press(key);
      await page.locator('text=Channel 1, row 0, column 0').waitFor();
      await page.keyboard.press('Escape');
      expect(await page.locator('canvas.channel').count()).toBe(0);
      await button(page, 'Clear').click();
      await page.locator('text=Your own picture').waitFor();
      await eventually(() => query(page)).toMatch(/^\?layer=pool1&drawing=[\w-]+$/);
      expect(await page.locator('.thumbnail input:checked').count()).toBe(0);
    }),
  );

  it('has a drawing in its address, which gives the same scores again', { timeout }, () =>
    on('classify', async (page) => {
      await cards(page);
      const paper = page.locator('.drawing canvas').first();
      const { x, y } = (await paper.boundingBox()) ?? { x: 0, y: 0 };
      await page.mouse.move(x + 60, y + 60);
      await page.mouse.down();
      await page.mouse.move(x + 140, y + 150, { steps: 4 });
      await page.mouse.up();
      await eventually(() => query(page)).toMatch(/^\?drawing=[\w-]{20,}$/);
      const scores = () => page.locator('.card ol').allInnerTexts();
      await page.waitForTimeout(500);
      const before = await scores();
      expect(before.length).toBeGreaterThan(3);
      await page.reload();
      await cards(page);
      await page.locator('text=Your own picture').waitFor();
      await eventually(scores).toEqual(before);
      await page.locator('.thumbnail').nth(1).click();
      await eventually(() => query(page)).toBe('?image=1');
    }),
  );

  it('asks for its images once', { timeout }, () =>
    on('classify', async (page) => {
      await cards(page);
      await page.waitForTimeout(300);
      const asked = await page.evaluate(
        () =>
          performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('test.png'))
            .length,
      );
      expect(asked).toBe(1);
      // The picture of the thumbnails is the same file, and is there.
      const [width] = await page
        .locator('.thumbnail')
        .first()
        .evaluate(async (element) => {
          const image = new Image();
          image.src = getComputedStyle(element).backgroundImage.slice(5, -2);
          await image.decode();
          return [image.naturalWidth];
        });
      expect(width).toBe(560);
    }),
  );

  it('draws a fast stroke without gaps', { timeout }, () =>
    on('classify', async (page) => {
      await cards(page);
      const canvas = page.locator('canvas.image');
      const box = await canvas.boundingBox();
      if (!box) throw new Error('no canvas');
      await page.mouse.move(box.x + 17.5, box.y + 17.5);
      await page.mouse.down();
      await page.mouse.move(box.x + 178.5, box.y + 178.5);
      await page.mouse.up();
      await page.locator('text=Your own picture').waitFor();
      const diagonal = await canvas.evaluate((element: HTMLCanvasElement) => {
        const { data } = (element.getContext('2d') as CanvasRenderingContext2D).getImageData(
          0,
          0,
          28,
          28,
        );
        return Array.from({ length: 28 }, (_, i) => data[4 * (29 * i)]);
      });
      expect(diagonal.slice(3, 25)).toEqual(new Array(22).fill(255));
      expect([diagonal[0], diagonal[27]]).toEqual([0, 0]);
    }),
  );

  it('draws by arrow keys and Space', { timeout }, () =>
    on('classify', async (page) => {
      await cards(page);
      const canvas = page.locator('canvas.image');
      await canvas.focus();
      await page.keyboard.press('Space');
      for (let step = 0; step < 5; step++) await page.keyboard.press('ArrowRight');
      const light = (x: number) =>
        canvas.evaluate(
          (element: HTMLCanvasElement, at) =>
            (element.getContext('2d') as CanvasRenderingContext2D).getImageData(at, 14, 1, 1)
              .data[0],
          x,
        );
      await expect.poll(() => light(19)).toBe(255);
      expect(await light(2)).toBe(0);
      await page.keyboard.press('Space');
      await page.keyboard.press('ArrowDown');
      expect(await page.locator('.drawing [role="status"]').innerText()).toBe(
        'Pen up, column 20, row 16.',
      );
    }),
  );

  it('shows ink on a transparent, oblong picture light on black', { timeout }, () =>
    on('classify', async (page) => {
      await cards(page);
      const drawn = await page.evaluate(() => {
        const canvas = document.createElement('canvas');
        canvas.width = 300;
        canvas.height = 100;
        const context = canvas.getContext('2d') as CanvasRenderingContext2D;
        context.fillRect(120, 30, 60, 40);
        return canvas.toDataURL('image/png').split(',')[1];
      });
      const buffer = Buffer.from(drawn, 'base64');
      await page.setInputFiles('input[type=file]', {
        name: 'ink.png',
        mimeType: 'image/png',
        buffer,
      });
      await page.locator('text=Your own picture').waitFor();
      const [corner, side, middle] = await page
        .locator('canvas.image')
        .evaluate((element: HTMLCanvasElement) => {
          const { data } = (element.getContext('2d') as CanvasRenderingContext2D).getImageData(
            0,
            0,
            28,
            28,
          );
          return [0, 14 * 28, 14 * 28 + 14].map((i) => data[4 * i]);
        });
      expect([corner, side, middle]).toEqual([0, 0, 255]);
      await page.setInputFiles('input[type=file]', {
        name: 'not.png',
        mimeType: 'image/png',
        buffer: Buffer.from('no'),
      });
      await page.locator('.problem').waitFor();
      expect(await problem(page)).toContain(
        'not.png: expected a picture, got a file of another kind',
      );
    }),
  );

  it('tries again to load the float network', { timeout }, () =>
    on('classify', async (page) => {
      await cards(page);
      await offline(page, true);
      await button(page, 'float network').click();
      await page.locator('.problem').waitFor();
      expect(await problem(page)).toMatch(/^The float network could not be loaded/);
      await offline(page, false);
      await button(page, 'Try again').click();
      await page.locator('.card').nth(4).waitFor(patient);
      expect(await page.locator('.problem').count()).toBe(0);
    }),
  );

  it('has the layer and the float network in the address', { timeout }, () =>
    on('classify?layer=conv3&float=1', async (page) => {
      await page.locator('.card').nth(4).waitFor(patient);
      expect(await page.locator('.card h3').allInnerTexts()).toEqual([
        'float',
        '1 bit',
        '1.4 bits',
        '1.4 bits, optimal',
        '2 bits',
      ]);
      expect(await page.locator('.layers input:checked').getAttribute('value')).toBe('conv3');
      expect(await page.locator('canvas.feature-map').first().getAttribute('aria-label')).toBe(
        'Channels of conv3 at 1 bit',
      );
      await page.locator('.layers label', { hasText: 'conv4' }).first().click();
      await eventually(() => query(page)).toMatch(/^\?layer=conv4\w*&float=1$/);
      await eventually(() => page.locator('.card dd').allInnerTexts()).not.toContain('…');
    }),
  );

  it('names the layers that there are', { timeout }, () =>
    on('classify?layer=conv9', async (page) => {
      await cards(page);
      await eventually(() => problem(page)).toMatch(
        /^The address has layer=conv9: expected one of conv1, .*; the page starts from conv1\.$/,
      );
      // Pointing at a layer shows its pictures, which leaves the layers where they are.
      await page.locator('.layers label', { hasText: 'conv3' }).first().click();
      await eventually(() => page.locator('.problem').count()).toBe(0);
    }),
  );

  it('shows a drawing in vectors', { timeout }, () =>
    on('classify', async (page) => {
      await cards(page);
      const drawing =
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><rect x="2" y="2" width="6" height="6"/></svg>';
      await page.setInputFiles('input[type=file]', {
        name: 'ink.svg',
        mimeType: 'image/svg+xml',
        buffer: Buffer.from(drawing),
      });
      await page.locator('text=Your own picture').waitFor();
      const [corner, middle] = await page
        .locator('canvas.image')
        .evaluate((element: HTMLCanvasElement) => {
          const { data } = (element.getContext('2d') as CanvasRenderingContext2D).getImageData(
            0,
            0,
            28,
            28,
          );
          return [0, 14 * 28 + 14].map((i) => data[4 * i]);
        });
      expect([corner, middle]).toEqual([0, 255]);
      expect(await page.locator('.problem').count()).toBe(0);
    }),
  );

  it('leaves a channel large that a finger has touched', { timeout }, () =>
    on(
      'classify',
      async (page) => {
        await cards(page);
        const map = page.locator('canvas.feature-map').first();
        const large = page.locator('canvas.channel');
        await map.tap({ position: { x: 12, y: 12 } });
        await page.locator('text=Channel 0, row').waitFor();
        expect(await large.count()).toBe(1);
        await map.tap({ position: { x: 14, y: 12 } });
        expect(await large.count()).toBe(0);
      },
      { width: 390, touch: true },
    ),
  );
});
