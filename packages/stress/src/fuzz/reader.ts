/** How the bytes of a reader are made up, which decides how they are changed. */
export type InputForm = 'bytes' | 'text' | 'json';

/** A reader of files that others wrote. */
export interface Reader<Loaded = unknown> {
  readonly form: InputForm;
  /** Whole inputs to start from. */
  readonly seeds: readonly Uint8Array[];
  /** Words of the format that chance would hardly spell. */
  readonly words?: readonly string[];
  /** CPU seconds that one input may take: 1 where it is left out. */
  readonly maxSeconds?: number;
  /** Read the bytes as a file. @throws HbnnError where they are refused; any other error is a fault of the reader */
  read(bytes: Uint8Array): Loaded | Promise<Loaded>;
  /** Check what was loaded: it is written and read back to the same, or can be used. Every error is a fault. */
  check(loaded: Loaded, bytes: Uint8Array): void | Promise<void>;
}

/** What was loaded is not what the bytes say. */
class WrongLoad extends Error {
  override name = 'WrongLoad';
}

/** @throws WrongLoad unless a fact about what was loaded holds */
export function holds(fact: boolean, what: string): void {
  if (!fact) throw new WrongLoad(what);
}

export const bytesOfText = (text: string): Uint8Array => new TextEncoder().encode(text);

export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
