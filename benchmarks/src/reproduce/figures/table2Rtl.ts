import { type NetworkRow, storedNetworks } from '../../results/networkRows.ts';
import type { ResultRow } from '../stage.ts';
import { circuitMixes } from './layerCircuits.ts';

/** The clock that rates are given for, as of the estimates. */
const clockHz = 200e6;

/** A network whose Verilog was synthesized whole. */
export interface SynthesizedNetwork {
  readonly row: NetworkRow;
  readonly bits: number;
  /** Look-up tables, those of distributed RAM among them. */
  readonly luts: number;
  readonly cycles: number;
}

/**
 * What `pnpm bench:networks --synth --save` has kept: the widest network that has all bits of Table 2, with lanes for all
 * planes of the weights.
 */
export function synthesizedNetworks(): readonly SynthesizedNetwork[] {
  const all = storedNetworks().flatMap((row): SynthesizedNetwork[] => {
    const { synthesized, bits, lanes } = row;
    if (synthesized === undefined || lanes === 'one plane') return [];
    const [weights] = bits.split('/');
    const luts = synthesized.luts + (synthesized.memoryLuts ?? 0);
    return [
      { row, bits: Number(weights), luts, cycles: row.verilatorCycles ?? row.cyclesPerImage },
    ];
  });
  const widths = [...new Set(all.map(({ row }) => row.narrower))].sort((a, b) => a - b);
  const ofWidth = (narrower: number) =>
    all.filter(({ row }) => row.narrower === narrower).sort((a, b) => a.bits - b.bits);
  const complete = widths
    .map(ofWidth)
    .find((group) => circuitMixes.every(([bits]) => group.some((each) => each.bits === bits)));
  return complete ?? [];
}

const channelsText = (narrower: number): string =>
  narrower === 1 ? 'all channels' : `1/${narrower} of its channels and lanes`;

/** Data sets of simulations as the text writes them. */
const dataTitles: Readonly<Record<string, string>> = { cifar10: 'CIFAR-10' };

const imagesText = ({ verilatorImages = 0, verilatorData }: NetworkRow): string =>
  verilatorData === undefined
    ? `${verilatorImages} images`
    : `the first ${verilatorImages} test images of ${dataTitles[verilatorData] ?? verilatorData}`;

/** Column (d): our own Verilog of CNV, folded, a map per position: synthesized whole, and its cycles. */
export function rtlRows(networks: readonly SynthesizedNetwork[]): ResultRow[] {
  const two = networks.find(({ bits }) => bits === 2);
  return networks.flatMap(({ row, bits, luts, cycles }): ResultRow[] => {
    const { synthesized, narrower, commit, verilatorCycles } = row;
    const base = {
      row: 'd',
      platform: 'xc7, Yosys',
      model: `CNV, ${channelsText(narrower)}`,
      unfolding: 'FINN’s folds',
      bits,
    };
    const isSimulated = verilatorCycles !== undefined;
    const simulation = isSimulated
      ? `The program Verilator simulated the circuit of CNV on ${imagesText(row)}. The simulated circuit ` +
        'gave the same class scores as the network CNV in integer arithmetic'
      : 'The cycles of the circuit of CNV are computed, not simulated';
    const made = (quantity: string, unit: string, ours: number): ResultRow => ({
      label: `our Verilog, folded, ${row.bits} bits ${quantity}`,
      kind: 'measured',
      unit,
      ours: Number(ours.toPrecision(5)),
      scale:
        'Our circuit of CNV (VGG-8) has random weights, and one bitwidth for all weights at a kernel position. The ' +
        `program ${synthesized?.yosys ?? 'Yosys'} synthesized our circuit of the network CNV, in the same way as the ` +
        `command \`hbnn synth\` does. ${simulation} (\`pnpm bench:networks --synth${isSimulated ? ' --simulate N' : ''} ` +
        `--save\`, commit ${commit.slice(0, 7)})`,
      columns: { ...base, quantity },
    });
    return [
      made('LUTs', 'LUT', luts),
      made('flip-flops', 'FF', synthesized?.flipFlops ?? 0),
      made('block RAMs of 18 kbit', 'blocks', synthesized?.blockRams ?? 0),
      made('cycles an image', 'cycles', cycles),
      made('throughput at 200 MHz', 'kFPS', clockHz / cycles / 1000),
      ...(two === undefined
        ? []
        : [made('LUTs × cycles', '× 2 bits', (luts * cycles) / (two.luts * two.cycles))]),
    ];
  });
}

/** What the synthesized networks say of the law, in a sentence; empty where none was synthesized. */
export function rtlSentence(networks: readonly SynthesizedNetwork[]): string {
  const one = networks.find(({ bits }) => bits === 1);
  const two = networks.find(({ bits }) => bits === 2);
  if (one === undefined || two === undefined) return '';
  const others = networks.filter(({ bits }) => bits !== 1);
  const ratios = others.map(
    ({ bits, luts, cycles }) =>
      `${bits} bits take ${(luts / one.luts).toFixed(2)} times the LUTs and ${(cycles / one.cycles).toFixed(2)} times the cycles`,
  );
  const products = others
    .filter(({ bits }) => bits !== 2)
    .map(
      ({ bits, luts, cycles }) =>
        `${((luts * cycles) / (two.luts * two.cycles)).toFixed(2)} at ${bits} bits`,
    );
  return (
    `; our Verilog circuit of ${one.row.network} (VGG-8) with ${channelsText(one.row.narrower)}, relative to 1 bit: ` +
    `${ratios.join(', ')}; LUTs × cycles of the same circuit, relative to 2 bits: ${products.join(', ')}`
  );
}
