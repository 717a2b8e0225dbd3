import {
  type AddLayer,
  type CheckedLayer,
  type ConvLayer,
  type DenseLayer,
  type DepthwiseLayer,
  type FeatureShape,
  featureCount,
  type MaxPoolLayer,
  noPadding,
  type Padding4,
  type Pair,
  rowLength,
  type SumPoolLayer,
} from '@hbnn/model';
import { type CArrays, type CInteger, integerOf } from './cData.ts';
import { commentText } from './cNames.ts';
import type { CPlace, CStage, PoolLayer } from './cStages.ts';
import { valueFunction } from './cValues.ts';
import { type CWeights, cWeights } from './cWeights.ts';

/** What the text of a stage asks of the rest of the program. */
export interface CStageText {
  readonly text: string;
  /** The unpacked weights of one output, which stages take turns with. */
  readonly row?: { readonly type: CInteger; readonly count: number };
}

/** The parameter of an input. */
const inputName = ({ inputs }: CStage, k: number): string =>
  inputs.length === 1 ? 'in' : `in${k}`;

/**
 * Write the function of a stage, `static void name(const unsigned char *in, unsigned char *out)`; where branches meet it
 * has a parameter for each of them.
 */
export function cStageText(
  stage: CStage,
  name: string,
  prefix: string,
  arrays: CArrays,
): CStageText {
  const steps = stage.following.map((checked, i) => ({
    name: `${name}_value${i}`,
    text: valueFunction(checked, `${name}_value${i}`, prefix, arrays),
  }));
  const value = (sum: string, at: string): string =>
    steps.reduce((inner, step) => `${step.name}(${inner}, ${at})`, sum);
  const writer: StageWriter = {
    name,
    prefix,
    arrays,
    read: (index, k = 0) => readText(stage.inputs[k], prefix, index, inputName(stage, k)),
    store: (sum, at) => storeText(stage.output, prefix, at, value(sum, at)),
  };
  const { body, row } = bodyOf(stage, writer);
  const about = [stage.layer, stage.pool].flatMap((checked) =>
    checked === undefined ? [] : [`${checked.layer.kind} '${commentText(checked.layer.name)}'`],
  );
  const shapes = `${stage.input.shape.join('x')} to ${stage.output.shape.join('x')}`;
  const text = [
    ...steps.map((step) => `${step.text}\n`),
    `/* ${about.join(' and ') || 'pixels'}: ${shapes} */`,
    `static void ${name}(${[...stage.inputs.map((_, k) => `const unsigned char *${inputName(stage, k)}`), 'unsigned char *out'].join(', ')})`,
    '{',
    ...body.map((line) => `  ${line}`),
    '}',
  ].join('\n');
  return { text, row };
}

interface StageWriter {
  readonly name: string;
  readonly prefix: string;
  readonly arrays: CArrays;
  /** The expression of a value of an input, by default of the first. */
  read(index: string, input?: number): string;
  /** The statement that stores an output, after the layers of single values. */
  store(sum: string, at: string): string;
}

interface Body {
  readonly body: readonly string[];
  readonly row?: CStageText['row'];
}

function readText({ type, zero }: CPlace, prefix: string, index: string, from: string): string {
  const value: Record<CInteger, string> = {
    uint8_t: `(int32_t)${from}[${index}]`,
    int8_t: `(int32_t)((const int8_t *)${from})[${index}]`,
    int16_t: `${prefix}_load16(${from}, ${index})`,
    int32_t: `${prefix}_load32(${from}, ${index})`,
    int64_t: '',
  };
  return zero === 0 ? value[type] : `(${value[type]} - ${zero})`;
}

function storeText({ type }: CPlace, prefix: string, at: string, value: string): string {
  const statement: Record<CInteger, string> = {
    uint8_t: `out[${at}] = (uint8_t)${value};`,
    int8_t: `((int8_t *)out)[${at}] = (int8_t)${value};`,
    int16_t: `${prefix}_store16(out, ${at}, ${value});`,
    int32_t: `${prefix}_store32(out, ${at}, ${value});`,
    int64_t: '',
  };
  return statement[type];
}

function bodyOf(stage: CStage, writer: StageWriter): Body {
  const { layer: checked } = stage;
  if (checked === undefined) return { body: pixelBody(stage, writer) };
  const { layer, input, output } = checked;
  switch (layer.kind) {
    case 'conv':
    case 'depthwise':
      return convBody(layer, checked, stage.pool, writer);
    case 'dense':
      return { body: denseBody(layer, writer) };
    case 'maxPool':
      return { body: maxPoolBody(layer, input, output, writer) };
    case 'sumPool':
      return { body: sumPoolBody(layer, input, output, writer) };
    case 'add':
      return { body: addBody(layer, output, writer) };
    case 'concat':
      return { body: concatBody(stage, output, writer) };
    case 'threshold':
    case 'requantize':
      // Where other layers read what is before it too, it has a stage of its own.
      return { body: loop('i', featureCount(input), [writer.store(writer.read('i'), 'i')]) };
    default:
      return layer satisfies never;
  }
}

