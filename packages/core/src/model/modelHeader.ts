import { HbnnError } from '../error.ts';
import { type MapPer, parseMapPer, parseScalePer } from '../granularity.ts';
import { maxBitwidth } from '../mix.ts';
import {
  type FeatureMapPer,
  featureUnits,
  gather,
  spread,
  type Unit,
  weightUnits,
} from './coarseMap.ts';
import {
  type FeatureShape,
  featureCount,
  type IntegerLayer,
  type IntegerModel,
  type IntegerWeights,
  type PlaneWeights,
  type ThresholdLayer,
} from './integerModel.ts';
import { decodeMap, encodeMap, widthCounts } from './mapCode.ts';
import { mostFeatures, outputShapeOf, planModel } from './plan.ts';

/** What a section holds. */
export interface DescribedSection {
  readonly kind: 'map' | 'signs' | 'int8' | 'other';
  readonly bytes: Uint8Array;
}

type Json = Record<string, unknown>;

/** The header of a model, but for its list of sections, and the sections in order. */
export function describeModel(model: IntegerModel): {
  description: Json;
  sections: DescribedSection[];
} {
  const sections: DescribedSection[] = [];
  let shape = model.input.shape;
  const layers = model.layers.map((layer) => {
    const described = describeLayer(layer, shape, sections);
    shape = outputShapeOf(layer, shape);
    return described;
  });
  const { name, classes, scoreFactor } = model;
  const input = { shape: [...model.input.shape], zeros: [...model.input.zeros] };
  const scoreOffsets = [...model.scoreOffsets];
  return { description: { name, input, classes, scoreFactor, scoreOffsets, layers }, sections };
}

function describeLayer(
  layer: IntegerLayer,
  input: FeatureShape,
  sections: DescribedSection[],
): Json {
  const { kind, name } = layer;
  switch (layer.kind) {
    case 'conv':
    case 'depthwise': {
      const { strides, padding } = layer;
      return { kind, name, strides, padding, weights: describeWeights(layer.weights, sections) };
    }
    case 'dense':
      return { kind, name, weights: describeWeights(layer.weights, sections) };
    case 'maxPool': {
      const { size, strides, padding } = layer;
      return { kind, name, size, strides, padding };
    }
    case 'sumPool': {
      const { size, strides } = layer;
      return { kind, name, size, strides };
    }
    case 'threshold':
      return { kind, name, ...describeThreshold(layer, input, sections) };
    case 'requantize': {
      const { minimum, maximum, multipliers, offsets, shifts } = layer;
      for (const array of [multipliers, offsets, shifts])
        put(sections, 'other', littleEndian(array));
      return { kind, name, minimum, maximum };
    }
    default:
      return layer satisfies never;
  }
}

function put(
  sections: DescribedSection[],
  kind: DescribedSection['kind'],
  bytes: Uint8Array,
): void {
  sections.push({ kind, bytes });
}

type Numbers = Int16Array | Int32Array | Float64Array | Uint8Array | Int8Array;

/** The bytes of numbers, lowest byte first whatever the machine. */
function littleEndian(values: Numbers): Uint8Array {
  const size = values.BYTES_PER_ELEMENT;
  const out = new Uint8Array(values.length * size);
  const view = new DataView(out.buffer);
  values.forEach((value, i) => {
    if (size === 1) out[i] = value;
    else if (size === 2) view.setInt16(i * size, value, true);
    else if (size === 4) view.setInt32(i * size, value, true);
    else view.setFloat64(i * size, value, true);
  });
  return out;
}

