import {
  type AccumulateUnit,
  beatWidth,
  type CollectUnit,
  countBits,
  type DealUnit,
  type FoldedDesign,
  type FoldedLayer,
  type FoldedScores,
  type GatherUnit,
  keepRom,
  type Leaf,
  type LogicUnit,
  type MemoryStyle,
  type Netlist,
  nodeOf,
  type StreamBuffer,
  scanSize,
  type Unit,
  type WindowUnit,
} from '@hbnn/circuit';
import { netlistCounts, registersOf } from '../unrolled/netlistCounts.ts';
import {
  bitsBelow,
  type CountedModule,
  type Fabrication,
  type ModuleKind,
  placeCounts,
  romCounts,
  smallRom,
} from './counted.ts';
import { matrixCounts } from './matrixCounts.ts';
import { builtMemory, type MemoryUse } from './memories.ts';
import { reducedLogic } from './reducedLogic.ts';

/** A module of a folded design that has logic of its own. */
export interface RtlModule extends CountedModule {
  readonly layer: string;
  readonly module: string;
  readonly count: number;
}

const noMemory = { blocks: 0, memoryLuts: 0 } as const;

/** List the modules of a folded design that have logic of their own, with what each is made of. */
export function rtlModules(design: FoldedDesign, on: Fabrication): RtlModule[] {
  const { layers, forks, scores, memories, classes } = design;
  const own = scoresModules(scores, classes.length, on).map((each) => ({
    layer: 'scores',
    ...each,
  }));
  return [
    ...layers.flatMap((layer) =>
      [...sourceModules(layer, layers, on), ...layerModules(layer, memories, on)].map((each) => ({
        layer: layer.layer,
        ...each,
      })),
    ),
    ...forks.map(({ name, layer, readers }) => ({
      layer: layers[layer].layer,
      ...named(name, controlCounts(readers.length, readers.length + 1, on)),
    })),
    ...own,
  ];
}

type NamedModule = Omit<RtlModule, 'layer'>;

const named = (module: string, counted: CountedModule, count = 1): NamedModule => ({
  module,
  count,
  ...counted,
});

/** The buffers of a layer's branches, and what makes one beat of theirs. */
function sourceModules(
  { sources, join }: FoldedLayer,
  layers: readonly FoldedLayer[],
  on: Fabrication,
): NamedModule[] {
  const buffers = sources.flatMap(({ layer, buffer }) =>
    buffer === undefined
      ? []
      : [named(buffer.name, bufferCounts(buffer, beatWidth(layers[layer].output), on))],
  );
  return join === undefined
    ? buffers
    : [...buffers, named(join, controlCounts(sources.length, 2, on))];
}

/**
 * The control of some streams, each of whose signals all streams make. A fork has a valid for each reader and one ready; a
 * join has one valid, and one ready for all.
 */
function controlCounts(
  streams: number,
  signals: number,
  { tableInputs }: Fabrication,
): CountedModule {
  const tables = Math.ceil((streams + 1) / tableInputs);
  // A signal of so few streams is one table, like a bit of a buffer.
  return { kind: 'registers', parts: [signals * tables, 0], flipFlops: 0, ...noMemory };
}

function layerModules(layer: FoldedLayer, memories: MemoryStyle, on: Fabrication): NamedModule[] {
  const { buffer, units } = layer;
  const first =
    buffer === undefined
      ? []
      : [named(buffer.name, bufferCounts(buffer, beatWidth(layer.input), on))];
  return [...first, ...units.flatMap((unit) => unitModules(unit, layer, memories, on))];
}

function unitModules(
  unit: Unit,
  layer: FoldedLayer,
  memories: MemoryStyle,
  on: Fabrication,
): NamedModule[] {
  const { name } = unit;
  switch (unit.kind) {
    case 'logic':
      return [
        named(unit.leaf.name, leafCounts(unit.leaf, leafKind(unit, layer), on)),
        named(name, logicCounts(unit, on)),
      ];
    case 'window':
      return [named(name, windowCounts(unit, memories, on))];
    case 'collect':
      return [named(name, collectCounts(unit))];
    case 'accumulate':
      return [
        named(unit.leaf.name, leafCounts(unit.leaf, 'sumPool', on)),
        named(name, accumulateCounts(unit)),
      ];
    case 'deal':
      return [named(name, dealCounts(unit, on))];
    case 'gather':
      return [named(name, gatherCounts(unit, on))];
    case 'matrix':
      return [
        named(unit.lane.name, leafCounts(unit.lane, 'lane', on), unit.tables.schedule.fold.pe),
        named(name, matrixCounts(unit, on)),
      ];
    default:
      return unit satisfies never;
  }
}

