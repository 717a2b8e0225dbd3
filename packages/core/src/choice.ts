import { HbnnError, kindOf } from './error.ts';

/** Letters that tell names apart; people leave out or change the others. */
const letters = (text: string): string => `${text}`.toLowerCase().replace(/[^a-z0-9]/g, '');

/** The number of letters to insert, delete, replace or swap with their neighbour to get from one text to the other. */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = rows[i - 1][j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(rows[i - 1][j] + 1, row[j - 1] + 1, replaced);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        row[j] = Math.min(row[j], rows[i - 2][j - 2] + 1);
    }
    rows.push(row);
  }
  return rows[a.length][b.length];
}

/** The share of a name that may be mistyped. */
const maxMistyped = 0.4;
/** The first letters that a shortened or lengthened name must share with the right one. */
const minShared = 4;

function sharedStart(a: string, b: string): number {
  let n = 0;
  while (n < a.length && a[n] === b[n]) n++;
  return n;
}

/**
 * Find the name that a person who typed something else most likely meant.
 *
 * @param typed what was typed
 * @param names the names there are
 * @returns the nearest by mistyped letters, else the first that begins alike; undefined where none is near
 */
export function nearestName(typed: string, names: readonly string[]): string | undefined {
  const wanted = letters(typed);
  if (wanted === '') return undefined;
  const ranked = names
    .map((name) => ({ name, distance: editDistance(wanted, letters(name)) }))
    .sort((a, b) => a.distance - b.distance);
  const near = ranked.find(
    ({ name, distance }) => distance <= Math.max(1, Math.floor(maxMistyped * letters(name).length)),
  );
  // A number of its own letters is left: 'ab' is no slip of 'cd'.
  if (near !== undefined && near.distance < wanted.length) return near.name;
  return names.find((name) => {
    const shared = sharedStart(wanted, letters(name));
    return shared >= minShared && 2 * shared >= wanted.length;
  });
}

/** The question that an error ends with where a name is near: `; did you mean 'zc706'?`, else nothing. */
export function suggestion(typed: string, names: readonly string[]): string {
  const name = nearestName(typed, names);
  return name === undefined ? '' : `; did you mean '${name}'?`;
}

/**
 * Take one of some names.
 *
 * @param where what the error calls the place, such as the flag
 * @throws HbnnError listing the names, what was typed and the nearest name
 */
export function chosenName<Name extends string>(
  typed: string,
  names: readonly Name[],
  where: string,
): Name {
  const name = names.find((choice) => choice === typed);
  if (name !== undefined) return name;
  throw new HbnnError(
    `${where}: expected one of ${names.join(', ')}, got '${typed}'${suggestion(typed, names) || '; give one of these'}`,
  );
}

/**
 * Check that some options have names that there are.
 *
 * @param where the function that takes them
 * @throws HbnnError naming the option, what there is, and the nearest name
 */
export function checkOptions(where: string, options: unknown, names: readonly string[]): void {
  const isObject =
    typeof options === 'object' &&
    options !== null &&
    !Array.isArray(options) &&
    !ArrayBuffer.isView(options);
  if (!isObject)
    throw new HbnnError(
      `${where}: expected an object of options (${names.join(', ')}), got ${kindOf(options)}; give one`,
    );
  for (const name of Object.keys(options))
    if (!names.includes(name))
      throw new HbnnError(
        `${where}: expected no other options than ${names.join(', ')}, got '${name}'; leave it out${suggestion(name, names)}`,
      );
}

/** Check that an option is a function or left out. @throws HbnnError naming it */
export function checkCallback(where: string, name: string, value: unknown): void {
  if (value === undefined || typeof value === 'function') return;
  throw new HbnnError(
    `${where}: expected a function as ${name}, got ${kindOf(value)}; give one or leave it out`,
  );
}

/** Check that an option is true, false or left out. @throws HbnnError naming it */
export function checkFlag(where: string, name: string, value: unknown): void {
  if (value === undefined || typeof value === 'boolean') return;
  throw new HbnnError(
    `${where}: expected true or false as ${name}, got ${typeof value === 'string' ? `'${value}'` : kindOf(value)}; give one or leave it out`,
  );
}

/** Check that an option is a whole number of at least `least`, or left out. @throws HbnnError naming it */
export function checkWhole(where: string, name: string, value: unknown, least: number): void {
  if (value === undefined || (Number.isSafeInteger(value) && (value as number) >= least)) return;
  const came = typeof value === 'number' ? `${value}` : kindOf(value);
  throw new HbnnError(
    `${where}: expected a whole number of at least ${least} as ${name}, got ${came}; give one or leave it out`,
  );
}
