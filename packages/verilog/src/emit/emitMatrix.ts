import type { MatrixUnit } from '@hbnn/circuit';
import {
  channelTaps,
  countBits,
  factorRom,
  factorWidth,
  operandEntries,
  operandsOf,
  startRom,
  tapOperands,
  weightRom,
} from '@hbnn/circuit';
import { controlLines, runLines } from './emitControl.ts';
import {
  constant,
  leafInstance,
  moduleOf,
  placeLines,
  range,
  streamHeader,
  unused,
} from './emitStream.ts';
import type { Roms } from './roms.ts';

/** Flags that go through the lanes beside their numbers. */
const flags = ['valid', 'first', 'last', 'done'] as const;

/**
 * A matrix unit's module. Each cycle a step: counters say which weights and which inputs; a cycle later they are at
 * the lanes; and as many as the lanes have registers later their products are added up.
 */
export function matrixText(unit: MatrixUnit, roms: Roms): string {
  const { name, inputWidth, outputWidth } = unit;
  return moduleOf([
    streamHeader(name, inputWidth, outputWidth),
    ...aboutLines(unit),
    ...controlLines(unit),
    ...runLines(unit),
    ...operandLines(unit, roms),
    ...flagLines(unit),
    ...laneLines(unit),
    ...sumLines(unit, roms),
  ]);
}

function aboutLines({ tables, matrix }: MatrixUnit): string[] {
  const { fold, stepCount, groups, atOnce } = tables.schedule;
  const lanes = atOnce === undefined ? 'lanes' : 'inputs';
  const about = [
    `  // ${matrix.outputs} x ${matrix.inputs} weights on ${fold.pe} x ${fold.simd} ${lanes}: ${stepCount} cycles a place, outputs in ${groups} group(s).`,
  ];
  if (atOnce === undefined) return about;
  const each = atOnce.planes.map((own) => own.length);
  return [...about, `  // All planes at once: ${each.join(', then ')} lanes of each output.`];
}

/** The bits of a window that a step's lanes work on, in a register; and their weights. */
function operandLines(unit: MatrixUnit, roms: Roms): string[] {
  const { tables, matrix } = unit;
  const { pe } = tables.schedule.fold;
  const depthwise = matrix.layer.kind === 'depthwise';
  const width = operandEntries(tables.schedule) * unit.inputs.width;
  const own = Array.from({ length: depthwise ? pe : 1 }, (_, p) => p);
  const { weightBits } = tables;
  const factorBits =
    factorWidth(tables.factors) * (tables.factorWords === undefined ? 1 : tables.schedule.fold.pe);
  const choices = depthwise ? tapOperands(unit) : operandsOf(unit);
  return [
    ...own.flatMap((p) => {
      const from = depthwise ? `taps_${p}` : 'window';
      const texts = choices.map((bits) => bitsText(from, bits));
      return [
        ...(depthwise ? tapLines(unit, p) : []),
        ...muxLines(`inputs_${p}`, width, 'operand_at', texts),
        `  reg ${range(width)} operand_${p};`,
      ];
    }),
    tables.schedule.atOnce === undefined
      ? '  // Weights: signs and, above them, which are members of the plane where not all are.'
      : '  // Weights: of each lane its sign and, above it, which of its inputs it takes where it has several.',
    ...roms.lines(unit.name, 'weight_word', 'weight_at', weightRom(unit)),
    `  reg ${range(weightBits)} weights;`,
    ...factorLines(unit, factorBits, roms),
    '  always @(posedge aclk)',
    '    if (ce) begin',
    '      weights <= weight_word;',
    ...(factorBits > 0 ? ['      factors <= factor;'] : []),
    ...own.map((p) => `      operand_${p} <= inputs_${p};`),
    '    end',
    ...(depthwise ? [unused(own.map((p) => `taps_${p}`)).replace('unused', 'unused_taps')] : []),
  ];
}

