import type { Fold } from '@hbnn/circuit';
import type { FoldedLayer } from './folding.ts';

/** A network of FINN with its folding and what it took on a XC7Z020. */
export interface FinnNetwork {
  readonly name: string;
  readonly layers: readonly FoldedLayer[];
  readonly folds: readonly Fold[];
  readonly clockHz: number;
  /** After place and route, Vivado 2018.2: BNN-PYNQ, bnn/src/network/NAME/README.md. */
  readonly measured: {
    readonly luts: number;
    readonly flipFlops: number;
    readonly memoryBlocks: number;
    readonly dsps: number;
    /** On a Pynq: FINN's slides of MPSoC 2017; not published of all. */
    readonly framesPerSecond?: number;
  };
}

interface Shape {
  readonly channels: number;
  /** Height and width of the input, and of the output; dense layers have none. */
  readonly sizes?: readonly [input: number, output: number];
  readonly outputs: number;
}

/** CNV: 3 × 3 convolutions without padding, pooled after the second and the fourth, and three dense layers. */
const cnv: readonly Shape[] = [
  { channels: 3, sizes: [32, 30], outputs: 64 },
  { channels: 64, sizes: [30, 28], outputs: 64 },
  { channels: 64, sizes: [14, 12], outputs: 128 },
  { channels: 128, sizes: [12, 10], outputs: 128 },
  { channels: 128, sizes: [5, 3], outputs: 256 },
  { channels: 256, sizes: [3, 1], outputs: 256 },
  { channels: 256, outputs: 512 },
  { channels: 512, outputs: 512 },
  { channels: 512, outputs: 64 },
];
const lfc: readonly Shape[] = [
  { channels: 832, outputs: 1024 },
  { channels: 1024, outputs: 1024 },
  { channels: 1024, outputs: 1024 },
  { channels: 1024, outputs: 64 },
];

const kernel = 3;

/** Pixels have 8 bits in CNV and one in LFC. */
function layersOf(shapes: readonly Shape[], weightBits: number, bits: number): FoldedLayer[] {
  return shapes.map(({ channels, sizes, outputs }, i) => ({
    name: `L${i}`,
    window: sizes === undefined ? 'dense' : 'conv',
    matrixWidth: channels * (sizes === undefined ? 1 : kernel ** 2),
    matrixHeight: outputs,
    channels,
    places: (sizes?.[1] ?? 1) ** 2,
    rowValues: channels * (sizes?.[0] ?? 1),
    kernelHeight: sizes === undefined ? 1 : kernel,
    weightBits,
    inputBits: i > 0 ? bits : sizes === undefined ? 1 : 8,
    thresholds: i === shapes.length - 1 ? 0 : 2 ** bits - 1,
    scales: 0,
  }));
}

const fold = (text: string): Fold[] =>
  text.split(' ').map((part) => {
    const [pe, simd] = part.split('x').map(Number);
    return { pe, simd };
  });

// BNN-PYNQ, bnn/src/network/NAME/hw/config.h.
const cnvFolds = fold('16x3 32x32 16x32 16x32 4x32 1x32 1x4 1x8 4x1');
const cnvW2Folds = fold('8x3 16x16 8x16 8x16 4x8 1x8 1x2 2x2 4x1');
const lfcFolds = fold('32x64 64x32 32x64 16x8');
const clockHz = 100e6;

/** The five networks of BNN-PYNQ. */
export const finnNetworks: readonly FinnNetwork[] = [
  {
    name: 'CNV W1A1',
    layers: layersOf(cnv, 1, 1),
    folds: cnvFolds,
    clockHz,
    measured: {
      luts: 26_072,
      flipFlops: 41_312,
      memoryBlocks: 124,
      dsps: 24,
      framesPerSecond: 3040,
    },
  },
  {
    name: 'CNV W1A2',
    layers: layersOf(cnv, 1, 2),
    folds: cnvFolds,
    clockHz,
    measured: { luts: 40_321, flipFlops: 56_276, memoryBlocks: 131.5, dsps: 26 },
  },
  {
    name: 'CNV W2A2',
    layers: layersOf(cnv, 2, 2),
    folds: cnvW2Folds,
    clockHz,
    measured: { luts: 37_302, flipFlops: 51_386, memoryBlocks: 140, dsps: 32 },
  },
  {
    name: 'LFC W1A1',
    layers: layersOf(lfc, 1, 1),
    folds: lfcFolds,
    clockHz,
    measured: {
      luts: 28_360,
      flipFlops: 33_470,
      memoryBlocks: 110,
      dsps: 4,
      framesPerSecond: 168_000,
    },
  },
  {
    name: 'LFC W1A2',
    layers: layersOf(lfc, 1, 2),
    folds: lfcFolds,
    clockHz,
    measured: { luts: 48_981, flipFlops: 45_338, memoryBlocks: 110, dsps: 4 },
  },
];
