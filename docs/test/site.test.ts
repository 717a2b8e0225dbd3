// The built site in a real browser: `pnpm docs:test` builds it and runs this. It needs a Chromium: Debian's package, or
// CHROMIUM=PATH.
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { distanceFrom } from './homePicture.ts';
import { base, close, dist, docs, type Site, startSite } from './sitePages.ts';

const shots = join(docs, '.vitepress', 'screenshots');

/** All pages, as paths below the base. */
function pagesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.html') && entry.name !== '404.html')
    .map((entry) => relative(dist, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .filter((path) => !path.startsWith('results/') || !path.endsWith('report.html'))
    .map((path) => path.replace(/(^|\/)index\.html$/, '$1').replace(/\.html$/, ''))
    .sort();
}
const pages = pagesIn(dist);
const written = pages.filter((page) => !page.startsWith('api/'));
const playgrounds = ['bits', 'classify', 'hardware', 'train'].map((name) => `playground/${name}`);

let site: Site;
const open: Site['open'] = (path, o) => site.open(path, o);

beforeAll(async () => {
  site = await startSite();
  mkdirSync(shots, { recursive: true });
}, 60_000);
afterAll(() => site?.end());

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Serious findings of axe-core. */
async function findings(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const { run } = Reflect.get(window, 'axe') as {
      run(
        o: object,
      ): Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }>;
    };
    const { violations } = await run({ runOnly: ['wcag2a', 'wcag2aa'] });
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 160)}`);
  });
}

describe('every page', () => {
  it.each(written)(
    '%s: no errors, no sideways scroll on a phone, one heading',
    { timeout: 60_000 },
    async (path) => {
      const opened = await open(path, { width: 390 });
      const { page, problems } = opened;
      expect(problems).toEqual([]);
      const over = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      expect(over).toBeLessThanOrEqual(0);
      expect(await page.locator('h1').count()).toBe(1);
      await close(opened);
    },
  );

  it('has a policy that runs no script but those of the build', { timeout: 60_000 }, async () => {
    for (const page of pages)
      expect(readFileSync(fileOf(page), 'utf8'), page).toMatch(
        /<head>\s*<meta charset="utf-8">\s*<meta http-equiv="Content-Security-Policy" content="[^"]*script-src 'self' 'wasm-unsafe-eval' 'sha256-[^"]*object-src 'none'/,
      );
    const opened = await open('idea');
    const { page, problems } = opened;
    expect(problems).toEqual([]);
    await page.evaluate(() => {
      const own = document.createElement('script');
      own.textContent = 'globalThis.hasRun = true';
      document.head.append(own);
      const other = document.createElement('script');
      other.src = 'http://127.0.0.1:9/other.js';
      document.head.append(other);
    });
    await expect.poll(() => problems.filter((text) => /script-src/.test(text)).length).toBe(2);
    expect(await page.evaluate(() => Reflect.has(globalThis, 'hasRun'))).toBe(false);
    await close(opened);
  });

  it('links and anchors lead somewhere', { timeout: 120_000 }, () => {
    const broken: string[] = [];
    const texts = new Map(pages.map((page) => [page, readFileSync(fileOf(page), 'utf8')]));
    for (const [page, text] of texts) {
      for (const [, href] of text.matchAll(/<a[^>]* href="([^"]+)"/g)) {
        if (/^(https?:|mailto:)/.test(href)) continue;
        const to = new URL(href, `http://x${base}${page}`);
        const path = to.pathname.slice(base.length).replace(/\.html$/, '');
        const anchor = decodeURIComponent(to.hash.slice(1));
        if (!to.pathname.startsWith(base)) broken.push(`${page}: ${href}`);
        else if (texts.has(path)) {
          if (anchor && !(texts.get(path) ?? '').includes(`id="${anchor}"`))
            broken.push(`${page}: ${href}`);
        } else if (!existsSync(join(dist, to.pathname.slice(base.length))))
          broken.push(`${page}: ${href}`);
      }
    }
    expect(broken).toEqual([]);
  });

  it('is reached by a link of another', { timeout: 120_000 }, () => {
    const reached = new Set<string>();
    for (const page of pages)
      for (const [, href] of readFileSync(fileOf(page), 'utf8').matchAll(
        /<a[^>]* href="([^"]+)"/g,
      )) {
        const { pathname } = new URL(href, `http://x${base}${page}`);
        const path = pathname.slice(base.length).replace(/\.html$/, '');
        if (path !== page) reached.add(path);
      }
    expect(pages.filter((page) => !reached.has(page))).toEqual([]);
  });
});

