import type { NodeKind } from '@hbnn/circuit';
import type { MapPer } from '@hbnn/core';

/** Chips to build for: how adders are written, the device of the estimate, its tables and its blocks of memory. */
export const chips = {
  xc7: {
    title: 'Xilinx 7 series',
    adders: 'xc7',
    device: 'Pynq',
    tables: 'LUT6s',
    blocks: '18 kbit',
  },
  ecp5: {
    title: 'Lattice ECP5',
    adders: 'gates',
    device: 'ECP5-85',
    tables: 'LUT4s',
    blocks: '18 kbit',
  },
  ice40: {
    title: 'Lattice iCE40',
    adders: 'gates',
    device: 'UP5K',
    tables: 'LUT4s',
    blocks: '4 kbit',
  },
} as const;
export type Chip = keyof typeof chips;

/** A layer and how it is built. */
export interface HardwareChoice {
  /** Input channels of a 3 × 3 kernel: an output has 9 times as many inputs. */
  readonly channels: number;
  readonly outputs: number;
  readonly weightBits: number;
  readonly inputBits: number;
  readonly mapPer: MapPer;
  readonly style: 'unrolled' | 'folded';
  readonly chip: Chip;
  readonly pe: number;
  readonly simd: number;
}

/** The folds that the page offers. */
const folds = [1, 2, 4, 8, 16, 32] as const;

/** The PEs that fit a layer: they divide its outputs. */
export const pesOf = (outputs: number): number[] => folds.filter((pe) => outputs % pe === 0);

/** The SIMDs that fit a layer: they divide an output's inputs. */
export const simdsOf = (channels: number): number[] =>
  folds.filter((simd) => (9 * channels) % simd === 0);

/** What a fold is made to where it does not fit, and what is to be said of it. */
export function fittingFold(
  name: 'PE' | 'SIMD',
  fold: number,
  fitting: readonly number[],
  of: string,
): { readonly fold: number; readonly said: string } {
  if (fitting.includes(fold)) return { fold, said: '' };
  const next = Math.max(...fitting.filter((each) => each <= fold));
  return {
    fold: next,
    said:
      fitting.length === 1
        ? `${name}: expected ${next}, as none of the others divides ${of}, got ${fold}; the page takes ${next}.`
        : `${name}: expected one of ${fitting.join(', ')}, which divide ${of}, got ${fold}; the page takes ${next}.`,
  };
}

/** What an estimate says and Yosys counts too. */
export type Compared = 'layerTables' | 'tables' | 'flipFlops';

/** A figure with its band. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  /** '' where the name says what is counted. */
  readonly unit: 'um2' | 'J' | '';
  readonly compared?: Compared;
  readonly low?: number;
  readonly high?: number;
  readonly from: string;
}

export type GateKind = Exclude<NodeKind, 'cell'> | 'counter' | 'adder';

/** A gate of the drawing; `reads` are places in the list. */
export interface TreeNode {
  readonly kind: GateKind;
  readonly level: number;
  readonly reads: readonly { readonly node: number; readonly inverted: boolean }[];
  readonly label: string;
  /** Its line in the Verilog, from 1 on. */
  readonly line?: number;
}

/** The adders that make one sum. */
export interface AdderDrawing {
  /** Whose sum it is. */
  readonly of: 'the first output' | 'the lanes of one PE';
  readonly file: string;
  readonly nodes: readonly TreeNode[];
  readonly samples: readonly GateSample[];
}

/** The bits of all nodes for random bits of the inputs, and the sum that they come to. */
export interface GateSample {
  readonly bits: Uint8Array;
  readonly sum: number;
  /** How the bits of the sum give it. */
  readonly words: string;
}

/** How many random inputs a drawing has bits for. */
export const sampleCount = 8;

/** What the units of a folded design show at their outputs. */
export interface Waveform {
  /** How many cycles there are states of, and how many two images take. */
  readonly cycles: number;
  readonly cyclesOfTwo: number;
  /** The cycle of the first scores; undefined where they come later than the states end. */
  readonly firstScores?: number;
  /** For each unit and cycle: 0 nothing, 1 a beat that waits, 2 a beat that moves on. */
  readonly rows: readonly { readonly name: string; readonly states: Uint8Array }[];
}

export interface BuiltHardware {
  readonly top: string;
  readonly files: Readonly<Record<string, string>>;
  readonly figures: readonly Figure[];
  /** What there is no estimate of, in sentences. */
  readonly unknown: string;
  /** One output's adders, and the file that has them; undefined where they are lanes or too many. */
  readonly tree?: AdderDrawing;
  readonly waveform?: Waveform;
  readonly milliseconds: number;
}
