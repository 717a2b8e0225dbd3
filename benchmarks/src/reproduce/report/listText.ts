/** A list such as "a, b and c". */
export const listText = (words: readonly string[]): string =>
  words.length < 2 ? words.join() : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;

/** A number of rows, such as "1 row" or "12 rows". */
export const rowsText = (count: number): string => `${count} ${count === 1 ? 'row' : 'rows'}`;
