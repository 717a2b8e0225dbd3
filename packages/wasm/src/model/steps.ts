import type { IntegerModel, PlannedLayer } from '@hbnn/core';
import type { ProductSize } from './costs.ts';
import { type MapLayout, mapLayout } from './featureMap.ts';
import { type LookupPlan, lookupStep, planLookup } from './lookupStep.ts';
import { convertStep, nibbleStep, poolStep, requantizeStep, thresholdStep } from './mapSteps.ts';
import type { ProductKernelName } from './modelKernels.ts';
import type { Step } from './step.ts';
import { depthwiseStep, type PlannedProduct, valueStep } from './valueSteps.ts';

/** Values of larger magnitude do not go through int16. */
const mostInt16 = 32767;

/** What a product's kernel is chosen from. */
export interface ProductChoice {
  readonly plan: PlannedProduct;
  readonly before: PlannedLayer | undefined;
  readonly batch: number;
}

/** Kernels that can compute a product, whatever they cost. */
export function fittingKernels({ plan, before }: ProductChoice): ProductKernelName[] {
  if (plan.inputBound > mostInt16) return ['wide'];
  const values: ProductKernelName[] = ['pairs', 'rows', 'wide'];
  return lookupOf(plan, before) === undefined ? values : ['lookup', ...values];
}

const lookupOf = (
  plan: PlannedProduct,
  before: PlannedLayer | undefined,
): LookupPlan | undefined =>
  before?.layer.kind === 'threshold'
    ? planLookup(plan, { ...before, layer: before.layer })
    : undefined;

/** What a product's cost depends on. */
export function sizeOf({ plan, before, batch }: ProductChoice): ProductSize {
  const [outputs, ...rest] = plan.layer.weights.shape;
  const planes = lookupOf(plan, before)?.planes ?? [];
  return {
    outputs,
    row: rest.reduce((product, n) => product * n, 1),
    pixels: batch * plan.output[0] * plan.output[1],
    places: planes.reduce((sum, { places }) => sum + places, 0),
    runs: planes.reduce((sum, { runCount }) => sum + runCount, 0),
  };
}

/** The steps of a model, from its pixels to its last layer's outputs. */
export function stepsOf(
  model: IntegerModel,
  planned: readonly PlannedLayer[],
  batch: number,
  choose: (choice: ProductChoice) => ProductKernelName,
): Step[] {
  const steps: Step[] = [readStep(model, batch)];
  const kernels = planned.map((plan, i) => {
    const { layer } = plan;
    if (layer.kind !== 'conv' && layer.kind !== 'dense') return undefined;
    return choose({ plan: { ...plan, layer }, before: planned[i - 1], batch });
  });
  planned.forEach((plan, i) => {
    const input = steps[steps.length - 1].output;
    const nibbles = kernels[i + 1] === 'lookup';
    const around = { kernel: kernels[i], before: planned[i - 1], nibbles };
    steps.push(...layerSteps(i, plan, around, input, batch));
  });
  return steps;
}

/** What a layer's steps depend on beside itself. */
interface Around {
  /** Of a product. */
  readonly kernel: ProductKernelName | undefined;
  readonly before: PlannedLayer | undefined;
  /** The next layer reads nibbles. */
  readonly nibbles: boolean;
}

function readStep({ input: { shape, zeros } }: IntegerModel, batch: number): Step {
  const output = mapLayout(shape, 'int16', batch);
  const [height, width, channels] = shape;
  return {
    ...{ layer: -1, kernel: 'readPixels', input: output, output, scratchBytes: 0 },
    constants: [zeros],
    bind: (raw, at) => (images) =>
      raw.readPixels(
        ...[at.input, at.constants[0], at.output],
        ...[images * height * width, channels, output.stride],
      ),
  };
}

function layerSteps(
  index: number,
  plan: PlannedLayer,
  { kernel = 'wide', before, nibbles }: Around,
  input: MapLayout,
  batch: number,
): Step[] {
  const { layer } = plan;
  switch (layer.kind) {
    case 'conv':
    case 'dense': {
      const product = { ...plan, layer };
      if (kernel === 'lookup' && before?.layer.kind === 'threshold') {
        const lookup = lookupOf(product, before);
        if (lookup !== undefined)
          return [lookupStep(index, product, before.layer, lookup, input, batch)];
      }
      const convert = convertStep(index, input, kernel === 'wide' ? 'int32' : 'int16', batch);
      const from = convert.at(-1)?.output ?? input;
      return [
        ...convert,
        valueStep(index, product, from, batch, kernel === 'lookup' ? 'pairs' : kernel),
      ];
    }
    case 'depthwise': {
      const form = plan.inputBound > mostInt16 ? 'int32' : 'int16';
      const convert = convertStep(index, input, form, batch);
      const from = convert.at(-1)?.output ?? input;
      return [...convert, depthwiseStep(index, { ...plan, layer }, from, batch)];
    }
    case 'maxPool':
    case 'sumPool':
      return [poolStep(index, { ...plan, layer }, input, batch)];
    case 'threshold': {
      if (!nibbles) return [thresholdStep(index, { ...plan, layer }, input, batch)];
      const convert = convertStep(index, input, 'int32', batch);
      const from = convert.at(-1)?.output ?? input;
      return [...convert, nibbleStep(index, { ...plan, layer }, from, batch)];
    }
    case 'requantize':
      return [requantizeStep(index, { ...plan, layer }, input, batch)];
    default:
      return layer satisfies never;
  }
}
