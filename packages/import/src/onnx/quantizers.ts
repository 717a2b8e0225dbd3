import { HbnnError } from '@hbnn/core';
import { ownEntry } from '../ownEntry.ts';
import type { Constant, Quantization } from './constant.ts';
import { axisFrom, broadcast, type Fold, type FoldContext } from './foldConstants.ts';

/** The domains in which QONNX's operators lie, in files of today and of before. */
export const qonnxDomains: readonly string[] = [
  'qonnx.custom_op.general',
  'finn.custom_op.general',
  'onnx.brevitas',
];

/** Halves go to the even neighbour, as in NumPy. */
function roundedToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}

const roundings: Readonly<Record<string, ((value: number) => number) | undefined>> = {
  ROUND: roundedToEven,
  HALF_EVEN: roundedToEven,
  CEIL: Math.ceil,
  FLOOR: Math.floor,
  ROUND_TO_ZERO: Math.trunc,
  DOWN: Math.trunc,
};

const clamped = (value: number, min: number, max: number): number =>
  Math.min(Math.max(value, min), max);

function inputAt({ inputs, where }: FoldContext, place: number, what: string): Constant {
  const input = inputs[place];
  if (input !== undefined) return input;
  throw new HbnnError(`${where}: expected ${what}, got none; export the network again`);
}

/** A list of values along an axis, in a shape that broadcasts; a single value is that of all. */
function along({ where, attributes }: FoldContext, values: Constant, rank: number): Constant {
  const axis = attributes.int('axis', 1);
  if (values.data.length === 1) return { ...values, shape: [] };
  if (values.shape.length !== 1)
    throw new HbnnError(
      `${where}: expected one scale, or one for each place of an axis, got scales of the shape [${values.shape.join(', ')}]; quantize the weights per tensor or per channel`,
    );
  const place = axisFrom(axis, rank, where);
  const shape = Array.from({ length: rank }, (_, i) => (i === place ? values.data.length : 1));
  return { ...values, shape };
}

const zeroPoint = (context: FoldContext, rank: number): Constant => {
  const [, , given] = context.inputs;
  const none: Constant = { kind: 'constant', shape: [], data: new Float64Array(1) };
  return given === undefined ? none : along(context, given, rank);
};

/** (q − zero) · scale, in float32. */
const dequantizeLinear: Fold = (context, first) => {
  const rank = first.shape.length;
  context.attributes.only('block_size', 0, 'quantize the weights per tensor or per channel');
  const scale = along(context, inputAt(context, 1, 'a scale'), rank);
  const whole = broadcast(first, zeroPoint(context, rank), (q, zero) => q - zero, context.where);
  const value = broadcast(whole, scale, (q, s) => Math.fround(q * s), context.where);
  const quantized = quantizedBy(value, scale, bitsOf(first), context);
  return { ...value, isWhole: false, quantized };
};

/** The bits of whole numbers by their type in onnx.proto; int32 is that of biases. */
const bitsOf = ({ elementType }: Constant): number =>
  elementType === undefined || elementType in bounds ? 8 : 32;

/** How values were quantized by scales that broadcast to them. */
const quantizedBy = (
  value: Constant,
  scale: Constant,
  bits: number,
  { where }: FoldContext,
): Quantization => ({
  bits,
  scales: broadcast(value, scale, (_, s) => s, where).data,
});

/** Bounds of the whole numbers of 8 bits, by their number in onnx.proto. */
const bounds: Readonly<Record<number, readonly [number, number] | undefined>> = {
  2: [0, 255],
  3: [-128, 127],
};

/** round(x / scale) + zero, cut off at the bounds of the zero's type. */
const quantizeLinear: Fold = (context, first) => {
  const { where, attributes } = context;
  const rank = first.shape.length;
  attributes.only('block_size', 0, 'quantize the weights per tensor or per channel');
  attributes.ignore('saturate', 'precision');
  const type = context.inputs[2]?.elementType ?? (attributes.int('output_dtype', 0) || 2);
  const range = bounds[type];
  if (range === undefined)
    throw new HbnnError(
      `${where}: expected weights quantized to uint8 or int8, got the ONNX type ${type}; quantize them to 8 bits`,
    );
  const scale = along(context, inputAt(context, 1, 'a scale'), rank);
  const zero = zeroPoint(context, rank);
  const parts = broadcast(first, scale, (x, s) => roundedToEven(Math.fround(x / s)), where);
  const whole = broadcast(parts, zero, (q, z) => clamped(q + z, ...range), where);
  return { ...whole, isWhole: true, elementType: type };
};

/** The scale with the sign of each weight; 0 counts as above 0. */
const bipolarQuant: Fold = (context, first) => {
  const scale = inputAt(context, 1, 'a scale');
  const value = broadcast(first, scale, (x, s) => Math.fround(x >= 0 ? s : -s), context.where);
  return { ...value, quantized: quantizedBy(value, scale, 1, context) };
};

/** Weights as whole numbers of some bits, times a scale. */
const intQuant: Fold = (context, first) => {
  const { where, attributes } = context;
  const bits = inputAt(context, 3, 'a bitwidth').data;
  const [signed, narrow] = [attributes.int('signed', 1) === 1, attributes.int('narrow', 0) === 1];
  const mode = attributes.text('rounding_mode', 'ROUND').toUpperCase();
  const round = ownEntry(roundings, mode);
  const [width] = bits;
  if (round === undefined || bits.length !== 1 || !(width >= 1))
    throw new HbnnError(
      `${where}: expected one bitwidth of 1 or more and a rounding of ${Object.keys(roundings).join(', ')}, got ${[...bits].join(', ')} and ${mode}; export the network with these`,
    );
  const scale = inputAt(context, 1, 'a scale');
  const zero = inputAt(context, 2, 'a zero point');
  if (width === 1 && signed) return bipolarQuant(context, first);
  const half = 2 ** (width - 1);
  const min = signed ? (narrow ? 1 - half : -half) : 0;
  const max = signed ? half - 1 : 2 ** width - (narrow ? 2 : 1);
  const scaled = broadcast(first, scale, (x, s) => Math.fround(x / s), where);
  const moved = broadcast(scaled, zero, (x, z) => round(clamped(x + z, min, max)) - z, where);
  const value = broadcast(moved, scale, (q, s) => Math.fround(q * s), where);
  return { ...value, quantized: quantizedBy(value, scale, Math.ceil(width), context) };
};

/** How quantizers are computed on weights. */
export const quantizers: Readonly<Record<string, Fold | undefined>> = {
  BipolarQuant: bipolarQuant,
  DequantizeLinear: dequantizeLinear,
  IntQuant: intQuant,
  Quant: intQuant,
  QuantizeLinear: quantizeLinear,
};
