import { HbnnError, nearestName } from '@hbnn/core';

/** Cells of a library to stay away from, by patterns in which `*` stands for any letters; it knows which patterns had a cell. */
export class AvoidedCells {
  private readonly patterns: readonly { readonly text: string; readonly whole: RegExp }[];
  private readonly place: string;
  private readonly names = new Set<string>();
  private readonly matched = new Set<string>();

  /**
   * @param patterns such as `*_x16` and `FA`
   * @param place what errors call them
   * @throws HbnnError for an empty pattern
   */
  constructor(patterns: readonly string[], place = 'dontUse') {
    const trimmed = patterns.map((text) => text.trim());
    if (trimmed.includes(''))
      throw new HbnnError(
        `${place}: expected names of cells with commas between, got '${patterns.join(',')}' with an empty one; write them as in ${place} '*_x16,FA'`,
      );
    this.place = place;
    this.patterns = trimmed.map((text) => ({ text, whole: patternOf(text) }));
  }

  /** Whether a cell is to be stayed away from. */
  has(cell: string): boolean {
    this.names.add(cell);
    const fitting = this.patterns.filter(({ whole }) => whole.test(cell));
    for (const { text } of fitting) this.matched.add(text);
    return fitting.length > 0;
  }

  /**
   * Refuse a pattern that no cell had, once all cells of a library have been asked about: it would change nothing.
   *
   * @param library what errors call the library
   * @throws HbnnError with the name that looks alike
   */
  checkAllMatched(library: string): void {
    const stray = this.patterns.find(({ text }) => !this.matched.has(text));
    if (stray === undefined) return;
    const names = [...this.names];
    throw new HbnnError(
      `${this.place}: expected the name of a cell of ${library}, or a part of it with * for any letters, got '${stray.text}', which none of its ${names.length} cells has; ${wayOut(stray.text, names)}`,
    );
  }
}

const escaped = (text: string): string => text.replace(/[.+?^${}()|[\]\\]/g, '\\$&');

const patternOf = (text: string, flags = ''): RegExp =>
  new RegExp(`^${text.split('*').map(escaped).join('.*')}$`, flags);

/** What to write in place of a pattern: capitals count, `?` is no wildcard, and neither is a part of a name alone. */
function wayOut(text: string, names: readonly string[]): string {
  const capitals = names.find((name) => patternOf(text, 'i').test(name));
  if (capitals !== undefined) return `capitals count: there is '${capitals}'`;
  const loose = text.replace(/[?*]+/g, '*').replace(/^\*|\*$/g, '');
  const within = names.find((name) => patternOf(`*${loose}*`, 'i').test(name));
  if (within !== undefined) return `did you mean '*${loose}*', as in '${within}'?`;
  const near = nearestName(text.replaceAll('*', ''), names);
  return near === undefined
    ? `take it out, or name one of its cells, such as ${names.slice(0, 3).join(', ')}`
    : `did you mean '${near}'?`;
}