function describeWeights(weights: IntegerWeights, sections: DescribedSection[]): Json {
  const shape = [...weights.shape];
  if (weights.kind === 'int8') {
    put(sections, 'int8', littleEndian(weights.values));
    return { kind: 'int8', shape };
  }
  const { bits, signs, multiples, scalePer } = weights;
  // A map that does not keep to its granularity is stored element by element.
  const gathered = gather(bits, weightUnits(shape, weights.mapPer));
  const mapPer = gathered ? weights.mapPer : 'element';
  const units = gathered ?? bits;
  const counts = widthCounts(units);
  put(sections, 'map', encodeMap(units, counts));
  put(sections, 'signs', packSigns(bits, signs, multiples.length));
  for (const plane of multiples) put(sections, 'other', plane.slice());
  return { kind: 'planes', shape, mapPer, scalePer, planes: multiples.length, counts };
}

/** Signs of members, plane after plane, eight to a byte, lowest bit first. */
function packSigns(bits: Uint8Array, signs: Uint8Array, planes: number): Uint8Array {
  const members = bits.reduce((sum, width) => sum + width, 0);
  const out = new Uint8Array(Math.ceil(members / 8));
  let at = 0;
  for (let n = 0; n < planes; n++)
    for (let i = 0; i < bits.length; i++)
      if (bits[i] > n) {
        out[at >>> 3] |= ((signs[i] >> n) & 1) << (at & 7);
        at++;
      }
  return out;
}

function unpackSigns(packed: Uint8Array, bits: Uint8Array, planes: number): Uint8Array {
  const signs = new Uint8Array(bits.length);
  let at = 0;
  for (let n = 0; n < planes; n++)
    for (let i = 0; i < bits.length; i++)
      if (bits[i] > n) {
        signs[i] |= ((packed[at >>> 3] >> (at & 7)) & 1) << n;
        at++;
      }
  return signs;
}

function describeThreshold(
  layer: ThresholdLayer,
  input: FeatureShape,
  sections: DescribedSection[],
): Json {
  const { bits, multiples, thresholds, flips } = layer;
  const coarse = (['channel', 'position'] as const)
    .map((per) => ({ per, units: gather(bits, featureUnits(input, per)) }))
    .find(({ units }) => units !== undefined);
  const units = coarse?.units ?? bits;
  const counts = widthCounts(units);
  put(sections, 'map', encodeMap(units, counts));
  for (const array of [multiples, thresholds, flips]) put(sections, 'other', littleEndian(array));
  return { mapPer: coarse?.per ?? 'element', planes: multiples.length, counts };
}

/** Takes the sections of a header in order, and makes the model of them. */
export interface SectionReader {
  section(index: number, bytes: Uint8Array): void;
  /** @throws HbnnError when the model is not sound */
  finish(): IntegerModel;
}

/** How many elements a file may have beside those its bytes speak for: 16 Mi. */
const freeElements = 2 ** 24;

/** What a header promises: slots to fill with sections, checked as they come. */
class Promises {
  readonly where: string;
  private readonly slots: ((bytes: Uint8Array) => void)[] = [];
  private elements = 0;
  private readonly most: number;

  constructor(where: string, storedBytes: number) {
    this.where = where;
    this.most = freeElements + 8 * storedBytes;
  }

  fail(what: string): HbnnError {
    return new HbnnError(`${this.where}: ${what}; it is damaged or was not written by HBNN`);
  }

  /** Count elements before anything is allocated for them. */
  reserve(count: number, name: string): void {
    this.elements += count;
    if (!(this.elements <= this.most))
      throw this.fail(`${name} would take more elements than a file of this size can have`);
  }

  slot(use: (bytes: Uint8Array) => void): void {
    this.slots.push(use);
  }

  /** A section of so many numbers. */
  numbers<T extends Numbers>(
    name: string,
    make: (bytes: Uint8Array) => T,
    length: number,
    set: (values: T) => void,
  ): void {
    this.slot((bytes) => {
      const values = make(bytes);
      if (values.length !== length)
        throw this.fail(`${name}: expected a section of ${length} numbers, got ${values.length}`);
      set(values);
    });
  }

  get count(): number {
    return this.slots.length;
  }

  fill(index: number, bytes: Uint8Array): void {
    this.slots[index](bytes);
  }
}