/** The sum of branches, each value times its channel's multipliers. */
function addBody({ multipliers }: AddLayer, output: FeatureShape, w: StageWriter): string[] {
  const terms = multipliers.map((list, k) => {
    const value = w.read('i', k);
    if (list.every((multiplier) => multiplier === 1)) return value;
    const name = w.arrays.add(`${w.name}_multipliers${k}`, integerOf(list), list);
    return `${name}[i % ${output[2]}] * ${value}`;
  });
  return loop('i', featureCount(output), [w.store(`(${terms.join(' + ')})`, 'i')]);
}

/** The channels of branches, one after the other at each place. */
function concatBody({ inputs }: CStage, output: FeatureShape, w: StageWriter): string[] {
  let first = 0;
  const lines = inputs.flatMap(({ shape }, k) => {
    const channels = shape[2];
    const at = `place * ${output[2]} + ${first} + c`;
    first += channels;
    return loop('c', channels, [
      `const int32_t at = ${at};`,
      w.store(w.read(`place * ${channels} + c`, k), 'at'),
    ]);
  });
  return loop('place', output[0] * output[1], lines);
}

const indented = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);

/** A loop over 0 … count − 1. */
const loop = (index: string, count: number, body: readonly string[]): string[] => [
  `for (int32_t ${index} = 0; ${index} < ${count}; ${index}++) {`,
  ...indented(body),
  '}',
];

/** What indices are called along both axes: those of the window, of a tap in it, and of the place under the tap. */
interface TapNames {
  readonly at: readonly [string, string];
  readonly tap: readonly [string, string];
  readonly place: readonly [string, string];
}

const inputTaps: TapNames = { at: ['y', 'x'], tap: ['i', 'j'], place: ['line', 'column'] };
/** The places under a pool's taps are the sums of a convolution. */
const poolTaps: TapNames = { at: ['py', 'px'], tap: ['pi', 'pj'], place: ['y', 'x'] };

/** Loops over the taps of a window that lie on the map. */
function taps(
  size: Pair,
  strides: Pair,
  padding: Padding4,
  input: FeatureShape,
  output: FeatureShape,
  body: readonly string[],
  names = inputTaps,
): string[] {
  const [top, left, bottom, right] = padding;
  const { at, tap, place } = names;
  const along = (axis: 0 | 1, before: number, zeros: number, rest: readonly string[]): string[] => {
    // A stride matters only where there is a second place, and is small there.
    const stride = output[axis] > 1 ? strides[axis] : 1;
    const under = `${at[axis]} * ${stride} + ${tap[axis]}${before === 0 ? '' : ` - ${before}`}`;
    const outside = `if (${place[axis]} < 0 || ${place[axis]} >= ${input[axis]}) continue;`;
    return loop(tap[axis], size[axis], [
      `const int32_t ${place[axis]} = ${under};`,
      ...(zeros === 0 ? [] : [outside]),
      ...rest,
    ]);
  };
  return along(0, top, top + bottom, along(1, left, left + right, body));
}

function pixelBody({ input, zeros }: CStage, w: StageWriter): string[] {
  const channels = input.shape[2];
  const isSame = zeros.every((zero) => zero === zeros[0]);
  const zero = isSame
    ? `${zeros[0]}`
    : `${w.arrays.add(`${w.name}_zeros`, 'uint8_t', zeros)}[i % ${channels}]`;
  const value = zero === '0' ? w.read('i') : `(${w.read('i')} - ${zero})`;
  return loop('i', featureCount(input.shape), [w.store(value, 'i')]);
}

/** Lines that bring the weights of output `o` into `row`. */
function rowLines(weights: CWeights, count: number, prefix: string): readonly string[] {
  if (weights.stored !== undefined)
    return [`const int8_t *const row = ${weights.stored} + o * ${count};`];
  const row = rowName(prefix, weights.type);
  return [
    `${weights.type} *const row = ${row};`,
    `for (int32_t t = 0; t < ${count}; t++) row[t] = (${weights.type})${weights.next};`,
  ];
}

/** The name of the unpacked weights of one output. */
export const rowName = (prefix: string, type: CInteger): string =>
  `${prefix}_row${type === 'int8_t' ? 8 : 16}`;

