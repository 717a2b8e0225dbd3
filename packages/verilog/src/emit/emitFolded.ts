import type { FoldedDesign, FoldedLayer, MemoryStyle, StreamBuffer, Unit } from '@hbnn/circuit';
import { beats, beatWidth, countBits, describeForm, formKey, type Stream } from '@hbnn/circuit';
import { ascii, file, leafText, stepText } from './emit.ts';
import { forkText, joinText, networkLines } from './emitBranches.ts';
import { dealText } from './emitDeal.ts';
import { gatherText } from './emitGather.ts';
import { matrixText } from './emitMatrix.ts';
import {
  accumulateText,
  bufferText,
  collectText,
  constant,
  frameText,
  logicLines,
  logicText,
  moduleOf,
  placesText,
  range,
  streamHeader,
  windowText,
} from './emitStream.ts';
import { instanceLine, linkLines, linkOf } from './links.ts';
import { modelsFile, primitivesFile, xc7Models, xc7Primitives } from './primitives.ts';
import { Roms } from './roms.ts';

/** Write a folded design as Verilog-2005, one file per layer: the same design gives the same text. */
export function foldedFiles(design: FoldedDesign): Record<string, string> {
  const files: Record<string, string> = {};
  const roms = new Roms(design.memories.rom);
  for (const layer of design.layers) files[`${layer.module}.v`] = layerFile(layer, design, roms);
  files[`${design.scores.unit.name}.v`] = scoresFile(design);
  files[`${design.top}.v`] = topFile(design);
  if (design.style === 'xc7') {
    files[primitivesFile] = xc7Primitives;
    files[modelsFile] = xc7Models;
  }
  return { ...files, ...roms.files };
}

function unitText(unit: Unit, roms: Roms, memories: MemoryStyle): string[] {
  switch (unit.kind) {
    case 'logic':
      return [leafText(unit.leaf), logicText(unit)];
    case 'window':
      return [windowText(unit, memories)];
    case 'collect':
      return [collectText(unit)];
    case 'accumulate':
      return [leafText(unit.leaf), accumulateText(unit)];
    case 'deal':
      return [dealText(unit)];
    case 'gather':
      return [gatherText(unit)];
    case 'matrix':
      return [leafText(unit.lane), matrixText(unit, roms)];
    default:
      return unit satisfies never;
  }
}

const maxForms = 8;

/** What a beat's bits stand for, by runs of the same form. */
function describeStream(port: string, stream: Stream): string[] {
  const { forms, offsets, bases } = stream;
  const lines = [`${port}: ${placesText(stream)}, ${beatWidth(stream)} bits`];
  const seen = new Map<string, number>();
  forms.forEach((form, c) => {
    const key = formKey(form);
    if (!seen.has(key)) seen.set(key, c);
  });
  const distinct = [...seen.values()];
  for (const c of distinct.slice(0, maxForms)) {
    const bits = forms[c].weights.length === 0 ? 'no bits' : `from bit ${offsets[c]}`;
    lines.push(`  channel ${c} (${bits}) and all of the same form: ${describeForm(forms[c])}`);
  }
  if (distinct.length > maxForms) lines.push(`  ... and ${distinct.length - maxForms} more forms`);
  if (stream.parts !== undefined)
    lines.push('  the constant is that of one of the channels; each beat of a pixel has its own');
  else if (bases !== undefined)
    lines.push(
      '  at positions without a bit of a plane, this bit is 0 and adds nothing to the constant',
    );
  return lines;
}

function foldText({ fold, cycles, input }: FoldedLayer): string {
  const time = `${cycles.scheduled} cycles an image`;
  if (fold === undefined)
    return `${input.parts === undefined ? 'A pixel' : 'A group of channels'} per cycle, ${time}`;
  if (fold.constant) return `All weights at once as constants, ${time}`;
  return `PE ${fold.pe} x SIMD ${fold.simd}, ${time}; ${Math.ceil(cycles.ideal)} if planes could be packed`;
}

/** Sizes of a feature map, whatever the beats of its pixels. */
const whole = ({ shape, parts }: Stream): readonly number[] =>
  parts === undefined ? shape : [shape[0], shape[1] * shape[2]];

