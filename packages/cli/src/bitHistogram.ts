/** Elements of each bitwidth, as `{"1": 700, "2": 300}`; a bitwidth without elements is left out. */
export type BitCounts = Readonly<Record<string, number>>;

/** Bits of an element on average; undefined where there are none. */
export function averageOf(counts: BitCounts): number | undefined {
  const entries = Object.entries(counts);
  const sum = entries.reduce((n, [, count]) => n + count, 0);
  if (sum === 0) return undefined;
  const bits = entries.reduce((n, [width, count]) => n + Number(width) * count, 0);
  return Number((bits / sum).toFixed(3));
}

/** A bar of this many characters stands for all elements. */
const wholeBar = 10;
const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A share of 1 as a bar of blocks; what is more than nothing shows. */
function bar(share: number): string {
  const parts = Math.max(1, Math.round(share * wholeBar * eighths.length));
  return '█'.repeat(Math.floor(parts / 8)) + eighths[parts % 8];
}

/** Counts as small bars: `1 ███████ 2 ██ 3 █`. */
export function histogramText(counts: BitCounts): string {
  const entries = Object.entries(counts);
  const sum = entries.reduce((n, [, count]) => n + count, 0);
  return entries.map(([width, count]) => `${width} ${bar(count / sum)}`).join(' ');
}
