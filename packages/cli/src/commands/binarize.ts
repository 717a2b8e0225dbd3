import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  approximate,
  averageBits,
  type BitMap,
  binarize,
  bitCounts,
  bitMapFrom,
  chosenName,
  distance,
  distFromAverage,
  encodeNpy,
  type FloatTensor,
  floatTensor,
  HbnnError,
  type Heuristic,
  heuristics,
  type MapPer,
  type Mix,
  parseMapPer,
  parseMix,
  parseScaleForm,
  parseScalePer,
  type ResidualTensor,
  type ScalePer,
  selectBits,
  storedBits,
} from '@hbnn/core';
import { optimal } from '@hbnn/core/optimal';
import { Command } from 'commander';
import { bitMapSvg } from '../bitMapSvg.ts';
import { hbnnLine } from '../nextSteps.ts';
import { readNpyFile, writeFolder } from '../npyFile.ts';
import { decimal, seedNumber } from '../numbers.ts';
import { noteTo } from '../openData.ts';
import { numberText, percentText, printNext, printResult, quietFlag } from '../output.ts';
import { checkNotRead, checkOwnFolder } from '../pathKind.ts';

interface Options {
  in?: string;
  out: string;
  force?: boolean;
  average?: string;
  mix?: string;
  map?: string;
  select: string;
  seed: string;
  scalePer: string;
  scaleForm: string;
  mapPer: string;
  svg?: boolean;
  json?: boolean;
  quiet?: boolean;
}

export function binarizeCommand(): Command {
  return new Command('binarize')
    .description('binarize a tensor (.npy) to a heterogeneous bitwidth')
    .argument('[file]', 'tensor: .npy of floats or integers')
    .option('--in <file>', 'the same as the argument')
    .option(
      '--average <bits>',
      "average bitwidth, e.g. 1.4 (the paper's mix where it has one; below 1 some get 0 bits)",
    )
    .option(
      '--mix <fractions>',
      'fractions of 1, 2, 3 … bits (0.7/0.2/0.1) or of given bits (0:0.2/2:0.8)',
    )
    .option('--map <file>', 'bits per element, .npy of integers, of the same shape')
    .option('--select <rule>', 'middle-out, top-down, bottom-up, random or optimal', 'middle-out')
    .option('--seed <n>', 'seed of --select random', '0')
    .option(
      '--scale-per <unit>',
      'tensor or output (first dimension; a 1-d tensor is one output)',
      'tensor',
    )
    .option(
      '--scale-form <form>',
      'values the scales may take: free, powers-of-two or integers:B (times one factor)',
      'free',
    )
    .option('--map-per <unit>', 'element, block:K, position, input or output', 'element')
    .requiredOption('--out <folder>', 'where map.npy, approximation.npy and planes.json go')
    .option('--svg', 'draw the bit map too, with a legend, as map.svg in --out')
    .option('--force', 'replace such files of an earlier call in --out')
    .option('--json', 'print the result as JSON')
    .option(...quietFlag)
    .addHelpText(
      'after',
      `
Example (NumPy's numpy.save makes such files too):
  hbnn random --tensor 64x3x3x32 --out w.npy
  hbnn binarize w.npy --average 1.4 --out binarized`,
    )
    .action((file: string | undefined, options: Options, command: Command) =>
      run(file, options, command),
    );
}

/** The files that are written; the last where it is asked for. */
const outNames = ['map.npy', 'approximation.npy', 'planes.json', 'map.svg'] as const;

function run(file: string | undefined, o: Options, command: Command): void {
  if (o.map !== undefined) refuseBesideMap(command);
  else if (o.select !== 'random' && command.getOptionValueSource('seed') === 'cli')
    throw new HbnnError(
      `--seed: has no effect with --select ${o.select}; leave it out, or give --select random`,
    );
  checkOwnFolder(o.out, undefined);
  checkNotRead(o.out, { 'the tensor': file ?? o.in, '--map': o.map });
  if (o.out === '')
    throw new HbnnError(
      '--out: expected a folder, got an empty name; name one, as in --out binarized',
    );
  refuseToReplace(o);
  const tensor = readTensor(tensorFile(file, o.in));
  const result = ofFile(tensorFile(file, o.in), () => binarized(tensor, o));
  const approximation = approximate(result);
  const { shape, map } = result;
  const files: Partial<Record<(typeof outNames)[number], Uint8Array>> = {
    'map.npy': encodeNpy({ shape: [...shape], data: map.bits }),
    'approximation.npy': encodeNpy({ shape: [...shape], data: approximation.data }),
    'planes.json': Buffer.from(`${JSON.stringify(planesJson(result))}\n`),
  };
  if (o.svg) files['map.svg'] = Buffer.from(bitMapSvg(map));
  writeFolder(o.out, files);
  const bits = bitCounts(map);
  const total = Object.entries(bits).reduce((sum, [width, n]) => sum + Number(width) * n, 0);
  const stored = storedBits(result);
  const summary = {
    averageBits: total / map.bits.length,
    bits,
    scales: result.planes.map(({ scales }) => scaleJson(scales, result.scalePer)),
    distance: distance(tensor, approximation),
    storedBits: stored,
    storedBitsPerWeight: stored.total / map.bits.length,
    distances: wholeBitDistances(tensor, result.scalePer),
    out: o.out,
    files: Object.keys(files),
  };
  if (o.json) printResult(summary, true);
  else printResult(linesOf(summary, map.bits.length));
  const isZero = map.bits.every((count) => count === 0);
  if (isZero)
    noteTo(o)(
      `${givenBits(o)}: all elements have 0 bits, so that every value of the result is 0; give more bits, as in --average 1.4`,
    );
  const weights = isZero ? '1.4' : (o.average ?? o.mix ?? '1.4');
  const quick = ['--epochs', '2', '--limit', '2000', '--learning-rate', '0.2'];
  printNext([hbnnLine('train', '--weights', weights, ...quick)], o);
}

