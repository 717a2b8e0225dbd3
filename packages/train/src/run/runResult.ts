import type { RunConfig } from '../config.ts';
import type { EpochSummary } from '../fit.ts';
import type { BestEpoch } from './validate.ts';

export interface Progress {
  readonly step: number;
  readonly steps: number;
  readonly epoch: number;
  /** Over the present epoch so far. */
  readonly loss: number;
  readonly accuracy: number;
  readonly imagesPerSecond: number;
  readonly secondsLeft: number;
}

export interface RunResult {
  readonly config: RunConfig;
  readonly backend: string;
  /** The data set and how many of its images were trained on. */
  readonly data: string;
  readonly trainImages: number;
  readonly top1: number;
  readonly top5: number;
  readonly testLoss: number;
  readonly testImages: number;
  /** Mean training cross-entropy of the last epoch. */
  readonly trainLoss: number;
  readonly epochs: readonly EpochSummary[];
  /** The epoch whose weights are in best.bin; only with validation images and a whole epoch. */
  readonly best?: BestEpoch;
  /** Whether training ended before its epochs because validation brought nothing better. */
  readonly stoppedEarly?: boolean;
  readonly steps: number;
  readonly parameters: number;
  /** Bits per weight on average, of the layers with a quantizer of another paper; only where there are some. */
  readonly weightBits?: number;
  /** Digest of all weights, masks of chance and time away: equal runs have equal digests. */
  readonly weightsSha256: string;
  /** Training time on this machine, over all sittings. */
  readonly seconds: number;
}

export interface RunOptions {
  /** Folder for config.json, checkpoint.bin, metrics.jsonl, best.bin, weights.bin and result.json. */
  readonly dir: string;
  /** Go on from the folder's checkpoint, or return its result when it has ended. */
  readonly resume?: boolean;
  readonly backend: string;
  /** What errors call a setting, such as the flag that sets it; its own name where left out. */
  readonly placeOf?: (setting: string) => string;
  readonly checkpointSeconds?: number;
  /** Write event files for TensorBoard, in the folder's `tensorboard`. */
  readonly tensorboard?: boolean;
  /** How long to wait for another process that trains into the folder, in seconds; default 0. */
  readonly waitSeconds?: number;
  /**
   * Take over the folder of a process on another machine that has shown no sign of life for so long, in seconds; left
   * out, such a folder is never taken over. For folders that several machines share.
   */
  readonly takeOverSeconds?: number;
  /** Called when such a wait begins, with the process that is waited for. */
  readonly onWait?: (holder: string) => void;
  readonly onProgress?: (progress: Progress) => void;
  /**
   * Ends the training: a checkpoint is written as soon as the step at hand is done, and the training rejects with the
   * signal's reason. Resumed, it ends with the same bits as one left alone.
   */
  readonly signal?: AbortSignal;
}
