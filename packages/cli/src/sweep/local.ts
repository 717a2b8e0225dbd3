import { type TaskEnd, type TaskProgress, TaskRunner, type TrainingTask } from './job.ts';
import type { SweepJob } from './plan.ts';
import { LostProcess, Trainer } from './trainer.ts';

/** What is told of the trainings of a sweep while they are done. */
export interface SweepListener {
  readonly onProgress: (job: SweepJob, progress: TaskProgress) => void;
  readonly onEnded: (job: SweepJob) => void;
  readonly onFailed: (job: SweepJob, error: string) => void;
}

export interface LocalOptions extends SweepListener {
  /** Trainings side by side; one is done in this process, more in one process each. */
  readonly workers: number;
  readonly backend: string;
  readonly checkpointSeconds?: number;
  readonly signal: AbortSignal;
  /** Told what is worth knowing of the data. */
  readonly onNote: (text: string) => void;
}

/** After this many lost processes a training is given up. */
const maxLosses = 3;

/** Does one training after the other: in this process, or in one of its own. */
interface Executor {
  run(
    task: TrainingTask,
    signal: AbortSignal,
    onProgress: (progress: TaskProgress) => void,
  ): Promise<TaskEnd>;
  end?(): Promise<void>;
}

/**
 * Do trainings on this machine, in their order. One that fails is told of and does not stop the others.
 *
 * @throws the signal's reason when it is told to stop; the trainings that run are saved
 */
export async function trainHere(jobs: readonly SweepJob[], o: LocalOptions): Promise<void> {
  const count = Math.min(o.workers, jobs.length);
  const executors: Executor[] =
    o.workers === 1
      ? [new TaskRunner(o.onNote)]
      : Array.from({ length: count }, () => new Trainer());
  const open = [...jobs];
  const work = async (executor: Executor): Promise<void> => {
    while (!o.signal.aborted) {
      const job = open.shift();
      if (job === undefined) return;
      await trainOne(executor, job, o);
    }
  };
  try {
    await Promise.all(executors.map(work));
  } finally {
    await Promise.all(executors.map((executor) => executor.end?.()));
  }
  o.signal.throwIfAborted();
}

async function trainOne(executor: Executor, job: SweepJob, o: LocalOptions): Promise<void> {
  const { dir, config } = job;
  const { backend, checkpointSeconds, signal } = o;
  for (let losses = 1; !signal.aborted; losses++) {
    try {
      const task = { dir, config, backend, checkpointSeconds };
      const end = await executor.run(task, signal, (progress) => o.onProgress(job, progress));
      if (end.kind === 'done') o.onEnded(job);
      else if (end.kind !== 'stopped') o.onFailed(job, end.message);
      return;
    } catch (error) {
      if (!(error instanceof LostProcess)) throw error;
      if (losses < maxLosses) continue;
      const why = `${dir}: ${error.message}, ${losses} times`;
      o.onFailed(job, `${why}; give it more memory, or fewer workers beside it`);
      return;
    }
  }
}