const words = (bytes: Uint8Array, size: number): { view: DataView; count: number } => ({
  view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  // A length that is no multiple of the size is no count at all.
  count: bytes.length % size === 0 ? bytes.length / size : -1,
});
const listOf = (count: number): { length: number } => ({ length: Math.max(0, count) });
// new, not slice(): a Node.js Buffer's slice shares its memory.
const asBytes = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes);
const asInt8 = (bytes: Uint8Array): Int8Array => new Int8Array(new Uint8Array(bytes).buffer);
const asInt16 = (bytes: Uint8Array): Int16Array => {
  const { view, count } = words(bytes, 2);
  return Int16Array.from(listOf(count), (_, i) => view.getInt16(2 * i, true));
};
const asInt32 = (bytes: Uint8Array): Int32Array => {
  const { view, count } = words(bytes, 4);
  return Int32Array.from(listOf(count), (_, i) => view.getInt32(4 * i, true));
};
const asFloat64 = (bytes: Uint8Array): Float64Array => {
  const { view, count } = words(bytes, 8);
  return Float64Array.from(listOf(count), (_, i) => view.getFloat64(8 * i, true));
};

/** Read a header: everything but what the sections hold. */
export function readDescription(
  header: unknown,
  storedBytes: number,
  sections: number,
  where: string,
): SectionReader {
  const promises = new Promises(where, storedBytes);
  const top = record(header, promises, 'the header');
  const input = record(top.input, promises, 'input');
  const shape = wholeNumbers(input.shape, promises, 'input.shape', 3) as unknown as FeatureShape;
  const zeros = Int32Array.from(wholeNumbers(input.zeros, promises, 'input.zeros'));
  const list = top.layers;
  if (!Array.isArray(list) || list.length > 4096) throw promises.fail('expected a list of layers');
  let feature: FeatureShape = shape;
  const layers = list.map((entry: unknown, i) => {
    const made = readLayer(record(entry, promises, `layer ${i}`), feature, promises);
    feature = outputShapeOf(made.shell, feature);
    if (featureCount(feature) > mostFeatures || !feature.every((n) => n >= 1))
      throw promises.fail(`${made.shell.name} gives [${feature.join(', ')}]`);
    return made;
  });
  if (promises.count !== sections)
    throw promises.fail(`expected ${promises.count} sections, got ${sections}`);
  const offsets = wholeNumbers(top.scoreOffsets, promises, 'scoreOffsets', undefined, true);
  const classes = texts(top.classes, promises, 'classes');
  const { name, scoreFactor } = top;
  if (typeof name !== 'string' || typeof scoreFactor !== 'number')
    throw promises.fail('expected a name and a score factor');
  return {
    section: (index, bytes) => promises.fill(index, bytes),
    finish() {
      const model: IntegerModel = {
        ...{ name, scoreFactor, classes, input: { shape, zeros } },
        ...{ layers: layers.map(({ whole }) => whole()), scoreOffsets: Int32Array.from(offsets) },
      };
      try {
        planModel(model);
      } catch (error) {
        if (error instanceof HbnnError) throw new HbnnError(`${where}: ${error.message}`);
        throw error;
      }
      return model;
    },
  };
}

/** A layer as far as the header tells (its arrays empty), and how to get it whole once its sections are there. */
interface ReadLayer {
  readonly shell: IntegerLayer;
  readonly whole: () => IntegerLayer;
}

