import type { CheckedLayer, CheckedModel } from '@hbnn/model';
import { depthwiseStep } from './depthwiseStep.ts';
import { type MapLayout, maxInt16 } from './featureMap.ts';
import { addStep, concatStep } from './joinSteps.ts';
import {
  convertStep,
  nibbleStep,
  poolStep,
  readStep,
  requantizeStep,
  thresholdStep,
} from './mapSteps.ts';
import { type ChosenProduct, chooseProduct, type ProductChoice } from './productWays.ts';
import type { PlannedStep, Step } from './step.ts';

/** The steps of a model, from its pixels to its last layer's outputs; a first layer may read them itself. */
export async function stepsOf(
  model: CheckedModel,
  planned: readonly CheckedLayer[],
  batch: number,
  choice: ProductChoice,
): Promise<PlannedStep[]> {
  const read = readStep(model, batch);
  const steps: PlannedStep[] = [];
  let pixels: number | undefined;
  /** The step that reads the pixels, for layers that do not themselves. */
  const pixelStep = (): number => {
    pixels ??= steps.push({ ...read, reads: [] }) - 1;
    return pixels;
  };
  const ends: LayerEnds[] = [];
  const products = new Products(planned, batch, choice);
  const readers = planned.map((): number[] => []);
  planned.forEach(({ sources }, i) => {
    for (const source of sources) readers[source]?.push(i);
  });
  for (const [i, plan] of planned.entries()) {
    const product = products.of(i);
    products.forget(i);
    const form = product?.binary === true ? 'bits' : 'values';
    const reads =
      product?.kernel === 'pixelDot'
        ? []
        : plan.sources.map((source) => (source < 0 ? pixelStep() : endOf(ends[source], form)));
    const inputs = reads.length === 0 ? [read.output] : reads.map((at) => steps[at].output);
    const binary = readers[i].filter((reader) => products.of(reader)?.binary === true).length;
    // Bits for products that read them, whole values for the other readers.
    const isThreshold = plan.layer.kind === 'threshold';
    const both = isThreshold && binary > 0 && binary < readers[i].length;
    const end: { bits?: number; values?: number } = {};
    for (const bits of both ? [true, false] : [isThreshold && binary > 0]) {
      const own = await layerSteps(i, plan, { product, binary: bits }, inputs, batch);
      own.forEach((step, k) => {
        steps.push({ ...step, reads: k === 0 ? reads : [steps.length - 1] });
      });
      end[bits ? 'bits' : 'values'] = steps.length - 1;
    }
    ends.push(end);
  }
  return steps;
}

/** The steps that end with a layer's outputs: as bits, as whole values, or both. */
interface LayerEnds {
  readonly bits?: number;
  readonly values?: number;
}

function endOf(ends: LayerEnds, form: 'bits' | 'values'): number {
  const step = ends[form];
  if (step === undefined) throw new Error(`a layer leaves no ${form} for one that reads it`);
  return step;
}

/** How layers are computed that are products; what was chosen is kept until it is used. */
class Products {
  private readonly planned: readonly CheckedLayer[];
  private readonly batch: number;
  private readonly choice: ProductChoice;
  private readonly chosen = new Map<number, ChosenProduct | undefined>();

  constructor(planned: readonly CheckedLayer[], batch: number, choice: ProductChoice) {
    this.planned = planned;
    this.batch = batch;
    this.choice = choice;
  }

  of(index: number): ChosenProduct | undefined {
    if (!this.chosen.has(index))
      this.chosen.set(index, chooseProduct(this.planned, index, this.batch, this.choice));
    return this.chosen.get(index);
  }

  /** Let what was laid out for a layer go. */
  forget(index: number): void {
    this.chosen.delete(index);
  }
}

/** What a layer's steps depend on beside itself. */
interface Neighbours {
  /** How the layer is computed, if it is a product. */
  readonly product: ChosenProduct | undefined;
  /** Whether its outputs are to be nibbles. */
  readonly binary: boolean;
}

async function layerSteps(
  index: number,
  plan: CheckedLayer,
  { product, binary }: Neighbours,
  inputs: readonly MapLayout[],
  batch: number,
): Promise<Step[]> {
  const { layer } = plan;
  const [input] = inputs;
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
    case 'add':
      return [addStep(index, { ...plan, layer }, inputs, batch)];
    case 'concat':
      return [concatStep(index, plan, inputs, batch)];
    default:
      return layer satisfies never;
  }
}
