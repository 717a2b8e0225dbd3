import type { PlaneWeights } from '@hbnn/model';
import { type MapLayout, mapLayout } from './featureMap.ts';
import type { ProductWeights } from './productWeights.ts';
import { roundUp } from './regions.ts';
import { gatherOnce, sharedRange, whole } from './share.ts';
import { gatheredBytes, type Step, scratchOverrunBytes } from './step.ts';
import type { PlannedProduct } from './valueSteps.ts';
import { macsOf, rowLength, shapeWords, windowOf } from './window.ts';

/** Inputs whose codes lie in 16 bytes. */
export const chunk = 32;
const maxPlanes = 3;
/** Weights of b planes have codes from 2^b − 2 on, by their signs; those of none have the one after them all. */
const firstCodes: readonly number[] = [14, 0, 2, 6];

/** Whether weights can be kept as codes: at most three planes. */
export const haveCodes = ({ layer, fit }: ProductWeights): boolean =>
  fit && layer.kind === 'planes' && layer.multiples.length <= maxPlanes;

/** Weights of at most three planes, four to a word; the rows of outputs are whole words. */
export interface PlaneWords {
  readonly bits: Int32Array;
  readonly signs: Int32Array;
}

/** The lowest bit of each byte of a word. */
export const eachByte = 0x01010101;

/** See weights as words; undefined where they do not lie so. */
export function planeWords(
  { bits, signs, multiples }: PlaneWeights,
  outputs: number,
): PlaneWords | undefined {
  const row = bits.length / outputs;
  const whole = row % 4 === 0 && bits.byteOffset % 4 === 0 && signs.byteOffset % 4 === 0;
  if (!whole || multiples.length > maxPlanes) return undefined;
  const words = bits.length / 4;
  return {
    bits: new Int32Array(bits.buffer, bits.byteOffset, words),
    signs: new Int32Array(signs.buffer, signs.byteOffset, words),
  };
}

/** The codes of weights, as assembly/inference/codes.ts reads them: the weights of each output in their own order. */
export function codesOf(weights: PlaneWeights, outputs: number): Uint8Array {
  const words = planeWords(weights, outputs);
  if (words !== undefined && words.bits.length % ((outputs * chunk) / 4) === 0)
    return codesOfWords(words, outputs);
  return codesOfEach(weights, outputs);
}

/** Four weights' codes. */
function fourCodes(bits: number, signs: number): number {
  const low = bits & eachByte;
  const second = (bits >>> 1) & eachByte;
  const some = low | second;
  // What a weight of b planes may have as signs, 2^b - 1; the first code is one less, or 14 without a plane.
  const mask = some | (second << 1) | ((low & second) << 2);
  return mask + 15 * (some ^ eachByte) - eachByte + (signs & mask);
}

/** The same for rows of whole chunks, four at a time. */
function codesOfWords({ bits, signs }: PlaneWords, outputs: number): Uint8Array {
  const half = chunk / 8;
  const codes = new Int32Array((bits.length / outputs / 2) * roundUp(outputs, 4));
  let at = 0;
  for (let i = 0; i < bits.length; i += 2 * half)
    for (let k = i; k < i + half; k++)
      codes[at++] =
        fourCodes(bits[k], signs[k]) | (fourCodes(bits[k + half], signs[k + half]) << 4);
  return new Uint8Array(codes.buffer);
}

function codesOfEach({ bits, signs }: PlaneWeights, outputs: number): Uint8Array {
  const row = bits.length / outputs;
  const size = roundUp(row, chunk) / 2;
  const codes = new Uint8Array(roundUp(outputs, 4) * size);
  for (let o = 0; o < outputs; o++) fillUp(codes.subarray(o * size, (o + 1) * size), row);
  const first = Uint8Array.from(firstCodes);
  const masks = Uint8Array.of(0, 1, 3, 7);
  for (let o = 0, i = 0; o < outputs; o++) {
    for (let k = 0; k < row; k++, i++) {
      const code = first[bits[i]] + (signs[i] & masks[bits[i]]);
      codes[o * size + (k >> 5) * 16 + (k & 15)] |= k & 16 ? code << 4 : code;
    }
  }
  return codes;
}

/** Write codes of 0 beyond the row. */
function fillUp(codes: Uint8Array, row: number): void {
  for (let k = row; k < 2 * codes.length; k++)
    codes[(k >> 5) * 16 + (k & 15)] |= k & 16 ? firstCodes[0] << 4 : firstCodes[0];
}

/** What each code stands for, over the divisor of its output: int8 [output][16]. */
export function tablesOf({ multiples }: PlaneWeights, divisors: Int32Array): Int8Array {
  const tables = new Int8Array(roundUp(divisors.length, 4) * 16);
  divisors.forEach((divisor, o) => {
    for (let planes = 1; planes <= multiples.length; planes++)
      for (let signs = 0; signs < 2 ** planes; signs++) {
        let value = 0;
        for (let n = 0; n < planes; n++) {
          const plane = multiples[n];
          const k = plane[plane.length === 1 ? 0 : o];
          value += (signs >> n) & 1 ? k : -k;
        }
        // Whole, where a weight has this code.
        tables[16 * o + firstCodes[planes] + signs] = value / divisor;
      }
  });
  return tables;
}

/** A convolution or dense layer over int16 values, with weights of at most three planes as codes of four bits. */
export function codesStep(
  index: number,
  plan: PlannedProduct,
  weights: ProductWeights,
  input: MapLayout,
  batch: number,
): Step {
  const { layer, outputs, divisors } = weights;
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
      codesOf(layer, outputs),
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
