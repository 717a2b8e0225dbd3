import {
  channelTaps,
  constantZero,
  countBits,
  factorRom,
  factorWidth,
  type Literal,
  type MatrixUnit,
  Netlist,
  operandEntries,
  operandsOf,
  runFields,
  runRom,
  startRom,
  tapOperands,
  weightRom,
} from '@hbnn/circuit';
import { netlistCounts } from '../unrolled/netlistCounts.ts';
import { accumulatorCounts } from './accumulators.ts';
import {
  bitsBelow,
  type CountedModule,
  type Fabrication,
  placeCounts,
  romCounts,
} from './counted.ts';
import { romTables } from './romTables.ts';

const noMemory = { blocks: 0, memoryLuts: 0 } as const;

interface OperandCounts {
  /** Tables that choose each operand's bits among the window's. */
  readonly tables: number;
  readonly flipFlops: number;
  /** Bits of the window that some operand has. */
  readonly read: number;
}

function operandCounts(unit: MatrixUnit, { tableInputs }: Fabrication): OperandCounts {
  const { tables, matrix, inputWidth } = unit;
  const { pe } = tables.schedule.fold;
  const depthwise = matrix.layer.kind === 'depthwise';
  const operands = depthwise ? tapOperands(unit) : operandsOf(unit);
  const operandBits = countBits(operands.length - 1);
  const groupBits = depthwise ? countBits(tables.schedule.groups - 1) : 0;
  const net = new Netlist(inputWidth + operandBits + groupBits);
  const read = new Set<number>();
  const ofWindow = (bit: number): Literal => {
    if (bit < 0) return constantZero;
    read.add(bit);
    return net.input(bit);
  };
  for (let p = 0; p < (depthwise ? pe : 1); p++) {
    const source = depthwise ? tapsOf(net, unit, p, ofWindow) : ofWindow;
    for (let bit = 0; bit < operandEntries(tables.schedule) * unit.inputs.width; bit++)
      net.outputs.push(
        chosen(
          net,
          operands.map((bits) => source(bits[bit])),
          inputWidth,
          true,
        ),
      );
  }
  const registers = new Set(net.outputs.filter((output) => output !== constantZero));
  return {
    tables: netlistCounts(net, tableInputs).tables,
    flipFlops: registers.size,
    read: read.size,
  };
}

/** The taps of the channel that PE p of a depthwise layer works on, chosen by its group. */
function tapsOf(
  net: Netlist,
  unit: MatrixUnit,
  p: number,
  ofWindow: (bit: number) => Literal,
): (bit: number) => Literal {
  const groups = channelTaps(unit, p);
  const select = unit.inputWidth + countBits(unit.tables.operands.length - 1);
  const made = new Map<number, Literal>();
  return (bit) => {
    if (bit < 0) return constantZero;
    const known = made.get(bit);
    if (known !== undefined) return known;
    const own = chosen(
      net,
      groups.map((bits) => ofWindow(bits[bit])),
      select,
      false,
    );
    made.set(bit, own);
    return own;
  };
}

/**
 * One of several bits by a number whose bits are inputs from `select` on: rounds of two-way choices, the lowest bit first. A
 * last choice between a bit and 0 needs no table before a register, which is cleared instead.
 */
function chosen(
  net: Netlist,
  bits: readonly Literal[],
  select: number,
  register: boolean,
): Literal {
  let left = bits;
  for (let n = select; left.length > 1; n++) {
    if (register && left.length === 2 && left.includes(constantZero))
      return left[0] === constantZero ? left[1] : left[0];
    left = Array.from({ length: Math.ceil(left.length / 2) }, (_, i) =>
      2 * i + 1 === left.length ? left[2 * i] : net.mux(net.input(n), left[2 * i + 1], left[2 * i]),
    );
  }
  return left[0];
}

/** Registers in which a cycle's flags, group and class keep pace with its numbers. */
function flagBits({ stages, tables, starts, held }: MatrixUnit): number {
  const { groups } = tables.schedule;
  // Valid, first, last and done.
  const flags = 4 * (stages + 1);
  // The last group's number is read where there are several.
  const groupBits = bitsBelow(groups) * (stages + (groups > 1 ? 1 : 0));
  const several = starts.table.count > 1;
  const classBits = several ? bitsBelow(starts.table.count) * (stages + (held ? 0 : 1)) : 0;
  return flags + groupBits + classBits;
}

/** Bits of the counters that say which cycle it is. */
function counterBits({ tables }: MatrixUnit, addressWidth: number, runBits: number): number {
  const fields = runFields(tables).filter(({ name }) => name !== 'weight_from');
  const fieldBits = fields.reduce((sum, { width }) => sum + width, 0);
  const addresses = tables.weightsInOrder ? addressWidth : 2 * addressWidth;
  return bitsBelow(tables.schedule.groups) + runBits + addresses + fieldBits;
}

/** Count a matrix unit whose sums are all constant: of it the counters and flags are left that say when a beat is done. */
function idleCounts({ tables, stages, held }: MatrixUnit): CountedModule {
  const { groups } = tables.schedule;
  const left = runFields(tables).find(({ name }) => name === 'left')?.width ?? 0;
  const control = bitsBelow(groups) + left;
  // Valid, last and done of each stage; full and busy.
  const flags = 3 * (stages + 1) + (held ? 1 : 2);
  return {
    kind: 'matrix',
    parts: [0, 0, 0, control, 0, 0, 0, 1],
    flipFlops: control + flags,
    ...noMemory,
  };
}

/** Count a matrix unit without its lanes: operands, weights, control and sums. */
export function matrixCounts(unit: MatrixUnit, on: Fabrication): CountedModule {
  const { tables, lane, held, starts, output, grouped } = unit;
  const { schedule, width } = tables;
  const { groups, fold } = schedule;
  const operands = operandCounts(unit, on);
  if (operands.flipFlops === 0 && output.offsets[output.forms.length] === 0)
    return idleCounts(unit);
  const weights = weightRom(unit);
  const factors = factorRom(unit);
  const run = runRom(unit);
  const roms = [weights, startRom(unit), ...(factors === undefined ? [] : [factors])].map((rom) =>
    romCounts(rom, on),
  );
  const sum = (of: 'tables' | 'choices' | 'flipFlops' | 'blocks'): number =>
    roms.reduce((n, rom) => n + rom[of], 0);
  const several = starts.table.count > 1;
  const place = several ? placeCounts(starts.table, on) : { counters: 0, tables: 0 };
  const counters = counterBits(unit, weights.addressWidth, run.addressWidth);
  const product = Math.min(width, Math.max(1, lane.net.outputs.length));
  const sums = accumulatorCounts(unit, product, on);
  const words = romTables(run, on.tableInputs);
  const control = counters + place.counters;
  // First, full and, where the window is in a register of its own, busy.
  const single = held ? 2 : 3;
  return {
    kind: 'matrix',
    parts: [
      operands.tables,
      sums.shortBits,
      sums.tables,
      // Each group of a pixel has a table that says when its sums are written.
      (grouped ? 1 : groups) + control,
      words.tables + words.choices / 2,
      place.tables,
      // Words are as good as random: each choice between two is a table.
      sum('tables') + sum('choices'),
      1,
    ],
    flipFlops:
      single +
      (held ? 0 : operands.read) +
      operands.flipFlops +
      control +
      (factors === undefined ? factorWidth(tables.factors) : 0) +
      flagBits(unit) +
      fold.pe * width +
      output.offsets[output.forms.length] +
      sum('flipFlops'),
    blocks: sum('blocks'),
    memoryLuts: 0,
  };
}
