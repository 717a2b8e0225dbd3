import type { MatrixUnit } from '@hbnn/circuit';
import { beatWidth } from '@hbnn/circuit';
import {
  constant,
  countBits,
  leafInstance,
  moduleOf,
  placeLines,
  range,
  romLines,
  streamHeader,
  unused,
} from './emitStream.ts';

/** A field of the words that say what is done in each cycle. */
interface Field {
  readonly name: string;
  readonly width: number;
  readonly values: readonly (number | bigint)[];
}

/** Flags that go through the lanes beside their numbers. */
const flags = ['valid', 'first', 'last', 'done'] as const;

/**
 * A matrix unit's module. Each cycle a step: its word says which weights and which inputs; a cycle later they are at
 * the lanes; and as many as the lanes have registers later their products are added up.
 */
export function matrixText(unit: MatrixUnit): string {
  const { name, inputWidth, outputWidth } = unit;
  return moduleOf([
    streamHeader(name, inputWidth, outputWidth),
    ...aboutLines(unit),
    ...controlLines(unit),
    ...stepLines(unit),
    ...operandLines(unit),
    ...flagLines(unit),
    ...laneLines(unit),
    ...sumLines(unit),
  ]);
}

function aboutLines({ tables, matrix }: MatrixUnit): string[] {
  const { fold, stepCount, groups } = tables.schedule;
  return [
    `  // ${matrix.outputs} x ${matrix.inputs} weights on ${fold.pe} x ${fold.simd} lanes: ${stepCount} cycles a place, outputs in ${groups} group(s).`,
  ];
}

function controlLines({ tables, inputWidth }: MatrixUnit): string[] {
  const count = tables.steps.length;
  const bits = countBits(count - 1);
  const zero = constant(bits, 0);
  return [
    '  // The place that is worked on, and the step of it that this cycle is for.',
    `  reg ${range(inputWidth)} window;`,
    '  reg busy;',
    `  reg ${range(bits)} step;`,
    '  wire ce;',
    `  wire last_step = step == ${constant(bits, count - 1)};`,
    `  wire ${range(bits)} next_step = (~aresetn | ~busy | last_step) ? ${zero} : step + ${constant(bits, 1)};`,
    '  wire accept = s_axis_tvalid & s_axis_tready;',
    '  assign s_axis_tready = ce & (~busy | last_step);',
    '  always @(posedge aclk) begin',
    '    if (!aresetn) begin',
    "      busy <= 1'b0;",
    `      step <= ${zero};`,
    '    end else if (ce) begin',
    '      busy <= accept | (busy & ~last_step);',
    '      step <= next_step;',
    '    end',
    '    if (accept) window <= s_axis_tdata;',
    '  end',
  ];
}

function fieldsOf({ tables }: MatrixUnit): Field[] {
  const { steps, weights, operands, schedule } = tables;
  const factorBits = factorWidth(tables.factors);
  const found: Field[] = [
    { name: 'weight_at', width: countBits(weights.length - 1), values: steps.map((s) => s.weight) },
    {
      name: 'operand_at',
      width: countBits(operands.length - 1),
      values: steps.map((s) => s.operand),
    },
    { name: 'group', width: countBits(schedule.groups - 1), values: steps.map((s) => s.group) },
    { name: 'first', width: 1, values: steps.map((s) => (s.first ? 1 : 0)) },
    { name: 'last', width: 1, values: steps.map((s) => (s.last ? 1 : 0)) },
    {
      name: 'done',
      width: 1,
      values: steps.map((_, i) => (i === steps.length - 1 ? 1 : 0)),
    },
  ];
  if (factorBits > 0)
    found.push({
      name: 'factor',
      width: factorBits * (tables.factorPerPe ? schedule.fold.pe : 1),
      values: steps.map(({ factors }) =>
        factors.reduceRight((word, factor) => (word << BigInt(factorBits)) | BigInt(factor), 0n),
      ),
    });
  return found;
}

/** Bits of factors that differ; 0 where there is one alone. */
const factorWidth = (factors: readonly number[]): number =>
  factors.length > 1 ? countBits(factors[factors.length - 1]) : 0;

