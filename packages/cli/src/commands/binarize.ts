import {
  approximate,
  averageBits,
  type BitMap,
  binarize,
  bitCounts,
  bitMapFrom,
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
  optimal,
  parseMapPer,
  parseMix,
  parseScaleForm,
  parseScalePer,
  type ResidualTensor,
  type ScalePer,
  selectBits,
  storedBits,
} from '@hbnn/core';
import { Command } from 'commander';
import { readNpyFile, writeFolder } from '../npyFile.ts';
import { decimal, wholeNumber } from '../numbers.ts';
import { printResult } from '../output.ts';

interface Options {
  in: string;
  out: string;
  average?: string;
  mix?: string;
  map?: string;
  select: string;
  seed: string;
  scalePer: string;
  scaleForm: string;
  mapPer: string;
  json?: boolean;
}

export function binarizeCommand(): Command {
  return new Command('binarize')
    .description('binarize a tensor (.npy) to a heterogeneous bitwidth')
    .requiredOption('--in <file>', 'tensor: .npy of floats or integers')
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
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Example:
  python3 -c "import numpy as n; n.save('w.npy', n.random.default_rng(1).normal(size=(64, 3, 3, 32)))"
  hbnn binarize --in w.npy --average 1.4 --out binarized --json`,
    )
    .action((options: Options, command: Command) => run(options, command));
}

function run(o: Options, command: Command): void {
  if (o.map !== undefined) refuseBesideMap(command);
  const tensor = readTensor(o.in);
  const result = binarized(tensor, o);
  const approximation = approximate(result);
  const { shape, map } = result;
  writeFolder(o.out, {
    'map.npy': encodeNpy({ shape: [...shape], data: map.bits }),
    'approximation.npy': encodeNpy({ shape: [...shape], data: approximation.data }),
    'planes.json': Buffer.from(`${JSON.stringify(planesJson(result))}\n`),
  });
  const bits = bitCounts(map);
  const total = Object.entries(bits).reduce((sum, [width, n]) => sum + Number(width) * n, 0);
  printResult(
    {
      averageBits: total / map.bits.length,
      bits,
      scales: result.planes.map(({ scales }) => scaleJson(scales, result.scalePer)),
      distance: distance(tensor, approximation),
      storedBits: storedBits(result),
    },
    o.json,
  );
}

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
  if (Math.abs(got - wanted) > 0.2 && map.bits.length > 20) {
    process.stderr.write(
      `note: with so few units (--map-per ${o.mapPer}) the average is ${Number(got.toFixed(3))} bits, not ` +
        `${Number(wanted.toFixed(3))}\n`,
    );
  }
}

function readTensor(file: string): FloatTensor {
  const { data, shape } = readNpyFile(file);
  if (data.length === 0) {
    throw new HbnnError(
      `${file}: expected a tensor with elements, got shape [${shape.join(', ')}]`,
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
      `binarize: expected one of --average, --mix and --map, got ${given.length || 'none'}`,
    );
  }
  const scalePer = parseScalePer(o.scalePer) satisfies ScalePer;
  const scaleForm = parseScaleForm(o.scaleForm, '--scale-form');
  const form = { scalePer, scaleForm };
  if (o.map !== undefined) return binarize(tensor, readMap(o.map, tensor.shape), form);
  parseMapPer(o.mapPer);
  const mapPer = o.mapPer as MapPer;
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
  const seed = wholeNumber(o.seed, '--seed');
  const map = selectBits(tensor, { mix, select, mapPer, seed });
  noteAverage(averageBits(mix), o, map);
  return binarize(tensor, map, form);
}

function mixFrom(o: Options): Mix {
  return o.mix !== undefined ? parseMix(o.mix) : distFromAverage(averageOf(o.average as string));
}

const averageOf = (text: string): number => decimal(text, '--average', 'bits such as 1.4');

function selectRule(text: string): Heuristic | 'optimal' {
  const known: readonly string[] = [...heuristics, 'optimal'];
  if (known.includes(text)) return text as Heuristic | 'optimal';
  throw new HbnnError(`--select: expected one of ${known.join(', ')}, got '${text}'`);
}

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
      `${file}: expected a bit map of the tensor's shape [${shape.join(', ')}], got [${map.shape.join(', ')}]`,
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
