import {
  checkFolds,
  type Fold,
  foldCycles,
  foldsWithin,
  largestFolds,
  lutsPerLane,
} from '@hbnn/circuit';
import { HbnnError } from '@hbnn/core';
import type { Device } from '../devices.ts';
import { powerModelOf } from '../power.ts';
import { type Quantity, quantity, quantityOrNone, type Trust } from '../quantity.ts';
import { bareCounts, bareTrust, bareUnknown, isBare } from './foldedBare.ts';
import { type FoldedLayer, sumBits } from './folding.ts';

/**
 * Coefficients of folded designs on LUT6 devices with FINN's platform, fitted to FINN's five published networks (folded.test.ts does it
 * again). A lane's 1.4 LUTs are not fitted: they are what Yosys needs per XNOR and counted bit with 6:3 counters.
 */
export const foldedCoefficients = {
  lutsPerLane,
  /** Per bit of a PE's accumulator and of each of its comparisons. */
  lutsPerSumBit: 3.875,
  /** Per sliding window with its buffers and width converters. */
  lutsPerWindow: 1924,
  /** Addresses and multiplexers of the weight memory. */
  lutsPerKbit: 2.696,
  flipFlopsPerLane: 2.889,
  flipFlopsPerWindowLut: 10.73,
  flipFlopsPerLayer: 2406,
  flipFlopsPerKbit: 1.849,
  /** Blocks of 18 kbit beside the weights: the platform's, and those of each sliding window. */
  platformBlocks: 45,
  blocksPerWindow: 12.5,
  platformDsps: 4,
  dspsPerWindow: 3.9,
  /** Cycles between one image and the next beyond the slowest layer's: from 3,040 and 168,000 frames per second. */
  cyclesBetween: 83,
} as const;

const finn = "fit to FINN's five published networks (BNN-PYNQ, XC7Z020, after place and route)";
const trust = {
  luts: { source: 'calibrated model', from: finn, error: 0.25 },
  flipFlops: { source: 'calibrated model', from: finn, error: 0.25 },
  blocks: { source: 'calibrated model', from: finn, error: 0.25 },
  dsps: { source: 'calibrated model', from: finn, error: 0.35 },
  cycles: { source: 'counted', from: 'outputs / PE x inputs / SIMD x places', error: 0 },
  rate: {
    source: 'calibrated model',
    from: 'the slowest layer and 83 cycles between images, fit to two measured rates of FINN',
    error: 0.05,
  },
  latency: { source: 'calibrated model', from: 'the sum over layers; they overlap', error: 0.5 },
} as const satisfies Record<string, Trust>;

export interface FoldedEstimate {
  readonly folds: readonly (Fold & { readonly layer: string; readonly cycles: number })[];
  readonly luts: Quantity;
  readonly flipFlops: Quantity;
  /** Blocks of the device's own size. */
  readonly memoryBlocks: Quantity;
  readonly dsps: Quantity;
  readonly cyclesPerFrame: Quantity;
  readonly latencyCycles: Quantity;
  readonly framesPerSecond: Quantity;
  /** Absent where nobody has published a figure for the family: see `unknown`. */
  readonly powerW?: Quantity;
  readonly energyPerFrameJ?: Quantity;
  /** What cannot be said, and why. */
  readonly unknown: Readonly<Record<string, string>>;
  /** Shares of the device; above 1 it does not fit. */
  readonly occupancy: { luts: number; flipFlops: number; memoryBlocks: number; dsps: number };
  readonly fits: boolean;
}

interface Counts {
  readonly luts: number;
  readonly flipFlops: number;
  readonly blocks18: number;
  readonly dsps: number;
}

function layerCounts(layer: FoldedLayer, { pe, simd }: Fold): Counts {
  const c = foldedCoefficients;
  const lanes = pe * simd * layer.weightBits * layer.inputBits;
  const width = sumBits(layer);
  const kbits = (layer.matrixWidth * layer.matrixHeight * layer.weightBits) / 1000;
  const window = layer.window === 'dense' ? 0 : 1;
  // One 18 × 25 bit multiplier scales a sum, two where it is wider.
  const multipliers = layer.scales * pe * (width > 25 ? 2 : 1);
  const steps = layer.thresholds + layer.scales + 1;
  return {
    luts:
      c.lutsPerLane * lanes +
      c.lutsPerSumBit * pe * width * steps +
      c.lutsPerWindow * window +
      c.lutsPerKbit * kbits,
    flipFlops:
      c.flipFlopsPerLane * lanes +
      c.flipFlopsPerWindowLut * window * bufferLuts(layer, simd) +
      c.flipFlopsPerLayer +
      c.flipFlopsPerKbit * kbits,
    blocks18: weightBlocks(layer, { pe, simd }) + c.blocksPerWindow * window,
    dsps: c.dspsPerWindow * window + multipliers,
  };
}

