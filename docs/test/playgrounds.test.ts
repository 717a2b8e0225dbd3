// What visitors do to the playgrounds of the built site that they were not drawn for, one by one.
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
        await page.locator('input[type=range]').focus();
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
      const slider = page.locator('input[type=range]');
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
      await page.locator('input[type=range]').focus();
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
          ['input[type=range]', 'svg.histogram'].map((part) => page.locator(part).boundingBox()),
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

describe('classify', () => {
  const cards = (page: Page) => page.locator('.card').nth(3).waitFor(patient);

  it(
    'has radio buttons that arrow keys move, and an address without an own picture',
    { timeout },
    () =>
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
        await eventually(() => query(page)).toBe('?layer=pool1');
        expect(await page.locator('.thumbnail input:checked').count()).toBe(0);
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

describe('hardware', () => {
  const verilog = (page: Page) => page.locator('pre.verilog').waitFor(patient);

  it(
    'brings folds to what divides the layer, and says what else the address had',
    { timeout },
    () =>
      on('hardware?style=folded&pe=32&chip=zz', async (page) => {
        await verilog(page);
        expect(await problem(page)).toBe(
          'The address has chip=zz: expected one of xc7, ecp5, ice40; the page starts from xc7.',
        );
        expect(await page.locator('.note').first().innerText()).toBe(
          'PE: expected one of 1, 2, 4, 8, which divide the 8 outputs, got 32; the page takes 8.',
        );
        expect(await page.getByLabel('PE: outputs').inputValue()).toBe('8');
        expect(await page.locator('pre.verilog').innerText()).toContain(
          'PE 8 × SIMD 8'.replace('×', 'x'),
        );
      }),
  );

  it('builds the last of many choices', { timeout }, () =>
    on('hardware', async (page) => {
      await verilog(page);
      for (const [channels, outputs] of [
        ['16', '32'],
        ['8', '16'],
        ['16', '32'],
        ['4', '8'],
        ['16', '32'],
        ['1', '4'],
      ]) {
        await page.selectOption('select >> nth=2', channels);
        await page.selectOption('select >> nth=3', outputs);
      }
      await eventually(() => page.locator('pre.verilog').innerText()).toContain(
        'dense: 1 x 1 x 9 to 1 x 1 x 4',
      );
      await page.locator('text=Designed, written').waitFor(patient);
    }),
  );

  it('has adders that arrow keys walk through', { timeout }, () =>
    on('hardware?channels=2&outputs=4', async (page) => {
      await verilog(page);
      const said = page.locator('.tree .caption[aria-live]');
      await page.locator('.tree .view').focus();
      await page.keyboard.press('ArrowLeft');
      expect(await said.innerText()).toContain('of the sum');
      for (let i = 0; i < 6; i++) await page.keyboard.press('ArrowLeft');
      expect(await said.innerText()).toMatch(
        /^x\[\d+\]: input \d+ \(row [0-2], column [0-2], channel [01]\); its weight has [123] bits?\.$/,
      );
      await page.keyboard.press('ArrowRight');
      expect(await said.innerText()).toMatch(/^([nu]\d+:|counter u|adder u)/);
      await page.keyboard.press('Escape');
      expect(await said.innerText()).toContain('choose one by the arrow keys');
    }),
  );

  const marked = (page: Page) => page.locator('pre.verilog .marked');

  it('links the drawing with the Verilog, both ways, and leaves constants out', { timeout }, () =>
    on('hardware', async (page) => {
      await verilog(page);
      const said = page.locator('.tree .caption[aria-live]');
      const names = await page.locator('.tree circle title').allTextContents();
      expect(names.filter((name) => name.startsWith('constant'))).toEqual([]);
      expect(new Set(names).size).toBe(names.length);
      const at = names.findIndex((name) => /^counter u\d+, bit 1 of its count/.test(name));
      await page.locator('.tree circle').nth(at).click();
      expect(await said.innerText()).toBe(`${names[at]}.`);
      const [instance] = /u\d+/.exec(names[at]) ?? [''];
      expect(await marked(page).innerText()).toContain(` ${instance} (.x({`);
      // The page has gone there.
      await eventually(() =>
        marked(page).evaluate((line) => {
          const { top, bottom } = line.getBoundingClientRect();
          return top > 0 && bottom < innerHeight;
        }),
      ).toBe(true);
      await page
        .locator('pre.verilog .chosable', { hasText: /^ *wire n\d+ =/ })
        .first()
        .click();
      expect(await marked(page).innerText()).toMatch(/wire n\d+ =/);
      expect(await page.locator('.tree circle.pinned title').textContent()).toMatch(/^n\d+: /);
      // Another circuit has other gates.
      await page.selectOption('select >> nth=2', '1');
      await eventually(() => marked(page).count()).toBe(0);
    }),
  );

  it('shows the whole drawing first, and zooms where it can', { timeout }, () =>
    on('hardware', async (page) => {
      await verilog(page);
      const view = page.locator('.tree .view');
      const hidden = () =>
        view.evaluate(
          ({ scrollWidth, clientWidth, scrollHeight, clientHeight }) =>
            scrollWidth > clientWidth || scrollHeight > clientHeight,
        );
      expect(await hidden()).toBe(false);
      expect((await view.boundingBox())?.height).toBeLessThan(0.75 * 900);
      expect(await button(page, 'Zoom out').isDisabled()).toBe(true);
      for (let i = 0; i < 20 && (await button(page, 'Zoom in').isEnabled()); i++)
        await button(page, 'Zoom in').click();
      expect(await button(page, 'Zoom in').isDisabled()).toBe(true);
      expect(await hidden()).toBe(true);
      await button(page, 'Show all').click();
      expect(await hidden()).toBe(false);
    }),
  );

  it('keeps what a tap said, and goes to the Verilog by the second', { timeout }, () =>
    on(
      'hardware?channels=1&outputs=4',
      async (page) => {
        await verilog(page);
        const said = page.locator('.tree .caption[aria-live]');
        const gate = page.locator('.tree circle').last();
        const label = `${await gate.locator('title').textContent()}.`;
        await gate.scrollIntoViewIfNeeded();
        const box = await gate.boundingBox();
        if (!box) throw new Error('no gate');
        const finger = await page.context().newCDPSession(page);
        await finger.send('Emulation.setTouchEmulationEnabled', { enabled: true });
        const tap = async () => {
          const touchPoints = [{ x: box.x + box.width / 2, y: box.y + box.height / 2 }];
          await finger.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints });
          await finger.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
        };
        const scrolled = () => page.evaluate(() => window.scrollY);
        const before = await scrolled();
        await tap();
        await eventually(() => said.innerText()).toBe(label);
        expect(await scrolled()).toBe(before);
        // A second tap at once would be a double tap.
        await page.waitForTimeout(500);
        await tap();
        await eventually(scrolled).toBeGreaterThan(before);
        expect(await said.innerText()).toBe(label);
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
      },
      { width: 390 },
    ),
  );

  it('estimates a folded circuit, and does not overflow a phone', { timeout }, () =>
    on(
      'hardware?style=folded&channels=1&outputs=4&pe=1&simd=1',
      async (page) => {
        await verilog(page);
        const figures = page.locator('.figures');
        const words = await figures.innerText();
        expect(words).not.toContain('FINN');
        expect(words).toMatch(/\n?139\nLUT6s of the layer/);
        expect(words).toContain('LUT6s with thresholds and scores\nexpected ');
        expect(words).toContain('flip-flops with thresholds and scores\nexpected ');
        expect(words).not.toMatch(/cycles?\ncycle/);
        expect(words).toMatch(
          /nJ\nenergy of the FPGA for an image\nexpected [\d.]+ nJ to [\d.]+ nJ/,
        );
        const unknown = page.locator('.unknown');
        expect(await unknown.count()).toBe(0);
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
        await page.selectOption('select >> nth=1', 'ecp5');
        await eventually(() => unknown.innerText()).toContain('no estimate of the area');
        expect(await figures.innerText()).not.toContain('LUT');
      },
      { width: 390 },
    ),
  );

  it(
    'loads Yosys once, says how far it is, and counts beside the estimate',
    {
      timeout: 300_000,
    },
    () =>
      on('hardware?channels=1&outputs=4', async (page) => {
        const asked: string[] = [];
        const refused: string[] = [];
        page.context().on('response', (response) => {
          asked.push(new URL(response.url()).pathname);
          if (response.status() >= 400) refused.push(response.url());
        });
        await verilog(page);
        await page.evaluate(() => {
          const said: string[] = [];
          Reflect.set(window, 'said', said);
          const status = document.querySelector('.buttons [role=status]') as HTMLElement;
          new MutationObserver(() => said.push(status.innerText)).observe(status, {
            childList: true,
            characterData: true,
            subtree: true,
          });
        });
        const words = async () =>
          (await page.evaluate(() => Reflect.get(window, 'said') as string[])).join('\n');
        const counted = async () => {
          await button(page, 'Synthesize').click();
          await page.locator('.synthesized').waitFor({ timeout: 140_000 });
          return page.locator('.synthesized').innerText();
        };
        const unrolled = await counted();
        expect(unrolled).toMatch(/LUT6s of the layer\s+27 \(19 to 35\)\s+27/);
        expect(unrolled).toMatch(/flip-flops with thresholds and scores\s+none\s+0/);
        expect(await words()).toMatch(/^Loading Yosys: \d+ % of 31 MB$/m);
        expect(await words()).toMatch(/^0 of 5 files done\. Yosys is at \w+\.v …$/m);
        expect(await words()).toMatch(/^4 of 5 files done/m);
        const core = () => asked.filter((path) => path.endsWith('yosys.core.wasm')).length;
        expect(core()).toBe(1);
        // The next synthesis has Yosys already.
        await page.selectOption('select >> nth=1', 'ecp5');
        await page.locator('.figures', { hasText: 'LUT4s of the layer' }).waitFor(patient);
        expect(await counted()).toMatch(/LUT4s of the layer\s+\d+ \(\d+ to \d+\)\s+\d+/);
        expect(core()).toBe(1);
        expect(refused).toEqual([]);
      }),
  );

  it('says why a synthesis ends early', { timeout }, () =>
    on('hardware?channels=1&outputs=4', async (page) => {
      await verilog(page);
      const status = page.locator('.buttons [role=status]');
      await button(page, 'Synthesize').click();
      await button(page, 'Stop').click();
      expect(await status.innerText()).toBe('Stopped.');
      await button(page, 'Synthesize').click();
      await button(page, 'Stop').waitFor();
      await page.selectOption('select >> nth=3', '8');
      await eventually(() => status.innerText()).toBe(
        'The synthesis was stopped, as the circuit changed.',
      );
      await page.route('**/yosys.core.wasm', (route) => route.abort('internetdisconnected'));
      await page.locator('text=Designed, written').waitFor(patient);
      await button(page, 'Synthesize').click();
      await page.locator('.problem').waitFor(patient);
      expect(await problem(page)).toMatch(
        /^Yosys did not start: yosys\.core\.wasm could not be loaded; is the browser offline\?\./,
      );
    }),
  );

  it('tries again to start Yosys', { timeout }, () =>
    on('hardware?channels=1&outputs=4', async (page) => {
      await verilog(page);
      await offline(page, true);
      await button(page, 'Synthesize').click();
      await page.locator('.problem').waitFor();
      expect(await problem(page)).toMatch(/^Yosys did not start/);
      await offline(page, false);
      await button(page, 'Try again').click();
      await page.locator('.synthesized').waitFor({ timeout: 100_000 });
      expect(await page.locator('.problem').count()).toBe(0);
    }),
  );

  it('tries again to load the generator, and shows nothing until then', { timeout }, () =>
    on('train', async (page) => {
      await page.route('**/hardwareWorker*', (route) => route.abort('internetdisconnected'));
      await page.locator('.VPSidebar a', { hasText: 'Hardware' }).first().click();
      await page.locator('.problem').waitFor();
      expect(await problem(page)).toMatch(/^The generator could not be loaded/);
      // Another choice tries again too.
      await page.selectOption('select >> nth=2', '2');
      await eventually(() => page.locator('.problem').count()).toBe(1);
      expect(await page.locator('.figures, pre.verilog').count()).toBe(0);
      await page.unroute('**/hardwareWorker*');
      await button(page, 'Try again').click();
      await verilog(page);
      expect(await page.locator('.problem').count()).toBe(0);
    }),
  );
});

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
