import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type TaskEnd, type TaskProgress, TaskRunner, type TrainingTask } from './job.ts';

/** The command, hidden from the help, that a process which trains for another one is started with. */
export const trainerCommand = 'sweep-trainer';

/** What a training process is told. */
type Order = { readonly task: TrainingTask } | { readonly stop: true };
/** What it answers: progress now and then, and one end for each task. */
type Answer = { readonly progress: TaskProgress } | { readonly end: TaskEnd };

const progressEveryMs = 500;

/** Do the trainings that the process which started this one asks for, until it is gone. */
export function serveTrainings(): void {
  const runner = new TaskRunner(() => {});
  let training: AbortController | undefined;
  const send = (answer: Answer): void => void process.send?.(answer);
  // Signals to a whole group reach this process too; it is told what to do by the one that started it.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
  process.once('disconnect', () => process.exit());
  process.on('message', (order: Order) => {
    if ('stop' in order) {
      training?.abort(new Error('the sweep was stopped'));
      return;
    }
    training = new AbortController();
    let sent = 0;
    const onProgress = (progress: TaskProgress): void => {
      if (performance.now() - sent < progressEveryMs && progress.share < 1) return;
      sent = performance.now();
      send({ progress });
    };
    runner.run(order.task, training.signal, onProgress).then((end) => send({ end }));
  });
}

/** A training's process ended before the training did. */
export class LostProcess extends Error {
  override name = 'LostProcess';
}

/** A process of its own for trainings, which is started when it is needed, and again where it was lost. */
export class Trainer {
  #child: ChildProcess | undefined;

  /**
   * Do one training.
   *
   * @param signal saves and ends the training
   * @throws LostProcess where the process ends, by lack of memory for one
   */
  async run(
    task: TrainingTask,
    signal: AbortSignal,
    onProgress: (progress: TaskProgress) => void,
  ): Promise<TaskEnd> {
    if (signal.aborted) return { kind: 'stopped' };
    const child = this.#started();
    const stop = (): void => this.#tell({ stop: true });
    signal.addEventListener('abort', stop, { once: true });
    try {
      return await new Promise<TaskEnd>((resolve, reject) => {
        child.removeAllListeners('message').removeAllListeners('exit');
        child.on('message', (answer: Answer) => {
          if ('progress' in answer) onProgress(answer.progress);
          else resolve(answer.end);
        });
        child.once('exit', (code, how) => {
          this.#child = undefined;
          reject(new LostProcess(`its process ended by ${how ?? `exit code ${code}`}`));
        });
        this.#tell({ task });
      });
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  /** End the process; a training that runs is lost up to its last checkpoint. */
  async end(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  #started(): ChildProcess {
    this.#child ??= spawn(
      process.execPath,
      [...process.execArgv, process.argv[1], trainerCommand],
      // What libraries print is not the sweep's result.
      { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] },
    );
    return this.#child;
  }

  #tell(order: Order): void {
    // A process that is gone says so by its exit.
    this.#child?.send(order, () => {});
  }
}
