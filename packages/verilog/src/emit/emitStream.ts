import type {
  AccumulateUnit,
  CollectUnit,
  Leaf,
  LogicUnit,
  MemoryStyle,
  PlacedBits,
  PlaceTable,
  Stream,
  StreamBuffer,
  WindowUnit,
} from '@hbnn/circuit';
import { countBits, scanSize } from '@hbnn/circuit';

/** A constant of so many bits. */
export const constant = (width: number, value: number | bigint): string =>
  width > 64 ? `${width}'h${value.toString(16)}` : `${width}'d${value}`;

export const range = (width: number): string => `[${width - 1}:0]`;

/** The ports of a module between two streams. */
export function streamHeader(
  name: string,
  inputWidth: number,
  outputWidth: number,
  more: readonly string[] = [],
): string {
  const ports = [
    'input  wire aclk',
    'input  wire aresetn',
    `input  wire ${range(inputWidth)} s_axis_tdata`,
    'input  wire s_axis_tvalid',
    'output wire s_axis_tready',
    `output wire ${range(outputWidth)} m_axis_tdata`,
    'output wire m_axis_tvalid',
    'input  wire m_axis_tready',
    ...more,
  ];
  return `module ${name} (\n    ${ports.join(',\n    ')}\n);`;
}

export const moduleOf = (lines: readonly string[]): string => `${lines.join('\n')}\nendmodule\n`;

/** The word that most addresses have, the first of several; and whether all have it. */
function commonest(words: readonly (number | bigint)[]): {
  word: number | bigint;
  isOnly: boolean;
} {
  const counts = new Map<number | bigint, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  let word = words[0];
  let most = 0;
  for (const [each, count] of counts)
    if (count > most) {
      word = each;
      most = count;
    }
  return { word, isOnly: counts.size === 1 };
}

/** So many lines of a large memory are one text: hundreds of thousands of short texts take much room. */
const linesPerText = 4096;

/**
 * A register named `name` whose value hangs on an address: a memory that is only read, or nothing where all is one.
 * `style` is an attribute of the register.
 */
export function romLines(
  name: string,
  width: number,
  address: string,
  addressWidth: number,
  words: readonly (number | bigint)[],
  style = '',
): string[] {
  const { word: usual, isOnly } = commonest(words);
  if (isOnly) return [`  wire ${range(width)} ${name} = ${constant(width, usual)};`];
  const texts: string[] = [];
  for (let from = 0; from < words.length; from += linesPerText) {
    const lines: string[] = [];
    const end = Math.min(words.length, from + linesPerText);
    for (let i = from; i < end; i++)
      if (words[i] !== usual)
        lines.push(`      ${addressWidth}'d${i}: ${name} = ${constant(width, words[i])};`);
    if (lines.length > 0) texts.push(lines.join('\n'));
  }
  return [
    `  ${style}reg ${range(width)} ${name};`,
    `  always @*`,
    `    case (${address})`,
    ...texts,
    `      default: ${name} = ${constant(width, usual)};`,
    '    endcase',
  ];
}

/** Counters of rows and columns that go on with each beat, and `place_class`, the class of the place they are at. */
export function placeLines({ rows, columns, classes, count }: PlaceTable, beat: string): string[] {
  const [rowBits, columnBits] = [countBits(rows.length - 1), countBits(columns.length - 1)];
  const bits = countBits(count - 1);
  const rowClassBits = countBits(classes.length - 1);
  const columnClassBits = countBits(classes[0].length - 1);
  const flat: number[] = [];
  for (let i = 0; i < 2 ** rowClassBits; i++)
    for (let j = 0; j < 2 ** columnClassBits; j++) flat.push(classes[i]?.[j] ?? 0);
  return [
    `  reg ${range(rowBits)} place_row;`,
    `  reg ${range(columnBits)} place_column;`,
    `  wire last_column = place_column == ${constant(columnBits, columns.length - 1)};`,
    `  wire last_row = place_row == ${constant(rowBits, rows.length - 1)};`,
    '  always @(posedge aclk)',
    '    if (!aresetn) begin',
    `      place_row <= ${constant(rowBits, 0)};`,
    `      place_column <= ${constant(columnBits, 0)};`,
    `    end else if (${beat}) begin`,
    `      place_column <= last_column ? ${constant(columnBits, 0)} : place_column + ${constant(columnBits, 1)};`,
    `      if (last_column) place_row <= last_row ? ${constant(rowBits, 0)} : place_row + ${constant(rowBits, 1)};`,
    '    end',
    ...romLines('row_class', rowClassBits, 'place_row', rowBits, rows),
    ...romLines('column_class', columnClassBits, 'place_column', columnBits, columns),
    ...romLines(
      'place_class',
      bits,
      '{row_class, column_class}',
      rowClassBits + columnClassBits,
      flat,
    ),
  ];
}

