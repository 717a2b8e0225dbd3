import { HbnnError, type MapPer, maxBitwidth, parseMapPer, parseScalePer } from '@hbnn/core';
import {
  type CheckedModel,
  checkModel,
  maxFeatures,
  maxLayers,
  outputShapeOf,
} from '../checkModel.ts';
import { type FeatureMapPer, featureUnits, spread, type Unit, weightUnits } from '../coarseMap.ts';
import {
  type AddLayer,
  type FeatureShape,
  featureCount,
  type IntegerLayer,
  type IntegerModel,
  type IntegerWeights,
  type PlaneWeights,
  treeSize,
} from '../integerModel.ts';
import { type FileLoops, plainLoops } from './fileLoops.ts';
import { decodeMap, maxMapBytes } from './mapCode.ts';
import { float64, int8, int16, int32, SectionSlots, uint8 } from './sectionSlots.ts';
import { signBytes } from './signCode.ts';

type Json = Readonly<Record<string, unknown>>;

/** Takes the sections of a header in order, and makes the model of them. */
export interface SectionReader {
  section(index: number, bytes: Uint8Array): void;
  /** @throws HbnnError when the model is not sound */
  finish(): CheckedModel;
}

/**
 * Read a header: everything but what the sections hold.
 *
 * @param lengths of the sections in bytes, as the header lists them
 * @param received bytes of the file up to the header's end
 * @param loops over what the sections hold
 * @throws HbnnError naming the layer or field
 */
export function readDescription(
  header: unknown,
  lengths: readonly number[],
  received: number,
  where: string,
  loops: FileLoops = plainLoops,
): SectionReader {
  const slots = new SectionSlots(where, received, loops);
  const top = record(header, slots, 'the header');
  const input = record(top.input, slots, 'input');
  const [height, width, channels] = wholeNumbers(input.shape, slots, 'input.shape', { length: 3 });
  const shape: FeatureShape = [height, width, channels];
  checkFeature(shape, slots, 'input.shape');
  const zeros = wholeNumbers(input.zeros, slots, 'input.zeros', { length: channels });
  const layers = readLayers(top, shape, slots);
  if (slots.count !== lengths.length)
    throw slots.fail(`expected ${slots.count} sections, got ${lengths.length}`);
  lengths.forEach((length, i) => {
    slots.checkLength(i, length);
  });
  const offsets = wholeNumbers(top.scoreOffsets, slots, 'scoreOffsets', { signed: true });
  const classes = texts(top.classes, slots, 'classes');
  const { name, scoreFactor } = top;
  if (typeof name !== 'string' || typeof scoreFactor !== 'number')
    throw slots.fail('expected a name and a score factor');
  return {
    section: (index, bytes) => slots.fill(index, bytes),
    finish: () =>
      sound(where, loops, {
        name,
        scoreFactor,
        classes,
        input: { shape, zeros: Int32Array.from(zeros) },
        layers: layers.map((whole) => whole()),
        scoreOffsets: Int32Array.from(offsets),
      }),
  };
}

function sound(where: string, loops: FileLoops, model: IntegerModel): CheckedModel {
  try {
    return checkModel(model, loops);
  } catch (error) {
    if (error instanceof HbnnError) throw new HbnnError(`${where}: ${error.message}`);
    throw error;
  }
}

function checkFeature(shape: FeatureShape, slots: SectionSlots, what: string): void {
  if (!shape.every((n) => n >= 1) || featureCount(shape) > maxFeatures)
    throw slots.fail(
      `${what}: expected a feature map of 1 to ${maxFeatures} values, got [${shape.join(', ')}]`,
    );
}

/** Each layer, once its sections are there. */
function readLayers(
  { layers: list, sources }: Json,
  start: FeatureShape,
  slots: SectionSlots,
): (() => IntegerLayer)[] {
  if (!Array.isArray(list) || list.length > maxLayers)
    throw slots.fail(`expected layers to be a list of at most ${maxLayers}`);
  if (sources !== undefined && !(Array.isArray(sources) && sources.length === list.length))
    throw slots.fail(`expected a list of sources for each of ${list.length} layers`);
  const names: string[] = [];
  const outputs: FeatureShape[] = [];
  return list.map((entry: unknown, i) => {
    const reads = sources === undefined ? [] : sourceNumbers(sources[i], i, slots);
    const inputs = reads.length === 0 ? [outputs[i - 1] ?? start] : reads.map((n) => outputs[n]);
    const place = { index: i, inputs, names: reads.map((n) => names[n]) };
    const { shell, whole } = readLayer(record(entry, slots, `layer ${i}`), place, slots);
    const output = checked(slots, () => outputShapeOf(shell, inputs));
    checkFeature(output, slots, `the output of ${shell.name}`);
    names.push(shell.name);
    outputs.push(output);
    return whole;
  });
}

