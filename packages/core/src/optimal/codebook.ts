import type { Groups, Plane } from '../residual.ts';
import { signBit } from '../sign.ts';

/**
 * The values that elements of each bitwidth can take, per group of elements that share scales.
 *
 * An element of b bits can be Σ_{n<=b} ±μ_n. The set is symmetric, so magnitudes are enough: 2^(b−1)
 * of them, ascending, at slots 2^(b−1) … 2^b − 1 of the group's 2^planes slots (slot 0 is the 0 of
 * 0 bits). A slot thus names both a bitwidth, 32 − clz32(slot), and a value.
 */
export interface Codebook {
  readonly planes: number;
  /** Slots per group, 2^planes. */
  readonly size: number;
  /** The magnitude of a slot, Σ ±μ_n >= 0 in plane order in float64. */
  readonly levels: Float64Array;
  /** Halfway between a slot's level and that of the slot before it. */
  readonly middles: Float64Array;
  /** Bit n − 1 is the sign bit of plane n for a positive element. */
  readonly patterns: Uint8Array;
}

export function codebook(planes: number, groups: Groups): Codebook {
  const size = 1 << planes;
  return {
    planes,
    size,
    levels: new Float64Array(groups.count * size),
    middles: new Float64Array(groups.count * size),
    patterns: new Uint8Array(groups.count * size),
  };
}

/** The bitwidth that a slot belongs to. */
export function widthOf(slot: number): number {
  return 32 - Math.clz32(slot);
}

/** Fill a codebook from scales[plane][group]. */
export function fillCodebook(book: Codebook, scales: readonly ArrayLike<number>[]): void {
  const groups = book.levels.length / book.size;
  for (let g = 0; g < groups; g++)
    for (let width = 1; width <= book.planes; width++) fillWidth(book, scales, g, width);
}

function fillWidth(
  book: Codebook,
  scales: readonly ArrayLike<number>[],
  g: number,
  width: number,
): void {
  const { levels, middles, patterns } = book;
  const start = g * book.size + (1 << (width - 1));
  const end = start + (1 << (width - 1));
  for (let slot = start; slot < end; slot++) {
    // One pattern of each mirrored pair: the one with the last plane's sign +, then the one whose value is >= 0.
    let pattern = (slot - start) | (1 << (width - 1));
    let level = 0;
    for (let n = 0; n < width; n++) level += (pattern >> n) & 1 ? scales[n][g] : -scales[n][g];
    if (level < 0) {
      level = -level;
      pattern = ~pattern & ((1 << width) - 1);
    }
    let place = slot;
    for (; place > start && levels[place - 1] > level; place--) {
      levels[place] = levels[place - 1];
      patterns[place] = patterns[place - 1];
    }
    levels[place] = level;
    patterns[place] = pattern;
  }
  middles[start] = Number.NEGATIVE_INFINITY;
  for (let slot = start + 1; slot < end; slot++)
    middles[slot] = (levels[slot - 1] + levels[slot]) / 2;
}

/** The slot, within group g, of the value of `width` bits nearest to a magnitude; ties to the smaller. */
export function nearestSlot(book: Codebook, g: number, width: number, magnitude: number): number {
  if (width === 0) return 0;
  const base = g * book.size;
  let slot = 1 << (width - 1);
  // Number(), not if: magnitudes fall on either side at random, which branches would stumble over.
  for (let step = slot >> 1; step > 0; step >>= 1)
    slot += step * Number(magnitude > book.middles[base + slot + step]);
  return slot;
}

/** Write the nearest value of each element's bitwidth, rounded to float32. */
export function writeNearest(
  x: Float32Array | Float64Array,
  bits: Uint8Array,
  groups: Groups,
  book: Codebook,
  out: Float32Array,
): void {
  let g = 0;
  for (let start = 0; start < x.length; start += groups.run) {
    const end = start + groups.run;
    for (let i = start; i < end; i++) {
      const value = x[i];
      const level = book.levels[g * book.size + nearestSlot(book, g, bits[i], Math.abs(value))];
      out[i] = signBit(value) === 1 ? level : -level;
    }
    if (++g === groups.count) g = 0;
  }
}

/** Σ (x − nearest value)² in float64. */
export function squaredError(
  x: Float32Array | Float64Array,
  bits: Uint8Array,
  groups: Groups,
  book: Codebook,
): number {
  let error = 0;
  let g = 0;
  for (let start = 0; start < x.length; start += groups.run) {
    const end = start + groups.run;
    for (let i = start; i < end; i++) {
      const magnitude = Math.abs(x[i]);
      const slot = nearestSlot(book, g, bits[i], magnitude);
      error += (magnitude - book.levels[g * book.size + slot]) ** 2;
    }
    if (++g === groups.count) g = 0;
  }
  return error;
}

/** The planes of nearest values, as values to keep. */
export function nearestPlanes(
  x: Float32Array | Float64Array,
  bits: Uint8Array,
  groups: Groups,
  book: Codebook,
  scales: readonly Float32Array[],
): Plane[] {
  const planes = emptyPlanes(x.length, scales);
  for (let i = 0; i < x.length; i++) {
    const g = Math.floor(i / groups.run) % groups.count;
    const slot = nearestSlot(book, g, bits[i], Math.abs(x[i]));
    const pattern = book.patterns[g * book.size + slot];
    const positive = signBit(x[i]);
    for (let n = 0; n < bits[i]; n++) {
      planes[n].members[i] = 1;
      planes[n].signs[i] = ((pattern >> n) & 1) === positive ? 1 : 0;
    }
  }
  return planes;
}