/** The taps of the channel that PE p of a depthwise layer works on. */
function tapLines(unit: MatrixUnit, p: number): string[] {
  const { matrix, inputs } = unit;
  const width = matrix.inputs * inputs.weights.length * inputs.width;
  const texts = channelTaps(unit, p).map((bits) => bitsText('window', bits));
  return muxLines(`taps_${p}`, width, 'group', texts);
}

/** Factors in a register: the run's own, or a word of the group's for its PEs. */
function factorLines(unit: MatrixUnit, bits: number, roms: Roms): string[] {
  if (bits === 0) return [];
  const rom = factorRom(unit);
  const register = `  reg ${range(bits)} factors;`;
  if (rom === undefined) return [register];
  return [...roms.lines(unit.name, 'factor', '{group, factor_at}', rom), register];
}

/** Bits of a wire, least significant first, as one expression; −1 is a 0. */
export function bitsText(from: string, bits: readonly number[]): string {
  const parts: string[] = [];
  for (let i = 0; i < bits.length; ) {
    let end = i + 1;
    const zero = bits[i] < 0;
    while (end < bits.length && (zero ? bits[end] < 0 : bits[end] === bits[end - 1] + 1)) end++;
    if (zero) parts.push(constant(end - i, 0));
    else if (end - i === 1) parts.push(`${from}[${bits[i]}]`);
    else parts.push(`${from}[${bits[end - 1]}:${bits[i]}]`);
    i = end;
  }
  return parts.length === 1 ? parts[0] : `{${parts.reverse().join(', ')}}`;
}

/** One of several expressions by a number in binary: rounds of two-way choices, the lowest bit first. */
export function muxLines(
  name: string,
  width: number,
  select: string,
  from: readonly string[],
): string[] {
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
function flagLines({ tables, starts, stages, held }: MatrixUnit): string[] {
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
          ...(held
            ? [`  wire ${range(classBits)} class_0 = place_class;`]
            : [
                `  reg ${range(classBits)} class_0;`,
                '  always @(posedge aclk) if (accept) class_0 <= place_class;',
              ]),
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
  const { peBits } = tables;
  const { pe } = tables.schedule.fold;
  const depthwise = matrix.layer.kind === 'depthwise';
  const factorBits = factorWidth(tables.factors);
  const width = Math.max(1, lane.net.outputs.length);
  return Array.from({ length: pe }, (_, p) => {
    const part = (from: number): string => `weights[${from + peBits - 1}:${from}]`;
    const members = {
      all: [],
      rows: [`weights[${pe * peBits + p}]`],
      each: [part((pe + p) * peBits)],
    }[tables.members];
    const at = tables.factorWords === undefined ? 0 : p * factorBits;
    const factor = factorBits > 0 ? [`factors[${at + factorBits - 1}:${at}]`] : [];
    const x = [...factor, ...members, part(p * peBits), `operand_${depthwise ? p : 0}`];
    return [
      `  wire ${range(width)} product_${p};`,
      leafInstance(lane, `lane_${p}`, `{${x.join(', ')}}`, `product_${p}`),
    ];
  }).flat();
}

function sumLines(unit: MatrixUnit, roms: Roms): string[] {
  const { tables, stages, starts, lane, output, outputWidth, grouped } = unit;
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
    ...startLines(unit, before, roms),
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
    `    else full <= (write & ce${grouped ? '' : ` & done_${at}`}) | (full & ~m_axis_tready);`,
    ...(grouped
      ? [
          `    if (write & ce) pixel <= {${lanes
            .map((p) => `total_${p}`)
            .reverse()
            .join(', ')}};`,
        ]
      : writeLines(unit, at)),
    '  end',
    unused([
      `group_${at}`,
      ...(grouped ? [`done_${at}`] : []),
      ...lanes.map((p) => `total_${p}`),
      ...(starts.table.count > 1 ? [`class_${at}`] : []),
    ]).replace('unused', 'unused_sums'),
  ];
}

function startLines(unit: MatrixUnit, stage: number, roms: Roms): string[] {
  const several = unit.starts.table.count > 1;
  const address = several ? `{class_${stage}, group_${stage}}` : `group_${stage}`;
  return roms.lines(unit.name, 'start_word', address, startRom(unit));
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
