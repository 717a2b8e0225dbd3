import { describe, expect, it } from 'vitest';
import { random } from '../random.ts';
import { assignByRank, rankWorkspace, sortKeys } from './rank.ts';

/** The definition: a full stable sort. */
function bySorting(
  x: Float32Array | Float64Array,
  ranking: { centre: number; descending: boolean },
  shares: { bits: number; count: number }[],
): Uint8Array {
  const sign = ranking.descending ? -1 : 1;
  const keys = Array.from(x, (value) => sign * Math.abs(Math.abs(value) - ranking.centre));
  const order = keys.map((_, i) => i).sort((a, b) => keys[a] - keys[b] || a - b);
  const bits = new Uint8Array(x.length);
  let rank = 0;
  for (const share of shares)
    for (const end = rank + share.count; rank < end; rank++) bits[order[rank]] = share.bits;
  return bits;
}

const seed = 5;
const distributions: Record<string, (rng: ReturnType<typeof random>) => number> = {
  normal: (rng) => rng.normal(),
  uniform: (rng) => rng.uniform() - 0.5,
  'heavy-tailed': (rng) => rng.normal() / (rng.uniform() ** 3 + 1e-6),
  ties: (rng) => rng.below(5) - 2,
  zeros: () => 0,
  constant: () => -0.3,
  'one bucket': (rng) => 1 + rng.uniform() * 1e-7,
  subnormal: (rng) => rng.uniform() * 1e-44,
};

describe.each(Object.keys(distributions))('assignByRank on %s values', (name) => {
  it.each([1, 2, 3, 100, 2048, 2049, 7000])('equals a full stable sort of %d', (n) => {
    const rng = random(seed, name, n);
    const workspace = rankWorkspace();
    for (const type of [Float32Array, Float64Array]) {
      const x = new type(n).map(() => distributions[name](rng));
      for (const descending of [false, true]) {
        for (const centre of [0, 0.3, 0.8]) {
          const shares = randomShares(rng, n);
          const bits = new Uint8Array(n);
          assignByRank(x, { centre, descending }, shares, bits, workspace);
          const what = `seed ${seed} ${JSON.stringify({ name, n, centre, descending, shares })}`;
          expect(bits.join(''), what).toBe(bySorting(x, { centre, descending }, shares).join(''));
        }
      }
    }
  });
});

/** From here on the buckets are finer: another histogram, and another table. */
const fineCount = 1 << 17;

describe.each(['normal', 'ties'])('assignByRank with fine buckets on %s values', (name) => {
  it.each([fineCount - 1, fineCount, 150_001])('equals a full stable sort of %d', (n) => {
    const rng = random(seed, name, n);
    const workspace = rankWorkspace();
    // Middle-out, bottom-up, top-down.
    const rankings = [
      { centre: 0.8, descending: false },
      { centre: 0, descending: false },
      { centre: 0, descending: true },
    ];
    for (const type of [Float32Array, Float64Array]) {
      const x = new type(n).map(() => distributions[name](rng));
      for (const ranking of rankings) {
        const shares = randomShares(rng, n);
        const bits = new Uint8Array(n);
        assignByRank(x, ranking, shares, bits, workspace);
        const expected = bySorting(x, ranking, shares);
        const what = `seed ${seed} ${JSON.stringify({ name, n, ranking, shares })}`;
        expect(
          bits.findIndex((width, i) => width !== expected[i]),
          what,
        ).toBe(-1);
      }
    }
  });
});

function randomShares(rng: ReturnType<typeof random>, n: number) {
  const shares: { bits: number; count: number }[] = [];
  let left = n;
  for (let bits = 0; bits < 8 && left > 0; bits++) {
    if (rng.uniform() < 0.5) continue;
    const count = 1 + rng.below(left);
    shares.push({ bits, count });
    left -= count;
  }
  if (left > 0) shares.push({ bits: 8, count: left });
  return shares;
}

it('survives NaN and infinite values, as a diverged training gives', () => {
  const x = Float32Array.from({ length: 5000 }, (_, i) => (i % 3 ? Number.NaN : -1 / 0));
  const bits = new Uint8Array(x.length);
  const shares = [
    { bits: 1, count: 4000 },
    { bits: 2, count: 1000 },
  ];
  assignByRank(x, { centre: Number.NaN, descending: false }, shares, bits, rankWorkspace());
  expect(bits.every((value) => value === 1 || value === 2)).toBe(true);
});

it('sorts keys of any magnitude', () => {
  const rng = random(seed, 'sort');
  const keys = Float64Array.from({ length: 30_000 }, () =>
    Math.abs(rng.normal() * 10 ** (rng.below(600) - 300)),
  );
  const expected = keys.slice().sort();
  sortKeys(keys, rankWorkspace());
  expect(keys).toEqual(expected);
});