function convBody(
  layer: ConvLayer | DepthwiseLayer,
  { input, output }: Pick<CheckedLayer, 'input' | 'output'>,
  pool: CStage['pool'],
  w: StageWriter,
): Body {
  const [outputs, kernelH, kernelW] = layer.weights.shape;
  const count = rowLength(layer.weights.shape);
  const weights = cWeights(layer.weights, w.name, w.prefix, w.arrays);
  const size = [kernelH, kernelW] as const;
  const sum = [
    'int32_t sum = 0;',
    ...taps(size, layer.strides, layer.padding, input, output, productLines(layer, input, w)),
  ];
  const body = [
    ...weights.opening,
    ...loop('o', outputs, [
      ...rowLines(weights, count, w.prefix),
      ...(pool === undefined
        ? positions(['y', 'x'], output, [...sum, ...storeLines(['y', 'x'], output, 'sum', w)])
        : pooledPositions(pool, sum, w)),
    ]),
  ];
  const row = weights.stored === undefined ? { type: weights.type, count } : undefined;
  return { body, row };
}

/** Lines that add a tap's product, or those of all channels, to the sum. */
function productLines(
  { kind, weights }: ConvLayer | DepthwiseLayer,
  [, width, channels]: FeatureShape,
  w: StageWriter,
): string[] {
  const [outputs, , kernelW, inputs] = weights.shape;
  const place = `(line * ${width} + column) * ${channels}`;
  const tap = `(i * ${kernelW} + j)`;
  return kind === 'depthwise'
    ? [`sum += (int32_t)row[${tap}] * ${w.read(`${place} + o / ${outputs / channels}`)};`]
    : [
        `const int32_t from = ${place};`,
        `const int32_t tap = ${tap} * ${inputs};`,
        ...loop('c', inputs, [`sum += (int32_t)row[tap + c] * ${w.read('from + c')};`]),
      ];
}

type Indices = readonly [y: string, x: string];

/** Loops over the positions of a map. */
const positions = ([y, x]: Indices, output: FeatureShape, body: readonly string[]): string[] =>
  loop(y, output[0], loop(x, output[1], body));

/** Lines that store the value of output `o` at a position. */
const storeLines = (
  [y, x]: Indices,
  output: FeatureShape,
  value: string,
  w: StageWriter,
): string[] => [
  `const int32_t at = (${y} * ${output[1]} + ${x}) * ${output[2]} + o;`,
  w.store(value, 'at'),
];

/** Loops over the positions of a pool, which takes each sum of the convolution before it as it is computed. */
function pooledPositions(
  { layer, input, output }: CheckedLayer<PoolLayer>,
  sum: readonly string[],
  w: StageWriter,
): string[] {
  const isMax = layer.kind === 'maxPool';
  const padding = isMax ? layer.padding : noPadding;
  const step = isMax ? 'if (sum > pooled) pooled = sum;' : 'pooled += sum;';
  return positions(poolTaps.at, output, [
    `int32_t pooled = ${isMax ? 'INT32_MIN' : '0'};`,
    ...taps(layer.size, layer.strides, padding, input, output, [...sum, step], poolTaps),
    ...storeLines(poolTaps.at, output, 'pooled', w),
  ]);
}

function denseBody(layer: DenseLayer, w: StageWriter): string[] {
  const [outputs, inputs] = layer.weights.shape;
  const weights = cWeights(layer.weights, w.name, w.prefix, w.arrays);
  const weight =
    weights.stored === undefined ? weights.next : `(int32_t)${weights.stored}[o * ${inputs} + t]`;
  return [
    ...weights.opening,
    ...loop('o', outputs, [
      'int32_t sum = 0;',
      ...loop('t', inputs, [`sum += ${weight} * ${w.read('t')};`]),
      w.store('sum', 'o'),
    ]),
  ];
}

function maxPoolBody(
  layer: MaxPoolLayer,
  input: FeatureShape,
  output: FeatureShape,
  w: StageWriter,
): string[] {
  const step = [
    `const int32_t value = ${w.read(`(line * ${input[1]} + column) * ${input[2]} + c`)};`,
    'if (value > max) max = value;',
  ];
  return poolBody(output, [
    'int32_t max = INT32_MIN;',
    ...taps(layer.size, layer.strides, layer.padding, input, output, step),
    `const int32_t at = (y * ${output[1]} + x) * ${output[2]} + c;`,
    w.store('max', 'at'),
  ]);
}

function sumPoolBody(
  layer: SumPoolLayer,
  input: FeatureShape,
  output: FeatureShape,
  w: StageWriter,
): string[] {
  const step = [`sum += ${w.read(`(line * ${input[1]} + column) * ${input[2]} + c`)};`];
  return poolBody(output, [
    'int32_t sum = 0;',
    ...taps(layer.size, layer.strides, noPadding, input, output, step),
    `const int32_t at = (y * ${output[1]} + x) * ${output[2]} + c;`,
    w.store('sum', 'at'),
  ]);
}

const poolBody = (output: FeatureShape, body: readonly string[]): string[] =>
  loop('y', output[0], loop('x', output[1], loop('c', output[2], body)));
