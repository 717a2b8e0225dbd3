import { rowLength } from '@hbnn/model';
import { type MapLayout, mapLayout } from './featureMap.ts';
import { heldWeights } from './heldWeights.ts';
import type { ProductWeights } from './productWeights.ts';
import { flatOrder } from './quads.ts';
import type { Step } from './step.ts';
import type { PlannedProduct } from './valueSteps.ts';
import { macsOf, shapeWords, windowOf } from './window.ts';

/** Gathered windows worked on together. */
const gatheredBytes = 2 ** 18;
const slackBytes = 128;

/** A convolution or dense layer over int16 values, with 8-bit weights. */
export function dotStep(
  index: number,
  plan: PlannedProduct,
  weights: ProductWeights,
  input: MapLayout,
  batch: number,
): Step {
  const { outputs, divisors, packed } = weights;
  const row = rowLength(plan.layer.weights.shape);
  const groups = Math.ceil(outputs / 4);
  const output = mapLayout(plan.output, 'int32', batch);
  const places = Math.ceil(row / 4);
  const pixels = plan.output[0] * plan.output[1];
  const width = Math.max(4, Math.min(batch * pixels, Math.floor(gatheredBytes / (places * 8))));
  const rows = width * places * 8 + slackBytes;
  const held = heldWeights(weights, flatOrder(plan));
  const factors = new Int32Array(groups * 4);
  factors.set(divisors);
  return {
    ...{ layer: index, kernel: 'dot', input, output, macs: macsOf(plan) },
    packed,
    scratchBytes: rows + (packed ? places * 16 + slackBytes : 0),
    constants: [shapeWords(windowOf(plan.layer, plan.input), input, output), held, factors],
    bind: (raw, { input: from, output: to, scratch, constants: [shape, bytes, scales] }) => {
      const ways = packed ? [0, bytes] : [bytes, 0];
      return (images) => {
        const end = images * pixels;
        for (let first = 0; first < end; first += width) {
          const last = Math.min(end, first + width);
          raw.gatherRows(shape, from, first, last, scratch, places * 4);
          raw.multiplyQuads(
            ...[scratch, places, last - first, ...ways, groups, scratch + rows],
            ...[scales, to + first * 4, output.stride],
          );
        }
      };
    },
  };
}