/**
 * A line buffer of the kernel's rows and one more, SIMD inputs wide, in shift registers of 32 places. One that is begun
 * counts in part, except the first: rounded up, a wider SIMD could take less.
 */
function bufferLuts(layer: FoldedLayer, simd: number): number {
  const depth = Math.max(1, ((layer.kernelHeight + 1) * layer.rowValues) / simd / 32);
  return simd * layer.inputBits * depth;
}

/** Blocks of 18 kbit that hold the weights and give PE · SIMD of them at once; a block is 36 bits wide at most. */
function weightBlocks(layer: FoldedLayer, { pe, simd }: Fold): number {
  const bits = layer.matrixWidth * layer.matrixHeight * layer.weightBits;
  return Math.max(Math.ceil(bits / 18_432), Math.ceil((pe * simd * layer.weightBits) / 36));
}

function counts(layers: readonly FoldedLayer[], folds: readonly Fold[]): Counts {
  const each = layers.map((layer, i) => layerCounts(layer, folds[i]));
  const sum = (of: (one: Counts) => number): number => each.reduce((n, one) => n + of(one), 0);
  return {
    luts: sum(({ luts }) => luts),
    flipFlops: sum(({ flipFlops }) => flipFlops),
    blocks18: sum(({ blocks18 }) => blocks18) + foldedCoefficients.platformBlocks,
    dsps: sum(({ dsps }) => dsps) + foldedCoefficients.platformDsps,
  };
}

/** Counts in the device's own tables and blocks: with FINN's platform on the families that it was measured for. */
function onDevice(layers: readonly FoldedLayer[], folds: readonly Fold[], on: Device) {
  if (isBare(on)) {
    const bare = bareCounts(layers, folds, on);
    return { ...bare, dsps: 0, blocks18: (bare.memoryBlocks * on.bitsPerBlock) / 18_432 };
  }
  const all = counts(layers, folds);
  return { ...all, memoryBlocks: (all.blocks18 * 18_432) / on.bitsPerBlock };
}

const share = (count: number, total: number): number =>
  total > 0 ? count / total : count > 0 ? 1 + count : 0;

function occupancyOf(all: ReturnType<typeof onDevice>, on: Device) {
  return {
    luts: share(all.luts, on.luts),
    flipFlops: share(all.flipFlops, on.flipFlops),
    memoryBlocks: share(all.memoryBlocks, on.memoryBlocks),
    dsps: share(all.dsps, on.dsps),
  };
}

/**
 * Estimate a folded design: a chain of matrix engines as FINN builds them, PE rows and SIMD columns at once, every
 * lane as wide as the layer's most bits.
 *
 *   LUT = Σ 1.4 · PE · SIMD · W · A + 3.875 · PE · sumBits · (thresholds + 1) + 1924 per window + 2.696 per kbit
 *
 * on Xilinx's families, with the platform of the boards that FINN was measured on; on others the engines alone, see
 * `bareCounts`.
 *
 * @param clockHz hertz
 * @throws HbnnError for a fold that does not divide its layer, or a clock that is none
 */
export function estimateFolded(
  layers: readonly FoldedLayer[],
  folds: readonly Fold[],
  on: Device,
  clockHz: number,
): FoldedEstimate {
  checkFolds(layers, folds);
  checkClock(clockHz);
  const all = onDevice(layers, folds, on);
  const bare = isBare(on);
  const cycles = layers.map((layer, i) => foldCycles(layer, folds[i]));
  const perFrame = Math.max(...cycles) + foldedCoefficients.cyclesBetween;
  const occupancy = occupancyOf(all, on);
  const rate = clockHz / perFrame;
  return {
    folds: folds.map((fold, i) => ({ layer: layers[i].name, ...fold, cycles: cycles[i] })),
    luts: quantity(all.luts, 'LUT', (bare ? bareTrust : trust).luts),
    flipFlops: quantity(all.flipFlops, 'FF', (bare ? bareTrust : trust).flipFlops),
    memoryBlocks: quantityOrNone(
      all.memoryBlocks,
      `blocks of ${on.bitsPerBlock} bits`,
      (bare ? bareTrust : trust).blocks,
      bareTrust.small,
    ),
    dsps: quantityOrNone(all.dsps, 'DSP', trust.dsps, bareTrust.nothing),
    cyclesPerFrame: quantity(perFrame, 'cycles', trust.rate),
    latencyCycles: quantity(
      cycles.reduce((a, b) => a + b, 0),
      'cycles',
      trust.latency,
    ),
    framesPerSecond: quantity(rate, 'frames/s', trust.rate),
    ...withUnknown(powerOf(all, on, clockHz, rate), bare ? bareUnknown : {}),
    occupancy,
    fits: Object.values(occupancy).every((part) => part <= 1),
  };
}

