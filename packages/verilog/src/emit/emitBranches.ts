import {
  beatWidth,
  type FoldedDesign,
  type FoldedLayer,
  type StreamFork,
  type StreamSource,
} from '@hbnn/circuit';
import { constant, moduleOf, range, unused } from './emitStream.ts';
import { instanceLine, type Link, linkLines, linkOf } from './links.ts';

/** The control of a stream that several modules read; their data are its own. */
export function forkText(name: string, readers: number): string {
  const others = (k: number): string =>
    Array.from({ length: readers }, (_, i) => i)
      .filter((i) => i !== k)
      .map((i) => `m_axis_tready[${i}]`)
      .join(' & ');
  return moduleOf([
    ...controlHeader(name, 1, readers),
    `  // All ${readers} take a beat in the same cycle. Each is a buffer, whose ready is a register.`,
    '  assign s_axis_tready = &m_axis_tready;',
    ...Array.from(
      { length: readers },
      (_, k) => `  assign m_axis_tvalid[${k}] = s_axis_tvalid & ${others(k)};`,
    ),
  ]);
}

/** The control of streams that are read together; the data are theirs, one above the other. */
export const joinText = (name: string, sources: number): string =>
  moduleOf([
    ...controlHeader(name, sources, 1),
    `  // A beat of each of the ${sources} streams is taken in the same cycle.`,
    '  assign m_axis_tvalid = &s_axis_tvalid;',
    `  assign s_axis_tready = {${sources}{m_axis_tvalid & m_axis_tready}};`,
  ]);

function controlHeader(name: string, sources: number, readers: number): string[] {
  const bits = (count: number): string => (count === 1 ? '' : `${range(count)} `);
  const ports = [
    `input  wire ${bits(sources)}s_axis_tvalid`,
    `output wire ${bits(sources)}s_axis_tready`,
    `output wire ${bits(readers)}m_axis_tvalid`,
    `input  wire ${bits(readers)}m_axis_tready`,
  ];
  return [`module ${name} (\n    ${ports.join(',\n    ')}\n);`];
}

const controlLine = (module: string, from: Omit<Link, 'tdata'>, to: Omit<Link, 'tdata'>): string =>
  `  ${module} ${module}_unit (\n      .s_axis_tvalid(${from.tvalid}), .s_axis_tready(${from.tready}),\n      .m_axis_tvalid(${to.tvalid}), .m_axis_tready(${to.tready}));`;

/**
 * All layers of a network in its top module, each behind what it reads.
 *
 * @param pixels the stream that the first layer reads
 */
export function networkLines(design: FoldedDesign, pixels: Link): string[] {
  const { layers, forks } = design;
  const bitless = new Set<string>();
  const lines = layers.flatMap((layer, at) => {
    const { module, output, join, sources } = layer;
    const links = sources.map((source, k) => sourceLink(design, at, k, source, pixels));
    const from = join === undefined ? links[0] : linkOf(join);
    const fork = forks.find((one) => one.layer === at);
    if (join !== undefined)
      sources.forEach((source, k) => {
        if (!hasBits(design, source)) bitless.add(readLink(source, links[k]).tdata);
      });
    return [
      ...sources.flatMap((source, k) => bufferLines(design, source, links[k])),
      ...(join === undefined ? [] : joinLines(design, layer, join, links)),
      ...linkLines(module, beatWidth(output)),
      instanceLine(module, `${module}_layer`, from, linkOf(module)),
      ...(fork === undefined ? [] : forkLines(fork, linkOf(module))),
    ];
  });
  return bitless.size === 0 ? lines : [...lines, unused([...bitless])];
}

const hasBits = ({ layers }: FoldedDesign, { layer }: StreamSource): boolean =>
  layers[layer].output.offsets[layers[layer].output.shape[2]] > 0;

/** The stream that source `k` of a layer is read from: a layer's own, or a branch of it. */
function sourceLink(
  { layers, forks }: FoldedDesign,
  at: number,
  k: number,
  { layer }: StreamSource,
  pixels: Link,
): Link {
  if (layer < 0) return pixels;
  const own = linkOf(layers[layer].module);
  const fork = forks.find((one) => one.layer === layer);
  if (fork === undefined) return own;
  const n = fork.readers.findIndex((reader) => reader.layer === at && reader.source === k);
  return {
    tdata: own.tdata,
    tvalid: `${fork.name}_tvalid[${n}]`,
    tready: `${fork.name}_tready[${n}]`,
  };
}

/** What a join reads: the buffer of its source, where it has one. */
const readLink = ({ buffer }: StreamSource, link: Link): Link =>
  buffer === undefined ? link : linkOf(buffer.name);

function bufferLines(
  { layers }: FoldedDesign,
  { layer, buffer }: StreamSource,
  from: Link,
): string[] {
  if (buffer === undefined) return [];
  const { name } = buffer;
  return [
    ...linkLines(name, beatWidth(layers[layer].output)),
    instanceLine(name, `${name}_unit`, from, linkOf(name)),
  ];
}

function joinLines(
  design: FoldedDesign,
  { sources, input }: FoldedLayer,
  join: string,
  links: readonly Link[],
): string[] {
  const read = sources.map((source, k) => readLink(source, links[k])).reverse();
  const data = sources.map((source) => hasBits(design, source)).reverse();
  const parts = read.filter((_, i) => data[i]).map(({ tdata }) => tdata);
  const together = (nets: readonly string[]): string => `{${nets.join(', ')}}`;
  const from = {
    tvalid: together(read.map(({ tvalid }) => tvalid)),
    tready: together(read.map(({ tready }) => tready)),
  };
  return [
    ...linkLines(join, beatWidth(input)),
    `  assign ${join}_tdata = ${parts.length === 0 ? constant(1, 0) : together(parts)};`,
    controlLine(join, from, linkOf(join)),
  ];
}

const forkLines = ({ name, readers }: StreamFork, from: Link): string[] => [
  `  wire ${range(readers.length)} ${name}_tvalid, ${name}_tready;`,
  controlLine(name, from, linkOf(name)),
];
