import type { Family, Fold } from '@hbnn/circuit';
import type { Trust } from '../quantity.ts';
import { type FoldedLayer, sumBits } from './folding.ts';

/**
 * Coefficients of folded designs in LUT4s without a platform, fitted to what `hbnn synth --target ice40` counts of the
 * folded Verilog of `hbnn verilog`: the first five of LUTs and four of flip-flops by least relative squares to the layers
 * of the designs in foldedBare.test.ts and to the dense layers of the random networks of seeds 4 and 12, the others
 * read off the rows of pixels, thresholds, requantization and scores of the same.
 */
export const bareCoefficients = {
  /** Per PE · SIMD · W · A. Planes take turns in the lanes, so that a lane's bit is less than one with its count. */
  lutsPerLane: 0.485,
  lutsPerPeBit: 5.41,
  /** Choosing SIMD of a layer's inputs, per bit of an input. */
  lutsPerInputBit: 1.3,
  /** Per bit of weights where they are tables and not blocks: which weights have a plane is stored as well. */
  lutsPerWeightBit: 0.205,
  lutsPerWindow: 126,
  /** Per output, bit of its sum and bit of the input that it becomes. */
  lutsPerThresholdBit: 0.4,
  /** Per output of a requantization, of 8 · sumBits + 48 additions of one bit. */
  lutsPerScaledBit: 0.35,
  /** Per channel of the pixels and bit that it becomes. */
  lutsPerPixelBit: 3,
  /** Per score and bit of its sum. */
  lutsPerScoreBit: 3.2,
  flipFlopsPerPeBit: 1.37,
  flipFlopsPerOutputBit: 2.95,
  flipFlopsPerInputBit: 2.3,
  /** Per bit of the rows that a window keeps. */
  flipFlopsPerLineBit: 0.98,
  flipFlopsPerPixelBit: 1,
  /** Per score, bit of its sum and round of choosing the largest. */
  flipFlopsPerScoreBit: 1.55,
  /** Per output and bit of a sum that is requantized. */
  flipFlopsPerScaledBit: 4,
} as const;

const from =
  'fit to 16 folded designs of hbnn verilog as hbnn synth counts them for ice40; without a platform around them';
export const bareTrust = {
  luts: { source: 'calibrated model', from, error: 0.4 },
  flipFlops: { source: 'calibrated model', from, error: 0.3 },
  blocks: {
    source: 'calibrated model',
    from: 'weights of layers that have more than a block of them, where tools make blocks of such memories',
    error: 0.25,
  },
  nothing: { source: 'counted', from: 'nothing is multiplied, and no platform is in it', error: 0 },
  small: { source: 'counted', from: 'no layer has a block of weights: they are tables', error: 0 },
} as const satisfies Record<string, Trust>;

/** What is not in the figures of a family that FINN was not measured on. */
export const bareUnknown = {
  platform:
    'the platform around the engines (how pixels come in and scores go out: FIFOs, DMA, a processor) is not in the figures',
  packing:
    'a flip-flop may share a cell with a LUT or not: placed, cells are between the larger of the two figures and their sum',
} as const;

/** The most bits that a block gives at once. */
const blockWidths: Readonly<Partial<Record<Family, number>>> = { ice40: 16, ecp5: 36 };

interface BareDevice {
  readonly family: Family;
  readonly bitsPerBlock: number;
}

/** Whether FINN's platform is not there: its figures are of Zynq boards. */
export const isBare = ({ family }: Pick<BareDevice, 'family'>): boolean =>
  blockWidths[family] !== undefined;

/** Counts of LUT4s, flip-flops and the device's own blocks. */
export interface BareCounts {
  readonly luts: number;
  readonly flipFlops: number;
  readonly memoryBlocks: number;
}

/** Count a chain of engines with the thresholds of its pixels and its scores, without a platform. */
export function bareCounts(
  layers: readonly FoldedLayer[],
  folds: readonly Fold[],
  on: BareDevice,
): BareCounts {
  const each = [
    pixelCounts(layers[0]),
    ...layers.map((layer, i) => engineCounts(layer, folds[i], on)),
    ...layers.map(afterCounts),
    scoreCounts(layers[layers.length - 1]),
  ];
  const sum = (of: keyof BareCounts): number => each.reduce((n, one) => n + (one[of] ?? 0), 0);
  return { luts: sum('luts'), flipFlops: sum('flipFlops'), memoryBlocks: sum('memoryBlocks') };
}

const c = bareCoefficients;

function engineCounts(layer: FoldedLayer, { pe, simd }: Fold, on: BareDevice): BareCounts {
  const { matrixWidth, matrixHeight, weightBits, inputBits, kernelHeight, rowValues } = layer;
  const width = sumBits(layer);
  const window = layer.window === 'dense' ? 0 : 1;
  const inputs = matrixWidth * inputBits;
  const weights = matrixWidth * matrixHeight * weightBits;
  const tables = weights <= on.bitsPerBlock;
  const atOnce = (pe * simd * weightBits) / (blockWidths[on.family] ?? 36);
  return {
    luts:
      c.lutsPerLane * pe * simd * weightBits * inputBits +
      c.lutsPerPeBit * pe * width +
      c.lutsPerInputBit * inputs +
      (tables ? c.lutsPerWeightBit * weights : 0) +
      c.lutsPerWindow * window,
    flipFlops:
      c.flipFlopsPerPeBit * pe * width +
      c.flipFlopsPerOutputBit * matrixHeight * width +
      c.flipFlopsPerInputBit * inputs +
      c.flipFlopsPerLineBit * window * (kernelHeight - 1) * rowValues * inputBits,
    memoryBlocks: tables ? 0 : Math.max(Math.ceil(weights / on.bitsPerBlock), Math.ceil(atOnce)),
  };
}

/** Pixels of 8 bits that become a layer's inputs; where they go in as they are there is nothing. */
function pixelCounts({ channels, inputBits }: FoldedLayer): BareCounts {
  const bits = inputBits < 8 ? channels * inputBits : 0;
  return {
    luts: c.lutsPerPixelBit * bits,
    flipFlops: c.flipFlopsPerPixelBit * bits,
    memoryBlocks: 0,
  };
}

function afterCounts(layer: FoldedLayer): BareCounts {
  const width = sumBits(layer);
  const { matrixHeight, thresholds, scales } = layer;
  const bits = Math.log2(thresholds + 1);
  return {
    luts:
      c.lutsPerThresholdBit * matrixHeight * width * bits +
      c.lutsPerScaledBit * scales * matrixHeight * (8 * width + 48),
    flipFlops: matrixHeight * (bits + c.flipFlopsPerScaledBit * scales * width),
    memoryBlocks: 0,
  };
}

function scoreCounts(last: FoldedLayer): BareCounts {
  const bits = last.matrixHeight * sumBits(last);
  const rounds = Math.max(1, Math.log2(last.matrixHeight));
  return {
    luts: c.lutsPerScoreBit * bits,
    flipFlops: c.flipFlopsPerScoreBit * bits * rounds,
    memoryBlocks: 0,
  };
}