const withUnknown = <T extends Pick<FoldedEstimate, 'unknown'>>(
  found: T,
  more: Readonly<Record<string, string>>,
): T => ({ ...found, unknown: { ...found.unknown, ...more } });

export function checkClock(clockHz: number): void {
  if (!(Number.isFinite(clockHz) && clockHz > 0))
    throw new HbnnError(
      `clock: expected a frequency above 0 Hz, got ${clockHz}; give one such as 100 MHz`,
    );
}

/** Power of so many LUTs and blocks; or why nobody knows. */
function powerOf(
  { luts, blocks18 }: { luts: number; blocks18: number },
  on: Device,
  clockHz: number,
  rate: number,
): Pick<FoldedEstimate, 'powerW' | 'energyPerFrameJ' | 'unknown'> {
  const model = powerModelOf(on.family);
  if (typeof model === 'string') return { unknown: { power: model } };
  const watts = (luts * model.lutJ + (blocks18 / 2) * model.blockJ) * clockHz;
  return {
    powerW: quantity(watts, 'W', model),
    energyPerFrameJ: quantity(watts / rate, 'J', model),
    unknown: {},
  };
}

const parts = ['luts', 'flipFlops', 'memoryBlocks', 'dsps'] as const;
const oneLane = (): Fold => ({ pe: 1, simd: 1 });

/** The largest folding of a device, and what it takes. @throws HbnnError when not even one lane per layer fits */
export function largestFolded(
  layers: readonly FoldedLayer[],
  on: Device,
  clockHz: number,
): FoldedEstimate {
  checkClock(clockHz);
  const fits = (folds: readonly Fold[]): boolean =>
    Object.values(occupancyOf(onDevice(layers, folds, on), on)).every((n) => n <= 1);
  const least = onDevice(layers, layers.map(oneLane), on);
  const short = parts.filter((part) => least[part] > on[part]);
  if (short.length > 0)
    throw new HbnnError(
      `fold: expected a device that holds at least one lane per layer, got ${short.map((part) => `${Math.ceil(least[part])} ${part} of the ${on[part]} of ${on.name}`).join(', ')}; take a larger one or a smaller model`,
    );
  const cost = (folds: readonly Fold[]): number => onDevice(layers, folds, on).luts;
  return estimateFolded(layers, largestFolds(layers, fits, cost), on, clockHz);
}

/**
 * A small folding that gives so many frames per second.
 *
 * @throws HbnnError for a rate or clock that is none, or a rate that no folding reaches
 */
export function foldsAtRate(
  layers: readonly FoldedLayer[],
  framesPerSecond: number,
  clockHz: number,
): Fold[] {
  checkClock(clockHz);
  if (!(framesPerSecond > 0 && Number.isFinite(framesPerSecond)))
    throw new HbnnError(
      `fold: expected frames per second above 0, got ${framesPerSecond}; give a rate such as 450`,
    );
  const cycles = clockHz / framesPerSecond - foldedCoefficients.cyclesBetween;
  if (cycles < 1)
    throw new HbnnError(
      `fold: expected at most ${Math.floor(clockHz / (1 + foldedCoefficients.cyclesBetween))} frames per second at this clock, got ${framesPerSecond}; ask for fewer or raise the clock`,
    );
  return foldsWithin(layers, cycles, (folds) => counts(layers, folds).luts);
}

/** The same on an FPGA, whether it fits or not, and what it takes. @throws HbnnError like `foldsAtRate` */
export const foldedAtRate = (
  layers: readonly FoldedLayer[],
  on: Device,
  framesPerSecond: number,
  clockHz: number,
): FoldedEstimate =>
  estimateFolded(layers, foldsAtRate(layers, framesPerSecond, clockHz), on, clockHz);
