import { HbnnError } from '@hbnn/core';
import { type LibertyGroup, parseLiberty } from '@hbnn/estimator';

/**
 * Check a Liberty file before Yosys reads it, which takes areas of any sign and ends without a word on groups that are
 * deep within each other.
 *
 * @param file what messages call the text
 * @param dontUse cells that are not used, `*` standing for any letters
 * @throws HbnnError naming file and line, for text that is not Liberty, an area that is no number or below 0, and one
 * of 0 of a cell to build with: a design of such cells would cost nothing
 */
export function checkLiberty(text: string, file: string, dontUse: readonly string[] = []): void {
  const avoided = dontUse.map((name) => new RegExp(`^${name.split('*').map(escaped).join('.*')}$`));
  for (const cell of parseLiberty(text, file).groups) {
    const area = cell.attributes.get('area');
    if (cell.kind !== 'cell' || area === undefined) continue;
    const name = cell.names.join(', ');
    const value = area.trim() === '' ? Number.NaN : Number(area);
    const fault = (expected: string): HbnnError =>
      new HbnnError(
        `${file}, line ${cell.line}: expected ${expected} as area of cell (${name}), got ${area.slice(0, 40)}; mend the file`,
      );
    if (!Number.isFinite(value)) throw fault('a number');
    if (value < 0) throw fault('at least 0');
    const used = computes(cell) && !avoided.some((pattern) => pattern.test(name));
    if (value === 0 && used) throw fault('more than 0');
  }
}

const escaped = (text: string): string => text.replace(/[.+?^${}()|[\]\\]/g, '\\$&');

/** Whether it is of gates or a flip-flop. Fillers are of no area, and so are latches in osu018, which hardware here has none of. */
function computes({ attributes, groups }: LibertyGroup): boolean {
  if (attributes.get('dont_use') === 'true') return false;
  if (groups.some(({ kind }) => kind.startsWith('latch'))) return false;
  return groups.some(({ kind, attributes: own }) => kind === 'pin' && own.has('function'));
}
