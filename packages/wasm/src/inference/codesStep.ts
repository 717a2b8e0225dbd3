import type { PlaneWeights } from '@hbnn/model';
import { type MapLayout, mapLayout } from './featureMap.ts';
import { chunk } from './loadingKernels.ts';
import type { ProductWeights } from './productWeights.ts';
import { roundUp } from './regions.ts';
import { gatherOnce, sharedRange, whole } from './share.ts';
import { gatheredBytes, type Step, scratchOverrunBytes } from './step.ts';
import type { PlannedProduct } from './valueSteps.ts';
import { areCoded, firstCodes } from './weightCodes.ts';
import { macsOf, rowLength, shapeWords, windowOf } from './window.ts';

/** Whether weights can be kept as codes: at most three planes. */
export const haveCodes = ({ layer, fit }: ProductWeights): boolean =>
  fit && layer.kind === 'planes' && areCoded(layer);

/** What each code stands for, over the divisor of its output: int8 [output][16]. */
export function tablesOf({ multiples, scalePer }: PlaneWeights, divisors: Int32Array): Int8Array {
  const tables = new Int8Array(roundUp(divisors.length, 4) * 16);
  const known = new Map<number, Int8Array>();
  for (const [o, divisor] of divisors.entries()) {
    const scales = multiples.map((plane) => plane[plane.length === 1 ? 0 : o]);
    const table =
      (scalePer === 'tensor' ? known.get(divisor) : undefined) ?? tableOf(scales, divisor);
    known.set(divisor, table);
    tables.set(table, 16 * o);
  }
  return tables;
}

function tableOf(scales: readonly number[], divisor: number): Int8Array {
  const table = new Int8Array(16);
  for (let planes = 1; planes <= scales.length; planes++)
    for (let signs = 0; signs < 2 ** planes; signs++) {
      let value = 0;
      for (let n = 0; n < planes; n++) value += (signs >> n) & 1 ? scales[n] : -scales[n];
      // Whole, where a weight has this code.
      table[firstCodes[planes] + signs] = value / divisor;
    }
  return table;
}

/** A convolution or dense layer over int16 values, with weights of at most three planes as codes of four bits. */
export function codesStep(
  index: number,
  plan: PlannedProduct,
  weights: ProductWeights,
  input: MapLayout,
  batch: number,
): Step {
  const { layer, outputs, divisors, loops } = weights;
  if (layer.kind !== 'planes') throw new Error('codesStep: weights are no planes');
  const groups = Math.ceil(outputs / 4);
  const output = mapLayout(plan.output, 'int32', batch);
  const chunks = Math.ceil(rowLength(layer) / chunk);
  const pixels = plan.output[0] * plan.output[1];
  const pixelBytes = chunks * chunk * 2;
  const width = Math.max(4, Math.min(batch * pixels, Math.floor(gatheredBytes / pixelBytes)));
  const factors = new Int32Array(groups * 4);
  factors.set(divisors);
  return {
    layer: index,
    kernel: 'codes',
    input,
    output,
    macs: macsOf(plan),
    scratchBytes: width * pixelBytes + scratchOverrunBytes,
    constants: [
      shapeWords(windowOf(plan.layer, plan.input), input, output),
      loops.codes(layer),
      tablesOf(layer, divisors),
      factors,
    ],
    bind: (raw, { input: from, output: to, common, constants: [shape, codes, tables, scales] }) => {
      const outStride = output.stride;
      return (images, share = whole) => {
        const end = images * pixels;
        const [group, endGroup] = sharedRange(groups, share);
        for (let first = 0; first < end; first += width) {
          const count = Math.min(end - first, width);
          gatherOnce(share, first > 0, () =>
            raw.gatherRows(shape, from, first, first + count, common, chunks * chunk),
          );
          const out = [scales + 16 * group, to + (4 * group * outStride + first) * 4, outStride];
          const weights = [codes + group * chunks * 64, tables + group * 64, endGroup - group];
          raw.multiplyCodes(common, chunks, count, ...weights, ...out);
        }
      };
    },
  };
}
