import { createRequire } from 'node:module';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { HbnnError } from '@hbnn/core';
import type * as queue from '@hbnn/sweep';
import type { ObjectStore } from '@hbnn/sweep';
import type { OutputOptions } from '../output.ts';
import { presentSystem } from '../runManifest.ts';
import type { TrainingTask } from './job.ts';
import { jobsOf, type SweepJob, type SweepPlan, storedPlan, sweepFile } from './plan.ts';
import type { SweepView } from './view.ts';

const packageName = '@hbnn/sweep';

/** Load what speaks with queues, which is a package of its own: beside hbnn, or in the folder that it is called in. */
export async function queuePackage(): Promise<typeof queue> {
  try {
    return await import('@hbnn/sweep');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
  }
  try {
    const path = createRequire(join(process.cwd(), 'package.json')).resolve(packageName);
    return (await import(pathToFileURL(path).href)) as typeof queue;
  } catch {
    throw new HbnnError(
      `--queue: expected the package ${packageName}, which speaks with Redis, got none; install it with npm install ${packageName}`,
    );
  }
}

/** What lies in the queue for a training: where the shared folder has the sweep, never what is trained. */
export interface JobData {
  /** The plan's id. */
  readonly sweep: string;
  /** The sweep's folder inside the shared one, with `/` between names. */
  readonly folder: string;
  readonly job: string;
  readonly checkpointSeconds: number;
  /** Version of hbnn, with the commit in a checkout: another one may train to other weights. */
  readonly hbnn: string;
}

/** What trains here. */
function versionHere(): string {
  const { hbnn, commit } = presentSystem();
  return commit === null ? hbnn : `${hbnn} of commit ${commit.slice(0, 12)}`;
}

const jobFields = ['sweep', 'folder', 'job', 'hbnn'] as const;

/** The scheme of a place that is the address of a store; undefined for a folder. */
const schemeOf = (place: string | undefined): string | undefined =>
  /^[a-z][a-z0-9+.-]+:\/\//i.exec(place ?? '')?.[0];

/** Refuse a folder that is the address of a store. @throws HbnnError naming the option */
export function refuseStore(folder: string | undefined, option: string): void {
  const scheme = schemeOf(folder);
  if (scheme === undefined) return;
  throw new HbnnError(
    `${option}: expected a folder of this machine, got an address of ${scheme}; give a store by --shared`,
  );
}

/** The store that is shared; undefined for a folder. @throws HbnnError for an address of another kind */
export async function sharedStore(shared: string | undefined): Promise<ObjectStore | undefined> {
  const scheme = schemeOf(shared);
  if (shared === undefined || scheme === undefined) return undefined;
  const { isStoreAddress, ObjectStore, storeAddress } = await queuePackage();
  if (isStoreAddress(shared)) return new ObjectStore(storeAddress(shared));
  throw new HbnnError(
    `--shared: expected a folder or s3://BUCKET/PREFIX, got an address of ${scheme}; give one of these`,
  );
}

/** The sweep's folder as seen from the shared one. @throws HbnnError where it is outside */
export function folderInShared(out: string, shared: string | undefined): string {
  refuseStore(out, '--out');
  const place = relative(resolve(shared ?? dirname(resolve(out))), resolve(out));
  if (isInside(place)) return place.split(sep).join('/');
  throw new HbnnError(
    `--shared: expected the folder that --out ${out} lies in, got ${shared}; give the folder that all workers see`,
  );
}

/** Whether a relative path leads to a folder below where it begins. */
const isInside = (place: string): boolean =>
  place !== '' && !/^(?:[/\\]|[A-Za-z]:)/.test(place) && !place.split(/[/\\]/).includes('..');

export interface QueueTrainingOptions {
  readonly address: queue.QueueAddress;
  readonly out: string;
  readonly shared?: string;
  readonly checkpointSeconds: number;
  readonly signal: AbortSignal;
  readonly output: OutputOptions;
}

/**
 * Have trainings done by the workers of a queue.
 *
 * @throws the signal's reason when it is told to stop; what workers have begun, they end
 */
