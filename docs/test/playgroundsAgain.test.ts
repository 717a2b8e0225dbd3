// What visitors of the built site do again: choose a file, load what did not come, train; and addresses with faults.
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeNpy } from '@hbnn/core';
import type { Locator, Page } from 'playwright-core';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import {
  button,
  eventually,
  patient,
  problem,
  query,
  servedPlaygrounds,
  timeout,
} from './playgroundPage.ts';

const { on } = servedPlaygrounds();

const newFile = async (name: string): Promise<string> =>
  join(await mkdtemp(join(tmpdir(), 'hbnn-docs-')), name);

/** Choose a file as visitors do, by a click. */
async function chooseFile(page: Page, path: string): Promise<void> {
  const chooser = page.waitForEvent('filechooser');
  await page.locator('input[type=file]').click();
  await (await chooser).setFiles(path);
}

/** Give a file without a click. */
const giveFile = (page: Page, name: string, mimeType: string, buffer: Buffer): Promise<void> =>
  page.setInputFiles('input[type=file]', { name, mimeType, buffer });

const square = (background: string): Promise<Buffer> =>
  sharp(
    Buffer.from(
      `<svg xmlns="http://www.w3.org/2000/svg" width="280" height="280"><rect width="280" height="280" fill="${background}"/><rect x="80" y="80" width="120" height="120"/></svg>`,
    ),
  )
    .png()
    .toBuffer();

describe('a file chosen again', () => {
  it('bits: is read anew', { timeout }, () =>
    on('bits', async (page) => {
      await page.locator('.figures').waitFor();
      const path = await newFile('own.npy');
      for (const rows of [10, 20]) {
        const data = Float32Array.from({ length: 30 * rows }, (_, i) => Math.sin(i));
        await writeFile(path, encodeNpy({ shape: [rows, 30], data }));
        await chooseFile(page, path);
        await page.locator('.caption', { hasText: `${30 * rows} weights.` }).waitFor(patient);
      }
    }),
  );

  it('classify: is read anew after a stroke', { timeout }, () =>
    on('classify', async (page) => {
      await page.locator('.card').nth(3).waitFor(patient);
      const canvas = page.locator('canvas.image');
      const drawn = () => canvas.evaluate((element: HTMLCanvasElement) => element.toDataURL());
      const path = await newFile('own.png');
      await writeFile(path, await square('white'));
      await chooseFile(page, path);
      await page.locator('text=Your own picture').waitFor();
      const first = await drawn();
      await canvas.click({ position: { x: 20, y: 20 } });
      await eventually(drawn).not.toBe(first);
      await chooseFile(page, path);
      await eventually(drawn).toBe(first);
    }),
  );
});

describe('classify: a picture that is refused', () => {
  it('is cut off, or keeps its pixels', { timeout }, () =>
    on('classify', async (page) => {
      await page.locator('.card').nth(3).waitFor(patient);
      const png = await square('white');
      await giveFile(page, 'cut.png', 'image/png', png.subarray(0, png.length - 20));
      await eventually(() => problem(page)).toBe(
        'cut.png: expected a whole PNG, got one whose end is missing; copy or download the picture again.',
      );
      await giveFile(page, 'whole.png', 'image/png', png);
      await eventually(() => page.locator('.problem').count()).toBe(0);
      const html =
        '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20"><foreignObject width="20" height="20"><p xmlns="http://www.w3.org/1999/xhtml">a</p></foreignObject></svg>';
      await giveFile(page, 'html.svg', 'image/svg+xml', Buffer.from(html));
      await eventually(() => problem(page)).toMatch(
        /^html\.svg: expected a picture whose pixels the page may read/,
      );
    }),
  );
});

describe('a visit that goes on', () => {
  it('bits: keeps the file after Back, with and without the network', { timeout }, () =>
    on('bits', async (page) => {
      await page.locator('.figures').waitFor();
      const data = Float32Array.from({ length: 70 }, (_, i) => Math.sin(i));
      await giveFile(page, 'own.npy', '', Buffer.from(encodeNpy({ shape: [7, 10], data })));
      const own = page.locator('.caption', { hasText: '70 weights.' });
      await own.waitFor(patient);
      await page.locator('.playground').evaluate((element) => {
        element.id = 'the-first';
      });
      for (const isOffline of [false, true]) {
        await page.context().setOffline(isOffline);
        const anchor = page.locator('h2 .header-anchor').first();
        await anchor.focus();
        await page.keyboard.press('Enter');
        await eventually(async () => new URL(page.url()).hash).not.toBe('');
        await page.goBack();
        await eventually(async () => new URL(page.url()).hash).toBe('');
        // The router works on after Back has changed the address.
        await page.waitForTimeout(500);
        expect(await page.locator('#the-first').count()).toBe(1);
        expect(await own.count()).toBe(1);
      }
      await page.context().setOffline(false);
    }),
  );

  it('classify: draws a picture in vectors small that does not say its size', { timeout }, () =>
    on('classify', async (page) => {
      await page.locator('.card').nth(3).waitFor(patient);
      const circle =
        '<svg xmlns="http://www.w3.org/2000/svg"><circle cx="100" cy="75" r="50" stroke-width="20" stroke="black" fill="none"/></svg>';
      await giveFile(page, 'plain.svg', 'image/svg+xml', Buffer.from(circle));
      await page.locator('text=Your own picture').waitFor();
      const light = (): Promise<number> =>
        page.locator('canvas.image').evaluate((element: HTMLCanvasElement) => {
          const { width, height } = element;
          const { data } = (element.getContext('2d') as CanvasRenderingContext2D).getImageData(
            0,
            0,
            width,
            height,
          );
          return data.filter((value, i) => i % 4 === 0 && value > 100).length;
        });
      await eventually(async () => (await light()) > 10).toBe(true);
    }),
  );
});