/** The file of a page. */
function fileOf(page: string): string {
  const plain = join(dist, `${page}.html`);
  return page !== '' && !page.endsWith('/') && existsSync(plain)
    ? plain
    : join(dist, page, 'index.html');
}

describe('the figures of reports', () => {
  it.each([
    ['on a phone, the narrow ones', 390, true],
    ['on a wide page, the wide ones', 1280, false],
  ])('%s are shown', { timeout: 60_000 }, async (_, width, isNarrow) => {
    const opened = await open('results/cifar10/', { width });
    const images = opened.page.locator('.wide-figure img');
    expect(await images.count()).toBe(11);
    for (const image of await images.all()) {
      await image.evaluate((element) => (element as HTMLImageElement).decode());
      const [source, box] = await image.evaluate(
        (element) =>
          [Reflect.get(element, 'currentSrc') as string, element.getBoundingClientRect()] as const,
      );
      expect(/-narrow\b/.test(source), source).toBe(isNarrow);
      expect(box.width).toBeGreaterThan(250);
      expect(box.right).toBeLessThanOrEqual(width);
    }
    expect(opened.problems).toEqual([]);
    await close(opened);
  });
});

describe('first views', () => {
  it.each(['', ...playgrounds])('%s: under 300 kB', { timeout: 60_000 }, async (path) => {
    const opened = await open(path);
    expect(opened.bytes()).toBeLessThan(300_000);
    await close(opened);
  });

  it('the home page is there within a second', { timeout: 60_000 }, async () => {
    const opened = await open('');
    const paint = await opened.page.evaluate(
      () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0,
    );
    expect(paint).toBeGreaterThan(0);
    expect(paint).toBeLessThan(1000);
    await close(opened);
  });

  const shifting = ['', 'idea', 'results/', ...playgrounds];
  it.each(shifting.flatMap((path) => [1280, 390].map((width) => ({ path, width }))))(
    '$path: does not jump at $width px',
    { timeout: 60_000 },
    async ({ path, width }) => {
      const opened = await open(path, { width });
      const shift = await opened.page.evaluate(
        (ms) =>
          new Promise<number>((resolve) => {
            let sum = 0;
            new PerformanceObserver((list) => {
              for (const entry of list.getEntries()) sum += Reflect.get(entry, 'value') as number;
            }).observe({ type: 'layout-shift', buffered: true });
            setTimeout(() => resolve(sum), ms);
          }),
        2000,
      );
      expect(shift).toBeLessThan(0.1);
      await close(opened);
    },
  );
});

describe.each([false, true])('in the theme, dark: %s', (dark) => {
  const reports = ['quick', 'cifar10'].map((profile) => `results/${profile}/report.html`);
  it.each(['', 'idea', 'guide/getting-started', 'results/', ...reports, ...playgrounds])(
    '%s: axe finds nothing serious',
    { timeout: 90_000 },
    async (path) => {
      const opened = await open(path, { dark, bypassPolicy: true });
      await opened.page.waitForTimeout(800);
      expect(await findings(opened.page)).toEqual([]);
      const name = `${(path || 'home').replaceAll('/', '-')}-${dark ? 'dark' : 'light'}.png`;
      await opened.page.screenshot({ path: join(shots, name), fullPage: true });
      await close(opened);
    },
  );
});