export async function trainOverQueue(
  plan: SweepPlan,
  view: SweepView,
  o: QueueTrainingOptions,
): Promise<void> {
  const { handOut, StoredFolder, troubleNotes } = await queuePackage();
  const { address, checkpointSeconds, signal, output } = o;
  const store = await sharedStore(o.shared);
  // A sweep is called by its id in a store, where nobody else gives out names.
  const folder = store === undefined ? folderInShared(o.out, o.shared) : plan.id;
  if (store !== undefined)
    await new StoredFolder(store, folder).save(o.out, [basename(sweepFile(o.out))]);
  const hbnn = versionHere();
  const byId = new Map(view.open.map((job) => [`${plan.id}/${job.name}`, job]));
  const jobs = [...byId].map(([id, { name }]) => {
    const data: JobData = { sweep: plan.id, folder, job: name, checkpointSeconds, hbnn };
    return { id, data };
  });
  const jobOf = (id: string): SweepJob => byId.get(id) as SweepJob;
  // Runs come from a store one after the other, while others are being done.
  let brought = Promise.resolve();
  const onDone = (id: string): void => {
    const job = jobOf(id);
    if (store === undefined) view.onEnded(job);
    else
      brought = brought
        .then(() => new StoredFolder(store, `${folder}/runs/${job.name}`).load(job.dir))
        .then(() => view.onEnded(job))
        .catch((error: unknown) => view.onFailed(job, (error as Error).message));
  };
  await handOut(address, jobs, {
    signal,
    reachSeconds,
    onDone,
    onFailed: (id, why) => view.onFailed(jobOf(id), why),
    onView({ running, workers }) {
      const shares = new Map(running.map(({ id, share }) => [jobOf(id), share]));
      view.onRunning(shares, workers === undefined ? [] : [`${workers} workers`]);
    },
    onTrouble: output.quiet
      ? undefined
      : troubleNotes(address, (text) => process.stderr.write(text)),
  }).finally(() => brought);
}

/** A queue may be started beside what uses it. */
export const reachSeconds = 30;

/** Keeps the folder of a training where other machines find it. */
export interface Elsewhere {
  /** Bring what another worker has kept of it. */
  readonly bring: () => Promise<void>;
  /** Keep what is there now. */
  readonly keep: () => Promise<void>;
}

/** What a worker is to do by a job's data. */
export type FoundTask =
  | {
      readonly kind: 'task';
      readonly name: string;
      readonly task: TrainingTask;
      /** Where its folder is kept, if that is no folder that all machines see. */
      readonly elsewhere?: Elsewhere;
    }
  | { readonly kind: 'unfit'; readonly message: string };

interface KnownPlan {
  readonly backend: string;
  readonly jobs: ReadonlyMap<string, SweepJob>;
}

/** Finds the trainings of jobs in the shared folder; reads each plan once. */
export class SharedSweeps {
  readonly #shared: string;
  readonly #takeOverSeconds: number;
  readonly #version = versionHere();
  readonly #plans = new Map<string, KnownPlan>();

  constructor(shared: string, takeOverSeconds: number) {
    this.#shared = shared;
    this.#takeOverSeconds = takeOverSeconds;
  }

  /** @throws HbnnError where the shared folder does not have the job's sweep */
  async find(data: unknown): Promise<FoundTask> {
    const { sweep, folder, job, checkpointSeconds, hbnn } = checkedData(data);
    if (hbnn !== this.#version)
      return {
        kind: 'unfit',
        message: `${folder}: expected hbnn ${hbnn}, with which the sweep was begun, got ${this.#version}; install that version on this machine`,
      };
    const { backend, jobs } = await this.#planWith(job, sweep, folder);
    const found = jobs.get(job);
    if (found === undefined)
      throw new HbnnError(
        `${join(this.#shared, folder)}: expected a sweep with ${job}, got one without; let the sweep and its workers share the same folder`,
      );
    const { config, dir } = found;
    const takeOverSeconds = this.#takeOverSeconds;
    // Whoever has the folder has shown signs of life: it is waited for as long as it does.
    const waitSeconds = Number.MAX_SAFE_INTEGER;
    return {
      kind: 'task',
      name: `${folder}: ${job}`,
      task: { config, dir, backend, checkpointSeconds, takeOverSeconds, waitSeconds },
    };
  }

  /** The plan of a sweep, read again where the sweep may have got more trainings in the meantime. */
  async #planWith(job: string, sweep: string, folder: string): Promise<KnownPlan> {
    const before = this.#plans.get(sweep);
    if (before?.jobs.has(job)) return before;
    const out = join(this.#shared, folder);
    const plan = await storedPlan(out);
    if (plan?.id !== sweep)
      throw new HbnnError(
        `${out}: expected the sweep ${sweep}, got ${plan === undefined ? 'none' : `the sweep ${plan.id}`}; let the sweep and its workers share the same folder`,
      );
    const jobs = new Map(jobsOf(plan, out).map((each) => [each.name, each]));
    const known = { backend: plan.backend, jobs };
    this.#plans.set(sweep, known);
    return known;
  }
}

/** @throws HbnnError for data that no sweep has put into the queue, or that leads out of the shared folder */
export function checkedData(data: unknown): JobData {
  const fields = (data ?? {}) as Partial<JobData>;
  const isWhole =
    jobFields.every((field) => typeof fields[field] === 'string') &&
    typeof fields.checkpointSeconds === 'number' &&
    fields.checkpointSeconds >= 0;
  if (isWhole && isInside(String(fields.folder))) return fields as JobData;
  throw new HbnnError(
    'a job of the queue: expected a folder inside the shared one, with sweep, job, hbnn and checkpointSeconds, got another; let nothing but hbnn write into the queue',
  );
}
