import { bitMapFrom } from '@hbnn/core';
import { expect, test } from 'vitest';
import { bitMapSvg } from './bitMapSvg.ts';

/** The cells of each path, read back: [row, column] of every unit, by colour. */
function cellsOf(svg: string): Map<string, number[][]> {
  const paths = [...svg.matchAll(/<path fill="(.*?)" d="(.*?)"\/>/g)];
  return new Map(
    paths.map(([, colour, d]) => [
      colour,
      [...d.matchAll(/M(\d+) (\d+)h(\d+)v(\d+)h-\d+z/g)].flatMap(([, x, y, length, cell]) =>
        Array.from({ length: Number(length) / Number(cell) }, (_, k) => [
          Number(y) / Number(cell),
          Number(x) / Number(cell) + k,
        ]),
      ),
    ]),
  );
}

test('every element is one cell in the colour that the legend gives its bits', () => {
  const shape = [4, 3, 5];
  const bits = Uint8Array.from({ length: 60 }, (_, i) => (i * i) % 9);
  const svg = bitMapSvg(bitMapFrom(bits, shape));
  const legend = new Map(
    [...svg.matchAll(/fill="(#\w+)" stroke="#9ca3af"\/><text [^>]*>(\d) bits?: (\d+) /g)].map(
      ([, colour, width, count]) => [colour, [Number(width), Number(count)]],
    ),
  );
  const drawn = new Uint8Array(60).fill(255);
  for (const [colour, cells] of cellsOf(svg)) {
    const [width, count] = legend.get(colour) ?? [];
    expect(cells).toHaveLength(count);
    for (const [row, column] of cells) drawn[15 * row + column] = width;
  }
  expect(drawn).toEqual(bits);
});

test('a row of one dimension is drawn about square, and a huge tensor is refused', () => {
  const svg = bitMapSvg(bitMapFrom(new Uint8Array(10).fill(1), [10]));
  expect(svg).toContain('in rows of 4');
  expect([...cellsOf(svg).values()].flat()).toHaveLength(10);
  const thousands = bitMapSvg(bitMapFrom(new Uint8Array(12_902).fill(1), [12_902]));
  expect(thousands).toContain('>Bits of a tensor of 12,902 elements, in rows of 114<');
  expect(thousands).toContain('>1 bit: 12,902 (100.0 %)<');
  const [huge, shape] = [new Uint8Array(1_000_001).fill(1), [1_000_001]];
  expect(() => bitMapSvg(bitMapFrom(huge, shape))).toThrow(
    '--svg: expected a tensor of at most 1000000 elements, got 1000001; leave --svg out',
  );
});
