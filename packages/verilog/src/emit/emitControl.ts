import type { MatrixUnit } from '@hbnn/circuit';
import { countBits, runFields, runRom } from '@hbnn/circuit';
import { constant, range, romLines, unused } from './emitStream.ts';

/** The cycles of a place: groups of outputs, of each its runs, and of each run its cycles. */
export function controlLines({ tables, inputWidth, held }: MatrixUnit): string[] {
  const { groups } = tables.schedule;
  const bits = countBits(groups - 1);
  return [
    '  // The place that is worked on, and the group, run and cycle of it: counters within counters.',
    ...(held
      ? [
          '  // The beat is taken when it is done with: until then whoever offers it holds it.',
          `  wire ${range(inputWidth)} window = s_axis_tdata;`,
          '  wire busy = s_axis_tvalid;',
        ]
      : [`  reg ${range(inputWidth)} window;`, '  reg busy;']),
    `  reg ${range(bits)} group;`,
    '  reg first;',
    '  wire run_end;',
    '  wire last;',
    '  wire ce;',
    `  wire last_group = group == ${constant(bits, groups - 1)};`,
    '  wire done = last & last_group;',
    '  wire restart = ~aresetn | ~busy | done;',
    `  wire ${range(bits)} following = last_group ? ${constant(bits, 0)} : group + ${constant(bits, 1)};`,
    '  wire accept = s_axis_tvalid & s_axis_tready;',
    `  assign s_axis_tready = ce & ${held ? 'done' : '(~busy | done)'};`,
    '  always @(posedge aclk) begin',
    ...(held
      ? []
      : ["    if (!aresetn) busy <= 1'b0;", '    else if (ce) busy <= accept | (busy & ~done);']),
    '    if (ce | ~aresetn) begin',
    `      group <= restart ? ${constant(bits, 0)} : last ? following : group;`,
    '      first <= restart | last;',
    '    end',
    ...(held ? [] : ['    if (accept) window <= s_axis_tdata;']),
    '  end',
    ...(held ? [unused(['accept']).replace('unused', 'unused_accept')] : []),
  ];
}

/** Where a group's runs begin: at the start, or where groups differ, where those of its pattern do. */
function startsOf({ tables }: MatrixUnit): { lines: string[]; first: string; next: string } {
  const { schedule, starts, runs } = tables;
  const [runBits, groupBits] = [countBits(runs.length - 1), countBits(schedule.groups - 1)];
  const zero = constant(runBits, 0);
  if (starts.length === 1) return { lines: [], first: zero, next: zero };
  const bits = countBits(starts.length - 1);
  const { patternOf } = schedule;
  return {
    lines: [
      '  // Which pattern of runs the group that follows has, and where it starts.',
      ...romLines('pattern', bits, 'following', groupBits, patternOf),
      ...romLines('pattern_start', runBits, 'pattern', bits, starts),
    ],
    first: constant(runBits, starts[patternOf[0]]),
    next: 'pattern_start',
  };
}

/** The runs of a group: their words are read as the ones before end. */
export function runLines(unit: MatrixUnit): string[] {
  const { tables } = unit;
  const { runs, schedule } = tables;
  const fields = runFields(tables);
  const bits = countBits(runs.length - 1);
  const { width, words } = runRom(unit);
  const starts = startsOf(unit);
  const names = fields.map(({ name }) => name).filter((name) => name !== 'weight_from');
  let at = 0;
  const parts = fields.map((field) => {
    at += field.width;
    return `  wire ${range(field.width)} next_${field.name} = run_word[${at - 1}:${at - field.width}];`;
  });
  const counted = (name: string, sign: '+' | '-'): string => {
    const own = fields.find((field) => field.name === name)?.width ?? 1;
    return `        ${name} <= ${name} ${sign} ${constant(own, 1)};`;
  };
  return [
    ...starts.lines,
    `  reg ${range(bits)} run;`,
    `  wire ${range(bits)} next_run = restart ? ${starts.first} : last ? ${starts.next} : run + ${constant(bits, 1)};`,
    '  // What each run is: the operand and the word of weights that it begins with, and how many cycles are left then.',
    ...romLines('run_word', width, 'next_run', bits, words),
    ...parts,
    ...fields
      .filter(({ name }) => name !== 'weight_from')
      .map((field) => `  reg ${range(field.width)} ${field.name};`),
    `  assign run_end = left == ${constant(fields.find(({ name }) => name === 'left')?.width ?? 1, 0)};`,
    '  assign last = run_end & last_run;',
    '  always @(posedge aclk)',
    '    if (ce | ~aresetn) begin',
    '      if (restart | run_end) begin',
    '        run <= next_run;',
    ...names.map((name) => `        ${name} <= next_${name};`),
    '      end else begin',
    counted('operand_at', '+'),
    counted('left', '-'),
    '      end',
    '    end',
    ...weightAddressLines(unit),
    unused(['window', 'following', ...names, ...(schedule.groups > 1 ? [] : ['group'])]),
  ];
}

/** The address of the weights: counted up, or where a group's words are taken again from where its run begins. */
function weightAddressLines({ tables }: MatrixUnit): string[] {
  const { schedule, weights, wordCounts, weightsInOrder, starts } = tables;
  const bits = countBits(weights.length - 1);
  const [zero, one] = [constant(bits, 0), constant(bits, 1)];
  if (weightsInOrder)
    return [
      `  reg ${range(bits)} weight_at;`,
      `  always @(posedge aclk) if (ce | ~aresetn) weight_at <= restart ? ${zero} : weight_at + ${one};`,
    ];
  const { patternOf } = schedule;
  const several = starts.length > 1;
  const patternBits = countBits(starts.length - 1);
  const count = several ? 'word_count' : constant(bits, wordCounts[0] % 2 ** bits);
  const from = runFields(tables).find(({ name }) => name === 'weight_from')?.width ?? 1;
  const wide = bits > from ? `{${constant(bits - from, 0)}, next_weight_from}` : 'next_weight_from';
  return [
    ...(several
      ? [
          `  reg ${range(patternBits)} own_pattern;`,
          ...romLines(
            'word_count',
            bits,
            'own_pattern',
            patternBits,
            wordCounts.map((words) => words % 2 ** bits),
          ),
          `  always @(posedge aclk) if (ce | ~aresetn) own_pattern <= restart ? ${constant(patternBits, patternOf[0])} : last ? pattern : own_pattern;`,
        ]
      : []),
    "  // The first of the group's words.",
    `  reg ${range(bits)} base;`,
    `  wire ${range(bits)} next_base = restart ? ${zero} : last ? base + ${count} : base;`,
    `  reg ${range(bits)} weight_at;`,
    '  always @(posedge aclk)',
    '    if (ce | ~aresetn) begin',
    '      base <= next_base;',
    `      weight_at <= (restart | run_end) ? next_base + ${wide} : weight_at + ${one};`,
    '    end',
  ];
}
