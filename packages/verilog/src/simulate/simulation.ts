import type { Step } from '@hbnn/circuit';
import type { Feature, Watch } from '@hbnn/model';

/** Called with each module's output, for one image: values of layers, and of steps that the model does not have. */
export type StepWatch = (step: Step, output: Feature) => void;

/** A design read back from its text and ready to be computed. */
export interface Simulation {
  /**
   * Scores of each image, [count, classes]; `watch` is shown the output of each layer that the hardware has a module's
   * output for, `watchStep` that of each module, image after image.
   */
  run(pixels: Uint8Array, watch?: Watch, watchStep?: StepWatch): Int32Array;
  /** The number of the largest score of each image of the last run, as the hardware gives it. */
  readonly largest: () => Int32Array;
  readonly gates: number;
  /** Cycles between the scores of the last two images of the last run; streams have it. */
  readonly cyclesPerImage?: () => number;
}

export interface SimulationOptions {
  /** Whether both ends of a stream wait now and then and wires carry noise between beats (the default), or never. */
  readonly pauses?: boolean;
  /** Images one after the other in each lane of hardware with registers; by default as few as serve. */
  readonly imagesInARow?: number;
  /** Called as the pixels of a stream are taken, in all lanes at once: how many by now, of how many in all. */
  onPixels?(taken: number, total: number): void;
}

/** Show the outputs of an image's steps. A pool whose thresholds come first has the thresholds' values. */
export function showSteps(
  steps: readonly Step[],
  features: readonly Feature[],
  watch?: Watch,
  watchStep?: StepWatch,
): void {
  features.forEach((feature, i) => {
    const step = steps[i];
    watchStep?.(step, feature);
    if (step.kind === 'layer') watch?.(step.plan.layer, feature);
    if (step.kind === 'codePool') watch?.(step.threshold, feature);
  });
}
