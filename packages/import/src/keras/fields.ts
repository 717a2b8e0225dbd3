import { HbnnError, kindOf } from '@hbnn/core';
import { type ActivationName, activations, type Pair } from '../assemble/layerSpec.ts';
import { ownEntry } from '../ownEntry.ts';

export type Config = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is Config =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Fields that change nothing of what a trained layer computes, by the end of their name. */
const trainingFields = /_(initializer|regularizer|constraint)$/;
const commonFields = new Set([
  'name',
  'trainable',
  'dtype',
  'batch_input_shape',
  'batch_shape',
  'input_shape',
  'input_dtype',
  'build_config',
]);

/** Activations whose names Keras and TensorFlow.js spell differently. */
const renamed: Readonly<Record<string, ActivationName>> = {
  silu: 'swish',
  log_softmax: 'logSoftmax',
};

/** The fields of one layer's configuration: each is read once, and what nobody reads is refused. */
export class Fields {
  readonly where: string;
  private readonly config: Config;
  private readonly seen = new Set<string>();

  constructor(config: Config, where: string) {
    this.config = config;
    this.where = where;
    this.checkDtype();
  }

  private get(field: string): unknown {
    this.seen.add(field);
    const value = this.config[field];
    return value === null ? undefined : value;
  }

  fault(field: string, expected: string, value: unknown, way: string): HbnnError {
    const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
    return new HbnnError(`${this.where}: expected ${field} ${expected}, got ${text}; ${way}`);
  }

  private checkDtype(): void {
    const dtype = this.config.dtype ?? 'float32';
    const policy = isObject(dtype) && isObject(dtype.config) ? dtype.config.name : dtype;
    if (policy !== 'float32')
      throw this.fault('dtype', 'float32', policy, 'convert the network to float32 and save it');
  }

  number(field: string, otherwise?: number): number {
    const value = this.get(field) ?? otherwise;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    throw this.fault(field, 'a number', value, 'save the network again');
  }

  optionalNumber(field: string): number | undefined {
    return this.get(field) === undefined ? undefined : this.number(field);
  }

  flag(field: string, otherwise: boolean): boolean {
    const value = this.get(field) ?? otherwise;
    if (typeof value === 'boolean') return value;
    throw this.fault(field, 'true or false', value, 'save the network again');
  }

  /** Two sizes, or one for both. */
  pair(field: string, otherwise?: Pair): Pair {
    const value = this.get(field) ?? otherwise;
    const both = Array.isArray(value) ? value : [value, value];
    if (both.length === 2 && both.every((n) => Number.isSafeInteger(n) && n >= 0))
      return both as unknown as Pair;
    throw this.fault(field, 'one or two whole numbers', value, 'save the network again');
  }

  wholes(field: string): readonly number[] {
    const value = this.get(field);
    if (Array.isArray(value) && value.every((n) => Number.isSafeInteger(n))) return value;
    throw this.fault(field, 'a list of whole numbers', value, 'save the network again');
  }

  /** Numbers in one list, whatever lists they lie in; undefined where there are none. */
  optionalNumbers(field: string): readonly number[] | undefined {
    const value = this.get(field);
    if (value === undefined) return undefined;
    const numbers: readonly unknown[] = [value].flat(Number.POSITIVE_INFINITY);
    if (numbers.length > 0 && numbers.every((n) => typeof n === 'number' && Number.isFinite(n)))
      return numbers as readonly number[];
    throw this.fault(field, 'numbers', value, 'save the network again');
  }

  /** Rows and columns that padding adds: n, [n, m] or [[top, bottom], [left, right]]. */
  margins(field: string): readonly [Pair, Pair] {
    const value = this.get(field);
    const both = Array.isArray(value) ? value : [value, value];
    const pairs = both.map((n) => (Array.isArray(n) ? n : [n, n]));
    if (pairs.length === 2 && pairs.every((p) => p.length === 2 && p.every((n) => n >= 0)))
      return pairs as unknown as readonly [Pair, Pair];
    throw this.fault(field, 'the zeros on each side', value, 'save the network again');
  }

  padding(): 'same' | 'valid' {
    const value = this.get('padding') ?? 'valid';
    if (value === 'same' || value === 'valid') return value;
    throw this.fault('padding', "'same' or 'valid'", value, 'pad by a ZeroPadding2D layer');
  }

  activation(field = 'activation'): ActivationName | undefined {
    const value = this.get(field) ?? 'linear';
    const name = ownEntry(renamed, String(value)) ?? value;
    if (name === 'linear') return undefined;
    const match = activations.find((activation) => activation === name);
    if (match !== undefined) return match;
    throw this.fault(field, `one of ${activations.join(', ')}`, value, 'replace the activation');
  }

  /** Refuse another value than the one that can be imported. */
  only(field: string, values: readonly unknown[], way: string): void {
    const value = this.get(field);
    if (value === undefined || values.includes(value)) return;
    throw this.fault(field, values.map(String).join(' or '), value, way);
  }

  /** Check that an axis is the last one of values that have these axes beside the batch. */
  lastAxis(axes: number): void {
    const value = this.get('axis') ?? -1;
    const [axis] = [value].flat();
    if ([value].flat().length === 1 && (axis === -1 || axis === axes)) return;
    throw this.fault('axis', `-1 or ${axes}`, value, 'build the layer over the last axis');
  }

  channelsLast(): void {
    const way = 'build the network with channels last and give it the same weights';
    this.only('data_format', ['channels_last', 'channelsLast'], way);
  }

  /** Fields that are only of use in training. */
  ignore(...fields: readonly string[]): void {
    for (const field of fields) this.seen.add(field);
  }

  /** Refuse fields that were not read. */
  finish(kind: string): void {
    for (const [field, value] of Object.entries(this.config)) {
      if (this.seen.has(field) || commonFields.has(field) || trainingFields.test(field)) continue;
      if (value === null || value === undefined) continue;
      throw new HbnnError(
        `${this.where}: expected fields that ${kind} is known to have, got '${field}' with ${JSON.stringify(value)}; build the layer without it`,
      );
    }
  }
}

/** @throws HbnnError where a value is no object */
export function objectAt(value: unknown, where: string): Config {
  if (isObject(value)) return value;
  throw new HbnnError(
    `${where}: expected an object, got ${kindOf(value)}; save the network again, with its architecture`,
  );
}
