import {
  type CheckedLayer,
  type CheckedModel,
  type Feature,
  type FeatureShape,
  featureCount,
  type IntegerLayer,
  layerStep,
  type MaxPoolLayer,
  type ThresholdLayer,
} from '@hbnn/model';

/**
 * What one module of the hardware computes. That is a layer of the model. Where the hardware swaps a max pool and the
 * thresholds behind it, it is one of these two in their new order.
 */
export type Step = PlainStep | CodesStep | CodePoolStep;

/** A step with the steps that it reads, by number; −1 is the pixels. */
export type OrderedStep = Step & { readonly sources: readonly number[] };

interface PlainStep {
  readonly kind: 'layer';
  readonly plan: CheckedLayer;
}

/** Thresholds of values that are not pooled yet, all planes of a channel at each place and none turned round. */
interface CodesStep {
  readonly kind: 'codes';
  readonly layer: ThresholdLayer;
  /** The layer whose values are compared. */
  readonly before: string;
  readonly input: FeatureShape;
  readonly output: FeatureShape;
}

/** The largest code of each window, turned round where the thresholds are, with the planes that its place has. */
export interface CodePoolStep {
  readonly kind: 'codePool';
  readonly layer: MaxPoolLayer;
  readonly threshold: ThresholdLayer;
  readonly input: FeatureShape;
  readonly output: FeatureShape;
}

/** The layer that a step's module is named after, and the shapes of its two ends. */
export function stepLayer(step: Step): {
  readonly layer: IntegerLayer;
  readonly input: FeatureShape;
  readonly output: FeatureShape;
} {
  return step.kind === 'layer' ? step.plan : step;
}

/** Whether the thresholds behind a max pool are to be taken before it. */
export type Reorder = (pool: CheckedLayer, threshold: ThresholdLayer) => boolean;

/**
 * The steps of a model in the order of the hardware. Thresholds may come before a max pool, because the result is the
 * same: they turn a value into a code, first plane first, that never falls as the value grows. So the largest value has
 * the largest code. Where comparisons are turned round, the code never rises, and the smallest code is taken.
 */
export function orderedSteps({ checkedLayers }: CheckedModel, reorder: Reorder): OrderedStep[] {
  const steps: OrderedStep[] = [];
  /** The step that has each layer's outputs. */
  const stepOf: number[] = [];
  const readers = checkedLayers.map(() => 0);
  for (const { sources } of checkedLayers) for (const source of sources) readers[source]++;
  for (let i = 0; i < checkedLayers.length; i++) {
    const plan = checkedLayers[i];
    const { layer, input, output } = plan;
    const next = checkedLayers[i + 1];
    const threshold = next?.layer;
    const sources = plan.sources.map((source) => stepOf[source] ?? -1);
    const exchanged =
      plan.sources[0] >= 0 &&
      layer.kind === 'maxPool' &&
      threshold?.kind === 'threshold' &&
      hasWholeCodes(threshold) &&
      next.sources[0] === i &&
      readers[i] === 1 &&
      reorder(plan, threshold);
    if (!exchanged) {
      stepOf[i] = steps.push({ kind: 'layer', plan, sources }) - 1;
      continue;
    }
    const before = checkedLayers[plan.sources[0]].layer.name;
    const codes = codesLayer(threshold, input);
    const first = steps.push({
      kind: 'codes',
      layer: codes,
      before,
      input,
      output: input,
      sources,
    });
    i++;
    stepOf[i] =
      steps.push({ kind: 'codePool', layer, threshold, input, output, sources: [first - 1] }) - 1;
  }
  return steps;
}

/** LUTs of taking the larger of two values, over those of comparing one with a constant, as Yosys builds them. */
const largerCost = 6;

/**
 * Whether an unrolled design takes thresholds before a pool. It does where that needs fewer LUTs: comparisons with
 * constants at all places before the pool, in place of the pool's choices among whole values. It needs codes in the order
 * of their values, and the same planes of a channel everywhere.
 */
export function unrolledReorder(pool: CheckedLayer, threshold: ThresholdLayer): boolean {
  const { layer, input, output } = pool;
  if (layer.kind !== 'maxPool') return false;
  const { bits, multiples, flips } = threshold;
  const planes = channelPlanes(threshold);
  const channels = flips.length;
  if (bits.some((n, i) => n !== planes[i % channels])) return false;
  let lower = 0;
  for (const k of multiples.slice(0, Math.max(0, ...planes)).reverse()) {
    if (k < lower) return false;
    lower += k;
  }
  const more = (input[0] * input[1]) / (output[0] * output[1]) - 1;
  const comparisons = planes.reduce((sum, n) => sum + 2 ** n - 1, 0);
  return more * comparisons < largerCost * channels * (layer.size[0] * layer.size[1] - 1);
}

/** Bits of planes that count for nothing are not on a stream, but the order of codes needs them. */
const hasWholeCodes = ({ bits, multiples }: ThresholdLayer): boolean =>
  multiples
    .subarray(
      0,
      bits.reduce((most, n) => Math.max(most, n), 0),
    )
    .every((k) => k > 0);

/** The planes that each channel has at any place. */
export function channelPlanes({ bits, flips }: ThresholdLayer): number[] {
  const channels = flips.length;
  const most = new Array<number>(channels).fill(0);
  bits.forEach((n, i) => {
    most[i % channels] = Math.max(most[i % channels], n);
  });
  return most;
}

/** The thresholds at the places before the pool. Where they turn round, the tree's branches are exchanged instead. */
function codesLayer(layer: ThresholdLayer, input: FeatureShape): ThresholdLayer {
  const { thresholds, flips } = layer;
  const channels = flips.length;
  const nodes = thresholds.length / channels;
  const planes = channelPlanes(layer);
  const own = Int32Array.from(thresholds, (threshold, at) => {
    const [c, node] = [Math.floor(at / nodes), 1 + (at % nodes)];
    if (flips[c] === 0) return threshold;
    const first = 2 ** Math.floor(Math.log2(node));
    return thresholds[c * nodes + 3 * first - node - 2];
  });
  return {
    ...layer,
    thresholds: own,
    flips: new Uint8Array(channels),
    bits: Uint8Array.from({ length: featureCount(input) }, (_, i) => planes[i % channels]),
  };
}

/** What a step's output has to be for one image, from the values that the interpreter has for the model's layers. */
export function stepFeature(step: Step, valuesOf: (layer: string) => Feature): Feature {
  switch (step.kind) {
    case 'layer':
      return valuesOf(step.plan.layer.name);
    case 'codes': {
      const { layer, input, output, before } = step;
      const values = layerStep({ layer, input, output })(valuesOf(before).values);
      return { shape: output, values };
    }
    case 'codePool':
      return valuesOf(step.threshold.name);
    default:
      return step satisfies never;
  }
}
