// Each test does one unusual thing in the hardware playground of the built site.
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

  it('shows the bits of a random input, and their sum', { timeout }, () =>
    on('hardware?channels=1&outputs=4&inputs=1.4&input=3', async (page) => {
      await verilog(page);
      const sum = () => page.locator('.tree .sum').innerText();
      const before = await sum();
      expect(before).toMatch(/sum of the first output is −?\d+\.$/);
      expect(await page.locator('.tree circle.zero').count()).toBeGreaterThan(3);
      const titles = await page.locator('.tree circle title').allTextContents();
      expect(titles.every((title) => /; its bit is [01]$/.test(title))).toBe(true);
      await page.getByLabel('Bits for').selectOption('4');
      await eventually(() => query(page)).toContain('input=4');
      await page.getByLabel('Bits for').selectOption('0');
      expect(await page.locator('.tree circle.zero').count()).toBe(0);
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
      await eventually(() => query(page)).toBe(`?gate=${at}`);
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
      // The address has the gate, and another visitor sees it.
      await eventually(() => query(page)).toMatch(/^\?gate=\d+$/);
      await eventually(() => query(page)).not.toBe(`?gate=${at}`);
      const line = await marked(page).innerText();
      await page.reload();
      await verilog(page);
      await eventually(() => marked(page).innerText()).toBe(line);
      // The keyboard reaches the lines too: arrows go from one to the next, and Enter chooses.
      const number = async (): Promise<number> =>
        Number(await marked(page).getAttribute('data-line'));
      const before = await number();
      await page.locator('pre.verilog [data-line][tabindex="0"]').focus();
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('Enter');
      await eventually(number).toBeGreaterThan(before);
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
        expect(words).toMatch(/\n?145\nLUT6s of the layer/);
        expect(words).toContain('LUT6s with thresholds and scores\nexpected ');
        expect(words).toContain('flip-flops with thresholds and scores\nexpected ');
        expect(words).not.toMatch(/cycles?\ncycle/);
        expect(words).toMatch(
          /nJ\nenergy of the FPGA for an image\nexpected [\d.]+ nJ to [\d.]+ nJ/,
        );
        expect(await page.locator('#adders').innerText()).toContain(
          'The adders of the lanes of one PE',
        );
        expect(await page.locator('.tree circle').count()).toBeGreaterThan(3);
        const unknown = page.locator('.unknown');
        expect(await unknown.count()).toBe(0);
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
        await page.selectOption('select >> nth=1', 'ecp5');
        await eventually(() => unknown.innerText()).toContain('no estimate of the energy');
        const lattice = await figures.innerText();
        expect(lattice).toContain('LUT4s with thresholds and scores\nexpected ');
        expect(lattice).not.toContain('energy');
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