describe('an address', () => {
  it('bits: has either a mix or an average', { timeout }, () =>
    on('bits?mix=0.5/0.5&average=7', async (page) => {
      await page.locator('.figures').waitFor();
      expect(await problem(page)).toBe(
        'The address has both mix and average: expected one of the two; the page uses mix=0.5/0.5.',
      );
      expect(await page.locator('strong').first().innerText()).toBe('1.50');
      expect(query(page)).toBe('?mix=0.5/0.5');
    }),
  );

  it('bits: leads to the map, which comes late', { timeout }, () =>
    on('bits#the-map', async (page) => {
      await page.locator('text=Binarized in').waitFor(patient);
      await eventually(() =>
        page.locator('#the-map').evaluate((heading) => {
          const { top } = heading.getBoundingClientRect();
          return top > 0 && top < 300;
        }),
      ).toBe(true);
    }),
  );

  it('hardware: of a waveform that is cut', { timeout }, () =>
    on(
      'hardware?style=folded&channels=16&outputs=32&pe=1&simd=1&weights=3&inputs=2',
      async (page) => {
        await page.locator('.waveform').waitFor(patient);
        expect(await page.locator('#beats').innerText()).toBe('The first 20,000 cycles');
        expect(await page.locator('.waveform .caption').innerText()).toMatch(
          /The waveform is cut at 20,000 cycles; .* The first scores come later\. /,
        );
      },
    ),
  );
});

describe('train', () => {
  const status = (page: Page): Locator => page.locator('.buttons [role=status]');

  it('pauses before the first report, and follows the choice after a stop', { timeout }, () =>
    on('train?epochs=7', async (page) => {
      await button(page, 'Train both').click();
      await button(page, 'Pause').click();
      await page.waitForTimeout(3000);
      expect(await status(page).innerText()).toBe('Paused.');
      await button(page, 'Stop').click();
      await page.getByLabel('Second').selectOption('1');
      expect(await page.locator('.legend').first().innerText()).toMatch(/1\.4 bits\s+1 bit$/);
      await page.getByLabel('Epochs').fill('3');
      const ticks = page.locator('.curves').first().locator('text[text-anchor=middle]');
      await eventually(() => ticks.allTextContents()).toEqual(['0', '1', '2', '3', 'epochs']);
    }),
  );

  it('takes the note of a wrong number back when it is corrected', { timeout }, () =>
    on('train', async (page) => {
      await page.getByLabel('Epochs').fill('99');
      await button(page, 'Train both').click();
      expect(await problem(page)).toBe('Epochs: expected a whole number from 1 to 50, got 99.');
      await page.getByLabel('Epochs').fill('9');
      await eventually(() => page.locator('.problem').count()).toBe(0);
    }),
  );

  it('names the file that did not come, and tries again', { timeout }, () =>
    on('train?epochs=1', async (page) => {
      await page.route('**/models/train.png', (route) => route.abort('internetdisconnected'));
      await button(page, 'Train both').click();
      await page.locator('.problem').waitFor(patient);
      expect(await problem(page)).toMatch(
        /^The training did not start: the file train\.png did not come \(.*\); check the connection and try again\./,
      );
      await page.unroute('**/models/train.png');
      await button(page, 'Try again').click();
      await page.locator('text=Both are trained').waitFor(patient);
      expect(await page.locator('.problem').count()).toBe(0);
    }),
  );

  it('says that a training collapsed', { timeout }, () =>
    on('train?rate=1&epochs=3&a=float&b=3&seed=1000', async (page) => {
      await button(page, 'Train both').click();
      await page.locator('text=Both are trained').waitFor(patient);
      for (const run of [0, 1])
        expect(await page.locator(`#run-${run}`).innerText()).toContain(': 0.0 %');
      expect(await page.locator('.card .note').allInnerTexts()).toEqual([
        expect.stringMatching(/^The training collapsed: all 100 images/),
        expect.stringMatching(/Choose a smaller learning rate\.$/),
      ]);
    }),
  );
});