/** What a layer reads: layers before it, by number. */
function sourceNumbers(list: unknown, index: number, slots: SectionSlots): number[] {
  const numbers = wholeNumbers(list, slots, `the sources of layer ${index}`, {});
  if (!numbers.every((n) => n < index))
    throw slots.fail(`layer ${index}: expected sources below ${index}, got ${numbers.join(', ')}`);
  return numbers;
}

/** Where a layer lies: the shapes of what it reads, and the names where it does not read the layer before it. */
interface LayerPlace {
  readonly index: number;
  readonly inputs: readonly FeatureShape[];
  readonly names: readonly string[];
}

/** A part as far as the header tells (its arrays empty), and how to get it whole once its sections are there. */
interface Read<T> {
  readonly shell: T;
  readonly whole: () => T;
}

const maxNameLength = 1000;

/** A layer with the name of the one it reads, where that is not the one before it. */
function readLayer(json: Json, place: LayerPlace, slots: SectionSlots): Read<IntegerLayer> {
  const { kind } = json;
  const isJoin = kind === 'add' || kind === 'concat';
  const count = place.names.length;
  if (isJoin ? count < 2 : count > 1)
    throw slots.fail(
      `layer ${place.index}: expected ${isJoin ? '2 sources or more' : 'at most 1 source'}, got ${count}`,
    );
  const { shell, whole } = readUnlinked(json, place, slots);
  const [from] = place.names;
  if (from === undefined || shell.kind === 'add' || shell.kind === 'concat')
    return { shell, whole };
  const linked = (layer: IntegerLayer): IntegerLayer => ({ ...layer, from }) as IntegerLayer;
  return { shell: linked(shell), whole: () => linked(whole()) };
}

function readUnlinked(
  json: Json,
  { index, inputs, names }: LayerPlace,
  slots: SectionSlots,
): Read<IntegerLayer> {
  const { kind, name } = json;
  const [input] = inputs;
  if (typeof name !== 'string' || name.length > maxNameLength)
    throw slots.fail(`layer ${index}: expected a name of at most ${maxNameLength} characters`);
  const pairOf = (field: string): [number, number] =>
    wholeNumbers(json[field], slots, `${name}.${field}`, { length: 2 }) as [number, number];
  const paddingOf = (): [number, number, number, number] => {
    const found = wholeNumbers(json.padding, slots, `${name}.padding`, { length: 4 });
    return found as [number, number, number, number];
  };
  const plain = (shell: IntegerLayer): Read<IntegerLayer> => ({ shell, whole: () => shell });
  switch (kind) {
    case 'conv':
    case 'depthwise': {
      const [strides, padding] = [pairOf('strides'), paddingOf()];
      const read = readWeights(record(json.weights, slots, `${name}.weights`), name, 4, slots);
      const of = (weights: IntegerWeights): IntegerLayer => ({
        kind,
        name,
        strides,
        padding,
        weights,
      });
      return { shell: of(read.shell), whole: () => of(read.whole()) };
    }
    case 'dense': {
      const read = readWeights(record(json.weights, slots, `${name}.weights`), name, 2, slots);
      const of = (weights: IntegerWeights): IntegerLayer => ({ kind, name, weights });
      return { shell: of(read.shell), whole: () => of(read.whole()) };
    }
    case 'maxPool': {
      const [size, strides, padding] = [pairOf('size'), pairOf('strides'), paddingOf()];
      return plain({ kind, name, size, strides, padding });
    }
    case 'sumPool':
      return plain({ kind, name, size: pairOf('size'), strides: pairOf('strides') });
    case 'threshold':
      return readThreshold(json, name, input, slots);
    case 'requantize':
      return readRequantize(json, name, input[2], slots);
    case 'add':
      return readAdd({ name, inputs: names }, input[2], slots);
    case 'concat':
      return plain({ kind, name, inputs: names });
    default:
      throw slots.fail(`${name}: expected a known kind of layer, got ${shown(kind)}`);
  }
}

/** The most elements of one layer: typed arrays are that long everywhere, and sums of bits stay far below 2^53. */
const maxWeights = 2 ** 31;

