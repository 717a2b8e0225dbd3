import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { ObjectStore } from '@hbnn/sweep';
import {
  checkedData,
  type Elsewhere,
  type FoundTask,
  queuePackage,
  SharedSweeps,
} from './queue.ts';

/** The files of a run that are kept; the checkpoint is read before what may be newer than it. */
function filesOf(dir: string): string[] {
  const names = readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isFile() && !/\.(tmp|lock)$/.test(entry.name))
    .map(({ name }) => name);
  const isLater = (name: string): number => (name === 'checkpoint.bin' ? 0 : 1);
  return names.sort((a, b) => isLater(a) - isLater(b));
}

/** Finds the trainings of jobs in a store, and keeps their folders there. They lie in a folder of this process. */
export class StoredSweeps {
  readonly #store: ObjectStore;
  readonly #folder: string;
  readonly #sweeps: SharedSweeps;

  constructor(store: ObjectStore, folder: string, takeOverSeconds: number) {
    this.#store = store;
    this.#folder = folder;
    this.#sweeps = new SharedSweeps(folder, takeOverSeconds);
  }

  /** @throws HbnnError where the store does not have the job's sweep */
  async find(data: unknown): Promise<FoundTask> {
    const { folder, job } = checkedData(data);
    const { StoredFolder } = await queuePackage();
    await new StoredFolder(this.#store, folder).load(join(this.#folder, folder));
    const found = await this.#sweeps.find(data);
    if (found.kind === 'unfit') return found;
    const { dir } = found.task;
    const stored = new StoredFolder(this.#store, `${folder}/runs/${job}`);
    const elsewhere: Elsewhere = {
      async bring() {
        rmSync(dir, { recursive: true, force: true });
        await stored.load(dir);
      },
      keep: () => (existsSync(dir) ? stored.save(dir, filesOf(dir)) : Promise.resolve()),
    };
    return { ...found, elsewhere };
  }
}

const lookMs = 250;

/** The time of a run's latest checkpoint; 0 where it has none. */
const checkpointTime = (dir: string): number =>
  statSync(join(dir, 'checkpoint.bin'), { throwIfNoEntry: false })?.mtimeMs ?? 0;

/**
 * Do a training whose folder is kept elsewhere: bring it before, keep each checkpoint and the end.
 *
 * @param say is told what could not be kept under way; the next checkpoint is another chance
 * @throws HbnnError where its beginning or end could not be kept
 */
export async function whileKept<T>(
  { bring, keep }: Elsewhere,
  dir: string,
  train: () => Promise<T>,
  say: (text: string) => void,
): Promise<T> {
  await bring();
  let kept = checkpointTime(dir);
  let isOver = false;
  const keeping = (async () => {
    while (!isOver) {
      await setTimeout(lookMs);
      const latest = checkpointTime(dir);
      if (isOver || latest === kept) continue;
      kept = latest;
      await keep().catch((error: unknown) => say((error as Error).message));
    }
  })();
  try {
    return await train();
  } finally {
    isOver = true;
    await keeping;
    await keep();
    rmSync(dir, { recursive: true, force: true });
  }
}