/** What a unit's gates do. */
function leafKind(unit: LogicUnit, { units, step, kind }: FoldedLayer): ModuleKind {
  if (units.at(-1)?.kind === 'gather') return 'weights';
  if (unit !== units[units.length - 1]) return 'numbers';
  if (step.kind === 'codePool') return 'maxPool';
  switch (kind) {
    case 'threshold':
    case 'maxPool':
    case 'sumPool':
    case 'requantize':
      return kind;
    default:
      return 'weights';
  }
}

function leafCounts({ net }: Leaf, kind: ModuleKind, on: Fabrication): CountedModule {
  if (kind === 'threshold') return thresholdCounts(net, on);
  const { tables, counters, chainPlaces } = netlistCounts(net, on.tableInputs);
  return {
    kind,
    parts: [tables, 2 * counters + chainPlaces],
    flipFlops: registersOf(net),
    ...noMemory,
  };
}

/** Counts comparisons. Synthesis flattens a comparison of several stages, which then takes more tables. */
function thresholdCounts(net: Netlist, { tableInputs }: Fabrication): CountedModule {
  const reduced = reducedLogic(net);
  const [whole, less] = [net, reduced].map((each) => netlistCounts(each, tableInputs));
  const { tables, counters, chainPlaces } = less.tables < whole.tables ? less : whole;
  const parts = isStaged(reduced) ? [0, tables] : [tables, 0];
  return {
    kind: 'threshold',
    parts: [...parts, 2 * counters + chainPlaces],
    flipFlops: registersOf(reduced),
    ...noMemory,
  };
}

/** Whether gates read registers, so that logic has more than one stage. */
function isStaged(net: Netlist): boolean {
  const live = net.live();
  for (let node = 1; node < net.size; node++) {
    const kind = net.kind(node);
    if (live[node] === 0 || kind === 'register') continue;
    if (net.reads(node).some((literal) => net.kind(nodeOf(literal)) === 'register')) return true;
  }
  return false;
}

function logicCounts({ stages, table }: LogicUnit, on: Fabrication): CountedModule {
  if (table === undefined)
    return { kind: 'logic', parts: [1, 0, 0], flipFlops: stages, ...noMemory };
  const { placed, width, words } = table;
  const { rows, columns, classes, count } = placed.table;
  if (rows.length === 1) {
    // Synthesis moves the register of the counter behind the memory, which is a block RAM then where it is large.
    const counter = bitsBelow(columns.length);
    const own = columns.map((column) => words[classes[0][column]]);
    const memory = romCounts({ width, addressWidth: counter, words: own }, on);
    return {
      kind: 'logic',
      parts: [1, counter, memory.tables + memory.choices],
      flipFlops: stages + counter + memory.flipFlops,
      blocks: memory.blocks,
      memoryLuts: 0,
    };
  }
  const { counters, tables } = placeCounts(placed.table, on);
  const rom = { width, addressWidth: bitsBelow(count), words };
  return {
    kind: 'logic',
    parts: [1, counters, tables + smallRom(rom, on)],
    flipFlops: stages + counters,
    ...noMemory,
  };
}

function scoresModules(
  { unit, beats, each, width }: FoldedScores,
  classes: number,
  on: Fabrication,
): NamedModule[] {
  const gates = named(unit.leaf.name, leafCounts(unit.leaf, 'scores', on));
  const shell = logicCounts(unit, on);
  if (beats === 1) return [gates, named(unit.name, shell)];
  const user = countBits(classes - 1);
  // The number that a beat begins with is a multiple of its scores.
  const fixed = Math.log2(each & -each);
  const counters = bitsBelow(beats) + 2 * user - fixed;
  const largest: CountedModule = {
    kind: 'largest',
    parts: [...shell.parts, counters, width],
    flipFlops: shell.flipFlops + counters + width,
    blocks: shell.blocks,
    memoryLuts: 0,
  };
  return [gates, named(unit.name, largest)];
}