function stepLines(unit: MatrixUnit): string[] {
  const fields = fieldsOf(unit);
  const count = unit.tables.steps.length;
  const bits = countBits(count - 1);
  const words = Array.from({ length: count }, (_, i) => {
    let [word, at] = [0n, 0n];
    for (const { width, values } of fields) {
      word |= BigInt(values[i]) << at;
      at += BigInt(width);
    }
    return word;
  });
  const width = fields.reduce((sum, field) => sum + field.width, 0);
  let at = 0;
  return [
    '  // What each step is: the word of the step that comes next is read as the step goes on.',
    ...romLines('step_word', width, 'next_step', bits, words),
    `  reg ${range(width)} now;`,
    '  always @(posedge aclk) if (ce | ~aresetn) now <= step_word;',
    ...fields.map((field) => {
      const part = `now[${at + field.width - 1}:${at}]`;
      at += field.width;
      return `  wire ${range(field.width)} ${field.name} = ${part};`;
    }),
    unused(['window', ...fields.map((field) => field.name)]),
  ];
}

/** The bits of a window that a step's lanes work on, in a register; and their weights. */
function operandLines(unit: MatrixUnit): string[] {
  const { tables, matrix } = unit;
  const { pe, simd } = tables.schedule.fold;
  const depthwise = matrix.layer.kind === 'depthwise';
  const width = simd * unit.inputs.width;
  const own = Array.from({ length: depthwise ? pe : 1 }, (_, p) => p);
  const { weightBits } = tables;
  const factorBits = fieldsOf(unit).find(({ name }) => name === 'factor')?.width ?? 0;
  return [
    ...own.flatMap((p) => [
      ...muxLines(`inputs_${p}`, width, 'operand_at', operandsOf(unit, p)),
      `  reg ${range(width)} operand_${p};`,
    ]),
    '  // Weights: signs and, above them, which are members of the plane where not all are.',
    ...romLines(
      'weight_word',
      weightBits,
      'weight_at',
      countBits(tables.weights.length - 1),
      tables.weights,
    ),
    `  reg ${range(weightBits)} weights;`,
    ...(factorBits > 0 ? [`  reg ${range(factorBits)} factors;`] : []),
    '  always @(posedge aclk)',
    '    if (ce) begin',
    '      weights <= weight_word;',
    ...(factorBits > 0 ? ['      factors <= factor;'] : []),
    ...own.map((p) => `      operand_${p} <= inputs_${p};`),
    '    end',
  ];
}

/** Every operand that PE p works on, as a concatenation of the window's bits. */
function operandsOf({ tables, matrix, input, inputs }: MatrixUnit, p: number): string[] {
  const { fold, outputAt } = tables.schedule;
  const width = beatWidth(input);
  return tables.operands.map(({ group, lanes }) => {
    const bits = new Array<number>(fold.simd * inputs.width).fill(-1);
    lanes.forEach(({ input: i, inputPlane }, l) => {
      const c = matrix.channelOf(outputAt[group * fold.pe + p], i);
      const from = matrix.tapOf(i) * width + input.offsets[c];
      inputs.bits(c, inputPlane).forEach((bit, j) => {
        if (bit >= 0) bits[l * inputs.width + j] = from + bit;
      });
    });
    return bitsText(bits);
  });
}

/** Bits of the window, least significant first, as one expression; −1 is a 0. */
function bitsText(bits: readonly number[]): string {
  const parts: string[] = [];
  for (let i = 0; i < bits.length; ) {
    let end = i + 1;
    const zero = bits[i] < 0;
    while (end < bits.length && (zero ? bits[end] < 0 : bits[end] === bits[end - 1] + 1)) end++;
    if (zero) parts.push(constant(end - i, 0));
    else if (end - i === 1) parts.push(`window[${bits[i]}]`);
    else parts.push(`window[${bits[end - 1]}:${bits[i]}]`);
    i = end;
  }
  return parts.length === 1 ? parts[0] : `{${parts.reverse().join(', ')}}`;
}