describe('playgrounds', () => {
  it('bits: the slider, the rules, the address and an own file', { timeout: 60_000 }, async () => {
    const opened = await open('playground/bits?average=2&rule=bottom-up');
    const { page, problems } = opened;
    await page.locator('input[type=range]').first().waitFor();
    expect(await page.locator('select').first().inputValue()).toBe('bottom-up');
    expect(await page.locator('.legend').innerText()).toContain('2 bits: 100 %');
    // By keyboard alone.
    await page.locator('input[type=range]').first().focus();
    for (let i = 0; i < 12; i++) await page.keyboard.press('ArrowLeft');
    expect(await page.locator('strong').first().innerText()).toBe('1.40');
    await expect.poll(() => page.url(), { timeout: 20_000 }).not.toContain('average');
    expect(page.url()).toContain('rule=bottom-up');
    const error = page.locator('.figures strong').first();
    await expect.poll(() => error.innerText(), { timeout: 20_000 }).toBe('40.5 %');
    await page.selectOption('select >> nth=0', 'optimal');
    await expect.poll(() => error.innerText(), { timeout: 20_000 }).toBe('23.2 %');
    await expect
      .poll(() => page.locator('tr.chosen td').nth(2).innerText(), { timeout: 20_000 })
      .toBe('23.2 %');
    await page.setInputFiles(
      'input[type=file]',
      join(docs, 'public', 'models', 'weights', 'conv2.npy'),
    );
    await page.locator('text=3,456 weights').first().waitFor();
    await page.setInputFiles('input[type=file]', join(docs, 'public', 'favicon.svg'));
    await page.locator('.problem').waitFor();
    expect(await page.locator('.problem').innerText()).toContain('favicon.svg');
    // What is shown is still the file before.
    expect(await page.locator('option:checked', { hasText: 'conv2.npy' }).count()).toBe(1);
    expect(await page.locator('text=3,456 weights').count()).toBeGreaterThan(0);
    expect(problems).toEqual([]);
    await close(opened);
  });

  it('classify: the scores of the interpreter, a drawing, the float network', {
    timeout: 120_000,
  }, async () => {
    const opened = await open('playground/classify?image=1');
    const { page, problems } = opened;
    await page.locator('.card').nth(3).waitFor();
    const { decodeModel, interpreter } = await import('@hbnn/model');
    const image = await page.evaluate(() => {
      const canvas = document.querySelector('canvas.image') as HTMLCanvasElement;
      const { data } = (canvas.getContext('2d') as CanvasRenderingContext2D).getImageData(
        0,
        0,
        28,
        28,
      );
      return Array.from({ length: 784 }, (_, i) => data[4 * i]);
    });
    const networks = ['bits-1', 'bits-1.4', 'bits-1.4-optimal', 'bits-2'];
    for (const [card, file] of networks.entries()) {
      const model = decodeModel(readFileSync(join(docs, 'public', 'models', `${file}.hbnn`)), file);
      const scores = interpreter(model).run(Uint8Array.from(image));
      const shown = await page.locator('.card').nth(card).locator('.number').first().innerText();
      expect(shown).toBe(Math.max(...scores).toLocaleString('en'));
    }
    const feature = page.locator('canvas.feature-map').first();
    await feature.hover({ position: { x: 12, y: 12 } });
    await page.locator('text=Channel 0, row').first().waitFor();
    expect(await page.locator('canvas.channel').count()).toBe(1);
    const layers = page.locator('.layers label');
    await layers.nth(1).hover();
    const said = await feature.getAttribute('aria-label');
    expect(said).toContain(await layers.nth(1).innerText());
    await page.mouse.move(0, 0);
    expect(await feature.getAttribute('aria-label')).not.toBe(said);
    await page.locator('button', { hasText: 'Clear' }).click();
    const box = await page.locator('canvas.image').boundingBox();
    if (!box) throw new Error('no canvas');
    await page.mouse.move(box.x + 60, box.y + 40);
    await page.mouse.down();
    await page.mouse.move(box.x + 130, box.y + 150, { steps: 8 });
    await page.mouse.up();
    expect(await page.locator('.chooser').innerText()).toContain('Your own picture');
    await page.locator('button', { hasText: 'float network' }).click();
    await page.locator('.card').nth(4).waitFor({ timeout: 60_000 });
    expect(problems).toEqual([]);
    await close(opened);
  });

  it('hardware: Verilog, adders, synthesis within the band, a download', {
    timeout: 300_000,
  }, async () => {
    const opened = await open('playground/hardware?channels=4&outputs=4');
    const { page, problems } = opened;
    await page.locator('pre.verilog').waitFor({ timeout: 60_000 });
    expect(await page.locator('pre.verilog').innerText()).toContain('module layer');
    await page.locator('.tree circle').first().waitFor();
    const download = page.waitForEvent('download');
    await page.locator('button', { hasText: 'Download' }).click();
    expect((await download).suggestedFilename()).toMatch(/\.zip$/);
    await page.locator('button', { hasText: 'Synthesize' }).click();
    await page.locator('button', { hasText: 'Stop' }).click();
    await page.locator('button', { hasText: 'Synthesize' }).click();
    await page.locator('.synthesized').waitFor({ timeout: 200_000 });
    const row = await page.locator('.synthesized tr', { hasText: 'of the layer' }).innerText();
    // 'LUT6s of the layer', the estimate with its band, what Yosys counts: the 6 of LUT6 is a number too.
    const numbers = row.replaceAll(',', '').match(/\d+/g)?.map(Number) ?? [];
    const [, estimate, low, high, counted] = numbers;
    expect(low).toBeLessThanOrEqual(estimate);
    expect(counted).toBeGreaterThan(0.8 * low);
    expect(counted).toBeLessThan(1.2 * high);
    await page.selectOption('select >> nth=0', 'folded');
    await page.locator('text=cycles of the layer').waitFor({ timeout: 60_000 });
    await page.locator('.waveform rect.moves').first().waitFor();
    expect(problems).toEqual([]);
    await close(opened);
  });

  it('train: two curves, a map, pause and stop', { timeout: 240_000 }, async () => {
    const opened = await open('playground/train?epochs=2&b=float');
    const { page, problems } = opened;
    for (const wrong of ['0', '-3', '1.5', '']) {
      await page.getByLabel('Epochs').fill(wrong);
      // Leaving the field is enough; the button says it again.
      if (wrong === '0') await page.getByLabel('Epochs').blur();
      else await page.locator('button', { hasText: 'Train both' }).click();
      expect(await page.locator('.problem').innerText()).toBe(
        `Epochs: expected a whole number from 1 to 50, got ${wrong || 'none'}.`,
      );
    }
    await page.getByLabel('Epochs').fill('2');
    await page.locator('button', { hasText: 'Train both' }).click();
    await page.locator('text=Both are trained').waitFor({ timeout: 200_000 });
    for (const run of [0, 1]) {
      const share = Number.parseFloat(
        (await page.locator(`#run-${run}`).innerText()).split(':')[1],
      );
      expect(share).toBeGreaterThan(20);
    }
    expect(await page.locator('canvas.bit-map').count()).toBe(1);
    await page.locator('button', { hasText: 'Train both' }).click();
    await page.locator('button', { hasText: 'Pause' }).click();
    await page.locator('button', { hasText: 'Go on' }).click();
    await page.locator('button', { hasText: 'Stop' }).click();
    await page.locator('button', { hasText: 'Train both' }).waitFor();
    expect(problems).toEqual([]);
    await close(opened);
  });
});