/** Say what may not be read on purpose. */
export const unused = (names: readonly string[]): string =>
  `  wire unused = &{1'b0, ${names.join(', ')}};`;

function tableLines({ placed, width, words }: PlacedBits): string[] {
  const { rows, columns, classes, count } = placed.table;
  const beat = 's_axis_tvalid & s_axis_tready';
  if (rows.length === 1) {
    // Beats of one row are counted, and each has its word.
    const bits = countBits(columns.length - 1);
    const own = columns.map((column) => words[classes[0][column]]);
    return [
      `  reg ${range(bits)} place;`,
      `  wire last_place = place == ${constant(bits, columns.length - 1)};`,
      '  always @(posedge aclk)',
      `    if (!aresetn) place <= ${constant(bits, 0)};`,
      `    else if (${beat}) place <= last_place ? ${constant(bits, 0)} : place + ${constant(bits, 1)};`,
      ...romLines('place_word', width, 'place', bits, own),
    ];
  }
  return [
    ...placeLines(placed.table, beat),
    ...romLines('place_word', width, 'place_class', countBits(count - 1), words),
    unused(['place_class']),
  ];
}

/** An instance of gates whose registers move when `ce` says so. */
export const leafInstance = ({ name, clock }: Leaf, at: string, x: string, y: string): string =>
  `  ${name} ${at} (${clock === undefined ? '' : '.clk(aclk), .ce(ce), '}.x(${x}), .y(${y}));`;

/** A beat goes through logic; where the other end waits, all of it stands still. */
export function logicLines({ leaf, stages, table }: LogicUnit, y: string): string[] {
  const next = stages === 1 ? 's_axis_tvalid' : `{full[${stages - 2}:0], s_axis_tvalid}`;
  return [
    `  reg ${range(stages)} full;`,
    `  wire ce = ~full[${stages - 1}] | m_axis_tready;`,
    '  assign s_axis_tready = ce;',
    `  assign m_axis_tvalid = full[${stages - 1}];`,
    '  always @(posedge aclk)',
    `    if (!aresetn) full <= ${constant(stages, 0)};`,
    `    else if (ce) full <= ${next};`,
    ...(table === undefined ? [] : tableLines(table)),
    leafInstance(leaf, 'gates', table ? '{place_word, s_axis_tdata}' : 's_axis_tdata', y),
  ];
}

export function logicText(unit: LogicUnit): string {
  const { name, inputWidth, outputWidth } = unit;
  return moduleOf([
    streamHeader(name, inputWidth, outputWidth),
    ...logicLines(unit, 'm_axis_tdata'),
  ]);
}

export function collectText({ name, pixels, inputWidth, outputWidth }: CollectUnit): string {
  const bits = countBits(pixels - 1);
  return moduleOf([
    streamHeader(name, inputWidth, outputWidth),
    `  // The first of ${pixels} pixels goes down to the lowest bits.`,
    `  reg ${range(outputWidth)} pixels;`,
    `  reg ${range(bits)} count;`,
    '  reg full;',
    '  wire take = s_axis_tvalid & s_axis_tready;',
    `  wire last = count == ${constant(bits, pixels - 1)};`,
    '  assign s_axis_tready = ~full | m_axis_tready;',
    '  assign m_axis_tvalid = full;',
    '  assign m_axis_tdata = pixels;',
    '  always @(posedge aclk) begin',
    '    if (!aresetn) begin',
    `      count <= ${constant(bits, 0)};`,
    "      full <= 1'b0;",
    '    end else begin',
    '      if (s_axis_tready) full <= take & last;',
    `      if (take) count <= last ? ${constant(bits, 0)} : count + ${constant(bits, 1)};`,
    '    end',
    `    if (take) pixels <= {s_axis_tdata, pixels[${outputWidth - 1}:${inputWidth}]};`,
    '  end',
  ]);
}

