/**
 * A bad input, named in one line: `where: expected, what came, the way out`.
 * Every other Error that leaves this project is a bug in it.
 */
export class HbnnError extends Error {
  override name = 'HbnnError';
}

/** Name the kind of a value for an error: `Float32Array(784)`, `a string`, `undefined`. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return `a plain array of ${value.length}`;
  if (ArrayBuffer.isView(value) && 'length' in value)
    return `${value.constructor.name}(${String(value.length)})`;
  if (typeof value === 'object') {
    const name = (Object.getPrototypeOf(value) as object | null)?.constructor?.name ?? 'Object';
    return name === 'Object' ? 'a plain object' : `a value of type ${name}`;
  }
  if (typeof value === 'function') return `the function ${value.name || '(unnamed)'}`;
  return typeof value === 'string' ? 'a string' : `the ${typeof value} ${String(value)}`;
}
