// The built site in Firefox, where there is one: Debian's package, or FIREFOX=PATH. `pnpm docs:test` runs this too.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeModel, interpreter } from '@hbnn/model';
import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Served, serve } from './serve.ts';

const docs = fileURLToPath(new URL('..', import.meta.url));
const executablePath =
  process.env.FIREFOX ?? ['/usr/bin/firefox-esr', '/usr/bin/firefox'].find(existsSync);
if (executablePath === undefined)
  console.log('firefox is not installed: its tests are skipped; install one or give FIREFOX=PATH');

describe.skipIf(executablePath === undefined)('in Firefox', () => {
  let browser: Browser;
  let served: Served;

  beforeAll(async () => {
    served = await serve(join(docs, '.vitepress', 'dist'), process.env.DOCS_BASE ?? '/hbnn/');
    browser = await puppeteer.launch({ browser: 'firefox', executablePath, headless: true });
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    served?.server.close();
  });

  /** A page and what went wrong on it; closed when the test is done with it. */
  async function onPage(
    path: string,
    act: (page: Page) => Promise<void>,
    width = 1280,
  ): Promise<void> {
    const page = await browser.newPage();
    const problems: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(message.text());
    });
    page.on('pageerror', (error) => problems.push(String(error)));
    await page.setViewport({ width, height: 900 });
    await page.goto(served.url + path, { waitUntil: 'load' });
    await act(page);
    await page.close();
    expect(problems).toEqual([]);
  }

  const text = (page: Page, selector: string): Promise<string> =>
    page.$eval(selector, (element) => (element as HTMLElement).innerText);

  it.each(['', 'idea', 'guide/getting-started', 'guide/hardware', 'results/'])(
    '%s: no errors and no sideways scroll on a phone',
    { timeout: 60_000 },
    (path) =>
      onPage(
        path,
        async (page) => {
          await page.waitForSelector('h1');
          const over = await page.evaluate(
            () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
          );
          expect(over).toBeLessThanOrEqual(0);
        },
        390,
      ),
  );

  it('bits: the slider moves by keyboard', { timeout: 60_000 }, () =>
    onPage('playground/bits?average=2', async (page) => {
      await page.waitForSelector('input[type=range]');
      await page.focus('input[aria-label="Average bits"]');
      for (let i = 0; i < 12; i++) await page.keyboard.press('ArrowLeft');
      await page.waitForFunction(() => document.querySelector('strong')?.textContent === '1.40');
      await page.waitForFunction(() =>
        document.querySelector('.legend')?.textContent?.includes('1 bit: 70 %'),
      );
    }),
  );

  it('classify: the scores of the interpreter', { timeout: 120_000 }, () =>
    onPage('playground/classify?image=3', async (page) => {
      await page.waitForFunction(() => document.querySelectorAll('.card').length === 4);
      const image = await page.evaluate(() => {
        const canvas = document.querySelector('canvas.image') as HTMLCanvasElement;
        const context = canvas.getContext('2d') as CanvasRenderingContext2D;
        const { data } = context.getImageData(0, 0, 28, 28);
        return Array.from({ length: 784 }, (_, i) => data[4 * i]);
      });
      const shown = await page.$$eval('.card', (cards) =>
        cards.map((card) => card.querySelector('.number')?.textContent ?? ''),
      );
      const wanted = ['bits-1', 'bits-1.4', 'bits-1.4-optimal', 'bits-2'].map((file) => {
        const bytes = readFileSync(join(docs, 'public', 'models', `${file}.hbnn`));
        const scores = interpreter(decodeModel(bytes, file)).run(Uint8Array.from(image));
        return Math.max(...scores).toLocaleString('en');
      });
      expect(shown).toEqual(wanted);
    }),
  );

  it('hardware: the Verilog and the adders of a layer', { timeout: 120_000 }, () =>
    onPage('playground/hardware?channels=4&outputs=4', async (page) => {
      await page.waitForSelector('pre.verilog', { timeout: 90_000 });
      expect(await text(page, 'pre.verilog')).toContain('module layer');
      await page.waitForSelector('.tree circle');
    }),
  );

  it('train: both networks are trained', { timeout: 300_000 }, () =>
    onPage('playground/train?epochs=1&b=float', async (page) => {
      await page.waitForSelector('button::-p-text(Train both)');
      await page.click('button::-p-text(Train both)');
      await page.waitForSelector('::-p-text(Both are trained)', { timeout: 240_000 });
      expect(Number.parseFloat((await text(page, '#run-1')).split(':')[1])).toBeGreaterThan(10);
    }),
  );
});
