/// <reference lib="esnext.disposable" preserve="true" />

/** What `using` disposes of. Its declaration brings the key along, for users whose library does not have it. */
export interface DisposedByUsing {
  [Symbol.dispose](): void;
}

/** What `await using` disposes of. */
export interface DisposedByAwaitUsing {
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * The key by which `using` disposes of a value. Where an engine has none yet, compilers that translate `using` look for
 * this one.
 */
export const disposeKey: typeof Symbol.dispose =
  Symbol.dispose ?? (Symbol.for('Symbol.dispose') as typeof Symbol.dispose);

/** The same for `await using`. */
export const asyncDisposeKey: typeof Symbol.asyncDispose =
  Symbol.asyncDispose ?? (Symbol.for('Symbol.asyncDispose') as typeof Symbol.asyncDispose);
