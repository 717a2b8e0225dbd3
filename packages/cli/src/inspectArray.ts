import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { HbnnError, type NpyArray } from '@hbnn/core';
import { averageOf, type BitCounts } from './bitHistogram.ts';
import { readNpyFile } from './npyFile.ts';

/** A NumPy array as `hbnn inspect` shows it. */
export interface ArrayView {
  readonly kind: 'NumPy array';
  readonly shape: readonly number[];
  readonly type: string;
  readonly elements: number;
  readonly bytes: number;
  readonly min?: number;
  readonly max?: number;
  readonly mean?: number;
  readonly deviation?: number;
  readonly zeros: number;
  /** Elements that are no finite numbers. */
  readonly notFinite: number;
  /** How often each value comes, of whole numbers with few of them. */
  readonly values?: BitCounts;
}

/** Values that are listed one by one. */
const maxValues = 16;

/** Describe a .npy file. @throws HbnnError where it is none */
export function inspectArray(file: string): ArrayView {
  const { shape, data } = readNpyFile(file);
  const { counted, zeros, notFinite, ...moments } = momentsOf(data);
  const isWhole = !(data instanceof Float32Array) && data.every(Number.isInteger);
  const values = isWhole ? valueCounts(data) : undefined;
  return {
    kind: 'NumPy array',
    shape,
    type: data.constructor.name.replace('Array', '').toLowerCase(),
    elements: data.length,
    bytes: statSync(file).size,
    ...(counted > 0 && moments),
    zeros,
    notFinite,
    ...(values !== undefined && { values }),
  };
}

function momentsOf(data: NpyArray['data']) {
  let [counted, zeros, sum, squares] = [0, 0, 0, 0];
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of data) {
    if (!Number.isFinite(value)) continue;
    counted++;
    if (value === 0) zeros++;
    sum += value;
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  const mean = sum / counted;
  for (const value of data) if (Number.isFinite(value)) squares += (value - mean) ** 2;
  const deviation = Math.sqrt(squares / counted);
  return { counted, zeros, notFinite: data.length - counted, min, max, mean, deviation };
}

function valueCounts(data: NpyArray['data']): BitCounts | undefined {
  const counts = new Map<number, number>();
  for (const value of data) {
    counts.set(value, (counts.get(value) ?? 0) + 1);
    if (counts.size > maxValues) return undefined;
  }
  return Object.fromEntries([...counts].sort(([a], [b]) => a - b));
}

/** A plane of a binarized tensor as `hbnn inspect` shows it. */
interface PlaneView {
  readonly plane: number;
  /** Elements that have a bit in this plane. */
  readonly members: number;
  /** The least and the largest of its scales. */
  readonly minScale: number;
  readonly maxScale: number;
}

/** A folder of `hbnn binarize` as `hbnn inspect` shows it. */
export interface BinarizedView {
  readonly kind: 'binarized tensor';
  readonly shape: readonly number[];
  readonly elements: number;
  readonly averageBits: number;
  readonly bits: BitCounts;
  readonly scalePer: string;
  readonly planes: readonly PlaneView[];
}

/** Whether a folder is one of `hbnn binarize`. */
export const isBinarized = (folder: string): boolean =>
  ['map.npy', 'planes.json'].every((name) => existsSync(join(folder, name)));

/** Describe a folder of `hbnn binarize`. @throws HbnnError where its files are not whole */
export function inspectBinarized(folder: string): BinarizedView {
  const { shape, data } = readNpyFile(join(folder, 'map.npy'));
  const bits = valueCounts(data) ?? {};
  const { scalePer, planes } = planesIn(join(folder, 'planes.json'));
  const members = planes.map((_, n) =>
    Object.entries(bits).reduce((sum, [width, count]) => sum + (Number(width) > n ? count : 0), 0),
  );
  return {
    kind: 'binarized tensor',
    shape,
    elements: data.length,
    averageBits: averageOf(bits) ?? 0,
    bits,
    scalePer,
    planes: planes.map(({ scales }, n) => ({
      plane: n + 1,
      members: members[n],
      minScale: scales.reduce((least, scale) => Math.min(least, scale), Number.POSITIVE_INFINITY),
      maxScale: scales.reduce((largest, scale) => Math.max(largest, scale), 0),
    })),
  };
}

interface PlanesFile {
  readonly scalePer: string;
  readonly planes: readonly { readonly scales: readonly number[] }[];
}

function planesIn(file: string): PlanesFile {
  const fault = (why: string): HbnnError =>
    new HbnnError(
      `${file}: expected planes of hbnn binarize, got ${why}; binarize the tensor again`,
    );
  let json: Partial<PlanesFile> | null;
  try {
    json = JSON.parse(readFileSync(file, 'utf8')) as Partial<PlanesFile> | null;
  } catch (error) {
    throw fault(`no JSON (${(error as Error).message.replaceAll('\n', ' ')})`);
  }
  const { scalePer, planes } = json ?? {};
  const isPlane = (plane: unknown): boolean => {
    const { scales } = (plane ?? {}) as { scales?: unknown };
    return Array.isArray(scales) && scales.every((scale) => typeof scale === 'number');
  };
  if (typeof scalePer !== 'string' || !Array.isArray(planes) || !planes.every(isPlane))
    throw fault('other fields');
  return { scalePer, planes };
}
