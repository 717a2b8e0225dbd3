// The committed reports as people read them.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const read = (path: string): string =>
  readFileSync(fileURLToPath(new URL(`../results/${path}`, import.meta.url)), 'utf8');

describe.each(['quick', 'cifar10'])('the report of %s', (profile) => {
  const page = read(`${profile}/report.html`);
  const texts = {
    'report.md': read(`${profile}/report.md`),
    'report.html': page.slice(page.indexOf('<body>')),
  };

  it.each(Object.entries(texts))('%s writes negative numbers with a minus sign', (_, text) => {
    expect(text).toContain('−');
    // A coordinate in a picture is not text.
    expect(text.replaceAll(/<svg.*?<\/svg>/gs, '').match(/[ (>|]-\d.{20}/g)).toBeNull();
  });

  it.each(Object.entries(texts))('%s has no raw notation', (name, text) => {
    expect(text).not.toMatch(/T_B/);
    if (name === 'report.html') expect(text).not.toContain('`');
  });

  it('has a narrow version of each figure that is wider than a phone', () => {
    const { files } = JSON.parse(read(`${profile}/manifest.json`)) as { files: object };
    const figures = Object.keys(files).filter((file) => file.endsWith('.svg'));
    const widthOf = (file: string): number =>
      Number(/ width="(\d+)"/.exec(read(`${profile}/${file}`))?.[1]);
    const wide = figures.filter((file) => widthOf(file) > 480);
    expect(wide.length).toBeGreaterThan(3);
    for (const file of wide)
      expect(widthOf(file.replace('.svg', '-narrow.svg')), file).toBeLessThanOrEqual(360);
  });
});
