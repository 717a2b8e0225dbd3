import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** What a network takes, as `hbnn synth` counts it. */
export interface NetworkSize {
  readonly luts: number;
  readonly memoryLuts: number;
  readonly flipFlops: number;
  /** Block RAMs, of xc7 halves of 18 kbit. */
  readonly blockRams: number;
}

/** A whole network as folded hardware: what `pnpm bench:networks --save` keeps. */
export interface NetworkRow {
  readonly network: 'CNV';
  /** What the channels and lanes are divided by. */
  readonly narrower: number;
  /** Bits of weights and of inputs: 1.4/1.4. */
  readonly bits: string;
  /** What the lanes multiply in one cycle; left out for weights of 1 bit, which have one plane. */
  readonly lanes?: 'one plane' | 'all planes';
  readonly commit: string;
  readonly generateSeconds: number;
  readonly generatePeakMb: number;
  readonly verilogMb: number;
  readonly slowestLayerCycles: number;
  readonly cyclesPerImage: number;
  readonly estimate: NetworkSize;
  /** The commit whose estimate it is, where it was estimated after the rest. */
  readonly estimateCommit?: string;
  readonly synthesized?: Partial<NetworkSize> & {
    readonly luts: number;
    readonly flipFlops: number;
    readonly synthSeconds: number;
    readonly yosys: string;
  };
  /** Cycles from image to image in Verilator, whose scores are the model's. */
  readonly verilatorCycles?: number;
  readonly verilatorImages?: number;
  /** The data set whose first test images they are; left out for noise. */
  readonly verilatorData?: string;
  readonly verilatorCommit?: string;
}

const file = fileURLToPath(new URL('../../results/hardware/networks.json', import.meta.url));

/** The rows that are kept; none where nothing was measured. */
export const storedNetworks = (): readonly NetworkRow[] =>
  existsSync(file)
    ? (JSON.parse(readFileSync(file, 'utf8')) as { readonly rows: readonly NetworkRow[] }).rows
    : [];
