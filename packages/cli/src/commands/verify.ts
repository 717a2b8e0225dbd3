import type { Design, FoldedDesign } from '@hbnn/circuit';
import { HbnnError } from '@hbnn/core';
import type { CheckedModel } from '@hbnn/model';
import {
  type Proof,
  type ProofOptions,
  prove,
  type Verified,
  type VerifyOptions,
  verify,
} from '@hbnn/verilog';
import { Command } from 'commander';
import { Interruption } from '../interruption.ts';
import { readModelFile } from '../modelFile.ts';
import { hbnnLine, isSmallUnrolled } from '../nextSteps.ts';
import { seedNumber, wholeNumber } from '../numbers.ts';
import { type OutputOptions, printNext, printResult, quietFlag, typedCommand } from '../output.ts';
import { inOwnProcess } from '../ownProcess.ts';
import { duration, progressMeter } from '../progress.ts';
import { designOf, readRtl } from '../rtlFolder.ts';

interface Options {
  model: string;
  rtl: string;
  images: string;
  seed: string;
  proof?: boolean;
  sat?: boolean;
  secondsPerLayer?: string;
  json?: boolean;
  quiet?: boolean;
}

/** Hardware and model differ: not what was asked for, but no fault of hbnn. */
const differ = 3;
/** No difference was found, but the proof that was asked for was not given. */
const unproved = 4;

export function verifyCommand(): Command {
  return new Command('verify')
    .description('compare Verilog with its model, also if somebody has edited the Verilog')
    .requiredOption('--model <file>', 'model file')
    .requiredOption('--rtl <folder>', 'folder of hbnn verilog')
    .option('--images <n>', 'random images that the whole circuit computes', '256')
    .option('--seed <n>', 'seed of the random images', '1')
    .option('--proof', 'prove, where possible, that all images give the right scores')
    .option('--sat', 'with --proof: let Yosys’s sat prove again what other methods have proved')
    .option(
      '--seconds-per-layer <n>',
      'with --proof: time for a layer; what is not proved then is simulated (default: 120)',
    )
    .option('--json', 'print the result as JSON')
    .option(...quietFlag)
    .addHelpText(
      'after',
      `
Yosys turns the Verilog into gates. The command simulates the gates of the whole circuit on images, and compares the
outputs of each layer with the model. Streams must follow the rules of AXI-Stream.

If somebody has edited the Verilog, there are more checks. Each edited layer is also simulated alone. Some of its inputs
give each sum its largest and smallest value, the others are random. Verilog that different tools read in different ways
(\`ifdef, translate_off, x in constants) is refused.

Results of the checks of edited Verilog:
  imagesInARow     images that are computed one after the other
  vectorsPerLayer  inputs on which each edited layer is simulated alone
  sumEnds          whether all sums reached their largest and smallest values
  beatsInARow      random inputs of a layer that follow each other without a
                   pause

Exit codes:
  3  the circuit and the model differ; the result names the layer
  4  no difference was found, but --proof could not prove every part; the result
     says which parts are not proved, and why

--proof proves each part by one of these methods, and the result names the method:
  counters and carry chains     by Yosys's sat
  sums                          by finding the adders in the gates
  outputs that few bits decide  by trying all inputs
  all others                    by Yosys's sat

Registers count as wires if every path has the same number of them. The wires between modules are checked too.

In a folded circuit each module between two streams is followed through all states that it can reach, whatever pauses
there are (the field 'states' counts them). Then its logic over an image is proved by these methods.

Parts that are only simulated are not proved, and the result says so.

Example:
  hbnn verify --model m.hbnn --rtl rtl --json`,
    )
    .action((o: Options) =>
      inOwnProcess(() => run(o)).catch((error) => {
        throw begunAnew(error);
      }),
    );
}

/** A check that was stopped has found nothing. */
const begunAnew = (error: unknown): unknown =>
  error instanceof Interruption
    ? new Interruption(error.signal, typedCommand(), 'nothing: a check begins anew')
    : error;