function layerFile(layer: FoldedLayer, design: FoldedDesign, roms: Roms): string {
  const { kind, module, buffer, units, input, output } = layer;
  const about = [
    `Layer '${layer.layer}', ${kind}: ${whole(input).join(' x ')} to ${whole(output).join(' x ')}`,
    ...stepText(layer.step),
    ...describeStream('s_axis_tdata', input),
    ...describeStream('m_axis_tdata', output),
    foldText(layer),
  ];
  const own = moduleOf([
    streamHeader(module, beatWidth(input), beatWidth(output)),
    ...chainLines([
      ...(buffer === undefined ? [] : [{ name: buffer.name, outputWidth: beatWidth(input) }]),
      ...units,
    ]),
  ]);
  const texts = units.flatMap((unit) => unitText(unit, roms, design.memories));
  return file(about, [...sourceTexts(layer, design), ...texts, own]);
}

/** The modules between a layer and the streams that it reads. */
function sourceTexts(
  { sources, join, buffer, input }: FoldedLayer,
  design: FoldedDesign,
): string[] {
  const widthOf = (layer: number): number => beatWidth(design.layers[layer].output);
  const text = (own: StreamBuffer | undefined, width: () => number): string[] =>
    own === undefined ? [] : [bufferText(own, width())];
  return [
    ...sources.flatMap((source) => text(source.buffer, () => widthOf(source.layer))),
    ...(join === undefined ? [] : [joinText(join, sources.length)]),
    ...text(buffer, () => beatWidth(input)),
  ];
}

/** Units one behind the other between a module's own two streams. */
function chainLines(units: readonly Pick<Unit, 'name' | 'outputWidth'>[]): string[] {
  const last = units.length - 1;
  return units.flatMap((unit, i) => {
    const from = i === 0 ? 's_axis' : `link_${i - 1}`;
    const to = i === last ? 'm_axis' : `link_${i}`;
    const wires = i === last ? [] : linkLines(to, unit.outputWidth);
    return [...wires, instanceLine(unit.name, `unit_${i}`, linkOf(from), linkOf(to))];
  });
}

/** Ports of the scores beside their stream. */
const scorePorts = (userBits: number): string[] => [
  `output wire ${range(userBits)} m_axis_tuser`,
  'output wire m_axis_tlast',
];

/** Bits of the number of an image's largest score. */
export const userBits = ({ classes }: FoldedDesign): number => countBits(classes.length - 1);

function scoresFile(design: FoldedDesign): string {
  const { unit, beats, each, indexBits, width } = design.scores;
  const stream = design.layers[design.layers.length - 1].output;
  const bits = 32 * each;
  const about = [
    `Scores in two's complement of 32 bits, ${each} a beat, ${beats} beat(s) an image`,
    ...describeStream('s_axis_tdata', stream),
    'm_axis_tuser: with m_axis_tlast, the number of the largest score, the first of equal ones',
  ];
  const y = bits + indexBits + (beats > 1 ? width : 0);
  const user = userBits(design);
  const number = `y[${bits + indexBits - 1}:${bits}]`;
  const lines = [
    streamHeader(unit.name, unit.inputWidth, bits, scorePorts(user)),
    `  wire ${range(y)} y;`,
    ...logicLines(unit, 'y'),
    `  assign m_axis_tdata = y[${bits - 1}:0];`,
    ...(beats === 1
      ? [`  assign m_axis_tuser = ${number};`, "  assign m_axis_tlast = 1'b1;"]
      : bestLines(design, number, y)),
  ];
  return file(about, [leafText(unit.leaf), moduleOf(lines)]);
}

