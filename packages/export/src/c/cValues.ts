import {
  type CheckedLayer,
  featureCount,
  type RequantizeLayer,
  type ThresholdLayer,
  treeSize,
} from '@hbnn/model';
import { type CArrays, integerOf, packedAt, packNumbers } from './cData.ts';
import { commentText } from './cNames.ts';

/** A function of C for a layer of single values: `int32_t name(int32_t value, int32_t i)` for element i. */
export function valueFunction(
  checked: CheckedLayer,
  name: string,
  prefix: string,
  arrays: CArrays,
): string {
  const { layer } = checked;
  if (layer.kind === 'threshold') return thresholdFunction(layer, checked, name, arrays);
  if (layer.kind === 'requantize') return requantizeFunction(layer, checked, name, prefix, arrays);
  throw new Error(`${layer.name}: ${layer.kind} is no layer of single values`);
}

const channelOf = (channels: number): string => (channels === 1 ? '0' : `i % ${channels}`);

/** With one channel an element's number may go unused, of which compilers warn. */
const unusedElement = (channels: number): string => (channels === 1 ? '\n  (void)i;' : '');

function thresholdFunction(
  layer: ThresholdLayer,
  { input, inputBound }: CheckedLayer,
  name: string,
  arrays: CArrays,
): string {
  const { multiples, flips } = layer;
  const head = `/* threshold '${commentText(layer.name)}' */\nstatic int32_t ${name}(int32_t value, int32_t i)\n{`;
  const bits = elementBits(layer, input, name, arrays);
  if (bits === '0') return `${head}\n  (void)value;\n  (void)i;\n  return 0;\n}`;
  const nodes = treeSize(multiples.length);
  // Beyond the bounds of the inputs thresholds are met by all or by none, and smaller integers hold them.
  const clamped = Array.from(layer.thresholds, (threshold) =>
    Math.max(-inputBound, Math.min(inputBound + 1, threshold)),
  );
  const thresholds = arrays.add(`${name}_thresholds`, integerOf(clamped), clamped);
  const scales = arrays.add(`${name}_scales`, 'uint8_t', multiples);
  const flip = flipOf(flips, name, arrays);
  return `${head}
  const int32_t c = ${channelOf(input[2])};${unusedElement(input[2])}
  const int32_t bits = ${bits};
  int32_t node = 1;
  int32_t sum = 0;
  for (int32_t n = 0; n < bits; n++) {
    const int32_t bit = (value >= ${thresholds}[c * ${nodes} + node - 1])${flip === undefined ? '' : ` != ${flip}`};
    sum += bit ? ${scales}[n] : -(int32_t)${scales}[n];
    node = 2 * node + bit;
  }
  return sum;
}`;
}

/** The expression of a channel's flip; none where no channel has one. */
function flipOf(flips: Uint8Array, name: string, arrays: CArrays): string | undefined {
  if (flips.every((flip) => flip === 0)) return undefined;
  if (flips.every((flip) => flip === 1)) return '1';
  const { width, bytes } = packNumbers(flips);
  return packedAt(arrays.add(`${name}_flips`, 'uint8_t', bytes), width, 'c');
}

/** The expression of an element's bits, with a map as small as they allow. */
function elementBits(
  { bits }: ThresholdLayer,
  input: readonly [number, number, number],
  name: string,
  arrays: CArrays,
): string {
  const [height, width, channels] = input;
  if (bits.every((own) => own === bits[0])) return `${bits[0]}`;
  const add = (values: Uint8Array, index: string): string => {
    const packed = packNumbers(values);
    return packedAt(arrays.add(`${name}_map`, 'uint8_t', packed.bytes), packed.width, index);
  };
  if (bits.every((own, i) => own === bits[i % channels]))
    return add(bits.subarray(0, channels), 'c');
  const positions = Uint8Array.from({ length: height * width }, (_, at) => bits[at * channels]);
  if (bits.every((own, i) => own === positions[Math.floor(i / channels)]))
    return add(positions, `i / ${channels}`);
  return add(bits.subarray(0, featureCount(input)), 'i');
}

function requantizeFunction(
  layer: RequantizeLayer,
  { input }: CheckedLayer,
  name: string,
  prefix: string,
  arrays: CArrays,
): string {
  const { multipliers, offsets, shifts, minimum, maximum } = layer;
  const multiplier = arrays.add(`${name}_multipliers`, integerOf(multipliers), multipliers);
  const offset = arrays.add(`${name}_offsets`, integerOf(offsets), offsets);
  const shift = arrays.add(`${name}_shifts`, 'uint8_t', shifts);
  return `/* requantize '${commentText(layer.name)}' */
static int32_t ${name}(int32_t value, int32_t i)
{
  const int32_t c = ${channelOf(input[2])};${unusedElement(input[2])}
  const int64_t scaled = ${prefix}_shifted((int64_t)value * ${multiplier}[c] + ${offset}[c], ${shift}[c]);
  return scaled < ${minimum} ? ${minimum} : scaled > ${maximum} ? ${maximum} : (int32_t)scaled;
}`;
}
