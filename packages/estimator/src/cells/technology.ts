import { HbnnError } from '@hbnn/core';
import { type Quantity, quantity, type Trust } from '../quantity.ts';
import { cellOfRole, type LibertyCell, type LibertyLibrary } from './liberty/liberty.ts';
import { areaFactor, energyFactor, usualVoltage } from './scaling.ts';

/** Standard cells as an estimate needs them. */
export interface Technology {
  readonly name: string;
  /** Area of a two-input NAND: one gate equivalent. */
  readonly gateUm2: Quantity;
  /** Energy of one gate equivalent whose outputs change once in an evaluation. */
  readonly gateSwitchJ: Quantity;
  /** Absent where the library does not say. */
  readonly gateLeakageW?: Quantity;
  /** Why leakage is unknown, where the library has values of it that cannot be read. */
  readonly leakageUnknown?: string;
  /** A cell that adds three bits in gate equivalents; absent in a library without one. */
  readonly fullAdderGates?: number;
  /** A flip-flop in gate equivalents; absent in a library without one. */
  readonly flipFlopGates?: number;
  /** On-chip memories; absent where nothing is known of them. */
  readonly memory?: MemoryTechnology;
}

/** Static memories of a process. */
export interface MemoryTechnology {
  /** A bit with its share of decoders and sense amplifiers. */
  readonly bitUm2: Quantity;
  /** Joules to read one bit of a memory of so many. */
  readBitJ(memoryBits: number): number;
  readonly from: string;
}

/** Load of each input that an output drives; measured energies of cells were taken with it. */
const wireFPerFanOut = 0.7e-15;

/**
 * Cells of a 45 nm library of Nangate's kind, at 1.1 V. The area of NAND2_X1 is from memory. The energy is measured:
 * layers of 72 x 8 weights mapped to such cells took 1789, 2788 and 3457 fJ per inference at 0.2 changes per net, with
 * 2380, 3720 and 4480 gate equivalents at 1, 1.4 and 2 bits: 3.76, 3.75 and 3.86 fJ per gate and change.
 */
const builtIn = {
  nm: 45,
  voltageV: 1.1,
  gateUm2: 0.798,
  gateSwitchJ: 3.78e-15,
  flipFlopGates: 5.7,
};

/**
 * Horowitz 2014 (45 nm, 0.9 V) as QKeras fits it: 0.02455 L² − 0.2656 L + 0.8661 picojoules for a word of 64 bits, L =
 * log2 of the memory's bits; below 2^8 bits that of 2^8.
 */
function horowitzReadJ(memoryBits: number): number {
  const L = Math.max(8, Math.log2(memoryBits));
  return (1e-12 * (0.02455 * L ** 2 - 0.2656 * L + 0.8661)) / 64;
}

/** A six-transistor cell of a 45 nm process, from memory, in an array of which it fills 60 %. */
const memoryBitUm2 = 0.346 / 0.6;

function builtInMemory(nm: number, voltageV: number): MemoryTechnology {
  const scaling = energyFactor({ nm: 45, voltageV: 0.9 }, { nm, voltageV });
  return {
    bitUm2: quantity(memoryBitUm2 * areaFactor(45, nm), 'um2', {
      source: 'unverified',
      error: 0.4,
      from: 'a 6T cell of 0.346 um2 at 45 nm, quoted from memory, filling 60 % of its array',
    }),
    readBitJ: (memoryBits) => scaling * horowitzReadJ(memoryBits),
    from: 'SRAM reads after Horowitz 2014 as QKeras fits them',
  };
}

/**
 * The built-in 45 nm library, scaled to a process after Stillmaker & Baas 2017.
 *
 * @throws HbnnError for a process that has no published factors
 */
