// The page of guide/web.md, in a real browser, on the built packages.
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { serve } from './serve.ts';
import { docs, openChromium } from './sitePages.ts';

const text = readFileSync(join(docs, 'guide', 'web.md'), 'utf8');

/** The first block of a language that has some text. */
function block(language: string, has: string): string {
  const blocks = [...text.matchAll(/^```(\w+)[^\n]*\n([\s\S]*?)^```$/gm)];
  const found = blocks.find(({ 1: own, 2: code }) => own === language && code.includes(has));
  if (found === undefined) throw new Error(`expected a block of ${language} with ${has}`);
  return found[2];
}

it('a stroke on the canvas gets three classes', { timeout: 60_000 }, async () => {
  // Chromium may not follow links to places that its sandbox hides.
  const folder = mkdtempSync(join(docs, '.web-'));
  const page = block('html', '<canvas');
  const script = /^<script type="module"/m;
  expect(page).toMatch(script);
  writeFileSync(
    join(folder, 'index.html'),
    page.replace(script, (start) => `${block('html', 'importmap')}${start}`),
  );
  writeFileSync(join(folder, 'main.js'), block('js', '// main.js'));
  copyFileSync(join(docs, 'public', 'models', 'bits-1.4.hbnn'), join(folder, 'page.hbnn'));
  mkdirSync(join(folder, 'node_modules', '@hbnn'), { recursive: true });
  for (const name of ['core', 'model', 'wasm'])
    symlinkSync(join(docs, '..', 'packages', name), join(folder, 'node_modules', '@hbnn', name));
  const { server, url } = await serve(folder, '/');
  const browser = await openChromium();
  try {
    const opened = await browser.newPage();
    const problems: string[] = [];
    opened.on('pageerror', ({ message }) => problems.push(message));
    await opened.goto(`${url}index.html`);
    await opened.waitForFunction(() => {
      const canvas = document.querySelector('canvas');
      return canvas?.getContext('2d')?.getImageData(0, 0, 1, 1).data[3] === 255;
    });
    const box = await opened.locator('canvas').boundingBox();
    const { x, y } = box ?? { x: 0, y: 0 };
    await opened.mouse.move(x + 60, y + 60);
    await opened.mouse.down();
    await opened.mouse.move(x + 200, y + 200, { steps: 10 });
    await opened.mouse.up();
    const lines = await opened.locator('ol li').allInnerTexts();
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(line).toMatch(/^\D+ \d+ %$/);
    expect(problems).toEqual([]);
  } finally {
    await browser.close();
    server.close();
    rmSync(folder, { recursive: true });
  }
});
