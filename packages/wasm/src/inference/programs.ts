import { featureCount } from '@hbnn/model';
import type { RawKernels } from '../webAssembly.ts';
import { bindSteps, type Placed, writeScores } from './placing.ts';
import type { Share } from './share.ts';
import type { PlannedStep } from './step.ts';

/** One call of a kernel: its name and its arguments. */
type KernelCall = readonly [kernel: string, ...args: number[]];

/** Parts of work, of which each thread takes the next one that nobody has taken yet. */
type Phase = readonly (readonly KernelCall[])[];

/** What a thread repeats: phase after phase, each begun when all parts of the one before are done. */
export type Program = readonly Phase[];

/** The programs that compute some images. */
export interface Programs {
  /** By a thread on its own. */
  alone(thread: number, images: number): Program;
  /** By all threads, on images that lie where the first thread has them. */
  together(thread: number, images: number): Program;
}

/** Work of about this many nanoseconds is a part. */
const defaultPartNs = 3000;
/** A step has at most this many parts for each thread. */
const maxPartsEach = 4;
/** What a depthwise convolution computes, and what other steps write, in a nanosecond. */
const macsPerNs = 20;
const valuesPerNs = 1;

/** Kernels that gather their inputs for each part anew. */
const gatherAgain = new Set(['pairs', 'wide', 'bits']);

/** How many parts a step is cut into: a function of the number of images that does not refer to the step's constants. */
function partCount(
  { kernel, output, macs, cost }: PlannedStep,
  batch: number,
  threads: number,
  partNs: number,
): (images: number) => number {
  if (gatherAgain.has(kernel)) return () => threads;
  const values = featureCount(output.shape);
  const work = macs === undefined ? values / valuesPerNs : macs / macsPerNs;
  const ns = cost === undefined ? work : cost / batch;
  const maxParts = maxPartsEach * threads;
  return (images) => Math.max(1, Math.min(maxParts, Math.floor((ns * images) / partNs)));
}

/** Steps bound to each thread's places: a function of its own, so that no closure keeps the steps' constants. */
const boundAt = (raw: RawKernels, steps: readonly PlannedStep[], places: readonly Placed[]) =>
  places.map((placed) => bindSteps(raw, steps, placed).joined);

/** Kernels that only write down how they were called. */
class Recorder {
  private calls: KernelCall[] = [];
  readonly raw = new Proxy<RawKernels>(
    {},
    {
      get:
        (_, kernel) =>
        (...args: number[]) =>
          void this.calls.push([String(kernel), ...args]),
    },
  );

  /** The phases of some work, by what each of its shares does between two meetings. */
  phases(count: number, work: (share: Share) => void): Program {
    const phases: KernelCall[][][] = [];
    for (let index = 0; index < count; index++) {
      let phase = 0;
      const meet = (): void => {
        phases[phase] ??= [];
        if (this.calls.length > 0) phases[phase].push(this.calls);
        this.calls = [];
        phase++;
      };
      work({ index, count, meet });
      meet();
    }
    return phases.filter((parts) => parts.length > 0);
  }
}

/** Phases of one part that follow each other become one: threads need not meet between them. */
function joined(phases: Program): Program {
  const result: Phase[] = [];
  for (const phase of phases) {
    const last = result.at(-1);
    if (last?.length === 1 && phase.length === 1)
      result[result.length - 1] = [[...last[0], ...phase[0]]];
    else result.push(phase);
  }
  return result;
}

/**
 * Write down the kernel calls of a model's steps.
 *
 * @param batch images that the steps are planned for
 * @param partNs about how many nanoseconds a part should take
 */
export function recordPrograms(
  steps: readonly PlannedStep[],
  places: readonly Placed[],
  batch: number,
  partNs = defaultPartNs,
): Programs {
  const recorder = new Recorder();
  const { output } = steps[steps.length - 1];
  const threads = places.length;
  const parts = steps.map((step) => partCount(step, batch, threads, partNs));
  const alone = boundAt(recorder.raw, steps, places);
  // Feature maps are the first thread's, scratch memory is each one's own.
  const common = places[0].scratch;
  const own = places.map(({ scratch }) => ({ ...places[0], scratch, common }));
  const shared = boundAt(recorder.raw, steps, own);
  return {
    alone: (thread, images) =>
      recorder.phases(1, () => {
        for (const run of alone[thread]) run?.(images);
        writeScores(recorder.raw, output, places[thread], images);
      }),
    together: (thread, images) =>
      joined([
        ...shared[thread].flatMap((run, i) =>
          run === undefined ? [] : recorder.phases(parts[i](images), (share) => run(images, share)),
        ),
        ...recorder.phases(1, () => writeScores(recorder.raw, output, places[0], images)),
      ]),
  };
}
