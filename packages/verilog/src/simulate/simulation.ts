import type { Watch } from '@hbnn/model';

/** A design read back from its text and ready to be computed. */
export interface Simulation {
  /** Scores of each image, [count, classes]; `watch` is shown each layer's output, image after image. */
  run(pixels: Uint8Array, watch?: Watch): Int32Array;
  /** The number of the largest score of each image of the last run, as the hardware gives it. */
  readonly largest: () => Int32Array;
  readonly gates: number;
  /** Cycles between the scores of the last two images of the last run; streams have it. */
  readonly cyclesPerImage?: () => number;
}

export interface SimulationOptions {
  /** Whether both ends of a stream wait now and then and wires carry noise between beats (the default), or never. */
  readonly pauses?: boolean;
}
