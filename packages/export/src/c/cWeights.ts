import { type IntegerWeights, type PlaneWeights, rowLength, weightValues } from '@hbnn/model';
import {
  BitWriter,
  type CArrays,
  type CInteger,
  integerOf,
  packedAt,
  packNumbers,
} from './cData.ts';

/** How a program comes by the weights of one output. */
export interface CWeights {
  /** The type of a weight once it is unpacked. */
  readonly type: CInteger;
  /** The array of the weights, where they are stored as they are. */
  readonly stored?: string;
  /** Lines that begin the reading of packed weights. */
  readonly opening: readonly string[];
  /** The next packed weight, of output `o` and place `t` in its row. */
  readonly next: string;
}

/** Where the bits of packed weights are told: with each weight, for each output, or for each place of a row. */
type MapForm = 'weight' | 'output' | 'place';

/** Add a layer's weights to the arrays: 8-bit ones as they are, planes as a stream of signs with their bit map. */
export function cWeights(
  weights: IntegerWeights,
  name: string,
  prefix: string,
  arrays: CArrays,
): CWeights {
  if (weights.kind === 'int8') {
    const stored = arrays.add(`${name}_weights`, 'int8_t', weights.values);
    return { type: 'int8_t', stored, opening: [], next: '' };
  }
  const { bits, multiples, scalePer, shape } = weights;
  const row = rowLength(shape);
  const form = mapForm(weights);
  const signs = arrays.add(`${name}_signs`, 'uint8_t', stream(weights, form));
  const flat = multiples.flatMap((plane) => [...plane]);
  const scales = arrays.add(`${name}_scales`, 'uint8_t', flat);
  const groups = scalePer === 'tensor' ? 1 : shape[0];
  const { minimum, maximum } = extremes(bits);
  let [least, max] = [`${minimum}`, `${maximum}`];
  if (form !== 'weight') {
    const own = form === 'place' ? bits.subarray(0, row) : bits.filter((_, i) => i % row === 0);
    const packed = packNumbers(own);
    const map = arrays.add(`${name}_map`, 'uint8_t', packed.bytes);
    least = packedAt(map, packed.width, form === 'place' ? 't' : 'o');
    max = least;
  }
  const scale = groups === 1 ? scales : `${scales} + o`;
  const type = integerOf(weightValues(weights)) === 'int16_t' ? 'int16_t' : 'int8_t';
  return {
    type,
    opening: [`${prefix}_bits bits = { ${signs}, 0 };`],
    next: `${prefix}_weight(&bits, ${scale}, ${groups}, ${least}, ${max})`,
  };
}

function extremes(bits: Uint8Array): { readonly minimum: number; readonly maximum: number } {
  return {
    minimum: bits.reduce((min, width) => Math.min(min, width), 8),
    maximum: bits.reduce((max, width) => Math.max(max, width), 0),
  };
}

/** Choose the smallest form of the bit map among those that fit it. */
function mapForm({ bits, shape }: PlaneWeights): MapForm {
  const row = rowLength(shape);
  const { minimum, maximum } = extremes(bits);
  const sizes: (readonly [form: MapForm, bits: number])[] = [
    [
      'weight',
      bits.reduce((sum, width) => sum + Math.min(width - minimum + 1, maximum - minimum), 0),
    ],
  ];
  const width = packNumbers([maximum]).width;
  if (bits.every((own, i) => own === bits[i - (i % row)])) sizes.push(['output', shape[0] * width]);
  if (bits.every((own, i) => own === bits[i % row])) sizes.push(['place', row * width]);
  return sizes.reduce((best, each) => (each[1] < best[1] ? each : best))[0];
}

/**
 * The signs of the weights in order, plane by plane. Where the map lies with each weight, a 1 before a sign says
 * that the plane is there and a 0 that there are no more; the planes that every weight has go without.
 */
function stream({ bits, signs }: PlaneWeights, form: MapForm): readonly number[] {
  const { minimum, maximum } = extremes(bits);
  const writer = new BitWriter();
  for (let i = 0; i < bits.length; i++)
    for (let n = 0; n < maximum; n++) {
      const isMember = n < bits[i];
      if (form === 'weight' && n >= minimum) writer.push(isMember ? 1 : 0);
      if (!isMember) break;
      writer.push(signs[i] >> n);
    }
  return writer.bytes;
}