describe('the home page looks as it did', () => {
  it.each([
    [390, false],
    [1280, false],
    [1280, true],
  ])('%i pixels wide, dark: %s', { timeout: 60_000 }, async (width, dark) => {
    const opened = await open('', { width, dark });
    await opened.page.waitForTimeout(500);
    const picture = await opened.page.screenshot({ animations: 'disabled' });
    const name = `home-${width}-${dark ? 'dark' : 'light'}.png`;
    // Another sans-serif font changes this by up to 0.4, a serif font by 1.6, a heading or a picture that is gone by 2.5 or more.
    expect(await distanceFrom(join(docs, 'test', 'pictures', name), picture)).toBeLessThan(2);
    await close(opened);
  });
});

it('home has a still picture without JavaScript', { timeout: 60_000 }, async () => {
  const opened = await open('', { javaScriptEnabled: false });
  const picture = opened.page.getByAltText('A histogram of weights');
  expect((await picture.boundingBox())?.height).toBeGreaterThan(100);
  expect(await picture.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBeGreaterThan(
    0,
  );
  await close(opened);
});

it.each([
  ['bit map', '/guide/bit-maps'],
  ['loadModel', '/guide/'],
  ['verilog', '/guide/'],
])(
  'searches, and finds guides before lists of names: %s',
  { timeout: 60_000 },
  async (text, page) => {
    const opened = await open('');
    await opened.page.keyboard.press('Control+k');
    // The box and its index are loaded when they are asked for.
    await opened.page.locator('.VPLocalSearchBox input').waitFor();
    await opened.page.keyboard.type(text);
    const first = opened.page.locator('.VPLocalSearchBox .result').first();
    await first.waitFor();
    await expect.poll(() => first.getAttribute('href')).toContain(page);
    expect(opened.problems).toEqual([]);
    await close(opened);
  },
);