function bufferCounts({ depth }: StreamBuffer, width: number, on: Fabrication): CountedModule {
  if (depth === 2)
    return { kind: 'registers', parts: [width, 1], flipFlops: 2 * width + 2, ...noMemory };
  const memory = { depth: depth - 1, width, rom: false, registered: false };
  const [bits, count] = [bitsBelow(depth - 1), countBits(depth)];
  const { blocks, memoryLuts, tables, choices, bypass } = builtMemory(memory, on.family);
  const stored = tables ? (depth - 1) * width : 0;
  return {
    kind: 'queue',
    parts: [width, 2 * bits + 2 * count, 1, stored, choices],
    // Distributed RAM keeps a copy of its read address.
    flipFlops: width + 2 * bits + count + 3 + stored + bypass + (memoryLuts > 0 ? bits : 0),
    blocks,
    memoryLuts,
  };
}

function collectCounts({ pixels, outputWidth }: CollectUnit): CountedModule {
  const bits = bitsBelow(pixels);
  return { kind: 'collect', parts: [bits, 1], flipFlops: outputWidth + bits + 1, ...noMemory };
}

/** The sums' registers: a counter and who is ready are like those of what collects pixels. */
function accumulateCounts({ pixels, outputWidth }: AccumulateUnit): CountedModule {
  const bits = bitsBelow(pixels);
  return { kind: 'accumulate', parts: [bits, 1], flipFlops: outputWidth + bits + 1, ...noMemory };
}

/** A choice among as many beats as a pixel has, and the register behind it. */
function dealCounts({ bits, outputWidth }: DealUnit, { tableInputs }: Fabrication): CountedModule {
  const turn = bitsBelow(bits.length);
  // A table of six inputs chooses among four, which is three choices of one of two.
  const choices = outputWidth * (bits.length - 1);
  return {
    kind: 'deal',
    parts: [tableInputs === 4 ? choices : choices / 3, turn],
    flipFlops: outputWidth + turn + 1,
    ...noMemory,
  };
}

/** A counter of beats, which of them each bit is kept of, and the pixel's registers. */
function gatherCounts(unit: GatherUnit, on: Fabrication): CountedModule {
  const turn = bitsBelow(unit.bits.length);
  const { rom } = keepRom(unit);
  // Each pattern of beats has a table for the registers that move in them.
  const keep = rom.width === 0 ? 0 : smallRom(rom, on) + rom.width;
  return {
    kind: 'gather',
    parts: [turn, 1, keep],
    flipFlops: unit.outputWidth + turn + 1,
    ...noMemory,
  };
}

function windowCounts(unit: WindowUnit, { lines }: MemoryStyle, on: Fabrication): CountedModule {
  const { input, kernel, strides, padding, inputWidth } = unit;
  const scan = scanSize(unit);
  const axes = [0, 1] as const;
  const step = axes.map((axis) => Math.min(strides[axis], scan[axis]));
  const counters = axes.reduce<number>(
    (sum, axis) => sum + bitsBelow(scan[axis]) + countBits(scan[axis] - 1 + step[axis]),
    0,
  );
  // The lowest bits of where the next window ends do not change where the step is a multiple of 2.
  const fixed = axes.reduce<number>((sum, axis) => sum + Math.log2(step[axis] & -step[axis]), 0);
  const padded = axes.some((axis) => padding[axis] > 0 || padding[axis] + input[axis] < scan[axis]);
  const width = (kernel[0] - 1) * inputWidth;
  const memory: MemoryUse = {
    depth: scan[1],
    width,
    rom: false,
    registered: linesInBlocks(lines, scan[1]),
    // One line is read into the window's register alone; of several, one goes on to the next.
    onePort: kernel[0] === 2,
  };
  const { blocks, memoryLuts, tables, choices, bypass } = builtMemory(memory, on.family);
  const stored = tables ? scan[1] * width : 0;
  const readAddress = memoryLuts > 0 && kernel[0] > 2 ? bitsBelow(scan[1]) : 0;
  return {
    kind: 'window',
    // A pixel outside is a 0 in memory; a register is cleared for it.
    parts: [counters, padded && width > 0 ? inputWidth : 0, 1, stored, choices],
    flipFlops:
      counters - fixed + 1 + kernel[0] * kernel[1] * inputWidth + stored + bypass + readAddress,
    blocks,
    memoryLuts,
  };
}

/** Pixels of a row up to which line buffers are read in the cycle of their address. */
const maxDistributed = 64;

const linesInBlocks = (lines: MemoryStyle['lines'], columns: number): boolean =>
  columns > 1 && (lines === 'block' || (lines === 'auto' && columns > maxDistributed));
