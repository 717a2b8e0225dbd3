// The pictures of the page about the idea, in a real browser, beside what @hbnn/core computes.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  approximate,
  binarize,
  bitMapFrom,
  decodeNpy,
  distance,
  distFromAverage,
  type FloatTensor,
  floatTensor,
  selectBits,
} from '@hbnn/core';
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { normalTensor } from '../components/bits/bitsState.ts';
import { chosenFilter } from '../components/idea/chosenFilter.ts';
import { bitWords, percent, signed } from '../components/shared/numberWords.ts';
import { close, docs, type Site, startSite } from './sitePages.ts';

let site: Site;

beforeAll(async () => {
  site = await startSite();
}, 60_000);
afterAll(() => site?.end());

/** A tensor with the same number of bits for every weight. */
function withSameBits(tensor: FloatTensor, bits: number): FloatTensor {
  const map = bitMapFrom(new Uint8Array(tensor.data.length).fill(bits), tensor.shape);
  return approximate(binarize(tensor, map));
}

/** The errors that the histogram shows in a step. */
function errorsOf(tensor: FloatTensor, bits: number): { mean: string; relative: string } {
  const relative = distance(tensor, withSameBits(tensor, bits));
  const sum = Array.from(tensor.data).reduce((before, weight) => before + weight * weight, 0);
  const square = sum / tensor.data.length;
  return {
    mean: (relative * relative * square).toFixed(3),
    relative: percent(relative),
  };
}

const shownStep = (page: Page): Locator => page.locator('.histogram-steps .view:visible');

describe('the histogram of the steps', () => {
  const tensor = normalTensor();

  it('is walked through by keyboard alone', { timeout: 60_000 }, async () => {
    const opened = await site.open('idea', { width: 390 });
    const { page, problems } = opened;
    const slider = page.locator('.steps input[type=range]');
    await slider.waitFor();
    await slider.focus();
    // The link of the heading in between takes the focus too.
    for (let i = 0; i < 2; i++) await page.keyboard.press('Tab');
    const heights = new Set<number>();
    for (const bits of [0, 1, 2, 3]) {
      if (bits > 0) await page.keyboard.press('ArrowRight');
      expect(await page.evaluate(() => document.activeElement?.id)).toBe(`histogram-step-${bits}`);
      const view = shownStep(page);
      expect(await view.count()).toBe(1);
      expect(await view.getAttribute('data-step')).toBe(`${bits}`);
      const { mean, relative } = errorsOf(tensor, bits);
      expect(await view.locator('.error').innerText()).toBe(mean);
      expect(await view.locator('.relative').innerText()).toBe(relative);
      const pictures = view.getByRole('img');
      expect(await pictures.count()).toBe(2);
      for (const picture of await pictures.all())
        expect(await picture.getAttribute('aria-label')).toMatch(`Step ${bits}: histogram`);
      const values = new Set(withSameBits(tensor, bits).data);
      expect(await view.locator('.stem').count()).toBe(bits === 0 ? 0 : values.size);
      heights.add((await page.locator('.histogram-steps').boundingBox())?.height ?? 0);
    }
    // Nothing below moves from step to step.
    expect(heights.size).toBe(1);
    expect(problems).toEqual([]);
    await close(opened);
  });

  it('works without JavaScript', { timeout: 60_000 }, async () => {
    const opened = await site.open('idea', { javaScriptEnabled: false });
    const { page } = opened;
    expect(await shownStep(page).locator('.error').innerText()).toBe(errorsOf(tensor, 0).mean);
    await page.locator('label[for=histogram-step-2]').click();
    expect(await shownStep(page).locator('.error').innerText()).toBe(errorsOf(tensor, 2).mean);
    expect(await page.locator('.filter-steps svg').count()).toBe(5);
    expect(await page.locator('svg.steps-plot rect').count()).toBe(3);
    await close(opened);
  });

  it('is printed with all steps', { timeout: 60_000 }, async () => {
    const opened = await site.open('idea');
    await opened.page.emulateMedia({ media: 'print' });
    expect(await shownStep(opened.page).count()).toBe(4);
    expect(await opened.page.locator('.histogram-steps label:visible').count()).toBe(0);
    await close(opened);
  });
});