/** One of several expressions by a number in binary: rounds of two-way choices, the lowest bit first. */
function muxLines(name: string, width: number, select: string, from: readonly string[]): string[] {
  let left = [...from];
  const lines: string[] = [];
  for (let bit = 0; left.length > 1; bit++) {
    const next: string[] = [];
    for (let i = 0; i < left.length; i += 2) {
      if (i + 1 === left.length) {
        next.push(left[i]);
        continue;
      }
      const to = `${name}_${bit}_${i / 2}`;
      lines.push(`  wire ${range(width)} ${to} = ${select}[${bit}] ? ${left[i + 1]} : ${left[i]};`);
      next.push(to);
    }
    left = next;
  }
  return [...lines, `  wire ${range(width)} ${name} = ${left[0]};`];
}

/** Registers in which a step's flags, group and class of its place keep pace with its numbers. */
function flagLines({ tables, starts, stages }: MatrixUnit): string[] {
  const groupBits = countBits(tables.schedule.groups - 1);
  const classBits = countBits(starts.table.count - 1);
  const several = starts.table.count > 1;
  const places = Array.from({ length: stages + 1 }, (_, i) => i + 1);
  const widths = { valid: 1, first: 1, last: 1, done: 1, group: groupBits };
  const names = [...flags, 'group'] as const;
  const source = (flag: (typeof names)[number]): string =>
    flag === 'valid' ? 'busy' : flag === 'group' ? 'group' : `busy & ${flag}`;
  return [
    ...(several
      ? [
          ...placeLines(starts.table, 'accept'),
          `  reg ${range(classBits)} class_0;`,
          '  always @(posedge aclk) if (accept) class_0 <= place_class;',
        ]
      : []),
    ...places.flatMap((i) => [
      ...names.map((flag) => `  reg ${range(widths[flag])} ${flag}_${i};`),
      ...(several ? [`  reg ${range(classBits)} class_${i};`] : []),
    ]),
    '  always @(posedge aclk) begin',
    `    if (!aresetn) begin`,
    ...places.map((i) => `      valid_${i} <= 1'b0;`),
    '    end else if (ce) begin',
    ...places.map((i) => `      valid_${i} <= ${i === 1 ? 'busy' : `valid_${i - 1}`};`),
    '    end',
    '    if (ce) begin',
    ...places.flatMap((i) => [
      ...names
        .filter((flag) => flag !== 'valid')
        .map((flag) => `      ${flag}_${i} <= ${i === 1 ? source(flag) : `${flag}_${i - 1}`};`),
      ...(several ? [`      class_${i} <= class_${i - 1};`] : []),
    ]),
    '    end',
    '  end',
  ];
}

function laneLines(unit: MatrixUnit): string[] {
  const { tables, lane, matrix } = unit;
  const { pe, simd } = tables.schedule.fold;
  const depthwise = matrix.layer.kind === 'depthwise';
  const factorBits = factorWidth(tables.factors);
  const width = Math.max(1, lane.net.outputs.length);
  return Array.from({ length: pe }, (_, p) => {
    const part = (from: number): string => `weights[${from + simd - 1}:${from}]`;
    const members = {
      all: [],
      rows: [`weights[${pe * simd + p}]`],
      each: [part((pe + p) * simd)],
    }[tables.members];
    const at = tables.factorPerPe ? p * factorBits : 0;
    const factor = factorBits > 0 ? [`factors[${at + factorBits - 1}:${at}]`] : [];
    const x = [...factor, ...members, part(p * simd), `operand_${depthwise ? p : 0}`];
    return [
      `  wire ${range(width)} product_${p};`,
      leafInstance(lane, `lane_${p}`, `{${x.join(', ')}}`, `product_${p}`),
    ];
  }).flat();
}

