import { basename } from 'node:path';
import { unrolledDesign } from '@hbnn/circuit';
import { HbnnError } from '@hbnn/core';
import type { Activity } from '@hbnn/estimator';
import { type CheckedModel, featureCount } from '@hbnn/model';
import { switching, verilogFiles } from '@hbnn/verilog';
import { modelPixels } from './evaluateModel.ts';
import { readNpyFile } from './npyFile.ts';
import { positiveDecimal, wholeNumber } from './numbers.ts';
import { openData, placeAmong } from './openData.ts';
import type { OutputOptions } from './output.ts';
import { somePixelsFrom } from './pixels.ts';

/** Options that say how often nets change. */
export interface ActivityOptions extends OutputOptions {
  readonly activity?: string;
  readonly data?: string;
  readonly from?: string;
  readonly in?: string;
  readonly images?: string;
  readonly skipBadImages?: boolean;
}

/** Changes per net: given, or counted in the simulated gates of the design that `hbnn verilog` writes. */
export async function activityFrom(
  model: CheckedModel,
  o: ActivityOptions,
): Promise<Activity | undefined> {
  const given = (['activity', 'data', 'in'] as const).filter((name) => o[name] !== undefined);
  if (given.length > 1)
    throw new HbnnError(`--${given[0]}: expected no --${given[1]} beside it; give one of them`);
  if (o.activity !== undefined)
    return {
      perNet: positiveDecimal(o.activity, '--activity', 'of changes, such as 0.5'),
      from: 'given',
    };
  if (given.length === 0) return undefined;
  const { pixels, label } = await imagesOf(model, o);
  const design = unrolledDesign(model);
  const { changes, changesWithGlitches, nets, steps } = await switching(
    model,
    design,
    verilogFiles(design),
    pixels,
  );
  if (changes === 0)
    throw new HbnnError(
      `--${given[0]}: expected images that differ, got ${steps + 1} alike; give other images, or name the changes with --activity`,
    );
  return {
    perNet: changes,
    perNetWithGlitches: changesWithGlitches,
    from: `${nets} nets simulated over ${steps} steps from one image to the next of ${label}`,
  };
}

const dataFlags = placeAmong('--data', '--from', '--skip-bad-images');

async function imagesOf(
  model: CheckedModel,
  o: ActivityOptions,
): Promise<{ readonly pixels: Uint8Array; readonly label: string }> {
  const { shape } = model.input;
  const size = featureCount(shape);
  const most = wholeNumber(o.images ?? '257', '--images');
  if (most < 2)
    throw new HbnnError(
      `--images: expected at least 2, got ${most}; give --images 2 or more, or leave it out`,
    );
  if (o.data === undefined) {
    const file = o.in ?? '';
    const pixels = somePixelsFrom(readNpyFile(file), shape, file);
    return { pixels: pixels.subarray(0, most * size), label: basename(file) };
  }
  const { test, label } = await openData(
    o.data,
    {
      from: o.from,
      testLimit: most,
      testOnly: true,
      size: [shape[0], shape[1]],
      skipBadImages: o.skipBadImages,
    },
    (option) => (option === 'testLimit' ? '--images' : dataFlags(option)),
    o,
  );
  const pixels = new Uint8Array(test.count * size);
  let at = 0;
  for await (const part of modelPixels(model, test)) {
    pixels.set(part.pixels, at);
    at += part.pixels.length;
  }
  return { pixels, label };
}
