import { checkCallback, checkOptions } from '@hbnn/core';
import { type CheckedModel, checkModel, featureCount } from '@hbnn/model';
import { byteSize, CArrays, type CInteger, integerOf } from './cData.ts';
import { type CNames, type CPlaceOf, cNames, commentText, stringLiteral } from './cNames.ts';
import { type CStages, cStages } from './cStages.ts';
import { cStageText, rowName } from './cStageText.ts';

/** A network as a program of C99, and what it takes. */
export interface CProgram {
  /** What functions of the program begin with. */
  readonly prefix: string;
  /** The text of each of the two files, by its name: the header and the program. */
  readonly files: Readonly<Record<string, string>>;
  /** Bytes of constants: weights, maps, thresholds and names of classes. Code comes on top. */
  readonly flashBytes: number;
  /** Bytes of static memory. No other memory is taken but some words of stack. */
  readonly ramBytes: number;
}

/** What can be chosen of a program of C. */
export interface COptions {
  /** The files' name without an ending; default net. */
  readonly stem?: string;
  /** What functions begin with, and macros in capitals; default made of the stem. */
  readonly name?: string;
  /** What errors call either, such as the flag that sets it; default `C export`. */
  readonly placeOf?: CPlaceOf;
}

/**
 * Write an integer model as portable C99 that computes the interpreter's scores bit for bit, without allocation.
 *
 * @returns a header with the network's sizes, functions and packed planes, and the program
 * @throws HbnnError for names that C does not take, an option that is not known, or a value that is no integer model
 */
export function exportC(given: CheckedModel, o: COptions = {}): CProgram {
  checkOptions('C export', o, ['stem', 'name', 'placeOf']);
  checkCallback('C export', 'placeOf', o.placeOf);
  const model = checkModel(given);
  const names = cNames(o.stem ?? 'net', o.name, o.placeOf);
  const arrays = new CArrays();
  const plan = cStages(model);
  const texts = plan.stages.map((stage, i) =>
    cStageText(stage, `${names.prefix}_stage${i}`, names.prefix, arrays),
  );
  const rows = rowBuffers(texts.flatMap(({ row }) => row ?? []));
  const offsets = model.scoreOffsets;
  const adds = offsets.some((offset) => offset !== 0);
  if (adds) arrays.add(`${names.prefix}_score_offsets`, integerOf(offsets), offsets);
  const classBytes = model.classes.reduce(
    (sum, name) => sum + new TextEncoder().encode(name).length + 1,
    0,
  );
  const ramBytes =
    plan.memoryBytes + rows.reduce((sum, { type, count }) => sum + count * byteSize[type], 0);
  const flashBytes = arrays.bytes + classBytes;
  const header = headerText(model, names, arrays, { flashBytes, ramBytes });
  const stages = texts.map(({ text }) => text);
  const source = sourceText(model, names, plan, rows, stages, adds);
  return {
    prefix: names.prefix,
    files: { [names.header]: header, [names.source]: source },
    flashBytes,
    ramBytes,
  };
}

interface RowBuffer {
  readonly type: CInteger;
  readonly count: number;
}

/** One row of each type that is as long as the longest. */
const rowBuffers = (rows: readonly RowBuffer[]): readonly RowBuffer[] =>
  (['int8_t', 'int16_t'] as const).flatMap((type) => {
    const counts = rows.filter((row) => row.type === type).map(({ count }) => count);
    return counts.length === 0 ? [] : [{ type, count: Math.max(...counts) }];
  });

function headerText(
  model: CheckedModel,
  { prefix, macro }: CNames,
  arrays: CArrays,
  { flashBytes, ramBytes }: Pick<CProgram, 'flashBytes' | 'ramBytes'>,
): string {
  const [height, width, channels] = model.input.shape;
  const sizes = {
    HEIGHT: height,
    WIDTH: width,
    CHANNELS: channels,
    PIXELS: featureCount(model.input.shape),
    SCORES: model.classes.length,
    RAM_BYTES: ramBytes,
    FLASH_BYTES: flashBytes,
  };
  return `/* The network '${commentText(model.name)}' in whole numbers, written by hbnn export.
 *
 * ${macro}_RAM_BYTES are the bytes of its static memory: it allocates none, and takes some words of stack.
 * ${macro}_FLASH_BYTES are the bytes of its constants, without its code.
 * The memory is shared by all calls: run one image at a time.
 */
#ifndef ${macro}_H
#define ${macro}_H

#include <stdint.h>

${Object.entries(sizes)
  .map(([name, value]) => `#define ${macro}_${name} ${value}`)
  .join('\n')}

#ifdef __cplusplus
extern "C" {
#endif

/* Compute the scores of an image: 8-bit pixels row by row, channels fastest. */
void ${prefix}_run(const uint8_t pixels[${macro}_PIXELS], int32_t scores[${macro}_SCORES]);

/* The number of the largest score, the first of equal ones. */
int32_t ${prefix}_best(const int32_t scores[${macro}_SCORES]);

/* The name of each class, in UTF-8. */
extern const char *const ${prefix}_class_names[${macro}_SCORES];

#ifdef __cplusplus
}
#endif

