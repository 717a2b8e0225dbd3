// What threads do that compute the same images. The build puts this file, without its types, into the script of the
// worker threads too, so it imports nothing.
//
// A program has phases, and each phase has parts. A thread first takes the parts that are its own, one by one, then what
// is left of the others' parts: so it mostly reads what it has itself written, which is in the cache of its core, and
// nobody waits for a thread that has no time. The next phase begins when all parts are done.

/** The work of a thread: phases of parts of calls. */
export interface BoundProgram {
  readonly phases: readonly (readonly (readonly (() => void)[])[])[];
  /** How far its phases are, which all threads share: `meetingWords`. */
  readonly words: Int32Array;
}

/** One of some threads. */
export interface Member {
  readonly index: number;
  readonly count: number;
  /** Whether it may sleep: the main thread of a page may not. */
  readonly sleeps: boolean;
  /** Milliseconds without an end of a phase after which it gives up; a worker waits until it is stopped. */
  readonly patienceMs: number;
}

// Words of a meeting: which run it is, how many threads sleep, whether one has failed. Then for each phase a line of the
// cache with the number of parts that are done, and one for each thread with the number of its parts that have been
// taken; each number with the run that it is true of.
export const runningWord = 0;
const sleepingWord = 1;
const brokenWord = 2;
const lineWords = 16;
/** Bits of a word that count parts; the others have the run. */
const countBits = 12;
const countMask = 2 ** countBits - 1;
/** Runs are told apart by their numbers modulo this. */
const maxRuns = 2 ** (31 - countBits);
/** A thread looks this often whether something has happened, some tens of microseconds, before it sleeps. */
export const maxLooks = 20_000;
/** Milliseconds of sleep, after which it looks whether another one has failed. */
const sleepMs = 200;
/** What a thread throws because another one has failed, which tells why. */
export const othersFailed = 'another thread failed';
/** At most this many milliseconds count of the time between two looks, since a machine may have been suspended. */
const maxCountedMs = 1000;

/** The words that some threads share to compute the same images in some phases. */
export const meetingWords = (phases: number, threads: number): Int32Array =>
  new Int32Array(
    new SharedArrayBuffer((1 + phases * (1 + threads)) * lineWords * Int32Array.BYTES_PER_ELEMENT),
  );

/** Begin a new run; returns its number. Threads do no more of the run before. */
export function beginRun(words: Int32Array): number {
  const run = (words[runningWord] % (maxRuns - 1)) + 1;
  Atomics.store(words, runningWord, run);
  return run;
}

/**
 * Add parts to a run's word; returns how many there are then, or 0 if there are `limit` already or the run is over.
 */
function addParts(
  words: Int32Array,
  at: number,
  run: number,
  parts: number,
  limit: number,
): number {
  for (;;) {
    const before = Atomics.load(words, at);
    const counted = before >> countBits === run ? before & countMask : 0;
    // A word of another run is of one before, so long as this one is not over.
    if (counted === limit || Atomics.load(words, runningWord) !== run) return 0;
    const after = (run << countBits) | (counted + parts);
    if (Atomics.compareExchange(words, at, before, after) === before) return counted + parts;
  }
}

/** Wait until a phase is done, or its run is over. */
function waitFor(words: Int32Array, at: number, done: number, run: number, member: Member): void {
  const over = (now: number): boolean => now === done || Atomics.load(words, runningWord) !== run;
  for (let look = 0; look < maxLooks; look++) if (over(Atomics.load(words, at))) return;
  const { sleeps, patienceMs } = member;
  if (sleeps) Atomics.add(words, sleepingWord, 1);
  try {
    for (let waitedMs = 0, last = Date.now(); ; ) {
      // The word that it sleeps on is the one that it has looked at: no change goes unseen.
      const before = Atomics.load(words, at);
      if (over(before)) return;
      if (Atomics.load(words, brokenWord) > 0) throw new Error(othersFailed);
      const time = Date.now();
      waitedMs += Math.min(Math.max(0, time - last), maxCountedMs);
      last = time;
      if (waitedMs > patienceMs) throw new Error('another thread does not go on');
      if (sleeps) Atomics.wait(words, at, before, sleepMs);
    }
  } finally {
    if (sleeps) Atomics.sub(words, sleepingWord, 1);
  }
}

/** Take part in a run; returns whether this thread did its last part. */
export function takePart(program: BoundProgram, run: number, member: Member): boolean {
  const { phases, words } = program;
  let last = false;
  try {
    for (let i = 0; i < phases.length; i++) {
      const parts = phases[i].length;
      const done = (1 + i * (1 + member.count)) * lineWords;
      const own = doParts(program, i, run, member);
      last = own > 0 && addParts(words, done, run, own, parts) === parts;
      if (!last) waitFor(words, done, (run << countBits) | parts, run, member);
      else if (Atomics.load(words, sleepingWord) > 0) Atomics.notify(words, done);
    }
  } catch (error) {
    Atomics.store(words, brokenWord, 1);
    throw error;
  }
  return last;
}

/** Do the thread's own parts of a phase, then what is left of the others'; returns how many. */
function doParts(
  { phases, words }: BoundProgram,
  phase: number,
  run: number,
  { index, count }: Member,
): number {
  const parts = phases[phase];
  const first = (1 + phase * (1 + count)) * lineWords;
  let done = 0;
  for (let i = 0; i < count; i++) {
    const owner = (index + i) % count;
    const begin = Math.floor((parts.length * owner) / count);
    const end = Math.floor((parts.length * (owner + 1)) / count);
    for (;;) {
      const taken = addParts(words, first + (1 + owner) * lineWords, run, 1, end - begin);
      if (taken === 0) break;
      for (const call of parts[begin + taken - 1]) call();
      done++;
    }
  }
  return done;
}