/** How many elements, and which sum of magnitudes, each slot of each group got. */
export interface SlotSums {
  readonly counts: Float64Array;
  readonly sums: Float64Array;
}

export function slotSums(book: Codebook): SlotSums {
  return {
    counts: new Float64Array(book.levels.length),
    sums: new Float64Array(book.levels.length),
  };
}

/** Collect the sums of nearest values for given bitwidths. */
export function collectSlots(
  x: Float32Array | Float64Array,
  bits: Uint8Array,
  groups: Groups,
  book: Codebook,
  target: SlotSums,
): void {
  const { counts, sums } = target;
  counts.fill(0);
  sums.fill(0);
  let g = 0;
  for (let start = 0; start < x.length; start += groups.run) {
    const end = start + groups.run;
    for (let i = start; i < end; i++) {
      const magnitude = Math.abs(x[i]);
      const slot = g * book.size + nearestSlot(book, g, bits[i], magnitude);
      counts[slot]++;
      sums[slot] += magnitude;
    }
    if (++g === groups.count) g = 0;
  }
}

/**
 * Replace scales[plane][group] by those of least squares for the collected signs: minimise
 * Σ (|x| − Σ_n s_n μ_n)² by the normal equations A μ = r, A_mn = Σ s_m s_n, r_m = Σ s_m |x|.
 *
 * Solved for the change from the present scales with a slight ridge, so that a plane without
 * members, or two planes that always go together, leave what they do not determine as it was.
 *
 * @returns Σ over groups of μᵀAμ − 2 rᵀμ; adding Σ x² gives the squared error
 */
export function fitScales(
  book: Codebook,
  slots: SlotSums,
  scales: readonly Float64Array[],
): number {
  const { planes, size } = book;
  const groups = book.levels.length / size;
  const matrix = new Float64Array(planes * planes);
  const right = new Float64Array(planes);
  const old = new Float64Array(planes);
  let error = 0;
  for (let g = 0; g < groups; g++) {
    normalEquations(book, slots, g, matrix, right);
    for (let n = 0; n < planes; n++) old[n] = scales[n][g];
    const change = solveRidge(matrix, residualOf(matrix, right, old), planes);
    // The values ±μ are the same for −μ.
    for (let n = 0; n < planes; n++) scales[n][g] = Math.abs(old[n] + change[n]);
    for (let m = 0; m < planes; m++) {
      const mu = old[m] + change[m];
      error -= 2 * right[m] * mu;
      for (let n = 0; n < planes; n++) error += mu * matrix[m * planes + n] * (old[n] + change[n]);
    }
  }
  return error;
}

function normalEquations(
  book: Codebook,
  slots: SlotSums,
  g: number,
  matrix: Float64Array,
  right: Float64Array,
): void {
  const { planes, size } = book;
  matrix.fill(0);
  right.fill(0);
  for (let slot = 1; slot < size; slot++) {
    const count = slots.counts[g * size + slot];
    if (count === 0) continue;
    const sum = slots.sums[g * size + slot];
    const pattern = book.patterns[g * size + slot];
    const width = widthOf(slot);
    for (let m = 0; m < width; m++) {
      right[m] += (pattern >> m) & 1 ? sum : -sum;
      for (let n = 0; n < width; n++)
        matrix[m * planes + n] += ((pattern >> m) ^ (pattern >> n)) & 1 ? -count : count;
    }
  }
}

function residualOf(matrix: Float64Array, right: Float64Array, at: Float64Array): Float64Array {
  const rest = right.slice();
  for (let m = 0; m < at.length; m++)
    for (let n = 0; n < at.length; n++) rest[m] -= matrix[m * at.length + n] * at[n];
  return rest;
}

/** Solve (A + ridge) δ = b for positive semidefinite A by Cholesky decomposition. */
function solveRidge(matrix: Float64Array, b: Float64Array, size: number): Float64Array {
  const lower = new Float64Array(size * size);
  let trace = 0;
  for (let m = 0; m < size; m++) trace += matrix[m * size + m];
  const ridge = trace > 0 ? trace * 1e-10 : 1;
  for (let m = 0; m < size; m++) {
    for (let n = 0; n <= m; n++) {
      let value = matrix[m * size + n] + (m === n ? ridge : 0);
      for (let k = 0; k < n; k++) value -= lower[m * size + k] * lower[n * size + k];
      lower[m * size + n] =
        m === n ? Math.sqrt(Math.max(value, ridge)) : value / lower[n * size + n];
    }
  }
  const solution = b.slice();
  for (let m = 0; m < size; m++) {
    for (let n = 0; n < m; n++) solution[m] -= lower[m * size + n] * solution[n];
    solution[m] /= lower[m * size + m];
  }
  for (let m = size - 1; m >= 0; m--) {
    for (let n = m + 1; n < size; n++) solution[m] -= lower[n * size + m] * solution[n];
    solution[m] /= lower[m * size + m];
  }
  return solution;
}

/** Planes with scales (copied) and no members yet. */
function emptyPlanes(count: number, scales: readonly Float32Array[]): Plane[] {
  return scales.map((plane) => ({
    scales: plane.slice(),
    members: new Uint8Array(count),
    signs: new Uint8Array(count),
  }));
}
