import { checkFlag, checkOptions, checkWhole, HbnnError } from '@hbnn/core';
import type { OutputsProof } from './outputs.ts';
import type { CounterExample } from './vectors.ts';
import type { WiresProof } from './wires.ts';

export interface LayerProof extends OutputsProof {
  readonly layer: string;
  /** The states of a folded layer's control that were gone through. Unrolled layers have none. */
  readonly states?: number;
  readonly seconds: number;
}

/** A layer that is not the model's, with values at its inputs that show it. */
export interface Disproof extends CounterExample {
  readonly layer: string;
}

export interface Proof {
  /** Every output of every layer, the scores, the number of the largest and the wires are right for all images. */
  readonly proved: boolean;
  readonly layers: readonly LayerProof[];
  /** Offsets added to the last layer's outputs; the number of the largest. None where a layer is not the model's. */
  readonly scores?: LayerProof;
  readonly largest?: LayerProof;
  /** The top module's connections and the whole latency. */
  readonly wires?: WiresProof;
  /** Counters and adders of hbnn_xc7.v, proved by Yosys's sat; each with other parameters is one. */
  readonly primitives: number;
  readonly primitiveSeconds: number;
  readonly disproof?: Disproof;
}

export interface ProofOptions {
  /** Seconds for each layer; what is not proved by then is simulated. Default 120. */
  readonly secondsPerLayer?: number;
  /** Ask Yosys's sat too about what adders or trying all have shown. */
  readonly sat?: boolean;
  /** Clock edges from an image to its scores that somebody claims; by default those of the design. */
  readonly latencyCycles?: number;
  /** Rounds of 128 vectors where there is no proof. */
  readonly rounds?: number;
  readonly seed?: number;
  readonly workers?: number;
  onLayer?(done: number, total: number, layer: string): void;
}

const optionNames: readonly (keyof ProofOptions)[] = [
  'secondsPerLayer',
  'sat',
  'latencyCycles',
  'rounds',
  'seed',
  'workers',
  'onLayer',
];

/** @throws HbnnError for options that cannot be */
export function checkProof(o: ProofOptions): void {
  checkOptions('prove', o, optionNames);
  checkFlag('prove', 'sat', o.sat);
  checkWhole('prove', 'latencyCycles', o.latencyCycles, 0);
  checkWhole('prove', 'rounds', o.rounds, 1);
  checkWhole('prove', 'seed', o.seed, Number.MIN_SAFE_INTEGER);
  checkWhole('prove', 'workers', o.workers, 1);
  const { secondsPerLayer = 1 } = o;
  if (!(secondsPerLayer >= 0))
    throw new HbnnError(
      `prove: expected seconds from 0 on as secondsPerLayer, got ${secondsPerLayer}; give some, or leave it out`,
    );
}