/** Sums start from 0: they become 0 when they are taken, so that no logic is spent on the first pixel. */
export function accumulateText(unit: AccumulateUnit): string {
  const { name, leaf, pixels, inputWidth, outputWidth } = unit;
  const bits = countBits(pixels - 1);
  return moduleOf([
    streamHeader(name, inputWidth, outputWidth),
    `  // Adds up ${pixels} pixels, channel by channel; the sums become 0 again when they are taken.`,
    `  reg ${range(outputWidth)} sums;`,
    `  reg ${range(bits)} count;`,
    '  reg full;',
    `  wire ${range(outputWidth)} next;`,
    '  wire take = s_axis_tvalid & ~full;',
    '  wire give = full & m_axis_tready;',
    `  wire last = count == ${constant(bits, pixels - 1)};`,
    '  assign s_axis_tready = ~full;',
    '  assign m_axis_tvalid = full;',
    '  assign m_axis_tdata = sums;',
    '  always @(posedge aclk) begin',
    '    if (!aresetn) begin',
    `      count <= ${constant(bits, 0)};`,
    "      full <= 1'b0;",
    '    end else begin',
    '      full <= (take & last) | (full & ~give);',
    `      if (take) count <= last ? ${constant(bits, 0)} : count + ${constant(bits, 1)};`,
    '    end',
    `    if (!aresetn | give) sums <= ${constant(outputWidth, 0)};`,
    '    else if (take) sums <= next;',
    '  end',
    leafInstance(leaf, 'gates', '{sums, s_axis_tdata}', 'next'),
  ]);
}

/** Conditions that a coordinate lies within the input, those alone that are not always met. */
function withinOf(
  name: string,
  bits: number,
  before: number,
  count: number,
  scan: number,
): string[] {
  const found: string[] = [];
  if (before > 0) found.push(`(${name} >= ${constant(bits, before)})`);
  if (before + count < scan) found.push(`(${name} < ${constant(bits, before + count)})`);
  return found;
}

/** The next place of a coordinate at which a window ends. */
function targetOf(kernel: number, stride: number, scan: number) {
  const step = Math.min(stride, scan);
  const bits = countBits(scan - 1 + step);
  return { first: constant(bits, kernel - 1), step: constant(bits, step), bits };
}

export function windowText(unit: WindowUnit, memories: MemoryStyle): string {
  const { name, input, kernel, strides, padding, inputWidth, outputWidth } = unit;
  const scan = scanSize(unit);
  const [rowBits, columnBits] = scan.map((n) => countBits(n - 1));
  const within = [
    ...withinOf('row', rowBits, padding[0], input[0], scan[0]),
    ...withinOf('column', columnBits, padding[1], input[1], scan[1]),
  ];
  const [rowTarget, columnTarget] = [0, 1].map((axis) =>
    targetOf(kernel[axis], strides[axis], scan[axis]),
  );
  const tall = kernel[0] * inputWidth;
  const wide = (at: string, bits: number, to: number): string =>
    to > bits ? `{${constant(to - bits, 0)}, ${at}}` : at;
  const columns = Array.from({ length: kernel[1] }, (_, j) => `column_${j}`);
  const taps = Array.from({ length: kernel[0] * kernel[1] }, (_, tap) => {
    const i = Math.floor(tap / kernel[1]);
    return `column_${tap % kernel[1]}[${(i + 1) * inputWidth - 1}:${i * inputWidth}]`;
  });
  return moduleOf([
    streamHeader(name, inputWidth, outputWidth),
    `  // A window of ${kernel.join(' x ')} over ${scan.join(' x ')}: ${input.slice(0, 2).join(' x ')} pixels and zeros, stride ${strides.join(' x ')}.`,
    `  reg ${range(rowBits)} row;`,
    `  reg ${range(columnBits)} column;`,
    `  reg ${range(rowTarget.bits)} target_row;`,
    `  reg ${range(columnTarget.bits)} target_column;`,
    '  reg full;',
    `  wire on_image = ${within.length === 0 ? "1'b1" : within.join(' & ')};`,
    '  wire free = ~full | m_axis_tready;',
    '  wire move = free & (~on_image | s_axis_tvalid);',
    `  wire last_column = column == ${constant(columnBits, scan[1] - 1)};`,
    `  wire last_row = row == ${constant(rowBits, scan[0] - 1)};`,
    `  wire at_row = ${wide('row', rowBits, rowTarget.bits)} == target_row;`,
    `  wire at_column = ${wide('column', columnBits, columnTarget.bits)} == target_column;`,
    '  assign s_axis_tready = on_image & free;',
    '  assign m_axis_tvalid = full;',
    '  always @(posedge aclk)',
    '    if (!aresetn) begin',
    `      row <= ${constant(rowBits, 0)};`,
    `      column <= ${constant(columnBits, 0)};`,
    `      target_row <= ${rowTarget.first};`,
    `      target_column <= ${columnTarget.first};`,
    "      full <= 1'b0;",
    '    end else begin',
    '      if (free) full <= move & at_row & at_column;',
    '      if (move) begin',
    `        column <= last_column ? ${constant(columnBits, 0)} : column + ${constant(columnBits, 1)};`,
    `        if (last_column) target_column <= ${columnTarget.first};`,
    `        else if (at_column) target_column <= target_column + ${columnTarget.step};`,
    '        if (last_column) begin',
    `          row <= last_row ? ${constant(rowBits, 0)} : row + ${constant(rowBits, 1)};`,
    `          if (last_row) target_row <= ${rowTarget.first};`,
    `          else if (at_row) target_row <= target_row + ${rowTarget.step};`,
    '        end',
    '      end',
    '    end',
    ...lineLines(unit, scan[1], tall, memories),
    ...columns.map((column) => `  reg ${range(tall)} ${column};`),
    '  always @(posedge aclk)',
    '    if (move) begin',
    ...columns.map((column, j) => `      ${column} <= ${columns[j + 1] ?? 'newest'};`),
    '    end',
    `  assign m_axis_tdata = {\n      ${taps.reverse().join(',\n      ')}\n  };`,
  ]);
}

