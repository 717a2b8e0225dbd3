import type { NibblePlane } from './featureMap.ts';
import type { ProductWeights } from './productWeights.ts';

/** The largest span of the sums over a run, which are uint8, and over a whole plane, which are uint16. */
const maxRunSpan = 255;
const maxPlaneSpan = 65535;

/** How a plane's tables are summed: see assembly/inference/lookup.ts. */
export interface PlaneRuns {
  readonly plane: NibblePlane;
  readonly places: number;
  /** [groups][runCount] { uint32 length, uint8 starts[4] }. */
  readonly runs: Uint8Array;
  readonly runCount: number;
  /** The sum of each output's negative weights, as a positive number. */
  readonly negatives: Int32Array;
  /** 2 k_n times each output's divisor, filled up to whole groups. */
  readonly factors: Int32Array;
}

/** 2 k_n times the divisors, filled up to a multiple of four outputs. */
function planeFactors({ multiple }: NibblePlane, { divisors, outputs }: ProductWeights) {
  const factors = new Int32Array(Math.ceil(outputs / 4) * 4);
  divisors.forEach((divisor, o) => {
    factors[o] = 2 * multiple * divisor;
  });
  return factors;
}

/** Plan the runs of a plane; undefined where a table or the whole sum spans too much. */
export function planeRuns(
  plane: NibblePlane,
  weights: ProductWeights,
  quads: Int8Array,
  positions: number,
): PlaneRuns | undefined {
  const factors = planeFactors(plane, weights);
  if (factors.some((factor) => factor > maxPlaneSpan)) return undefined;
  const groups = Math.ceil(weights.outputs / 4);
  const negatives = new Int32Array(groups * 4);
  const lists: number[][] = [];
  const places = positions * plane.rows;
  const allRows = quads.length / groups / positions / 16;
  for (let g = 0; g < groups; g++) {
    const spans = new GroupSpans();
    for (let position = 0; position < positions; position++)
      for (let r = 0; r < plane.rows; r++)
        if (!spans.add(quads, ((g * positions + position) * allRows + r) * 16)) return undefined;
    lists.push(spans.finish());
    negatives.set(spans.negatives, g * 4);
  }
  const runCount = lists.reduce((longest, list) => Math.max(longest, list.length / 5), 0);
  return { plane, places, runs: runBytes(lists, runCount), runCount, negatives, factors };
}

/** The runs of four outputs, as their tables come. */
class GroupSpans {
  /** Sums of all tables so far. */
  readonly negatives = new Int32Array(4);
  readonly #whole = new Int32Array(4);
  /** Sums of the run that is not ended yet. */
  readonly #span = new Int32Array(4);
  readonly #below = new Int32Array(4);
  readonly #table = new Int32Array(4);
  #length = 0;
  readonly #ended: number[] = [];

  /** Take a quad; false where no run can hold it. */
  add(quads: Int8Array, at: number): boolean {
    let ends = false;
    for (let i = 0; i < 4; i++) {
      const w = at + 4 * i;
      const span =
        Math.abs(quads[w]) +
        Math.abs(quads[w + 1]) +
        Math.abs(quads[w + 2]) +
        Math.abs(quads[w + 3]);
      this.#table[i] = span;
      this.#whole[i] += span;
      if (span > maxRunSpan || this.#whole[i] > maxPlaneSpan) return false;
      if (this.#span[i] + span > maxRunSpan) ends = true;
    }
    if (ends) this.#end();
    for (let i = 0; i < 4; i++) {
      const w = at + 4 * i;
      const sum = quads[w] + quads[w + 1] + quads[w + 2] + quads[w + 3];
      const below = (this.#table[i] - sum) / 2;
      this.#span[i] += this.#table[i];
      this.#below[i] += below;
      this.negatives[i] += below;
    }
    this.#length++;
    return true;
  }

  #end(): void {
    this.#ended.push(this.#length, ...this.#below);
    this.#span.fill(0);
    this.#below.fill(0);
    this.#length = 0;
  }

  /** Each run's length and four starts. */
  finish(): number[] {
    if (this.#length > 0) this.#end();
    return this.#ended;
  }
}

function runBytes(lists: readonly number[][], runCount: number): Uint8Array {
  const bytes = new Uint8Array(lists.length * runCount * 8);
  const view = new DataView(bytes.buffer);
  lists.forEach((list, g) => {
    for (let run = 0; run < list.length / 5; run++) {
      const at = (g * runCount + run) * 8;
      view.setUint32(at, list[5 * run], true);
      bytes.set(list.slice(5 * run + 1, 5 * run + 5), at + 4);
    }
  });
  return bytes;
}