/** What says how many bits there are, as typed. */
const givenBits = ({ average, mix, map }: Options): string =>
  average !== undefined
    ? `--average ${average}`
    : mix !== undefined
      ? `--mix ${mix}`
      : `--map ${map}`;

function tensorFile(argument: string | undefined, option: string | undefined): string {
  const file = argument ?? option;
  if (file === undefined)
    throw new HbnnError(
      "binarize: expected the file of a tensor, got none; give it as in 'hbnn binarize w.npy'",
    );
  if (argument !== undefined && option !== undefined && argument !== option)
    throw new HbnnError(
      `binarize: expected one tensor, got ${argument} and --in ${option}; leave one out`,
    );
  return file;
}

function refuseToReplace({ out, force }: Options): void {
  if (force) return;
  const isFile = (path: string): boolean => existsSync(path) && statSync(path).isFile();
  const earlier = outNames.find((name) => isFile(join(out, name)));
  if (earlier !== undefined)
    throw new HbnnError(
      `--out: expected a folder without results, got ${join(out, earlier)}; choose another folder or give --force to replace it`,
    );
}

/** ‖T − T_B‖ / ‖T‖ with the same whole number of bits for all elements. */
const wholeBitDistances = (tensor: FloatTensor, scalePer: ScalePer): Record<number, number> =>
  Object.fromEntries(
    [1, 2, 3].map((bits) => {
      const map = bitMapFrom(new Uint8Array(tensor.data.length).fill(bits), tensor.shape);
      return [bits, distance(tensor, approximate(binarize(tensor, map, { scalePer })))];
    }),
  );

interface Summary {
  readonly averageBits: number;
  readonly bits: Readonly<Record<string, number>>;
  readonly scales: readonly (number | readonly number[])[];
  readonly distance: number;
  readonly storedBits: ReturnType<typeof storedBits>;
  readonly storedBitsPerWeight: number;
  readonly distances: Readonly<Record<number, number>>;
  readonly out: string;
  readonly files: readonly string[];
}

const bitsText = (bits: number | string): string => `${bits} ${`${bits}` === '1' ? 'bit' : 'bits'}`;

/** What is printed for people. */
function linesOf(summary: Summary, elements: number): Record<string, string> {
  const { averageBits: average, bits, distances, storedBits: stored, out, files } = summary;
  const shares = Object.entries(bits)
    .filter(([, n]) => n > 0)
    .map(([width, n]) => `${percentText(n / elements)} ${bitsText(width)}`);
  const beside = Object.entries(distances).map(
    ([width, value]) => `${value.toFixed(4)} at ${bitsText(width)}`,
  );
  const each = (n: number): string => numberText(n / elements);
  return {
    elements: numberText(elements),
    'average bits': `${numberText(average)}: ${shares.join(', ')}`,
    distance: `${summary.distance.toFixed(4)} of the tensor's norm (${beside.join(', ')})`,
    'stored bits': `${numberText(stored.total)}, that is ${each(stored.total)} per weight: signs ${each(stored.signs)}, bit map ${each(stored.mapStored)}, scales ${each(stored.scales)}`,
    'with a coded map': `${each(stored.signs + stored.mapEntropy + stored.scales)} per weight, were the bit map coded at its entropy`,
    scales: summary.scales.length === 0 ? 'none' : summary.scales.map(scaleText).join(', '),
    written: `${out}: ${files.join(', ')}`,
  };
}

const scaleText = (scale: number | readonly number[]): string =>
  typeof scale === 'number'
    ? numberText(scale)
    : `${numberText(Math.min(...scale))} … ${numberText(Math.max(...scale))} (${scale.length} outputs)`;

/** What chooses a map has no say where one is given. */
function refuseBesideMap(command: Command): void {
  const given = { select: '--select', seed: '--seed', mapPer: '--map-per' };
  for (const [name, option] of Object.entries(given)) {
    if (command.getOptionValueSource(name) === 'cli') {
      throw new HbnnError(`binarize: --map gives the bits already; leave out ${option}`);
    }
  }
}

