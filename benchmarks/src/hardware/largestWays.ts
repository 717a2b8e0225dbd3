// `pnpm bench:largest [--gates FILE]`: synthesize the choice of the largest score as the comparisons that `hbnn verilog`
// writes in unrolled designs and as the netlist of folded ones, and print both and their ratio: LUTs of Xilinx 7 and
// iCE40, and area in the cells of a Liberty file.

import { type Design, indexWidth, largestCode, Netlist, unrolledDesign } from '@hbnn/circuit';
import { readCellFile } from '@hbnn/cli/readers';
import { scriptOptions } from '@hbnn/cli/scriptOptions';
import { randomModel } from '@hbnn/model';
import { synthesisTarget, synthesize, verilogFiles } from '@hbnn/verilog';

const { values } = scriptOptions(import.meta.url, { options: { gates: { type: 'string' } } });
const names = ['xc7', 'ice40', ...(values.gates === undefined ? [] : [`liberty:${values.gates}`])];
const targets = names.map((name) => synthesisTarget(name, (file) => readCellFile('--gates', file)));
const counts = [2, 4, 10, 16, 32, 64];
const widths = [8, 10, 12, 16, 20];

const design = unrolledDesign(randomModel(1, { layer: 'dense:8x2' }));

/** Make a design with `count` scores whose largest is chosen by comparisons. */
function compared(count: number, width: number): Design {
  const classes = Array.from({ length: count }, (_, k) => `${k}`);
  return { ...design, classes, largest: { name: 'compared', width, registered: [] } };
}

/** The same choice as a netlist, in place of the scores' module. */
function chosen(count: number, width: number): Design {
  const net = new Netlist(32 * count);
  const codes = Array.from({ length: count }, (_, k) =>
    Array.from({ length: width }, (_, i) => net.input(32 * k + i) ^ (i === width - 1 ? 1 : 0)),
  );
  net.outputs.push(...largestCode(net, codes).index);
  const ports = [{ name: 'largest', width: indexWidth(count) }];
  return { ...design, scores: { kind: 'leaf', name: 'chosen', net, ports, about: [] } };
}

console.log('| target | scores | bits | as comparisons | as a netlist | ratio |');
console.log('|---|---:|---:|---:|---:|---:|');
for (const target of targets) {
  const sums = [0, 0];
  for (const count of counts)
    for (const width of widths) {
      const texts = [
        verilogFiles(compared(count, width))['compared.v'],
        verilogFiles(chosen(count, width))['chosen.v'],
      ];
      const costs = [];
      for (const [i, top] of ['compared', 'chosen'].entries())
        costs.push(await synthesize({ [`${top}.v`]: texts[i] }, top, target, { workers: 1 }));
      const areas = costs.map(({ area, luts }) => area ?? luts);
      areas.forEach((area, i) => {
        sums[i] += area;
      });
      const ratio = (areas[1] / areas[0]).toFixed(3);
      console.log(
        `| ${target.name.split(':')[0]} | ${count} | ${width} | ${areas.map((area) => Math.round(area)).join(' | ')} | ${ratio} |`,
      );
    }
  console.log(
    `| ${target.name} | all | all | ${sums.map(Math.round).join(' | ')} | ${(sums[1] / sums[0]).toFixed(3)} |`,
  );
}
