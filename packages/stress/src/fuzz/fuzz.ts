import { random } from '@hbnn/core';
import type { CountedReader } from './coverage.ts';
import { mutate } from './mutations.ts';
import { bytesOfText } from './reader.ts';

export interface FuzzOptions {
  readonly seed: number;
  /** The number of inputs after which fuzzing ends. */
  readonly inputs?: number;
  /** The number of seconds after which fuzzing ends. */
  readonly seconds?: number;
  /** Told of each input before it is read, so that one that ends the process is known. */
  readonly onInput?: (bytes: Uint8Array) => void;
}

/** An input that a reader neither loads rightly nor refuses. */
interface Finding {
  readonly what: string;
  readonly count: number;
  readonly input: Uint8Array;
}

export interface FuzzReport {
  readonly inputs: number;
  readonly loaded: number;
  readonly refused: number;
  /** Inputs that ran something new. */
  readonly corpus: number;
  /** Statements and branches that ran. */
  readonly places: number;
  readonly slowestSeconds: number;
  readonly findings: readonly Finding[];
}

const maxFindings = 50;

/** An error by its message and where it was thrown, without what differs from input to input. */
function signatureOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const place = /at (\S+ )?\(?.*?([^/]+:\d+):\d+\)?$/m.exec(error.stack ?? '');
  const message = error.message.split('\n')[0].replaceAll(/\d+/g, 'N').slice(0, 160);
  return `${error.name}: ${message} [${place?.[1]?.trim() ?? ''} ${place?.[2] ?? ''}]`;
}

const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

/** Inputs from the corpus: half of the time a recent one, which ran something new last. */
function pick(corpus: readonly Uint8Array[], below: (n: number) => number): Uint8Array {
  const recent = Math.min(corpus.length, 64);
  return below(2) === 0 ? corpus[below(corpus.length)] : corpus[corpus.length - 1 - below(recent)];
}

/** Read changed inputs, and keep those that run something new to change them further. */
export async function fuzz(
  { reader, coverage }: CountedReader,
  o: FuzzOptions,
): Promise<FuzzReport> {
  const rng = random(o.seed, 'fuzz');
  const corpus: Uint8Array[] = [];
  const words = (reader.words ?? []).map(bytesOfText);
  const findings = new Map<string, { what: string; count: number; input: Uint8Array }>();
  const counts = { inputs: 0, loaded: 0, refused: 0, slowestSeconds: 0 };
  const find = (what: string, input: Uint8Array): void => {
    const before = findings.get(what);
    if (before !== undefined) before.count++;
    else if (findings.size < maxFindings) findings.set(what, { what, count: 1, input });
  };
  const tryInput = async (input: Uint8Array): Promise<boolean> => {
    o.onInput?.(input);
    counts.inputs++;
    const begun = cpuSeconds();
    let isLoaded = false;
    try {
      const loaded = reader.read(input);
      const value = loaded instanceof Promise ? await loaded : loaded;
      isLoaded = true;
      const checked = reader.check(value, input);
      if (checked instanceof Promise) await checked;
      counts.loaded++;
    } catch (error) {
      if (!isLoaded && (error as Error | undefined)?.name === 'HbnnError') counts.refused++;
      else find(signatureOf(error), input);
    }
    const seconds = cpuSeconds() - begun;
    counts.slowestSeconds = Math.max(counts.slowestSeconds, seconds);
    if (seconds > (reader.maxSeconds ?? 1)) find('takes too long', input);
    return coverage.take();
  };
  const start = performance.now();
  for (const seed of reader.seeds.map((bytes) => new Uint8Array(bytes))) {
    const { loaded } = counts;
    await tryInput(seed);
    if (counts.loaded === loaded) find('a whole file is not loaded', seed);
    corpus.push(seed);
  }
  const isOver = (): boolean =>
    counts.inputs >= (o.inputs ?? Number.POSITIVE_INFINITY) ||
    (o.seconds !== undefined && performance.now() - start >= 1000 * o.seconds);
  while (!isOver()) {
    const input = mutate(
      pick(corpus, (n) => rng.below(n)),
      { form: reader.form, corpus, words },
      rng,
    );
    if (await tryInput(input)) corpus.push(input);
  }
  return {
    ...counts,
    corpus: corpus.length,
    places: coverage.places,
    findings: [...findings.values()],
  };
}
