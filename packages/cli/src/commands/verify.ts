import { HbnnError, type IntegerModel } from '@hbnn/core';
import {
  type Design,
  type FoldedDesign,
  type Proof,
  prove,
  type Verified,
  verify,
} from '@hbnn/verilog';
import { Command } from 'commander';
import { readModelFile } from '../modelFile.ts';
import { wholeNumber } from '../numbers.ts';
import { printResult } from '../output.ts';
import { progressMeter } from '../progress.ts';
import { designOf, readRtl } from '../rtlFolder.ts';

interface Options {
  model: string;
  rtl: string;
  images: string;
  seed: string;
  proof?: boolean;
  secondsPerLayer: string;
  json?: boolean;
}

/** Hardware and model differ: not what was asked for, but no fault of hbnn. */
const differ = 3;

export function verifyCommand(): Command {
  return new Command('verify')
    .description('check Verilog on disk against its model, whoever edited it last')
    .requiredOption('--model <file>', 'model file')
    .requiredOption('--rtl <folder>', 'folder of hbnn verilog')
    .option('--images <n>', 'seeded images through the whole network', '256')
    .option('--seed <n>', 'a whole number', '1')
    .option('--proof', 'prove each layer for all inputs where that can be done')
    .option('--seconds-per-layer <n>', 'what is not proved by then is simulated', '120')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nThe text is read by Yosys and its gates are computed: each layer of the whole network on images, and\neach layer alone where the text is not what hbnn writes. Exit code 3 where they differ, with the first\nlayer that does.\n\n--proof: counters and carry chains are proved by Yosys’s sat, sums by the adders that their gates are,\nwhat depends on few bits by trying all. The result says of each layer which it was; what is only\nsimulated is no proof. The scores, the number of the largest and the top module’s wires are simulated.\n\nExample:\n  hbnn verify --model m.hbnn --rtl rtl --json',
    )
    .action((o: Options) => run(o));
}

async function run(o: Options): Promise<void> {
  const images = wholeNumber(o.images, '--images');
  if (images < 1) throw new HbnnError(`--images: expected at least 1, got ${images}`);
  const seed = wholeNumber(o.seed, '--seed');
  const { manifest, files } = readRtl(o.rtl);
  const model = await readModelFile(o.model);
  const design = designOf(o.rtl, manifest, model);
  const secondsPerLayer = wholeNumber(o.secondsPerLayer, '--seconds-per-layer');
  const provable = o.proof ? combinational(design, o.rtl) : undefined;
  const result = await verify(model, design, files, { images, seed });
  const proof =
    provable !== undefined && result.equal
      ? await proofOf(model, provable, files, secondsPerLayer, seed)
      : {};
  printResult({ model: o.model, rtl: o.rtl, ...result, ...proof }, o.json);
  if (!result.equal || proof.equal === false) process.exitCode = differ;
}

/** Proofs are of logic between inputs and outputs: registers have them in other cycles. */
function combinational(design: Design | FoldedDesign, folder: string): Design {
  if (design.kind === 'folded' || design.latencyCycles > 0)
    throw new HbnnError(
      `--proof: expected an unrolled design without registers, got ${design.kind === 'folded' ? 'a folded one' : `${design.latencyCycles} cycles of latency`} in ${folder}; write it with hbnn verilog without --style folded and --max-levels, or leave --proof out`,
    );
  return design;
}

/** What a proof adds to the result; where it finds values that tell the two apart, they are the difference. */
async function proofOf(
  model: IntegerModel,
  design: Design,
  files: Readonly<Record<string, string>>,
  secondsPerLayer: number,
  seed: number,
): Promise<Partial<Omit<Proof, 'disproof'> & Verified>> {
  const meter = progressMeter('proving');
  const { disproof, ...proof } = await prove(model, design, files, {
    ...{ secondsPerLayer, seed },
    onLayer: (done, total, layer) => meter.update(done, total, layer),
  }).finally(() => meter.stop());
  if (disproof === undefined) return proof;
  const { layer, output, expected, got, values } = disproof;
  const found = `inputs ${[...values].join(' ')}`;
  const difference = { layer, output: `output ${output}`, expected, got, found };
  return { ...proof, equal: false, difference };
}