function readWeights(
  json: Json,
  name: string,
  dimensions: number,
  slots: SectionSlots,
): Read<IntegerWeights> {
  const shape = wholeNumbers(json.shape, slots, `${name}.weights.shape`, { length: dimensions });
  const count = shape.reduce((product, n) => product * n, 1);
  if (!shape.every((n) => n >= 1) || count > maxWeights)
    throw slots.fail(
      `${name}: expected 1 to ${maxWeights} weights, got shape [${shape.join(', ')}]`,
    );
  if (json.kind === 'int8') {
    let values: Int8Array = new Int8Array(0);
    slots.numbers(name, int8, count, (array) => {
      values = array;
    });
    const of = (): IntegerWeights => ({ kind: 'int8', shape, values });
    return { shell: of(), whole: of };
  }
  if (json.kind !== 'planes')
    throw slots.fail(`${name}: expected weights of a known kind, got ${shown(json.kind)}`);
  return readPlanes(json, name, shape, slots);
}

function readPlanes(
  json: Json,
  name: string,
  shape: readonly number[],
  slots: SectionSlots,
): Read<IntegerWeights> {
  const count = shape.reduce((product, n) => product * n, 1);
  const planes = planeCount(json, name, slots);
  const mapPer = checked<MapPer>(slots, () => parseMapPer(text(json.mapPer)), name);
  const scalePer = checked(slots, () => parseScalePer(text(json.scalePer)), name);
  let bits: Uint8Array = new Uint8Array(0);
  let signs: Uint8Array = new Uint8Array(0);
  const multiples: Uint8Array[] = [];
  const map = readMap(json, name, { unit: weightUnits(shape, mapPer), count, planes }, slots);
  // The map waits for the signs: a short code may stand for many weights, their signs may not.
  slots.slot(signBytes(planes * count), (bytes) => {
    slots.reserve(count, name);
    bits = map.decode();
    const members = map.members ?? memberCount(bits);
    if (bytes.length !== signBytes(members))
      throw slots.fail(
        `${name}: expected ${members} signs in ${signBytes(members)} bytes, got ${bytes.length}`,
      );
    const { full, elementCounts: counts } = map;
    signs = slots.loops.unpackSigns(bytes, { bits, planes, full, ...(counts && { counts }) });
  });
  for (let n = 0; n < planes; n++)
    slots.numbers(name, uint8, scalePer === 'tensor' ? 1 : shape[0], (plane) => {
      multiples.push(plane);
    });
  const of = (): PlaneWeights => ({
    kind: 'planes',
    shape,
    bits,
    signs,
    multiples,
    scalePer,
    mapPer,
  });
  return { shell: of(), whole: of };
}

function memberCount(bits: Uint8Array): number {
  let members = 0;
  for (let i = 0; i < bits.length; i++) members += bits[i];
  return members;
}

function planeCount(json: Json, name: string, slots: SectionSlots): number {
  const [planes] = wholeNumbers([json.planes], slots, `${name}.planes`, { length: 1 });
  if (planes > maxBitwidth)
    throw slots.fail(`${name}: expected at most ${maxBitwidth} planes, got ${planes}`);
  return planes;
}

interface MapForm {
  readonly unit: Unit;
  readonly count: number;
  readonly planes: number;
}

interface ReadMap {
  /** The map, once its section is there. */
  readonly decode: () => Uint8Array;
  /** Σ of the bitwidths, where the counts tell. */
  readonly members?: number;
  /** The counts of each bitwidth among elements, where they are those of units. */
  readonly elementCounts?: readonly number[];
  /** Whether none has 0 bits. */
  readonly full: boolean;
}

/** A bit map: counts of bitwidths over units in the header, its code in the next section. */
function readMap(
  json: Json,
  name: string,
  { unit, count, planes }: MapForm,
  slots: SectionSlots,
): ReadMap {
  const counts = wholeNumbers(json.counts, slots, `${name}.counts`, { length: maxBitwidth + 1 });
  if (counts.reduce((sum, n) => sum + n, 0) !== unit.count)
    throw slots.fail(`${name}: expected counts of ${unit.count} bitwidths in all`);
  if (counts.some((n, width) => n > 0 && width > planes))
    throw slots.fail(`${name}: expected bitwidths up to its ${planes} planes`);
  let code: Uint8Array = new Uint8Array(0);
  slots.slot(maxMapBytes(counts), (bytes) => {
    code = new Uint8Array(bytes);
  });
  const decode = (): Uint8Array =>
    spread(
      decodeMap(code, counts, `${slots.where}: ${name}`, (...map) =>
        slots.loops.decodeStates(...map),
      ),
      unit,
      count,
    );
  const full = counts[0] === 0;
  if (unit.count !== count) return { decode, full };
  const members = counts.reduce((sum, n, width) => sum + width * n, 0);
  return { decode, full, members, elementCounts: counts };
}