function readLayer(json: Json, input: FeatureShape, p: Promises): ReadLayer {
  const { kind, name } = json;
  if (typeof name !== 'string' || name.length > 1000) throw p.fail('expected layers with a name');
  const pairOf = (field: string): [number, number] =>
    wholeNumbers(json[field], p, `${name}.${field}`, 2) as [number, number];
  const paddingOf = (): [number, number, number, number] =>
    wholeNumbers(json.padding, p, `${name}.padding`, 4) as [number, number, number, number];
  const plain = (shell: IntegerLayer): ReadLayer => ({ shell, whole: () => shell });
  switch (kind) {
    case 'conv':
    case 'depthwise': {
      const [strides, padding] = [pairOf('strides'), paddingOf()];
      const weights = readWeights(record(json.weights, p, `${name}.weights`), name, 4, p);
      const of = (w: IntegerWeights): IntegerLayer => ({
        kind,
        name,
        strides,
        padding,
        weights: w,
      });
      return { shell: of(weights.shell), whole: () => of(weights.whole()) };
    }
    case 'dense': {
      const weights = readWeights(record(json.weights, p, `${name}.weights`), name, 2, p);
      const of = (w: IntegerWeights): IntegerLayer => ({ kind, name, weights: w });
      return { shell: of(weights.shell), whole: () => of(weights.whole()) };
    }
    case 'maxPool':
      return plain({
        kind,
        name,
        size: pairOf('size'),
        strides: pairOf('strides'),
        padding: paddingOf(),
      });
    case 'sumPool':
      return plain({ kind, name, size: pairOf('size'), strides: pairOf('strides') });
    case 'threshold':
      return readThreshold(json, name, input, p);
    case 'requantize':
      return readRequantize(json, name, input[2], p);
    default:
      throw p.fail(`${name}: expected a known kind of layer, got '${String(kind)}'`);
  }
}

interface Read<T> {
  readonly shell: T;
  readonly whole: () => T;
}

function readWeights(
  json: Json,
  name: string,
  dimensions: number,
  p: Promises,
): Read<IntegerWeights> {
  const shape = wholeNumbers(json.shape, p, `${name}.weights.shape`, dimensions);
  const count = shape.reduce((product, n) => product * n, 1);
  if (!shape.every((n) => n >= 1)) throw p.fail(`${name}: expected weights of at least 1 × 1`);
  p.reserve(count, name);
  if (json.kind === 'int8') {
    let values = new Int8Array(0);
    p.numbers(name, asInt8, count, (array) => {
      values = array as Int8Array<ArrayBuffer>;
    });
    const of = (): IntegerWeights => ({ kind: 'int8', shape, values });
    return { shell: of(), whole: of };
  }
  if (json.kind !== 'planes') throw p.fail(`${name}: expected weights of a known kind`);
  return readPlanes(json, name, shape, count, p);
}

function readPlanes(
  json: Json,
  name: string,
  shape: number[],
  count: number,
  p: Promises,
): Read<IntegerWeights> {
  const planes = planeCount(json, name, p);
  const [mapPer, scalePer] = checked(p, name, () => [
    parseMapPer(String(json.mapPer)),
    parseScalePer(String(json.scalePer)),
  ]) as [MapPer, PlaneWeights['scalePer']];
  let bits: Uint8Array = new Uint8Array(0);
  let signs: Uint8Array = new Uint8Array(0);
  const multiples: Uint8Array[] = [];
  readMap(json, name, weightUnits(shape, mapPer), count, p, (map) => {
    bits = map;
  });
  p.slot((bytes) => {
    const members = bits.reduce((sum, width) => sum + Math.min(width, planes), 0);
    if (bytes.length !== Math.ceil(members / 8))
      throw p.fail(`${name}: expected ${members} signs, got ${bytes.length} bytes of them`);
    signs = unpackSigns(bytes, bits, planes);
  });
  for (let n = 0; n < planes; n++)
    p.numbers(name, asBytes, scalePer === 'tensor' ? 1 : shape[0], (plane) => {
      multiples.push(plane);
    });
  const of = (): IntegerWeights => ({
    ...{ kind: 'planes', shape, bits, signs, multiples, scalePer, mapPer },
  });
  return { shell: of(), whole: of };
}

function planeCount(json: Json, name: string, p: Promises): number {
  const [planes] = wholeNumbers([json.planes], p, `${name}.planes`, 1);
  if (planes > maxBitwidth) throw p.fail(`${name}: expected at most ${maxBitwidth} planes`);
  return planes;
}

