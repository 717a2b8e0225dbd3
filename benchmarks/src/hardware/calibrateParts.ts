/**
 * `pnpm bench:parts [--gates FILE] [--adders FILE]`: synthesize the choice of the largest score, as `hbnn verilog` writes
 * it, for a grid of scores and widths, and the comparisons of a pixel, and write what they take into a source file.
 *
 * --gates is a Liberty file of a library without cells that add, --adders one of a library with them. Both have areas in
 * gate equivalents; those of an option that is left out stay as they are (the default). LUTs of Xilinx 7 and iCE40 are
 * always counted again, and so are the tables of iCE40 that comparisons of a pixel take.
 *
 * It writes packages/estimator/src/unrolled/measuredParts.ts, in place of what is there.
 */
import { fileURLToPath } from 'node:url';
import { type AdderStyle, type Fabric, fabrics, unrolledDesign } from '@hbnn/circuit';
import { progressMeter } from '@hbnn/cli/progress';
import { readCellFile, readLibertyFile } from '@hbnn/cli/readers';
import { scriptOptions } from '@hbnn/cli/scriptOptions';
import { HbnnError } from '@hbnn/core';
import { tournamentAreas } from '@hbnn/estimator';
import { randomModel } from '@hbnn/model';
import { writeWhole } from '@hbnn/train/files';
import { synthesisTarget, synthesize, type Target, verilogFiles } from '@hbnn/verilog';
import { gateArea } from './estimatedTarget.ts';

const { values } = scriptOptions(import.meta.url, {
  options: { gates: { type: 'string' }, adders: { type: 'string' } },
});
const counts = [2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 24, 32, 64];
const widths = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 20, 24];

const noLibrary = (file: string): never => {
  throw new HbnnError(`${file}: expected no library of cells; give it by --gates or --adders`);
};

interface Measured {
  readonly circuit: Fabric;
  readonly target: Target;
  /** Area of a gate equivalent; undefined for look-up tables. */
  readonly gate?: number;
}

const targets: readonly Measured[] = [
  { circuit: 'lut6', target: synthesisTarget('xc7', noLibrary) },
  { circuit: 'lut4', target: synthesisTarget('ice40', noLibrary) },
  ...(['gates', 'adders'] as const).flatMap((circuit) => {
    const file = values[circuit];
    if (file === undefined) return [];
    const option = `--${circuit}`;
    const gate = gateArea([readLibertyFile(option, file)], option, file);
    const target = { name: `liberty:${file}`, liberty: [readCellFile(option, file)] };
    return [{ circuit, target, gate }];
  }),
];

const pixelBits = 8;

/** One module for each x >= threshold of eight bits, as `hbnn verilog` writes it. */
function comparisons(): Record<string, string> {
  const files: Record<string, string> = {};
  const thresholds = Array.from({ length: 2 ** pixelBits - 1 }, (_, i) => i + 1);
  for (const threshold of thresholds) {
    const digits = [...threshold.toString(2).padStart(pixelBits, '0')].reverse();
    const least = digits.indexOf('1');
    const met = digits
      .map((digit, i) => ({ digit, bit: `x[${i}]` }))
      .slice(least + 1)
      .reduce(
        (from, { digit, bit }) => `(${bit} ${digit === '1' ? '&' : '|'} ${from})`,
        `x[${least}]`,
      );
    files[`at_least_${threshold}.v`] =
      `module at_least_${threshold} (input wire [7:0] x, output wire y);\n  assign y = ${met};\nendmodule\n`;
  }
  const instances = thresholds.map(
    (threshold) => `  at_least_${threshold} u_${threshold} (.x(x), .y(y[${threshold}]));`,
  );
  files['top.v'] =
    `module top (input wire [7:0] x, output wire [255:1] y);\n${instances.join('\n')}\nendmodule\n`;
  return files;
}

const nameOf = (count: number, width: number): string => `largest_${count}_${width}`;

/** One module per point of the grid, below a top that keeps all of them. */
function tournaments(style: AdderStyle): Record<string, string> {
  const design = unrolledDesign(randomModel(1, { layer: 'dense:8x2' }), { style });
  // As beside a whole design: how Yosys orders gates, and so what it finds, hangs on what else it reads.
  const files: Record<string, string> = { ...verilogFiles(design) };
  for (const { module } of design.layers) delete files[`${module}.v`];
  for (const name of [design.top, design.scores.name, design.largest.name])
    delete files[`${name}.v`];
  const lines: string[] = [];
  for (const count of counts)
    for (const width of widths) {
      const name = nameOf(count, width);
      const classes = Array.from({ length: count }, (_, k) => `${k}`);
      const variant = { ...design, classes, largest: { name, width, registered: [] } };
      files[`${name}.v`] = verilogFiles(variant)[`${name}.v`];
      const bits = Math.ceil(Math.log2(count));
      lines.push(
        `  wire [${bits - 1}:0] y_${count}_${width};`,
        `  ${name} u_${count}_${width} (.x(x[${32 * count - 1}:0]), .largest(y_${count}_${width}));`,
      );
    }
  const all = counts.flatMap((count) => widths.map((width) => `y_${count}_${width}`));
  const out = all.map((name) => `^${name}`).join(', ');
  files['top.v'] = [
    `module top (input wire [${32 * Math.max(...counts) - 1}:0] x, output wire [${all.length - 1}:0] y);`,
    ...lines,
    `  assign y = {${out}};`,
    'endmodule\n',
  ].join('\n');
  return files;
}

let done = 0;
const meter = progressMeter('tournaments:');
const areas: Record<string, readonly (readonly number[])[]> = { ...tournamentAreas };
for (const { circuit, target, gate } of targets) {
  const cost = await synthesize(tournaments(fabrics[circuit].style), 'top', target);
  areas[circuit] = counts.map((count) =>
    widths.map((width) => {
      const found = cost.layers.find(({ layer }) => layer === nameOf(count, width));
      const area = gate === undefined ? found?.luts : found?.area;
      return Number(((area ?? 0) / (gate ?? 1)).toFixed(2));
    }),
  );
  meter.update(++done, targets.length, 'circuits');
}
meter.stop();
const compared = await synthesize(comparisons(), 'top', synthesisTarget('ice40', noLibrary));
const tables = new Map(compared.layers.map(({ layer, luts }) => [layer, luts]));
const digits = Array.from({ length: 255 }, (_, i) => `${tables.get(`at_least_${i + 1}`) ?? 0}`);
const rows = (table: readonly (readonly number[])[]): string =>
  table.map((row) => `[${row.join(', ')}],`).join('\n    ');
writeWhole(
  fileURLToPath(
    new URL('../../../packages/estimator/src/unrolled/measuredParts.ts', import.meta.url),
  ),
  `/*
 * Written by \`pnpm bench:parts\`: areas of the choice of the largest score by Yosys, [scores][bits of a score], in
 * LUTs of Xilinx 7 (lut6) and iCE40 (lut4), and in gate equivalents of IHP's 130 nm cells (gates) and sky130 (adders).
 */
export const tournamentCounts: readonly number[] = [${counts.join(', ')}];
export const tournamentWidths: readonly number[] = [${widths.join(', ')}];
// biome-ignore format: one row per number of scores
export const tournamentAreas = {
${Object.keys(areas)
  .map((circuit) => `  ${circuit}: [\n    ${rows(areas[circuit])}\n  ],`)
  .join('\n')}
};

/** Tables of four inputs that x >= 1 to x >= 255 take, x of eight bits: a digit each. */
// biome-ignore format: one word
export const pixelTables4 = '${digits.join('')}';
`,
);
