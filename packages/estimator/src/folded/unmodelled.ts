import type { Census } from '@hbnn/model';
import type { Device } from '../devices.ts';
import type { Quantity } from '../quantity.ts';
import { isBare } from './foldedBare.ts';

type StepKind = Census['steps'][number]['kind'];

/**
 * Kinds of layers that folded estimates leave out. FINN's networks have maximum pools, so that what is fitted to them has
 * some, and are chains; requantization without a platform was seen in four random networks alone.
 */
const leftOut = {
  finn: ['sumPool', 'add', 'concat'],
  bare: ['maxPool', 'sumPool', 'requantize', 'add', 'concat'],
  cells: ['maxPool', 'sumPool', 'add', 'concat'],
} as const satisfies Record<string, readonly StepKind[]>;

/** Layers of a model that a folded estimate has no model of, each with its kind. */
export function unmodelledLayers({ steps }: Census, on: Device | 'cells'): string[] {
  const kinds: readonly StepKind[] =
    on === 'cells' ? leftOut.cells : isBare(on) ? leftOut.bare : leftOut.finn;
  return steps
    .filter(({ kind }) => kinds.includes(kind))
    .map(({ name, kind }) => `${name} (${kind})`);
}

/** A figure of a part: the whole takes at least this. */
export type PartQuantity = Omit<Quantity, 'low' | 'high'>;

/** Figures that do not depend on layers without weights. */
const ofAllLayers = ['framesPerSecond', 'cyclesPerFrame', 'latencyCycles'];

const isQuantity = (value: unknown): value is Quantity =>
  typeof value === 'object' && value !== null && 'low' in value && 'high' in value;

/** An estimate without bands, and without a word on whether it fits. */
export type PartEstimate<T> = {
  readonly [K in keyof T as K extends 'fits' | 'occupancy' ? never : K]: T[K] extends
    | Quantity
    | undefined
    ? PartQuantity | Extract<T[K], undefined>
    : T[K];
};

/**
 * What is left of a folded estimate where layers of the model are not in it: figures without bands, and nothing on whether
 * the design fits. With all layers modelled it is as it was.
 *
 * @param unmodelled those of `unmodelledLayers`
 */
export function ofModelledLayers<T extends { readonly unknown: Readonly<Record<string, string>> }>(
  found: T,
  unmodelled: readonly string[],
): T | PartEstimate<T> {
  if (unmodelled.length === 0) return found;
  const names = unmodelled.join(', ');
  const entries = Object.entries(found)
    .filter(([name]) => name !== 'fits' && name !== 'occupancy')
    .map(([name, value]) => {
      if (!isQuantity(value) || ofAllLayers.includes(name)) return [name, value];
      const { low: _, high: __, from, ...rest } = value;
      return [name, { ...rest, from: `${from}; at least: without ${names}` }];
    });
  const part = Object.fromEntries(entries) as PartEstimate<T>;
  const layers = `the figures leave out ${names}: they are lower bounds${'fits' in found ? ', and whether the design fits was not checked' : ''}. 'hbnn verilog --style folded' and 'hbnn synth' count all layers`;
  return { ...part, unknown: { ...found.unknown, layers } };
}

/**
 * What is left of a folded estimate where branches meet in the model: the layers' cycles together are no latency then,
 * since branches work side by side.
 */
export function ofBranches<T extends { readonly unknown: Readonly<Record<string, string>> }>(
  found: T,
  { steps }: Census,
): T | Omit<T, 'latencyCycles'> {
  const join = steps.find(({ kind }) => kind === 'add' || kind === 'concat');
  if (join === undefined) return found;
  const { latencyCycles: _, ...rest } = found as T & { readonly latencyCycles?: unknown };
  const latency = `branches meet at ${join.name} and work side by side, so that the cycles of all layers together say too much; 'hbnn verilog --style folded' and its testbench show when scores come out`;
  return { ...rest, unknown: { ...found.unknown, latency } } as Omit<T, 'latencyCycles'>;
}