const featureMapPers: readonly FeatureMapPer[] = ['element', 'position', 'channel'];

function readThreshold(
  json: Json,
  name: string,
  input: FeatureShape,
  slots: SectionSlots,
): Read<IntegerLayer> {
  const planes = planeCount(json, name, slots);
  const mapPer = featureMapPers.find((per) => per === json.mapPer);
  if (mapPer === undefined)
    throw slots.fail(`${name}: expected a known granularity of its map, got ${shown(json.mapPer)}`);
  const count = featureCount(input);
  const nodes = input[2] * treeSize(planes);
  let bits: Uint8Array = new Uint8Array(0);
  let multiples: Uint8Array = new Uint8Array(0);
  let thresholds: Int32Array = new Int32Array(0);
  let flips: Uint8Array = new Uint8Array(0);
  const map = readMap(json, name, { unit: featureUnits(input, mapPer), count, planes }, slots);
  slots.numbers(name, uint8, planes, (values) => {
    multiples = values;
  });
  slots.numbers(name, int32, nodes, (values) => {
    slots.reserve(count, name);
    bits = map.decode();
    thresholds = values;
  });
  slots.numbers(name, uint8, input[2], (values) => {
    flips = values;
  });
  const whole = (): IntegerLayer => ({
    kind: 'threshold',
    name,
    bits,
    multiples,
    thresholds,
    flips,
  });
  return { shell: whole(), whole };
}

function readRequantize(
  json: Json,
  name: string,
  channels: number,
  slots: SectionSlots,
): Read<IntegerLayer> {
  const range = { length: 2, signed: true };
  const ends = [json.minimum, json.maximum];
  const [minimum, maximum] = wholeNumbers(ends, slots, `${name}.minimum, maximum`, range);
  let multipliers: Int16Array = new Int16Array(0);
  let offsets: Float64Array = new Float64Array(0);
  let shifts: Uint8Array = new Uint8Array(0);
  slots.numbers(name, int16, channels, (values) => {
    multipliers = values;
  });
  slots.numbers(name, float64, channels, (values) => {
    offsets = values;
  });
  slots.numbers(name, uint8, channels, (values) => {
    shifts = values;
  });
  const whole = (): IntegerLayer => ({
    kind: 'requantize',
    name,
    multipliers,
    offsets,
    shifts,
    minimum,
    maximum,
  });
  return { shell: whole(), whole };
}

function readAdd(
  join: Pick<AddLayer, 'name' | 'inputs'>,
  channels: number,
  slots: SectionSlots,
): Read<IntegerLayer> {
  const multipliers: Int16Array[] = [];
  for (let n = 0; n < join.inputs.length; n++)
    slots.numbers(join.name, int16, channels, (values) => {
      multipliers.push(values);
    });
  const whole = (): IntegerLayer => ({ kind: 'add', ...join, multipliers });
  return { shell: whole(), whole };
}

/** Let an error of core say that the file is at fault. */
function checked<T>(slots: SectionSlots, read: () => T, name?: string): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof HbnnError)) throw error;
    throw slots.fail(name === undefined ? error.message : `${name}: ${error.message}`);
  }
}

/** A value of a header in an error: whatever it is, and not at any length. */
const shown = (value: unknown): string =>
  typeof value === 'string' ? `'${text(value)}'` : text(value);

const text = (value: unknown): string =>
  typeof value === 'string' ? value.slice(0, 40) : typeof value;

function record(value: unknown, slots: SectionSlots, what: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw slots.fail(`expected ${what} to be an object`);
  return value as Json;
}

/** Whole numbers from 0 (or negative ones too), as many as `length` says. */
function wholeNumbers(
  value: unknown,
  slots: SectionSlots,
  what: string,
  { length, signed = false }: { length?: number; signed?: boolean },
): number[] {
  const fits =
    Array.isArray(value) &&
    (length === undefined || value.length === length) &&
    value.every((n) => Number.isSafeInteger(n) && (signed || n >= 0) && Math.abs(n) < 2 ** 31);
  if (!fits) throw slots.fail(`expected ${what} to be ${length ?? 'some'} whole numbers`);
  return [...(value as number[])];
}

function texts(value: unknown, slots: SectionSlots, what: string): string[] {
  if (!Array.isArray(value) || !value.every((entry) => typeof entry === 'string'))
    throw slots.fail(`expected ${what} to be texts`);
  return [...(value as string[])];
}