/** A bit map: counts of bitwidths over units in the header, its code in the next section. */
function readMap(
  json: Json,
  name: string,
  unit: Unit,
  count: number,
  p: Promises,
  set: (bits: Uint8Array) => void,
): void {
  const counts = wholeNumbers(json.counts, p, `${name}.counts`, maxBitwidth + 1);
  if (counts.reduce((sum, n) => sum + n, 0) !== unit.count)
    throw p.fail(`${name}: expected counts of ${unit.count} bitwidths`);
  p.slot((bytes) => {
    const units = decodeMap(bytes, counts, `${p.where}: ${name}`);
    set(unit.count === count ? units : spread(units, unit, count));
  });
}

const featureMapPers: readonly FeatureMapPer[] = ['element', 'position', 'channel'];

function readThreshold(json: Json, name: string, input: FeatureShape, p: Promises): ReadLayer {
  const planes = planeCount(json, name, p);
  const mapPer = featureMapPers.find((per) => per === json.mapPer);
  if (mapPer === undefined) throw p.fail(`${name}: expected a known granularity of its map`);
  const count = featureCount(input);
  const nodes = 2 ** planes - 1;
  p.reserve(count + input[2] * nodes, name);
  let bits: Uint8Array = new Uint8Array(0);
  let multiples: Uint8Array = new Uint8Array(0);
  let thresholds: Int32Array = new Int32Array(0);
  let flips: Uint8Array = new Uint8Array(0);
  readMap(json, name, featureUnits(input, mapPer), count, p, (map) => {
    bits = map;
  });
  p.numbers(name, asBytes, planes, (values) => {
    multiples = values;
  });
  p.numbers(name, asInt32, input[2] * nodes, (values) => {
    thresholds = values;
  });
  p.numbers(name, asBytes, input[2], (values) => {
    flips = values;
  });
  const whole = (): IntegerLayer => ({
    ...{ kind: 'threshold', name, bits, multiples, thresholds, flips },
  });
  return { shell: whole(), whole };
}

function readRequantize(json: Json, name: string, channels: number, p: Promises): ReadLayer {
  const ends = [json.minimum, json.maximum];
  const [minimum, maximum] = wholeNumbers(ends, p, `${name}.minimum, maximum`, 2, true);
  let multipliers: Int16Array = new Int16Array(0);
  let offsets: Float64Array = new Float64Array(0);
  let shifts: Uint8Array = new Uint8Array(0);
  p.numbers(name, asInt16, channels, (values) => {
    multipliers = values;
  });
  p.numbers(name, asFloat64, channels, (values) => {
    offsets = values;
  });
  p.numbers(name, asBytes, channels, (values) => {
    shifts = values;
  });
  const whole = (): IntegerLayer => ({
    ...{ kind: 'requantize', name, multipliers, offsets, shifts, minimum, maximum },
  });
  return { shell: whole(), whole };
}

function checked<T>(p: Promises, name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof HbnnError) throw p.fail(`${name}: ${error.message}`);
    throw error;
  }
}

function record(value: unknown, p: Promises, what: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw p.fail(`expected ${what} to be an object`);
  return value as Json;
}

/** Whole numbers from 0 (or negative ones too), as many as `length` says. */
function wholeNumbers(
  value: unknown,
  p: Promises,
  what: string,
  length?: number,
  signed = false,
): number[] {
  const fits =
    Array.isArray(value) &&
    (length === undefined || value.length === length) &&
    value.every((n) => Number.isSafeInteger(n) && (signed || n >= 0) && Math.abs(n) < 2 ** 31);
  if (!fits) throw p.fail(`expected ${what} to be ${length ?? 'some'} whole numbers`);
  return [...(value as number[])];
}

function texts(value: unknown, p: Promises, what: string): string[] {
  if (!Array.isArray(value) || !value.every((entry) => typeof entry === 'string'))
    throw p.fail(`expected ${what} to be texts`);
  return [...(value as string[])];
}
