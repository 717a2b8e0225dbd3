import { type BitMap, bitCounts, HbnnError } from '@hbnn/core';
import { numberText, percentText } from './output.ts';

/** The colours of 0, 1, 2 … 8 bits, from light to dark. */
const colours: readonly string[] = [
  '#eef0f2',
  '#c6dbef',
  '#6baed6',
  '#d9822b',
  '#a8401f',
  '#5a8f3c',
  '#2f5d1f',
  '#7a4a9a',
  '#3f1f5a',
];

/** A drawing of more elements is larger than what browsers show. */
const maxElements = 1_000_000;

/** Widths in pixels: of the drawing about, and of a cell at most. */
const [drawingWidth, maxCell] = [900, 12];
const [margin, line] = [16, 20];

/** Rows and columns that a tensor is drawn in: a row for each output; of one dimension, about a square. */
function gridOf(
  shape: readonly number[],
  elements: number,
): readonly [rows: number, columns: number] {
  if (shape.length > 1) return [shape[0], elements / shape[0]];
  const columns = Math.ceil(Math.sqrt(elements));
  return [Math.ceil(elements / columns), columns];
}

/** The cells with a number of bits as one path; neighbours in a row are one rectangle. */
function pathOf(bits: Uint8Array, width: number, columns: number, cell: number): string {
  let path = '';
  for (let i = 0; i < bits.length; i++) {
    if (bits[i] !== width) continue;
    const [start, row] = [i, Math.floor(i / columns)];
    while (i + 1 < bits.length && bits[i + 1] === width && Math.floor((i + 1) / columns) === row)
      i++;
    const length = (i - start + 1) * cell;
    path += `M${(start % columns) * cell} ${row * cell}h${length}v${cell}h-${length}z`;
  }
  return path;
}

/**
 * Draw a bit map as SVG: a cell for each element in the colour of its bits, and a legend that says how many there are.
 *
 * @throws HbnnError for a map too large to be looked at
 */
export function bitMapSvg(map: BitMap): string {
  const { bits, shape } = map;
  if (bits.length > maxElements)
    throw new HbnnError(
      `--svg: expected a tensor of at most ${maxElements} elements, got ${bits.length}; leave --svg out`,
    );
  const [rows, columns] = gridOf(shape, bits.length);
  const cell = Math.max(1, Math.min(maxCell, Math.floor(drawingWidth / columns)));
  const counts = Object.entries(bitCounts(map)).map(
    ([width, count]) => [Number(width), count] as const,
  );
  const about =
    shape.length > 1
      ? `Bits of a tensor of shape ${shape.join('×')}: a row for each of ${numberText(rows)} outputs`
      : `Bits of a tensor of ${numberText(bits.length)} elements, in rows of ${numberText(columns)}`;
  const top = margin + line;
  const legendTop = top + rows * cell + margin;
  const width = 2 * margin + Math.max(columns * cell, 520);
  const height = legendTop + counts.length * line + margin;
  const cells = counts.map(
    ([n]) => `<path fill="${colours[n]}" d="${pathOf(bits, n, columns, cell)}"/>`,
  );
  const legend = counts.map(([n, count], i) => {
    const y = legendTop + i * line;
    const text = `${n} ${n === 1 ? 'bit' : 'bits'}: ${numberText(count)} (${percentText(count / bits.length)})`;
    return `<rect x="${margin}" y="${y}" width="14" height="14" fill="${colours[n]}" stroke="#9ca3af"/><text x="${margin + 22}" y="${y + 12}">${text}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="13">`,
    `<title>${about}</title>`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    `<text x="${margin}" y="${margin + 8}">${about}</text>`,
    `<g transform="translate(${margin} ${top})" shape-rendering="crispEdges">`,
    ...cells,
    '</g>',
    ...legend,
    '</svg>\n',
  ].join('\n');
}