function sumLines(unit: MatrixUnit): string[] {
  const { tables, stages, starts, lane, output, outputWidth } = unit;
  const { width, schedule } = tables;
  const { pe } = schedule.fold;
  const lanes = Array.from({ length: pe }, (_, p) => p);
  const productWidth = Math.max(1, lane.net.outputs.length);
  const [before, at] = [stages, stages + 1];
  const empty = output.offsets[output.forms.length] === 0;
  const wide = (p: number): string =>
    width > productWidth ? `{${constant(width - productWidth, 0)}, product_${p}}` : `product_${p}`;
  return [
    '  // Sums start from what the places and inverted bits leave to be added, modulo their range.',
    ...startLines(unit, before),
    `  reg ${range(pe * width)} start;`,
    '  always @(posedge aclk) if (ce) start <= start_word;',
    `  wire write = valid_${at} & last_${at};`,
    ...lanes.flatMap((p) => [
      `  reg ${range(width)} sum_${p};`,
      `  wire ${range(width)} total_${p} = (first_${at} ? start[${(p + 1) * width - 1}:${p * width}] : sum_${p}) + ${wide(p)};`,
    ]),
    '  always @(posedge aclk)',
    `    if (ce & valid_${at}) begin`,
    ...lanes.map((p) => `      sum_${p} <= total_${p};`),
    '    end',
    '  reg full;',
    ...(empty ? [] : [`  reg ${range(outputWidth)} pixel;`]),
    '  // What waits for the other end must not be written over.',
    '  assign ce = ~(write & full & ~m_axis_tready);',
    '  assign m_axis_tvalid = full;',
    `  assign m_axis_tdata = ${empty ? "1'b0" : 'pixel'};`,
    '  always @(posedge aclk) begin',
    "    if (!aresetn) full <= 1'b0;",
    `    else full <= (write & ce & done_${at}) | (full & ~m_axis_tready);`,
    ...writeLines(unit, at),
    '  end',
    unused([
      `group_${at}`,
      ...lanes.map((p) => `total_${p}`),
      ...(starts.table.count > 1 ? [`class_${at}`] : []),
    ]).replace('unused', 'unused_sums'),
  ];
}

function startLines({ tables, starts }: MatrixUnit, stage: number): string[] {
  const { width, schedule } = tables;
  const { outputAt } = schedule;
  const { pe } = schedule.fold;
  const groupBits = countBits(schedule.groups - 1);
  const several = starts.table.count > 1;
  const classes = starts.vectors.length;
  const words: bigint[] = [];
  for (let one = 0; one < classes; one++)
    for (let group = 0; group < 2 ** groupBits; group++) {
      let word = 0n;
      for (let p = pe - 1; p >= 0; p--)
        word = (word << BigInt(width)) | BigInt(starts.vectors[one][outputAt[group * pe + p]] ?? 0);
      words.push(word);
    }
  const classBits = several ? countBits(starts.table.count - 1) : 0;
  const address = several ? `{class_${stage}, group_${stage}}` : `group_${stage}`;
  return romLines('start_word', pe * width, address, groupBits + classBits, words);
}

/** A group's sums, each as many bits as it needs, go to where the beat has them. */
function writeLines({ tables, output }: MatrixUnit, at: number): string[] {
  const { groups, fold, outputAt } = tables.schedule;
  const groupBits = countBits(groups - 1);
  const { offsets } = output;
  return Array.from({ length: groups }, (_, group) => {
    const when = groups > 1 ? ` & (group_${at} == ${constant(groupBits, group)})` : '';
    const own = Array.from(
      { length: fold.pe },
      (_, p): PlacedOutput => ({ p, o: outputAt[group * fold.pe + p] }),
    ).filter(({ o }) => offsets[o + 1] > offsets[o]);
    return runsOf(own, offsets).map((run) => {
      const [from, to] = [offsets[run[0].o], offsets[run[run.length - 1].o + 1]];
      const parts = run.map(({ p, o }) => `total_${p}[${offsets[o + 1] - offsets[o] - 1}:0]`);
      return `    if (write & ce${when}) pixel[${to - 1}:${from}] <= {${parts.reverse().join(', ')}};`;
    });
  }).flat();
}

/** A PE, and the output that it works on. */
interface PlacedOutput {
  readonly p: number;
  readonly o: number;
}

/** Outputs by runs of such whose bits follow each other: those between have none. */
function runsOf(own: readonly PlacedOutput[], offsets: Int32Array): PlacedOutput[][] {
  const runs: PlacedOutput[][] = [];
  for (const one of own) {
    const run = runs[runs.length - 1];
    const before = run?.[run.length - 1];
    if (before !== undefined && offsets[before.o + 1] === offsets[one.o]) run.push(one);
    else runs.push([one]);
  }
  return runs;
}