async function run(o: Options): Promise<void> {
  const images = wholeNumber(o.images, '--images');
  if (images < 1)
    throw new HbnnError(
      `--images: expected at least 1, got ${images}; give --images 1 or more, or leave it out`,
    );
  const seed = seedNumber(o.seed, '--seed');
  if (o.secondsPerLayer !== undefined && !o.proof)
    throw new HbnnError('--seconds-per-layer: has no effect without --proof; add --proof');
  if (o.sat && !o.proof) throw new HbnnError('--sat: expected --proof beside it; add --proof');
  const { manifest, files } = readRtl(o.rtl);
  const model = await readModelFile(o.model);
  const design = designOf(o.rtl, manifest, model);
  const secondsPerLayer = wholeNumber(o.secondsPerLayer ?? '120', '--seconds-per-layer');
  const result = await verified(model, design, files, { images, seed }, o);
  const proof =
    o.proof && result.equal
      ? await proofOf(model, design, files, o, {
          secondsPerLayer,
          seed,
          sat: o.sat === true,
          ...(manifest.latencyCycles !== undefined && { latencyCycles: manifest.latencyCycles }),
        })
      : {};
  const whole = { model: o.model, rtl: o.rtl, ...result, ...proof };
  printResult(o.json ? whole : linesOf(whole), o.json);
  if (!result.equal || proof.equal === false) {
    process.exitCode = differ;
    return;
  }
  if (proof.proved === false) {
    process.exitCode = unproved;
    return;
  }
  const proves = !o.proof && design.kind === 'unrolled' && isSmallUnrolled(model);
  const provenBy = hbnnLine('verify', '--model', o.model, '--rtl', o.rtl, '--proof');
  printNext([...(proves ? [provenBy] : []), hbnnLine('synth', '--rtl', o.rtl)], o);
}

/** The result for people: what only checks of edited Verilog have is left out where there were none. */
function linesOf(result: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const isEdited = result.text === 'edited';
  const entries = Object.entries(result).flatMap(([name, value]): [string, unknown][] => {
    if (name === 'vectorsPerLayer' && !isEdited) return [];
    const written = value === 'edited' ? 'edited' : 'as hbnn verilog wrote it';
    if (name === 'text')
      return [['text', isEdited ? `${written}; see hbnn verify --help` : written]];
    if (name === 'testbench') return [['testbench', `${written}; it was not run`]];
    return [[name, value]];
  });
  return Object.fromEntries(entries);
}

/** Check by simulation, with progress. */
async function verified(
  model: CheckedModel,
  design: Design | FoldedDesign,
  files: Readonly<Record<string, string>>,
  o: VerifyOptions,
  shown: OutputOptions,
): Promise<Verified> {
  const meter = progressMeter('simulating', shown);
  let [now, start] = ['', 0];
  return verify(model, design, files, {
    ...o,
    onProgress(part, done, total) {
      if (part !== now) [now, start] = [part, Date.now()];
      const seconds = (Date.now() - start) / 1000;
      const left = done === 0 ? [] : [`${duration((seconds * (total - done)) / done)} left`];
      // The end of a part is not the end of the check, and needs no line of its own.
      if (done < total) meter.update(done, total, [part, ...left]);
    },
  }).finally(() => meter.stop());
}

/** What a proof adds to the result; where it finds values that tell the two apart, they are the difference. */
async function proofOf(
  model: CheckedModel,
  design: Design | FoldedDesign,
  files: Readonly<Record<string, string>>,
  shown: OutputOptions,
  o: ProofOptions,
): Promise<Partial<Omit<Proof, 'disproof'> & Verified>> {
  const meter = progressMeter('proving', shown);
  const { disproof, ...proof } = await prove(model, design, files, {
    ...o,
    onLayer: (done, total, layer) => meter.update(done, total, layer),
  }).finally(() => meter.stop());
  if (disproof === undefined) return proof;
  const { layer, output, expected, got, values } = disproof;
  const found = `inputs ${[...values].join(' ')}`;
  const difference = { layer, output: `output ${output}`, expected, got, found };
  return { ...proof, equal: false, difference };
}
