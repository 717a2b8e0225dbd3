import { checkFolds, type Fold, foldCycles } from '@hbnn/circuit';
import type { Technology } from '../cells/technology.ts';
import { type Quantity, quantity, type Trust } from '../quantity.ts';
import { checkClock } from './folded.ts';
import { type FoldedLayer, sumBits } from './folding.ts';

/** What logic of a folded machine takes in gate equivalents. */
const gatesPer = {
  /** An XNOR and its share of the tree that counts: 7 to 9 measured with 64 to 256 inputs in two libraries. */
  lane: 8,
  /** A full adder of an accumulator. */
  adder: 5,
  /** A bit of a comparison with a threshold. */
  comparedBit: 3,
} as const;
/** A flip-flop where the library has none; 4 to 6.5 in open libraries. */
const usualFlipFlop = 5.7;
/** Changes per net and cycle, as in unrolled designs; a flip-flop's clock changes in every cycle. */
const usualActivity = 0.4;

export interface FoldedAsic {
  readonly technology: string;
  readonly folds: readonly (Fold & { readonly layer: string; readonly cycles: number })[];
  readonly gates: Quantity;
  readonly logicUm2: Quantity;
  /** Weights, thresholds and line buffers; absent where the technology has no memories: see `unknown`. */
  readonly memoryBits: Quantity;
  readonly memoryUm2?: Quantity;
  readonly areaUm2?: Quantity;
  readonly framesPerSecond: Quantity;
  readonly logicPerFrameJ: Quantity;
  readonly memoryPerFrameJ?: Quantity;
  readonly energyPerFrameJ?: Quantity;
  /** Per XNOR and counted bit, two operations. */
  readonly energyPerOperationJ?: Quantity;
  readonly powerW?: Quantity;
  readonly unknown: Readonly<Record<string, string>>;
}

interface Machine {
  readonly gates: number;
  readonly memories: readonly number[];
  /** Gate equivalents that switch, and bits read of each memory, over an image. */
  readonly switched: number;
  readonly reads: readonly (readonly [memoryBits: number, bits: number])[];
  readonly operations: number;
}

function machineOf(layer: FoldedLayer, fold: Fold, flipFlop: number): Machine {
  const { pe, simd } = fold;
  const planes = layer.weightBits * layer.inputBits;
  const lanes = pe * simd * planes;
  const width = sumBits(layer);
  const counting = lanes * gatesPer.lane;
  const adding = pe * width * gatesPer.adder;
  const comparing = pe * width * gatesPer.comparedBit * (layer.thresholds + layer.scales);
  const registers = pe * width * flipFlop;
  const cycles = foldCycles(layer, fold);
  const weights = layer.matrixWidth * layer.matrixHeight * layer.weightBits;
  const thresholds = layer.matrixHeight * width * Math.max(1, layer.thresholds);
  const buffer =
    (layer.window === 'dense' ? 1 : layer.kernelHeight + 1) * layer.rowValues * layer.inputBits;
  const outputs = layer.matrixHeight * layer.places;
  return {
    gates: counting + adding + comparing + registers,
    memories: [weights, thresholds, buffer],
    switched:
      cycles * (usualActivity * (counting + adding) + registers) +
      usualActivity * comparing * (outputs / pe),
    reads: [
      [weights, cycles * pe * simd * layer.weightBits],
      [thresholds, outputs * width * Math.max(1, layer.thresholds)],
      [buffer, cycles * simd * layer.inputBits],
    ],
    operations: 2 * layer.matrixWidth * layer.matrixHeight * layer.places * planes,
  };
}

const model = (from: string, error: number): Trust => ({ source: 'calibrated model', from, error });
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/**
 * Estimate a folded design in standard cells: PE · SIMD lanes of XNOR and counting, accumulators, comparisons; weights,
 * thresholds and line buffers in memories that are read in every cycle; layers that wait have their clocks stopped.
 *
 *   GE = Σ 8 · PE · SIMD · W · A + PE · sumBits · (5 + flip-flop + 3 · thresholds)
 *
 * @throws HbnnError for a fold that does not divide its layer, or a clock that is none
 */
