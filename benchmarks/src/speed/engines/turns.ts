/** Something that is timed. */
export interface Timed {
  /** Do it once; returns the milliseconds that it took. */
  turn(): Promise<number>;
}

const rounds = 21;

/** What a quarter of the rounds stay below: other work on the machine only ever adds time, and seldom to three in four. */
function lowerQuartile(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 2];
}

/**
 * The lower quartile of each one's times, in milliseconds: they take turns, round after round, so that all meet the same load of the
 * machine.
 *
 * @param seconds that each gets in all
 */
export async function takeTurns(all: readonly Timed[], seconds: number): Promise<number[]> {
  // Warm up, and see how many calls make a turn.
  const calls: number[] = [];
  for (const each of all) {
    await each.turn();
    calls.push(Math.max(1, Math.ceil((seconds * 1000) / rounds / (await each.turn()))));
  }
  const times = all.map((): number[] => []);
  for (let round = 0; round < rounds; round++)
    for (const [i, each] of all.entries()) {
      let ms = 0;
      for (let call = 0; call < calls[i]; call++) ms += await each.turn();
      times[i].push(ms / calls[i]);
    }
  return times.map(lowerQuartile);
}