/** Pixels of a row up to which its line buffers are distributed RAM: a LUT holds as many bits. */
const maxDistributed = 64;

/** `newest`: the pixel that comes in, above those of the rows before it in the same column. */
function lineLines(
  { kernel, inputWidth }: WindowUnit,
  columns: number,
  tall: number,
  { lines }: MemoryStyle,
): string[] {
  const pixel = `  wire ${range(inputWidth)} pixel = on_image ? s_axis_tdata : ${constant(inputWidth, 0)};`;
  if (kernel[0] === 1) return [pixel, `  wire ${range(tall)} newest = pixel;`];
  const rows = tall - inputWidth;
  const asked = lines === 'auto' ? (columns > maxDistributed ? 'block' : 'distributed') : lines;
  // A block RAM is read a beat ahead, which takes two columns.
  const style = columns === 1 ? 'distributed' : asked;
  // What is read in the cycle of its address can be distributed RAM alone; only who asks for it says so to the tools.
  const said = style === 'block' || lines === 'distributed' ? `${ramStyle(style)} ` : '';
  const memory = `  ${said}reg ${range(rows)} lines [0:${columns - 1}];`;
  const write = `lines[column] <= newest[${tall - 1}:${inputWidth}];`;
  if (style === 'distributed')
    return [
      pixel,
      memory,
      `  wire ${range(tall)} newest = {pixel, lines[column]};`,
      `  always @(posedge aclk) if (move) ${write}`,
    ];
  const bits = countBits(columns - 1);
  return [
    pixel,
    memory,
    `  reg ${range(rows)} above;`,
    `  wire ${range(bits)} next_column = last_column ? ${constant(bits, 0)} : column + ${constant(bits, 1)};`,
    `  wire ${range(tall)} newest = {pixel, above};`,
    '  always @(posedge aclk)',
    '    if (move) begin',
    `      ${write}`,
    '      above <= lines[next_column];',
    '    end',
  ];
}

/**
 * Keeps images apart by the mark on their last pixels. What an image lacks is filled with zeros, what it has too much is
 * dropped: the next one starts where it should.
 */
export function frameText(name: string, pixels: number, width: number): string {
  const bits = countBits(pixels - 1);
  const more = ['input  wire s_axis_tlast', 'output reg  frame_error'];
  return moduleOf([
    streamHeader(name, width, width, more),
    `  // Images of ${pixels} pixels: a short one is filled with zeros, and of a long one the rest is dropped.`,
    `  reg ${range(bits)} place;`,
    '  reg filling, dropping;',
    `  wire last = place == ${constant(bits, pixels - 1)};`,
    '  assign m_axis_tvalid = filling | (s_axis_tvalid & ~dropping);',
    `  assign m_axis_tdata = filling ? ${constant(width, 0)} : s_axis_tdata;`,
    '  assign s_axis_tready = dropping | (m_axis_tready & ~filling);',
    '  wire give = m_axis_tvalid & m_axis_tready;',
    '  wire take = s_axis_tvalid & s_axis_tready;',
    '  wire early = take & ~dropping & s_axis_tlast & ~last;',
    '  wire late = take & ~dropping & ~s_axis_tlast & last;',
    '  always @(posedge aclk)',
    '    if (!aresetn) begin',
    `      place <= ${constant(bits, 0)};`,
    "      filling <= 1'b0;",
    "      dropping <= 1'b0;",
    "      frame_error <= 1'b0;",
    '    end else begin',
    `      if (give) place <= last ? ${constant(bits, 0)} : place + ${constant(bits, 1)};`,
    '      filling <= early | (filling & ~(give & last));',
    '      dropping <= late | (dropping & ~(take & s_axis_tlast));',
    '      frame_error <= early | late;',
    '    end',
  ]);
}