export function estimateFoldedAsic(
  layers: readonly FoldedLayer[],
  folds: readonly Fold[],
  cells: Technology,
  clockHz: number,
): FoldedAsic {
  checkFolds(layers, folds);
  checkClock(clockHz);
  const machines = layers.map((layer, i) =>
    machineOf(layer, folds[i], cells.flipFlopGates ?? usualFlipFlop),
  );
  const cycles = layers.map((layer, i) => foldCycles(layer, folds[i]));
  const slowest = Math.max(...cycles);
  const gates = sum(machines.map((machine) => machine.gates));
  const logicJ = sum(machines.map((eachMachine) => eachMachine.switched)) * cells.gateSwitchJ.value;
  const bits = sum(machines.flatMap(({ memories }) => memories));
  const counted: Trust = {
    source: 'counted',
    from: 'outputs / PE x inputs / SIMD x places',
    error: 0,
  };
  const frames = clockHz / slowest;
  return {
    technology: cells.name,
    folds: folds.map((fold, i) => ({ layer: layers[i].name, ...fold, cycles: cycles[i] })),
    gates: quantity(
      gates,
      'GE',
      model(`gates measured per lane, and counted adders${flipFlopsOf(cells)}`, 0.3),
    ),
    logicUm2: quantity(
      gates * cells.gateUm2.value,
      'um2',
      model(`gate equivalents of ${cells.name}`, 0.4),
    ),
    memoryBits: quantity(bits, 'bits', { ...counted, from: 'weights, thresholds, line buffers' }),
    framesPerSecond: quantity(frames, 'frames/s', counted),
    logicPerFrameJ: quantity(logicJ, 'J', model('gates x activity x energy per gate', 0.5)),
    ...withMemories(cells, machines, { gates, logicJ, frames }),
  };
}

/** What is said where a library has no flip-flop that registers are built of. */
const flipFlopsOf = ({ flipFlopGates, name }: Technology): string =>
  flipFlopGates === undefined
    ? `; flip-flops of ${usualFlipFlop} GE, as in open libraries: ${name} has none but scan cells, if any`
    : '';

function withMemories(
  cells: Technology,
  machines: readonly Machine[],
  { gates, logicJ, frames }: { gates: number; logicJ: number; frames: number },
): Pick<
  FoldedAsic,
  | 'memoryUm2'
  | 'areaUm2'
  | 'memoryPerFrameJ'
  | 'energyPerFrameJ'
  | 'energyPerOperationJ'
  | 'powerW'
  | 'unknown'
> {
  const wires = 'wires, clock tree, control, pads and leakage are not in the figures';
  const { memory } = cells;
  if (memory === undefined)
    return {
      unknown: {
        wires,
        memory: `${cells.name} has no memories: their area and energy are unknown`,
      },
    };
  const bits = sum(machines.flatMap(({ memories }) => memories));
  const memoryUm2 = bits * memory.bitUm2.value;
  const memoryJ = sum(
    machines.flatMap(({ reads }) => reads.map(([size, read]) => read * memory.readBitJ(size))),
  );
  const operations = sum(machines.map((machine) => machine.operations));
  const joules = logicJ + memoryJ;
  const energy = model(`logic, and ${memory.from}`, 0.6);
  return {
    memoryUm2: quantity(memoryUm2, 'um2', { ...energy, source: memory.bitUm2.source, error: 0.4 }),
    areaUm2: quantity(gates * cells.gateUm2.value + memoryUm2, 'um2', { ...energy, error: 0.4 }),
    memoryPerFrameJ: quantity(memoryJ, 'J', energy),
    energyPerFrameJ: quantity(joules, 'J', energy),
    energyPerOperationJ: quantity(joules / operations, 'J', energy),
    powerW: quantity(joules * frames, 'W', energy),
    unknown: { wires },
  };
}