#endif

/* Weights as packed planes, bit maps, scales and thresholds: for the program alone. */
#ifdef ${macro}_DATA
${arrays.text}
#endif
`;
}

function sourceText(
  model: CheckedModel,
  names: CNames,
  plan: CStages,
  rows: readonly RowBuffer[],
  stages: readonly string[],
  adds: boolean,
): string {
  const { prefix, macro, header } = names;
  const memory =
    plan.memoryBytes === 0
      ? []
      : [
          '/* Feature maps: inputs and outputs of a stage lie at the two ends. */',
          `static int32_t ${prefix}_memory[${plan.memoryBytes / 4}];\n`,
        ];
  const buffers = rows.flatMap(({ type, count }) => [
    '/* The weights of one output, unpacked. */',
    `static ${type} ${rowName(prefix, type)}[${count}];\n`,
  ]);
  const body = stages.join('\n\n');
  const classNames = model.classes.map((name) => `  ${stringLiteral(name)}`).join(',\n');
  return `/* The network '${commentText(model.name)}' in whole numbers, written by hbnn export: see ${header}. */
#include <stdint.h>
#include <string.h>

#define ${macro}_DATA
#include "${header}"

${[...memory, ...buffers].join('\n')}
${neededFunctions(body, prefix)}${body}

const char *const ${prefix}_class_names[${macro}_SCORES] = {
${classNames}
};

${runText(names, plan, adds)}

int32_t ${prefix}_best(const int32_t scores[${macro}_SCORES])
{
  int32_t best = 0;
  for (int32_t k = 1; k < ${macro}_SCORES; k++)
    if (scores[k] > scores[best]) best = k;
  return best;
}
`;
}

function runText({ prefix, macro }: CNames, { stages }: CStages, adds: boolean): string {
  const memory = (offset: number): string =>
    `(unsigned char *)${prefix}_memory${offset === 0 ? '' : ` + ${offset}`}`;
  const calls = stages.map(({ inputs, output }, i) => {
    const from = inputs
      .map((input) => (input.at === 'pixels' ? 'pixels' : memory(input.offset)))
      .join(', ');
    const to = output.at === 'scores' ? '(unsigned char *)scores' : memory(output.offset);
    return `  ${prefix}_stage${i}(${from}, ${to});`;
  });
  const offsets = `  for (int32_t k = 0; k < ${macro}_SCORES; k++) scores[k] += ${prefix}_score_offsets[k];`;
  return [
    `void ${prefix}_run(const uint8_t pixels[${macro}_PIXELS], int32_t scores[${macro}_SCORES])`,
    '{',
    ...calls,
    ...(adds ? [offsets] : []),
    '}',
  ].join('\n');
}

/** The functions that stages call, those alone: compilers warn of the others. */
function neededFunctions(body: string, prefix: string): string {
  const functions: readonly (readonly [called: string, text: string])[] = [
    [`${prefix}_weight(`, weightText(prefix)],
    [`${prefix}_shifted(`, shiftText(prefix)],
    ...[16, 32].flatMap((bits): (readonly [string, string])[] => [
      [`${prefix}_load${bits}(`, loadText(prefix, bits)],
      [`${prefix}_store${bits}(`, storeText(prefix, bits)],
    ]),
  ];
  return functions
    .filter(([called]) => body.includes(called))
    .map(([, text]) => `${text}\n\n`)
    .join('');
}

const weightText = (prefix: string): string => `/* Bits are read from the lowest of each byte on. */
typedef struct {
  const uint8_t *bytes;
  uint32_t at;
} ${prefix}_bits;

static int32_t ${prefix}_bit(${prefix}_bits *bits)
{
  const uint32_t at = bits->at++;
  return (bits->bytes[at >> 3] >> (at & 7)) & 1;
}

/* The next weight: a sign for each of its planes. Beyond the least planes a 1 goes before each sign, a 0 ends them. */
static int32_t ${prefix}_weight(${prefix}_bits *bits, const uint8_t *scales, int32_t step, int32_t least, int32_t max)
{
  int32_t weight = 0;
  for (int32_t n = 0; n < max; n++) {
    if (n >= least && !${prefix}_bit(bits)) break;
    weight += ${prefix}_bit(bits) ? scales[n * step] : -(int32_t)scales[n * step];
  }
  return weight;
}`;

const shiftText = (prefix: string): string => `/* floor(value / 2^shift), also below 0. */
static int64_t ${prefix}_shifted(int64_t value, int32_t shift)
{
  return value < 0 ? ~(~value >> shift) : value >> shift;
}`;

const loadText = (prefix: string, bits: number): string =>
  `static int32_t ${prefix}_load${bits}(const unsigned char *from, int32_t i)
{
  int${bits}_t value;
  memcpy(&value, from + ${bits / 8} * i, sizeof value);
  return value;
}`;

const storeText = (prefix: string, bits: number): string =>
  `static void ${prefix}_store${bits}(unsigned char *to, int32_t i, int32_t value)
{
  const int${bits}_t stored = (int${bits}_t)value;
  memcpy(to + ${bits / 8} * i, &stored, sizeof stored);
}`;
