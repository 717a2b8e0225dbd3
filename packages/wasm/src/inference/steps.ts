import type { CheckedModel, CheckedLayer } from '@hbnn/model';
import { depthwiseStep } from './depthwiseStep.ts';
import { type MapLayout, mapLayout } from './featureMap.ts';
import { convertStep, nibbleStep, poolStep, requantizeStep, thresholdStep } from './mapSteps.ts';
import type { ProductKernelName } from './modelKernels.ts';
import { type MakeStep, type ProductWay, waysFor } from './productWays.ts';
import type { Step } from './step.ts';

/** Values of larger magnitude do not go through int16. */
const mostInt16 = 32767;

/** How products are to be computed, where they can: see LoadOptions. */
export interface Choice {
  readonly kernels?: readonly ProductKernelName[];
  readonly pack?: boolean;
}

/** The steps of a model, from its pixels to its last layer's outputs. */
export async function stepsOf(
  model: CheckedModel,
  planned: readonly CheckedLayer[],
  batch: number,
  choice: Choice,
): Promise<Step[]> {
  const steps: Step[] = [readStep(model, batch)];
  let product = productOf(planned, 0, batch, choice);
  for (const [i, plan] of planned.entries()) {
    const input = steps[steps.length - 1].output;
    const next = productOf(planned, i + 1, batch, choice);
    const around = { product, binary: next?.binary === true };
    steps.push(...(await layerSteps(i, plan, around, input, batch)));
    product = next;
  }
  return steps;
}

/** How a product is computed. */
interface Chosen {
  readonly kernel: ProductKernelName;
  /** It reads nibbles. */
  readonly binary: boolean;
  readonly make: MakeStep;
}

/** How a layer is computed that is a product: as preferred where that fits, else the cheapest way. */
function productOf(
  planned: readonly CheckedLayer[],
  index: number,
  batch: number,
  { kernels = [], pack }: Choice,
): Chosen | undefined {
  const plan = planned[index];
  if (plan?.layer.kind !== 'conv' && plan?.layer.kind !== 'dense') return undefined;
  const ways = waysFor({ ...plan, layer: plan.layer }, planned[index - 1], batch, pack);
  const rank = (way: ProductWay): number => {
    const at = kernels.indexOf(way.kernel);
    return at < 0 ? kernels.length : at;
  };
  const order = (a: ProductWay, b: ProductWay): number =>
    rank(a) - rank(b) || Number(a.last ?? false) - Number(b.last ?? false) || a.cost - b.cost;
  for (const way of ways.sort(order)) {
    const { kernel, binary, cost } = way;
    const plan = way.plan();
    if (plan === undefined) continue;
    return { kernel, binary, make: async (i, input) => ({ ...(await plan(i, input)), cost }) };
  }
  throw new Error(`${plan.layer.name}: no way to compute it`);
}

/** What a layer's steps depend on beside itself. */
interface Around {
  /** Of a product. */
  readonly product: Chosen | undefined;
  /** The next layer reads nibbles. */
  readonly binary: boolean;
}

function readStep({ input: { shape, zeros } }: CheckedModel, batch: number): Step {
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

async function layerSteps(
  index: number,
  plan: CheckedLayer,
  { product, binary }: Around,
  input: MapLayout,
  batch: number,
): Promise<Step[]> {
  const { layer } = plan;
  /** The step of an input in a form, after those that bring it there. */
  const from = async (
    form: 'int16' | 'int32',
    make: (input: MapLayout) => Step | Promise<Step>,
  ): Promise<Step[]> => {
    const convert = convertStep(index, input, form, batch);
    return [...convert, await make(convert.at(-1)?.output ?? input)];
  };
  switch (layer.kind) {
    case 'conv':
    case 'dense':
      if (product === undefined) throw new Error(`${layer.name}: no way to compute it`);
      if (product.binary) return [await product.make(index, input)];
      return from(product.kernel === 'wide' ? 'int32' : 'int16', (map) => product.make(index, map));
    case 'depthwise':
      return from(plan.inputBound > mostInt16 ? 'int32' : 'int16', (map) =>
        depthwiseStep(index, { ...plan, layer }, map, batch),
      );
    case 'maxPool':
    case 'sumPool':
      return [poolStep(index, { ...plan, layer }, input, batch)];
    case 'threshold':
      if (!binary) return [thresholdStep(index, { ...plan, layer }, input, batch)];
      return from('int32', (map) => nibbleStep(index, { ...plan, layer }, map, batch));
    case 'requantize':
      return [requantizeStep(index, { ...plan, layer }, input, batch)];
    default:
      return layer satisfies never;
  }
}