export function builtInTechnology(nm: number, voltageV: number = usualVoltage(nm)): Technology {
  const from = { nm: builtIn.nm, voltageV: builtIn.voltageV };
  const scaled = nm === builtIn.nm ? '' : ', scaled after Stillmaker & Baas 2017';
  const area: Trust = {
    source: 'unverified',
    error: nm === builtIn.nm ? 0.1 : 0.3,
    from: `NAND2_X1 of a Nangate 45 nm library, quoted from memory${scaled}`,
  };
  const energy: Trust = {
    source: 'synthesis',
    error: nm === builtIn.nm ? 0.1 : 0.3,
    from: `layers of 72 x 8 weights mapped to a 45 nm library, zero delay${scaled}`,
  };
  return {
    name: `built-in, ${nm} nm at ${voltageV} V`,
    gateUm2: quantity(builtIn.gateUm2 * areaFactor(builtIn.nm, nm), 'um2', area),
    gateSwitchJ: quantity(builtIn.gateSwitchJ * energyFactor(from, { nm, voltageV }), 'J', energy),
    flipFlopGates: builtIn.flipFlopGates,
    memory: builtInMemory(nm, voltageV),
  };
}

/**
 * Cells of the user's Liberty files: the smallest NAND2 is the gate equivalent; switching is that of an XNOR2 (of the
 * NAND2 where there is none) that drives two of its own inputs and 0.7 fF of wire each, per gate equivalent.
 *
 * @throws HbnnError when the files have no NAND2, or no energies
 */
export function libertyTechnology(libraries: readonly LibertyLibrary[]): Technology {
  const files = libraries.map(({ file }) => file).join(', ');
  const nand = cellOfRole(libraries, 'nand2');
  if (nand === undefined)
    throw new HbnnError(
      `${files}: expected a cell that is a NAND of two inputs, the gate equivalent, got none; give the file that has it too`,
    );
  const switching = [cellOfRole(libraries, 'xnor2'), cellOfRole(libraries, 'xor2'), nand].find(
    (cell) => cell !== undefined && switchEnergy(cell) !== undefined,
  );
  const energy = switching === undefined ? undefined : switchEnergy(switching);
  if (switching === undefined || energy === undefined)
    throw new HbnnError(
      `${files}: expected internal power and input capacitance of an XNOR2, XOR2 or NAND2, got none; take a library with power tables`,
    );
  const leakageUnknown = libraries.flatMap((library) => library.leakageUnknown ?? []).at(0);
  const flipFlop = cellOfRole(libraries, 'flipFlop');
  const fullAdder = cellOfRole(libraries, 'fullAdder');
  const trust = (what: string, error: number): Trust => ({
    source: 'cited constant',
    error,
    from: `${what} of ${files}`,
  });
  return {
    name: libraries.map(({ name }) => name).join(' + '),
    gateUm2: quantity(nand.areaUm2, 'um2', trust(nand.name, 0)),
    gateSwitchJ: quantity(
      (energy * nand.areaUm2) / switching.areaUm2,
      'J',
      trust(`${switching.name} at a fan-out of two`, 0.3),
    ),
    ...(nand.leakageW !== undefined &&
      nand.leakageW > 0 && {
        gateLeakageW: quantity(nand.leakageW, 'W', trust(`leakage of ${nand.name}`, 0.5)),
      }),
    ...(leakageUnknown !== undefined && { leakageUnknown }),
    ...(fullAdder !== undefined && { fullAdderGates: fullAdder.areaUm2 / nand.areaUm2 }),
    ...(flipFlop !== undefined && { flipFlopGates: flipFlop.areaUm2 / nand.areaUm2 }),
  };
}

function switchEnergy(cell: LibertyCell): number | undefined {
  const inputs = cell.pins.flatMap(({ direction, capacitanceF }) =>
    direction === 'input' && capacitanceF !== undefined ? [capacitanceF] : [],
  );
  if (inputs.length === 0) return undefined;
  const own = inputs.reduce((a, b) => a + b, 0) / inputs.length;
  const energy = cell.toggleEnergyJ(2 * (own + wireFPerFanOut));
  return energy !== undefined && energy > 0 ? energy : undefined;
}
