import { foldedDesign, unrolledDesign } from '@hbnn/circuit';
import { HbnnError } from '@hbnn/core';
import { randomModel } from '@hbnn/model';
import {
  projectFiles,
  prove,
  simulate,
  synthesisTarget,
  synthesize,
  testbenchFiles,
  verify,
  verilogFiles,
} from '@hbnn/verilog';
import { describe, expect, test } from 'vitest';

const model = randomModel(1, { layer: 'dense:4x2' });
const design = unrolledDesign(model);
const files = verilogFiles(design);
const target = synthesisTarget('xc7', () => {
  throw new HbnnError('no library');
});

const calls: Readonly<Record<string, (o: object) => unknown>> = {
  foldedDesign: (o) => foldedDesign(model, o),
  unrolledDesign: (o) => unrolledDesign(model, o),
  verify: (o) => verify(model, design, files, o),
  prove: (o) => prove(model, design, files, o),
  simulate: (o) => simulate(model, design, files, o),
  synthesize: (o) => synthesize(files, design.top, target, o),
  testbenchFiles: (o) => testbenchFiles(model, design, o),
  projectFiles: (o) => projectFiles(design, files, o),
};

/** What an error says, whether it is thrown or a promise is rejected. */
const refusal = async (call: () => unknown): Promise<string> => {
  try {
    await call();
  } catch (error) {
    expect(error).toBeInstanceOf(HbnnError);
    return (error as Error).message;
  }
  return 'none';
};

describe('An option that is not known is refused by its name', () => {
  test.each(Object.keys(calls))('%s', async (name) => {
    expect(await refusal(() => calls[name]({ imagse: 3 }))).toMatch(
      new RegExp(`^${name}: expected no other options than .*, got 'imagse'; leave it out`),
    );
  });
});

const wrong: readonly (readonly [string, object, string])[] = [
  ['foldedDesign', { style: 'xc8' }, "style: expected one of xc7, gates, got 'xc8'"],
  ['foldedDesign', { balanced: 'no' }, "expected true or false as balanced, got 'no'"],
  ['foldedDesign', { memories: { rom: 'blok' } }, 'memories.rom: expected one of case, hex'],
  ['foldedDesign', { memories: { lines: 'x' } }, 'memories.lines: expected one of auto,'],
  ['foldedDesign', { memories: { roms: 'hex' } }, 'memories: expected no other options than rom'],
  ['foldedDesign', { folds: [] }, 'expected folds by the names of layers, got'],
  ['testbenchFiles', { pixels: [0] }, 'pixels: expected a Uint8Array of whole images of'],
  ['testbenchFiles', { pixels: new Uint8Array(0) }, ', got 0 bytes; give images as the model'],
  ['testbenchFiles', { pixels: new Uint8Array(5) }, ', got 5 bytes; give images as the model'],
  ['unrolledDesign', { prefix: 5 }, 'prefix: expected a text, got'],
  ['unrolledDesign', { maxAdders: Number.NaN }, 'expected a number above 0 as maxAdders, got NaN'],
  ['unrolledDesign', { style: 'xc8' }, "style: expected one of xc7, gates, got 'xc8'"],
  ['verify', { images: 0 }, 'expected a whole number of at least 1 as images, got 0'],
  ['verify', { images: 1.5 }, 'expected a whole number of at least 1 as images, got 1.5'],
  ['verify', { rounds: -1 }, 'expected a whole number of at least 1 as rounds, got -1'],
  ['verify', { effort: 0 }, 'expected a share above 0 as effort, got 0'],
  ['prove', { workers: 0 }, 'expected a whole number of at least 1 as workers, got 0'],
  ['prove', { secondsPerLayer: Number.NaN }, 'expected seconds from 0 on as secondsPerLayer'],
  ['simulate', { imagesInARow: 0 }, 'expected a whole number of at least 1 as imagesInARow, got 0'],
  [
    'synthesize',
    { workers: '2' },
    'expected a whole number of at least 1 as workers, got a string',
  ],
  ['testbenchFiles', { run: 5 }, 'run: expected a function from pixels to scores, got'],
  [
    'testbenchFiles',
    { images: 2, run: () => new Int32Array(3) },
    'run: expected an Int32Array of 4 scores, one of each class for each image, got 3 scores',
  ],
  ['testbenchFiles', { images: -3 }, 'expected a whole number of at least 1 as images, got -3'],
  ['projectFiles', { clockMhz: -1 }, 'expected megahertz above 0, got -1'],
];

describe('A value that does not fit is refused', () => {
  test.each(wrong)('%s %j', async (name, o, message) => {
    expect(await refusal(() => calls[name](o))).toContain(message);
  });
});
