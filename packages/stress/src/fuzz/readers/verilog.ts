import { unrolledDesign } from '@hbnn/circuit';
import { interpreter, randomModel } from '@hbnn/model';
import { simulate, verilogFiles } from '@hbnn/verilog';
import { bytesOfText, holds, type Reader } from '../reader.ts';

const model = randomModel('verilog', { layer: 'dense:4x2' });
const design = unrolledDesign(model, {});

/** All Verilog in one file. */
const text = Object.entries(verilogFiles(design))
  .filter(([name]) => name.endsWith('.v'))
  .map(([, source]) => source)
  .join('\n');

const images = Uint8Array.from({ length: 16 * 4 }, (_, i) => (i * 71) & 255);

/** Text that Yosys reads back. A change of it may well compute something else, which is not checked here. */
export const reader = (): Promise<Reader<Int32Array>> =>
  Promise.resolve({
    form: 'text',
    seeds: [bytesOfText(text)],
    words: [
      'wire',
      'assign',
      'endmodule',
      '`include "/etc/hostname"',
      '$readmemh("x", y);',
      '~',
      '&',
      '(*',
      '1 / 0',
    ],
    maxSeconds: 10,
    async read(bytes) {
      const files = { 'all.v': Buffer.from(bytes).toString('utf8') };
      return (await simulate(model, design, files)).run(images);
    },
    check(scores) {
      holds(
        scores.length === interpreter(model).run(images).length,
        'as many scores as the model has',
      );
    },
  });
