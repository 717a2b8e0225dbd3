import { HbnnError } from '@hbnn/core';
import type { Normalization } from '@hbnn/import';
import type { IntegerForm } from '@hbnn/train';
import { readFloatNetwork } from './floatNetwork.ts';

/** A layer of a float network as `hbnn inspect` shows it. */
interface FloatLayerView {
  readonly name: string;
  /** Its class in TensorFlow.js. */
  readonly kind: string;
  /** The layers that it reads, where that is not the one before it. */
  readonly reads?: readonly string[];
  readonly input: readonly number[];
  readonly output: readonly number[];
  readonly parameters: number;
  readonly macs?: number;
  /** Kinds of layers that it becomes in a trained model; empty where it does nothing at inference. */
  readonly becomes?: readonly string[];
  /** Why it has no integer form, and what to do. */
  readonly fault?: string;
}

/** A float network as `hbnn inspect` shows it. */
export interface NetworkView {
  readonly kind: 'float network';
  readonly format: string;
  readonly producer: string;
  readonly input: readonly number[];
  readonly outputs: readonly (readonly number[])[];
  /** All weights, those of batch norms that are not trained included. */
  readonly parameters: number;
  readonly macs: number;
  readonly float32Bytes: number;
  readonly normalization?: Normalization;
  /** Whether every layer has an integer form. */
  readonly canBeLowered: boolean;
  /** Why the network as a whole cannot be lowered, where no layer is at fault. */
  readonly fault?: string;
  readonly layers: readonly FloatLayerView[];
}

/** Describe a float network: what is in it, and what of it can be lowered. @throws HbnnError as its reader does */
export async function inspectNetwork(path: string): Promise<NetworkView> {
  const { countNetwork, integerForms, useBackend } = await import('@hbnn/train');
  // Nothing is computed: the network is only built and counted.
  await useBackend({ prefer: 'cpu' });
  const { model, origin, normalization } = await readFloatNetwork(path);
  const counted = countNetwork(model);
  const macs = new Map(counted.layers.map((layer) => [layer.name, layer.macs]));
  let forms: readonly IntegerForm[] | undefined;
  let fault: string | undefined;
  try {
    forms = integerForms(model);
  } catch (error) {
    if (!(error instanceof HbnnError)) throw error;
    fault = error.message;
  }
  const layers =
    forms?.map((form, i) => layerOf(form, forms[i - 1]?.layer.name, macs)) ??
    model.layers.map(
      (layer): FloatLayerView => ({
        name: layer.name,
        kind: layer.getClassName(),
        input: shapeOf(layer.input),
        output: shapeOf(layer.output),
        parameters: layer.countParams(),
        ...macsOf(macs.get(layer.name)),
      }),
    );
  const parameters = model.countParams();
  const view: NetworkView = {
    kind: 'float network',
    format: origin.format,
    producer: origin.producer,
    input: shapeOf(model.inputs[0]),
    outputs: model.outputs.map(shapeOf),
    parameters,
    macs: counted.macs,
    float32Bytes: 4 * parameters,
    ...(normalization !== undefined && { normalization }),
    canBeLowered: fault === undefined && layers.every((layer) => layer.fault === undefined),
    ...(fault !== undefined && { fault }),
    layers,
  };
  model.dispose();
  return view;
}

function layerOf(
  { layer, reads, input, output, becomes, fault }: IntegerForm,
  before: string | undefined,
  macs: ReadonlyMap<string, number>,
): FloatLayerView {
  const follows = reads.length === 1 && reads[0] === (before ?? 'input');
  return {
    name: layer.name,
    kind: layer.getClassName(),
    ...(!follows && { reads }),
    input,
    output,
    parameters: layer.countParams(),
    ...macsOf(macs.get(layer.name)),
    ...(fault === undefined ? { becomes } : { fault }),
  };
}

const macsOf = (macs: number | undefined) => (macs ? { macs } : {});

/** The sizes of one sample; of the first where there are several. */
function shapeOf(tensor: { shape?: unknown } | readonly unknown[]): number[] {
  const [first] = Array.isArray(tensor) ? tensor : [tensor];
  return (first as { shape: number[] }).shape.slice(1);
}