/** The largest score so far, over an image's beats. */
function bestLines(design: FoldedDesign, number: string, y: number): string[] {
  const { beats, each, indexBits, width } = design.scores;
  const user = userBits(design);
  const bits = countBits(beats - 1);
  const wide = user > indexBits ? `{${constant(user - indexBits, 0)}, ${number}}` : `${number}`;
  return [
    `  reg ${range(bits)} beat;`,
    `  reg ${range(user)} from, best;`,
    `  reg ${range(width)} most;`,
    `  wire ${range(width)} code = y[${y - 1}:${y - width}];`,
    `  wire last = beat == ${constant(bits, beats - 1)};`,
    `  wire better = (beat == ${constant(bits, 0)}) | (code > most);`,
    `  wire ${range(user)} number = from + ${wide};`,
    '  wire give = m_axis_tvalid & m_axis_tready;',
    '  assign m_axis_tuser = better ? number : best;',
    '  assign m_axis_tlast = last;',
    '  always @(posedge aclk)',
    '    if (!aresetn) begin',
    `      beat <= ${constant(bits, 0)};`,
    `      from <= ${constant(user, 0)};`,
    '    end else if (give) begin',
    `      beat <= last ? ${constant(bits, 0)} : beat + ${constant(bits, 1)};`,
    `      from <= last ? ${constant(user, 0)} : from + ${constant(user, each)};`,
    '      if (better) begin',
    '        best <= number;',
    '        most <= code;',
    '      end',
    '    end',
  ];
}

/** What was simulated is said to be so. */
function cyclesText({ cyclesPerImage, scheduledCycles }: FoldedDesign): string[] {
  const cycles = Math.round(100 * cyclesPerImage) / 100;
  return [
    `An image every ${cycles} cycles, by a simulation of when beats move where neither end waits;`,
    `  the slowest layer takes ${scheduledCycles}`,
  ];
}

/** A sum that grows in each cycle cannot have registers within its addition. */
const sumsText = (layers: FoldedDesign['layers']): string =>
  layers.some(({ units }) => units.some(({ kind }) => kind === 'accumulate'))
    ? ", a pool's growing sums aside"
    : '';

function topFile(design: FoldedDesign): string {
  const { top, input, layers, scores, classes, maxLevels } = design;
  const width = beatWidth(input);
  const about = [
    `A network of ${layers.length} layers: ${layers.map(({ layer }) => ascii(layer)).join(', ')}`,
    `s_axis: ${placesText(input)} of 8 bits, row by row`,
    `m_axis: ${classes.length} scores of 32 bits in two's complement, ${scores.each} a beat; with m_axis_tlast`,
    '  m_axis_tuser is the number of the largest',
    ...cyclesText(design),
    `At most ${maxLevels} levels of gates between registers of the data${sumsText(layers)}`,
    'aresetn is synchronous; registers may hold anything before it',
    ...(design.frame === undefined ? [] : frameLines),
  ];
  const ports = [
    ...scorePorts(userBits(design)),
    ...(design.frame === undefined ? [] : framePorts),
  ];
  const lines = [streamHeader(top, width, 32 * scores.each, ports)];
  let from = 's_axis';
  if (design.frame !== undefined) {
    const own = instanceLine(design.frame, 'frame', linkOf(from), linkOf('framed'));
    lines.push(...linkLines('framed', width), withPorts(own, ['s_axis_tlast', 'frame_error']));
    from = 'framed';
  }
  lines.push(...networkLines(design, linkOf(from)));
  const { unit } = scores;
  const { module } = layers[layers.length - 1];
  const last = instanceLine(unit.name, `${unit.name}_layer`, linkOf(module), linkOf('m_axis'));
  lines.push(withPorts(last, ['m_axis_tuser', 'm_axis_tlast']));
  const frame = design.frame === undefined ? [] : [frameText(design.frame, beats(input), width)];
  const forks = design.forks.map(({ name, readers }) => forkText(name, readers.length));
  return file(about, [...frame, ...forks, moduleOf(lines)]);
}

/** What s_axis_tlast does, and its ports. */
const frameLines = [
  's_axis_tlast: 1 with the last pixel of each image; where it comes early the image is filled with zeros, where it',
  '  comes late the pixels until then are dropped, and frame_error is 1 for a cycle',
];
const framePorts = ['input  wire s_axis_tlast', 'output wire frame_error'];

/** An instance with further ports that go to nets of the same names. */
const withPorts = (instance: string, ports: readonly string[]): string =>
  instance.replace(/\);$/, `,\n      ${ports.map((port) => `.${port}(${port})`).join(', ')});`);
