/**
 * A bad input, named in one line: `where: expected, what came, the way out`.
 * Every other Error that leaves this project is a bug in it.
 */
export class HbnnError extends Error {
  override name = 'HbnnError';
}
