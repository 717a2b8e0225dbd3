import type { Ties } from './collapse.ts';

/** What two trainings share and where they differ. */
export interface TrainChoice {
  readonly network: 'fcn4' | 'alexnet-bn';
  /** Bits of the weights: 'float' or an average. */
  readonly bits: readonly [string, string];
  readonly learningRate: number;
  readonly epochs: number;
  readonly seed: number;
}

/** How a training stands after some steps. */
export interface TrainReport {
  /** 0 or 1: which of the two. */
  readonly run: number;
  readonly step: number;
  readonly steps: number;
  /** Mean loss of the steps since the last report. */
  readonly loss: number;
  /** Share of the held-out images, after an epoch. */
  readonly accuracy?: number;
  /** The held-out images whose scores are all equal, after an epoch. */
  readonly ties?: Ties;
  readonly epoch: number;
  /** Bits and float weights of the shown layer. */
  readonly map?: {
    readonly bits: Uint8Array;
    readonly shape: readonly number[];
    readonly weights: Float32Array;
  };
}

export type TrainMessage =
  | { readonly kind: 'report'; readonly report: TrainReport }
  | { readonly kind: 'state'; readonly text: string }
  | { readonly kind: 'done'; readonly seconds: number }
  /** mayRetry: whether another try may help. */
  | { readonly kind: 'problem'; readonly text: string; readonly mayRetry: boolean };

export type TrainOrder =
  | { readonly kind: 'start'; readonly choice: TrainChoice; readonly folder: string }
  | { readonly kind: 'pause'; readonly on: boolean };
