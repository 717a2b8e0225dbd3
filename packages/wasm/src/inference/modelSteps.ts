import type { CheckedLayer, CheckedModel } from '@hbnn/model';
import { depthwiseStep } from './depthwiseStep.ts';
import { type MapLayout, maxInt16 } from './featureMap.ts';
import {
  convertStep,
  nibbleStep,
  poolStep,
  readStep,
  requantizeStep,
  thresholdStep,
} from './mapSteps.ts';
import { type ChosenProduct, chooseProduct, type ProductChoice } from './productWays.ts';
import type { Step } from './step.ts';

/** The steps of a model, from its pixels to its last layer's outputs; a first layer may read them itself. */
export async function stepsOf(
  model: CheckedModel,
  planned: readonly CheckedLayer[],
  batch: number,
  choice: ProductChoice,
): Promise<Step[]> {
  const read = readStep(model, batch);
  let product = chooseProduct(planned, 0, batch, choice);
  const steps: Step[] = product?.kernel === 'pixelDot' ? [] : [read];
  for (const [i, plan] of planned.entries()) {
    const input = steps.at(-1)?.output ?? read.output;
    const next = chooseProduct(planned, i + 1, batch, choice);
    const neighbours = { product, binary: next?.binary === true };
    steps.push(...(await layerSteps(i, plan, neighbours, input, batch)));
    product = next;
  }
  return steps;
}

/** What a layer's steps depend on beside itself. */
interface Neighbours {
  /** How the layer is computed, if it is a product. */
  readonly product: ChosenProduct | undefined;
  /** Whether the next layer reads nibbles. */
  readonly binary: boolean;
}

async function layerSteps(
  index: number,
  plan: CheckedLayer,
  { product, binary }: Neighbours,
  input: MapLayout,
  batch: number,
): Promise<Step[]> {
  const { layer } = plan;
  /** The step that reads its input in a form, after those that bring the input there. */
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
      return from(plan.inputBound > maxInt16 ? 'int32' : 'int16', (map) =>
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
