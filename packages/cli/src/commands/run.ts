import { encodeNpy, HbnnError } from '@hbnn/core';
import { isImageName, readPicture } from '@hbnn/datasets';
import type { CheckedModel } from '@hbnn/model';
import { writeWhole } from '@hbnn/train/files';
import { Command } from 'commander';
import { defaultEngine, engineNames, openEngine, openRtl } from '../engines.ts';
import { readModelFile } from '../modelFile.ts';
import { readNpyFile } from '../npyFile.ts';
import { noteTo } from '../openData.ts';
import { numberText, printResult, quietFlag } from '../output.ts';
import { checkNotRead, kindAt } from '../pathKind.ts';
import { pixelsFrom } from '../pixels.ts';
import { missing } from '../unreadable.ts';

interface Options {
  model: string;
  in: string;
  out?: string;
  engine: string;
  rtl?: string;
  json?: boolean;
  quiet?: boolean;
}

export function runCommand(): Command {
  return new Command('run')
    .description('run an integer model on a picture, or on a batch of images: 8-bit pixels in')
    .requiredOption('--model <file>', 'model file (hbnn lower, hbnn random)')
    .requiredOption(
      '--in <file>',
      'a picture of the model’s size (PNG, JPEG …), or .npy of pixels, whole numbers 0 to 255: [images, height, width, channels] or one image',
    )
    .option('--out <file>', '.npy to write: int32, [images, scores]; needed for a .npy')
    .option('--engine <name>', engineNames.join(' or '), defaultEngine)
    .option('--rtl <folder>', 'with --engine verilog: the Verilog of this folder (hbnn verilog)')
    .option('--json', 'print the result as JSON')
    .option(...quietFlag)
    .addHelpText(
      'after',
      '\nA picture gives its class, and the three classes with the largest scores; for a model of grey images, colors are\nturned to grey first.\n\nExamples:\n  hbnn run --model m.hbnn --in picture.png\n  hbnn run --model m.hbnn --in images.npy --out scores.npy',
    )
    .action((o: Options) => run(o));
}

/** The error for input that is no picture when --out is missing. */
function withoutOut(path: string): HbnnError {
  if (/\.npy$/i.test(path))
    return new HbnnError(
      `--in ${path}: expected --out FILE for the scores, got none; add --out scores.npy`,
    );
  const kind = kindAt(path);
  const wayOut = 'name one picture, or a .npy with --out scores.npy';
  if (kind === 'nothing') return missing(`--in: ${path}`, 'file', wayOut);
  return new HbnnError(
    `--in ${path}: expected a picture (PNG, JPEG …) or a .npy of images, got ${kind === 'file' ? 'a file of another name' : `a ${kind}`}; ${wayOut}`,
  );
}

async function run(o: Options): Promise<void> {
  const isPicture = isImageName(o.in);
  if (!isPicture && o.out === undefined) throw withoutOut(o.in);
  if (o.rtl !== undefined && o.engine !== 'verilog')
    throw new HbnnError(
      `--rtl: expected --engine verilog beside it, got --engine ${o.engine}; add --engine verilog or leave --rtl out`,
    );
  checkNotRead(o.out, { '--model': o.model, '--in': o.in });
  const model = await readModelFile(o.model);
  const { shape } = model.input;
  const pixels = isPicture
    ? await readPicture(o.in, shape)
    : pixelsFrom(readNpyFile(o.in), shape, o.in);
  const engine =
    o.rtl === undefined
      ? await openEngine(o.engine, model, noteTo(o))
      : await openRtl(o.rtl, model);
  const start = performance.now();
  // A batch of no images has no scores, whatever the engine does with it.
  const scores = pixels.length === 0 ? new Int32Array(0) : engine.run(pixels);
  const seconds = (performance.now() - start) / 1000;
  engine.dispose();
  const classes = model.scoreOffsets.length;
  const count = scores.length / classes;
  if (o.out !== undefined)
    writeWhole(o.out, [encodeNpy({ shape: [count, classes], data: scores })]);
  if (isPicture) printClass(o, model, scores, seconds);
  else
    printResult({ out: o.out, engine: o.engine, images: count, scores: classes, seconds }, o.json);
}

/** Classes that are named, those with the largest scores. */
const maxNamed = 3;

function printClass(o: Options, { classes }: CheckedModel, scores: Int32Array, seconds: number) {
  // The sort keeps equal scores in order: hardware names the first of them too.
  const top = Array.from(scores, (score, k) => ({ class: classes[k], score }))
    .sort((a, b) => b.score - a.score)
    .slice(0, maxNamed);
  const result = { in: o.in, class: top[0].class, top };
  if (o.json) {
    printResult(
      { ...result, ...(o.out !== undefined && { out: o.out }), engine: o.engine, seconds },
      true,
    );
    return;
  }
  printResult({
    picture: o.in,
    class: top[0].class,
    [`top ${top.length}`]: top.map((each) => `${each.class} (${numberText(each.score)})`),
    out: o.out,
  });
}
