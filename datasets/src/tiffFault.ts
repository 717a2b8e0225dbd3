import { open } from 'node:fs/promises';
import { readTags, type Tags } from './tiffTags.ts';

/** Photometric interpretations that are read, with the samples of a pixel without alpha. */
const colourSamples: ReadonlyMap<number, number> = new Map([
  [0, 1],
  [1, 1],
  [2, 3],
  [3, 1],
  [5, 4],
  [6, 3],
]);

const photometricNames: ReadonlyMap<number, string> = new Map([
  [4, 'a mask of transparency'],
  [6, 'YCbCr'],
  [8, 'CIE L*a*b*'],
  [9, 'ICC L*a*b*'],
  [10, 'ITU L*a*b*'],
  [32803, 'a colour filter array'],
  [32844, 'LogL'],
  [32845, 'LogLuv'],
  [34892, 'raw values of a sensor'],
]);

const formatNames: ReadonlyMap<number, string> = new Map([
  [2, 'signed integers'],
  [3, 'floats'],
  [5, 'complex integers'],
  [6, 'complex floats'],
]);

const yCbCr = 6;
const jpegCompression = 7;

/**
 * Why the pixels of a TIFF would be read as other colours than it shows; undefined where they would not, for files of
 * other formats, and for what is no whole TIFF, which its decoder refuses. sharp takes floats for linear light, cuts
 * off integers of 32 bits and negative ones, passes over further channels, and takes YCbCr for RGB where it is
 * neither compressed as JPEG nor subsampled.
 */
export async function tiffFault(file: string): Promise<string | undefined> {
  const handle = await open(file);
  try {
    const found = await readTags(handle);
    return found && faultOf(found);
  } finally {
    await handle.close();
  }
}

function faultOf(found: Tags): string | undefined {
  const format = found.sampleFormat.find((value) => value !== 1 && value !== 4);
  if (format !== undefined)
    return `a TIFF of ${formatNames.get(format) ?? `numbers of kind ${format}`}: save it with 8 bits per channel`;
  const bits = found.bitsPerSample.find((value) => value > 16);
  if (bits !== undefined)
    return `a TIFF of ${bits} bits per channel: save it with 8 bits per channel`;
  const [photometric] = found.photometric;
  if (photometric === undefined) return undefined;
  const colour = photometricNames.get(photometric) ?? `kind ${photometric}`;
  const samples = colourSamples.get(photometric);
  if (samples === undefined) return `a TIFF whose colours are ${colour}: save it as RGB or grey`;
  const [channels] = found.samplesPerPixel;
  if (channels > samples + 1)
    return `a TIFF of ${channels} channels, where its colours have ${samples} and alpha 1: save it as RGB or grey`;
  const isWhole = found.subsampling.every((value) => value === 1);
  if (photometric === yCbCr && found.compression[0] !== jpegCompression && isWhole)
    return `a TIFF whose colours are ${colour} without JPEG compression: save it as RGB`;
  return undefined;
}
