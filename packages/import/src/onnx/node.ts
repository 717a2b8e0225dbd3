import { HbnnError } from '@hbnn/core';
import type { LayerSpec } from '../assemble/layerSpec.ts';
import type { Attributes } from './attributes.ts';
import type { Constant } from './constant.ts';
import type { AddLayer, Feature, OnnxValue } from './feature.ts';
import type { Graph } from './graph.ts';
import type { Ramps } from './ramps.ts';
import type { NodeProto } from './schema.ts';

/** A node with its inputs, while it is imported. */
export interface NodeContext {
  readonly node: NodeProto;
  readonly where: string;
  readonly graph: Graph;
  readonly attributes: Attributes;
  readonly inputs: readonly (OnnxValue | undefined)[];
  readonly add: AddLayer;
  /** How many images the file has fixed at a time; undefined where it leaves that open. */
  readonly batch: number | undefined;
  /** The constant of a name, where it is one. */
  readonly constantAt: (name: string) => Constant | undefined;
  /** Say that a further node was imported with this one. */
  readonly absorb: (node: NodeProto) => void;
  /** Give a further output of the node its value; the first one is what the operator returns. */
  readonly give: (output: string, value: OnnxValue) => void;
  /** How values come from others. */
  readonly ramps: Ramps;
  /** Called where a kernel has zeros: between groups, for dilated values, or for channels that are left out. */
  readonly onZeros: (layer: string) => void;
}

/** How an operator is imported. */
export type Operator = (context: NodeContext) => OnnxValue;

/** An input that depends on the images. @throws HbnnError where it does not */
export function featureAt({ inputs, where }: NodeContext, place = 0): Feature {
  const input = inputs[place];
  if (input?.kind === 'feature') return input;
  throw new HbnnError(
    `${where}: expected input ${place} to come from the images, got ${input === undefined ? 'none' : 'a constant'}; export the network with constants folded`,
  );
}

/** An input that is a constant. @throws HbnnError where it is computed */
export function constantInput(context: NodeContext, place: number, what: string): Constant {
  const value = optionalConstant(context, place, what);
  if (value !== undefined) return value;
  throw new HbnnError(
    `${context.where}: expected ${what} as a constant, got none; export the network with its weights`,
  );
}

/** The same of an input that may be left out. */
export function optionalConstant(
  { inputs, where }: NodeContext,
  place: number,
  what: string,
): Constant | undefined {
  const value = inputs[place];
  if (value === undefined || value.kind === 'constant') return value;
  throw new HbnnError(
    `${where}: expected ${what} as a constant, got a value computed from the images; such a network cannot be imported`,
  );
}

/** A value of the same shape behind a layer that works on each value alone. */
export const elementwise = (
  context: NodeContext,
  feature: Feature,
  spec: LayerSpec,
  nonNegative = false,
): Feature => ({ ...feature, value: context.add(spec, feature.value), nonNegative });
