import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Design, type FoldedDesign, foldedDesign, unrolledDesign } from '@hbnn/circuit';
import { designOf, readRtl, writeRtl } from '@hbnn/cli/readers';
import { encodeModel, randomModel } from '@hbnn/model';
import { verilogFiles } from '@hbnn/verilog';
import { inputFolder, placed } from '../placed.ts';
import { holds, type Reader } from '../reader.ts';

const model = randomModel('rtl folder', { layer: 'conv:4x4x2,k2x2,o4' });

/** The manifest that `hbnn verilog` writes for a design. */
function manifest(design: Design | FoldedDesign): Uint8Array {
  const folder = join(inputFolder(), design.kind);
  const file = placed('model.hbnn', encodeModel(model));
  writeRtl(folder, model, design, verilogFiles(design), { modelFile: file, projectFiles: [] });
  return readFileSync(join(folder, 'hbnn.json'));
}

/** The manifest of a folder of Verilog, and the design that it stands for. */
export const reader = (): Promise<Reader<Design | FoldedDesign>> =>
  Promise.resolve({
    form: 'json',
    seeds: [
      manifest(unrolledDesign(model, {})),
      manifest(unrolledDesign(model, { maxLevels: 4 })),
      manifest(foldedDesign(model, {})),
    ],
    words: ['xc7', 'gates', 'folded', 'unrolled', 'constant', 'maxLevels', 'distributed', 'block'],
    maxSeconds: 2,
    read(bytes) {
      const folder = dirname(placed('rtl/hbnn.json', bytes));
      return designOf(folder, readRtl(folder).manifest, model);
    },
    check(design) {
      holds(Object.keys(verilogFiles(design)).length > 0, 'a design that has Verilog');
    },
  });
