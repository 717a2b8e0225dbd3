import { HbnnError } from '@hbnn/core';
import { type CheckedModel, featureCount, interpreter } from '@hbnn/model';
import { testbenchNames } from '../emit/testbenchNames.ts';
import type { Difference } from './difference.ts';

/**
 * Check the testbench's images and scores, where they are among the files, against the model.
 *
 * @throws HbnnError for images that are not whole
 */
export function vectorDifference(
  model: CheckedModel,
  prefix: string,
  files: Readonly<Record<string, string>>,
): Difference | undefined {
  const names = testbenchNames(prefix);
  const [images, scores] = [pixelsOf(model, names.pixels, files), files[names.scores]];
  if (images === undefined || scores === undefined) return undefined;
  const written = numbers(scores, names.scores, 8);
  const right = interpreter(model).run(images);
  const classes = model.scoreOffsets.length;
  const at = right.findIndex((score, i) => score !== (written[i] | 0));
  if (at < 0 && written.length === right.length) return undefined;
  const where = {
    layer: names.module,
    found: `${names.scores}, for the images of ${names.pixels}`,
  };
  if (written.length !== right.length)
    return { ...where, output: 'scores', expected: right.length, got: written.length };
  return {
    ...where,
    output: `image ${Math.floor(at / classes)}, score ${at % classes}`,
    expected: right[at],
    got: written[at] | 0,
  };
}

/** How many images the testbench has; undefined without its pixels. @throws HbnnError for images that are not whole */
export function vectorImages(
  model: CheckedModel,
  prefix: string,
  files: Readonly<Record<string, string>>,
): number | undefined {
  const pixels = pixelsOf(model, testbenchNames(prefix).pixels, files);
  return pixels && pixels.length / featureCount(model.input.shape);
}

function pixelsOf(
  model: CheckedModel,
  file: string,
  files: Readonly<Record<string, string>>,
): Uint8Array | undefined {
  const text = files[file];
  if (text === undefined) return undefined;
  const pixels = Uint8Array.from(numbers(text, file, 2));
  const size = featureCount(model.input.shape);
  if (pixels.length > 0 && pixels.length % size === 0) return pixels;
  throw new HbnnError(
    `${file}: expected images of ${size} pixels, got ${pixels.length} pixels; write the folder again`,
  );
}

/** Numbers of a file for $readmemh, each line's last one first. */
function numbers(text: string, file: string, digits: number): number[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .flatMap((line, i) => {
      if (line.length % digits !== 0 || !/^[\da-f]+$/i.test(line))
        throw new HbnnError(
          `${file}, line ${i + 1}: expected numbers of ${digits} hexadecimal digits, got '${line.slice(0, 40)}'; write the folder again`,
        );
      const words = line.match(new RegExp(`.{${digits}}`, 'g')) ?? [];
      return words.map((word) => Number.parseInt(word, 16)).reverse();
    });
}
