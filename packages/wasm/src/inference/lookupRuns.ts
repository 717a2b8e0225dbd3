import type { NibblePlane } from './featureMap.ts';
import { greatestDivisor, type ProductWeights } from './productWeights.ts';

/** The largest span of the sums over a run, which are uint8, and over a whole plane, which are uint16. */
const maxRunSpan = 255;
const maxPlaneSpan = 65535;

/** How a plane's tables are summed: see assembly/inference/lookup.ts. */
export interface PlaneRuns {
  readonly plane: NibblePlane;
  readonly places: number;
  /** Each group has { uint32 length, uint8 starts[4] } for each run, and runs of no tables up to `runCount`. */
  readonly runs: readonly Uint8Array[];
  readonly runCount: number;
  /** The sum of each output's negative weights, as a positive number. */
  readonly negatives: Int32Array;
  /** The largest span of an output's sum. */
  readonly span: number;
}

/** Plan the runs of a plane; undefined where a table or the whole sum spans too much. */
export function planeRuns(
  plane: NibblePlane,
  weights: ProductWeights,
  quads: Int8Array,
  positions: number,
): PlaneRuns | undefined {
  const { multiple } = plane;
  if (weights.divisors.some((divisor) => 2 * multiple * divisor > maxPlaneSpan)) return undefined;
  const groups = Math.ceil(weights.outputs / 4);
  const negatives = new Int32Array(groups * 4);
  const lists: number[][] = [];
  const places = positions * plane.rows;
  const groupQuads = quads.length / groups;
  let span = 0;
  for (let g = 0; g < groups; g++) {
    const spans = new GroupSpans();
    for (let place = 0; place < places; place++)
      if (!spans.add(quads, g * groupQuads + place * 16)) return undefined;
    lists.push(spans.finish());
    negatives.set(spans.negatives, g * 4);
    span = Math.max(span, spans.largest);
  }
  const runCount = lists.reduce((longest, list) => Math.max(longest, list.length / 5), 0);
  const runs = lists.map((list) => runBytes(list, runCount));
  return { plane, places, runs, runCount, negatives, span };
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

  /** The largest span of an output's sum. */
  get largest(): number {
    return Math.max(...this.#whole);
  }

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

function runBytes(list: readonly number[], runCount: number): Uint8Array {
  const bytes = new Uint8Array(runCount * 8);
  const view = new DataView(bytes.buffer);
  for (let run = 0; run < list.length / 5; run++) {
    view.setUint32(run * 8, list[5 * run], true);
    bytes.set(list.slice(5 * run + 1, 5 * run + 5), run * 8 + 4);
  }
  return bytes;
}

/** How the sums of planes go together: see the planes of `lookup` in assembly/inference/lookup.ts. */
export interface PlaneFactors {
  /** k_n over the divisor of the planes that go together with it. */
  readonly multiple: number;
  /** That divisor for the last of them, else 0. */
  readonly divisor: number;
}

/** Sum as many planes together as fit into uint16. */
export function planesTogether(planes: readonly PlaneRuns[]): PlaneFactors[] {
  const factors: PlaneFactors[] = [];
  for (let first = 0; first < planes.length; ) {
    let end = first + 1;
    while (end < planes.length && spanOf(planes.slice(first, end + 1)) <= maxPlaneSpan) end++;
    const together = planes.slice(first, end);
    const divisor = divisorOf(together);
    for (const { plane } of together)
      factors.push({ multiple: plane.multiple / divisor, divisor: 0 });
    factors[end - 1] = { ...factors[end - 1], divisor };
    first = end;
  }
  return factors;
}

const divisorOf = (planes: readonly PlaneRuns[]): number =>
  planes.reduce((divisor, { plane }) => greatestDivisor(plane.multiple, divisor), 0);

/** The span of planes' sums, each times its k_n over their divisor. */
const spanOf = (planes: readonly PlaneRuns[]): number =>
  planes.reduce((sum, { plane, span }) => sum + plane.multiple * span, 0) / divisorOf(planes);