describe('the filter', () => {
  const file = join(docs, 'public', 'models', 'weights', `${chosenFilter.layer}.npy`);
  const { data, shape } = decodeNpy(readFileSync(file), file);
  const layer = floatTensor(Float32Array.from(data), shape);
  const map = selectBits(layer, { mix: distFromAverage(1.4), select: 'middle-out' });
  const [outputs, height, width, inputs] = shape;
  const indicesOf = (output: number, input: number): number[] =>
    Array.from(
      { length: height * width },
      (_, position) => (output * height * width + position) * inputs + input,
    );
  const indices = indicesOf(chosenFilter.output, chosenFilter.input);

  it('is chosen as the text says', { timeout: 60_000 }, async () => {
    const approximations = [
      ...[1, 2, 3].map((bits) => withSameBits(layer, bits)),
      approximate(binarize(layer, map)),
    ];
    const part = ({ data: values }: FloatTensor, at: readonly number[]): FloatTensor =>
      floatTensor(
        Float32Array.from(at, (i) => values[i]),
        [at.length],
      );
    // How far the four errors of a filter are from those of the layer.
    const farness = (at: readonly number[]): number =>
      approximations
        .map((other) => distance(part(layer, at), part(other, at)) - distance(layer, other))
        .reduce((sum, difference) => sum + Math.abs(difference), 0);
    const candidates = Array.from({ length: outputs * inputs }, (_, filter) =>
      indicesOf(Math.floor(filter / inputs), filter % inputs),
    ).filter((at) => {
      const sorted = at.map((i) => map.bits[i]).sort();
      return sorted.join('') === '111111223';
    });
    const [nearest] = candidates.sort((a, b) => farness(a) - farness(b));
    expect(nearest).toEqual(indices);
    const opened = await site.open('idea');
    const text = await opened.page.locator('.vp-doc').innerText();
    expect(text).toContain(`In ${candidates.length} of the layer’s ${outputs * inputs} filters`);
    const [before, after] = [0, 3].map((bits) => errorsOf(normalTensor(), bits).mean);
    expect(text).toContain(`it falls from ${before} to ${after}`);
    const mean =
      Array.from(normalTensor().data).reduce((sum, weight) => sum + Math.abs(weight), 0) / 4608;
    expect(text).toContain(`every weight is either +${mean.toFixed(2)} or −${mean.toFixed(2)}`);
    const scales = [map, bitMapFrom(new Uint8Array(data.length).fill(2), shape)].map((bits) =>
      binarize(layer, bits).planes.map((plane) => plane.scales[0]),
    );
    expect(text).toContain(`magnitude of the layer’s weights is ${scales[0][0].toFixed(2)}`);
    expect(text.replace(/\s+/g, ' ')).toContain(
      `is ${scales[0][1].toFixed(3)} at 1.4 bits, and ${scales[1][1].toFixed(3)} at 2 bits for every`,
    );
    // The largest weight, that of one bit, and the smallest ones: what the text says of them.
    const words = (values: ArrayLike<number>, i: number) => signed(values[indices[i]]);
    const one = withSameBits(layer, 1).data;
    const mixed = approximate(binarize(layer, map)).data;
    const largest = indices.findIndex((i) => map.bits[i] === 3);
    const small = indices.findIndex((i) => map.bits[i] === 2 && layer.data[i] > 0);
    expect(text).toContain(
      `the weight of ${words(layer.data, largest)} becomes ${words(one, largest)}`,
    );
    expect(text).toContain(`With three bits, the weight becomes ${words(mixed, largest)}`);
    expect(text).toContain(
      `the weight of ${words(layer.data, small)} becomes ${words(mixed, small)}`,
    );
    await close(opened);
  });

  it('has the bits of the map and the values of the package', { timeout: 60_000 }, async () => {
    const opened = await site.open('idea', { width: 390 });
    const { page, problems } = opened;
    const mixed = page.locator('.filter-steps [data-bits="1.4"]');
    const bits = await mixed.locator('.cell .bits').allTextContents();
    expect(bits).toEqual(indices.map((i) => bitWords(map.bits[i])));
    for (const [name, values] of [
      ['float', layer.data],
      ['1', withSameBits(layer, 1).data],
      ['2', withSameBits(layer, 2).data],
      ['3', withSameBits(layer, 3).data],
      ['1.4', approximate(binarize(layer, map)).data],
    ] as const) {
      const cells = page.locator(`.filter-steps [data-bits="${name}"] .cell .value`);
      const shown = (await cells.allTextContents()).map((text) => text.replace('−', '-'));
      expect(shown.map((text) => Number(text))).toEqual(
        indices.map((i) => Number(values[i].toFixed(2))),
      );
      expect(shown.map((text) => text[0])).toEqual(indices.map((i) => (values[i] < 0 ? '-' : '+')));
    }
    expect(problems).toEqual([]);
    await close(opened);
  });

  it('and its layer have the errors of the package', { timeout: 60_000 }, async () => {
    const opened = await site.open('idea');
    for (const [name, approximation] of [
      ['1', withSameBits(layer, 1)],
      ['2', withSameBits(layer, 2)],
      ['3', withSameBits(layer, 3)],
      ['1.4', approximate(binarize(layer, map))],
    ] as const) {
      const filter = (values: FloatTensor['data']): FloatTensor =>
        floatTensor(
          Float32Array.from(indices, (i) => values[i]),
          [indices.length],
        );
      const own = distance(filter(layer.data), filter(approximation.data));
      const picture = opened.page.locator(`.filter-steps [data-bits="${name}"]`);
      expect(await picture.locator('.error').innerText()).toBe(`error ${percent(own)}`);
      const row = opened.page.locator(`.layer-errors [data-bits="${name}"] td`);
      expect(await row.last().innerText()).toBe(percent(distance(layer, approximation)));
    }
    await close(opened);
  });
});