/** Few units (a 1-d tensor is one output) may not reach an average: say so. */
function noteAverage(wanted: number, o: Options, map: BitMap): void {
  const got = map.bits.reduce((sum, b) => sum + b, 0) / map.bits.length;
  if (!o.quiet && Math.abs(got - wanted) > 0.2 && map.bits.length > 20) {
    process.stderr.write(
      `note: with so few units (--map-per ${o.mapPer}) the average is ${Number(got.toFixed(3))} bits, not ` +
        `${Number(wanted.toFixed(3))}\n`,
    );
  }
}

/** Name the file in an error about the tensor that was read from it. */
function ofFile<T>(file: string, compute: () => T): T {
  try {
    return compute();
  } catch (error) {
    if (!(error instanceof HbnnError) || !error.message.startsWith('binarize: expected magnitudes'))
      throw error;
    throw new HbnnError(`${file}: ${error.message.slice('binarize: '.length)}`);
  }
}

function readTensor(file: string): FloatTensor {
  const { data, shape } = readNpyFile(file);
  if (data.length === 0) {
    throw new HbnnError(
      `${file}: expected a tensor with elements, got shape [${shape.join(', ')}]; give one whose dimensions are all at least 1`,
    );
  }
  const floats =
    data instanceof Float32Array || data instanceof Float64Array ? data : Float64Array.from(data);
  return floatTensor(floats, shape, file);
}

function binarized(tensor: FloatTensor, o: Options): ResidualTensor {
  const given = [o.average, o.mix, o.map].filter((value) => value !== undefined);
  if (given.length !== 1) {
    throw new HbnnError(
      `binarize: expected one of --average, --mix and --map, got ${given.length || 'none'}; give exactly one of them, as in --average 1.4`,
    );
  }
  const scalePer = parseScalePer(o.scalePer, '--scale-per') satisfies ScalePer;
  const scaleForm = parseScaleForm(o.scaleForm, '--scale-form');
  const form = { scalePer, scaleForm };
  if (o.map !== undefined) return binarize(tensor, readMap(o.map, tensor.shape), form);
  const mapPer = parseMapPer(o.mapPer, '--map-per') satisfies MapPer;
  const select = selectRule(o.select);
  if (select === 'optimal') {
    if (o.average === undefined) {
      throw new HbnnError('binarize: --select optimal chooses the mix itself; give --average');
    }
    if (scaleForm !== 'free')
      throw new HbnnError(
        `binarize: --select optimal fits scales of its own, got --scale-form ${scaleForm}; leave out one of them`,
      );
    const average = averageOf(o.average);
    const r = optimal(tensor, { average, mapPer, scalePer });
    noteAverage(average, o, r.map);
    return r;
  }
  const mix = mixFrom(o);
  const seed = seedNumber(o.seed, '--seed');
  const map = selectBits(tensor, { mix, select, mapPer, seed });
  noteAverage(averageBits(mix), o, map);
  return binarize(tensor, map, form);
}

function mixFrom(o: Options): Mix {
  return o.mix !== undefined
    ? parseMix(o.mix, '--mix')
    : distFromAverage(averageOf(o.average as string), '--average');
}

const averageOf = (text: string): number => decimal(text, '--average', 'of bits, such as 1.4');

const selectRule = (text: string): Heuristic | 'optimal' =>
  chosenName(text, [...heuristics, 'optimal'] as const, '--select');

function readMap(file: string, shape: readonly number[]): BitMap {
  const map = readNpyFile(file);
  // 64-bit integers are read as doubles, whose values are looked at below.
  if (map.data instanceof Float32Array) {
    throw new HbnnError(
      `${file}: expected a bit map of integers, got floats; convert it: map.astype('u1')`,
    );
  }
  if (map.shape.join() !== shape.join()) {
    throw new HbnnError(
      `${file}: expected a bit map of the tensor's shape [${shape.join(', ')}], got [${map.shape.join(', ')}]; give the map of this tensor`,
    );
  }
  const wrong = map.data.findIndex((bits) => !Number.isInteger(bits) || bits < 0 || bits > 8);
  if (wrong >= 0) {
    throw new HbnnError(
      `${file}: expected 0 to 8 whole bits per element, got ${map.data[wrong]} at element ${wrong}; save a bit map of integers`,
    );
  }
  return bitMapFrom(Uint8Array.from(map.data), shape);
}

const scaleJson = (scales: Float32Array, scalePer: ScalePer): number | number[] =>
  scalePer === 'tensor' ? scales[0] : [...scales];

/** Planes as JSON; members and signs are bits in element order, least significant first, in base64. */
function planesJson(r: ResidualTensor): object {
  return {
    shape: r.shape,
    scalePer: r.scalePer,
    encoding:
      'base64 of bits in row-major element order, least significant bit first; sign bit 1 is +1',
    planes: r.planes.map(({ scales, members, signs }) => ({
      scales: [...scales],
      members: packed(members),
      signs: packed(signs),
    })),
  };
}

function packed(flags: Uint8Array): string {
  const bytes = new Uint8Array(Math.ceil(flags.length / 8));
  for (let i = 0; i < flags.length; i++) bytes[i >> 3] |= flags[i] << (i & 7);
  return Buffer.from(bytes).toString('base64');
}
