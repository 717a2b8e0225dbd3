/** Something that is timed. */
export interface Timed {
  /** Do it once; returns the milliseconds that it took. */
  turn(): Promise<number>;
}

const rounds = 21;

/** Times of some rounds, in milliseconds. */
export interface TurnTimes {
  /** The least of all calls. */
  readonly minimum: number;
  /** What a quarter of the rounds stay below: other work on the machine only ever adds time, and seldom to three in four. */
  readonly lowerQuartile: number;
  readonly median: number;
}

function timesOf(rounds: readonly number[], minimum: number): TurnTimes {
  const sorted = [...rounds].sort((a, b) => a - b);
  return {
    minimum,
    lowerQuartile: sorted[sorted.length >> 2],
    median: sorted[sorted.length >> 1],
  };
}

/** The lower quartile of each one's times, in milliseconds: see `turnTimes`. */
export async function takeTurns(all: readonly Timed[], seconds: number): Promise<number[]> {
  return (await turnTimes(all, seconds)).map(({ lowerQuartile }) => lowerQuartile);
}

/**
 * The times of each: they take turns, round after round, so that all meet the same load of the machine.
 *
 * @param seconds that each gets in all
 */
export async function turnTimes(all: readonly Timed[], seconds: number): Promise<TurnTimes[]> {
  // Warm up, and see how many calls make a turn.
  const calls: number[] = [];
  for (const each of all) {
    await each.turn();
    calls.push(Math.max(1, Math.ceil((seconds * 1000) / rounds / (await each.turn()))));
  }
  const times = all.map((): number[] => []);
  const minima = all.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < rounds; round++)
    for (const [i, each] of all.entries()) {
      let ms = 0;
      for (let call = 0; call < calls[i]; call++) {
        const time = await each.turn();
        ms += time;
        minima[i] = Math.min(minima[i], time);
      }
      times[i].push(ms / calls[i]);
    }
  return times.map((own, i) => timesOf(own, minima[i]));
}