/** Places of a feature map, as a person reads them. */
export const placesText = ({ shape, parts }: Pick<Stream, 'shape' | 'parts'>): string => {
  const [height, width, channels] = shape;
  if (parts === undefined)
    return `${height} x ${width} pixels of ${channels} channels, one per beat`;
  return `${height} pixels of ${parts * channels} channels, ${channels} channels per beat`;
};

/** Places for beats to wait in: neither valid nor ready goes through from one side to the other. */
export const bufferText = ({ name, depth }: StreamBuffer, width: number): string =>
  depth === 2 ? twoPlacesText(name, width) : queueText(name, depth, width);

const twoPlacesText = (name: string, width: number): string =>
  moduleOf([
    streamHeader(name, width, width),
    '  // Two places: neither valid nor ready goes through from one side to the other.',
    `  reg ${range(width)} first, second;`,
    '  reg some, both;',
    '  wire take = s_axis_tvalid & ~both;',
    '  wire give = some & m_axis_tready;',
    '  assign s_axis_tready = ~both;',
    '  assign m_axis_tvalid = some;',
    '  assign m_axis_tdata = first;',
    '  always @(posedge aclk) begin',
    '    if (!aresetn) begin',
    "      some <= 1'b0;",
    "      both <= 1'b0;",
    '    end else begin',
    '      some <= take | both | (some & ~give);',
    '      both <= some & ~give & (both | take);',
    '    end',
    '    if (give | ~some) first <= both ? second : s_axis_tdata;',
    '    if (take) second <= s_axis_tdata;',
    '  end',
  ]);

/** The beat that is offered in a register, those behind it in a memory that goes round. */
function queueText(name: string, depth: number, width: number): string {
  const behind = depth - 1;
  const [bits, countWidth] = [countBits(behind - 1), countBits(depth)];
  const next = (at: string): string =>
    `${at} == ${constant(bits, behind - 1)} ? ${constant(bits, 0)} : ${at} + ${constant(bits, 1)}`;
  return moduleOf([
    streamHeader(name, width, width),
    `  // ${depth} places: neither valid nor ready goes through from one side to the other.`,
    `  reg ${range(width)} first;`,
    `  reg ${range(width)} waiting [0:${behind - 1}];`,
    `  reg ${range(bits)} to, from;`,
    `  reg ${range(countWidth)} count;`,
    '  reg some, several, full;',
    '  wire take = s_axis_tvalid & ~full;',
    '  wire give = some & m_axis_tready;',
    '  assign s_axis_tready = ~full;',
    '  assign m_axis_tvalid = some;',
    '  assign m_axis_tdata = first;',
    '  // A beat goes past the memory where none waits in it.',
    '  wire past = give ? ~several : ~some;',
    `  wire ${range(countWidth)} counted = take == give ? count : take ? count + ${constant(countWidth, 1)} : count - ${constant(countWidth, 1)};`,
    '  always @(posedge aclk) begin',
    '    if (!aresetn) begin',
    `      count <= ${constant(countWidth, 0)};`,
    "      some <= 1'b0;",
    "      several <= 1'b0;",
    "      full <= 1'b0;",
    `      to <= ${constant(bits, 0)};`,
    `      from <= ${constant(bits, 0)};`,
    '    end else begin',
    '      count <= counted;',
    `      some <= counted != ${constant(countWidth, 0)};`,
    `      several <= counted > ${constant(countWidth, 1)};`,
    `      full <= counted == ${constant(countWidth, depth)};`,
    `      if (take & ~past) to <= ${next('to')};`,
    `      if (give & several) from <= ${next('from')};`,
    '    end',
    '    if (give | ~some) first <= past ? s_axis_tdata : waiting[from];',
    '    if (take) waiting[to] <= s_axis_tdata;',
    '  end',
  ]);
}

/** How synthesis is to build a memory. */
const ramStyle = (style: 'distributed' | 'block'): string => `(* ram_style = "${style}" *)`;
