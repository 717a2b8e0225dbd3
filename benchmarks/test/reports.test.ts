// The committed reports as people read them.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { pointsText } from '../src/reproduce/claims.ts';
import type { Report } from '../src/reproduce/report/stageReport.ts';

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

  it('has a name for each image that a screen reader finds', () => {
    const images = page.match(/<[a-z][^>]* role="(?:img|graphics-[a-z]+)"[^>]*>/gi) ?? [];
    const named = images.filter((tag) => /^<svg .* aria-label="[^"]*[^"\s]/.test(tag));
    expect(images.length).toBeGreaterThan(3);
    expect(named).toEqual(images);
    expect(page.match(/<svg /g)).toHaveLength(images.length);
  });

  it('has date, commit, machine and data set under its title', () => {
    expect(page).toMatch(
      /<\/h1>\n<p class="origin">date \d{4}-\d\d-\d\d · commit [0-9a-f]{7} · machine [^<]+ · data set [^<]+<\/p>/,
    );
  });

  it('rounds the differences of its claims once, from their full values', () => {
    const { stages } = JSON.parse(read(`${profile}/results.json`)) as Report;
    const claims = stages.flatMap((stage) => stage.claims).filter(({ test }) => test);
    expect(claims.length).toBeGreaterThan(5);
    for (const { test, because } of claims)
      for (const value of [test?.difference, test?.low, test?.high])
        expect(because).toContain(pointsText(value ?? Number.NaN));
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
