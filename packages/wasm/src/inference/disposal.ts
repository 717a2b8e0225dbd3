/// <reference lib="esnext.disposable" preserve="true" />

/**
 * The key by which `using` disposes of a value. Where an engine has none yet, compilers that translate `using` look for
 * this one.
 */
export const disposeKey: typeof Symbol.dispose =
  Symbol.dispose ?? (Symbol.for('Symbol.dispose') as typeof Symbol.dispose);

/** The same for `await using`. */
export const asyncDisposeKey: typeof Symbol.asyncDispose =
  Symbol.asyncDispose ?? (Symbol.for('Symbol.asyncDispose') as typeof Symbol.asyncDispose);
