/** A share of the mean diagonal that is added to it, so that inputs that never vary do no harm (as GPTQ has it). */
const damping = 0.01;

/**
 * Second moments of a block of inputs, damped, in row-major order: H = X̂ᵀX̂ / rows + δ·I.
 *
 * @param rows sampled inputs, one row of `width` values each
 * @param from the block's first input
 */
export function secondMoments(
  rows: Float32Array,
  width: number,
  from: number,
  size: number,
): Float64Array {
  const h = new Float64Array(size * size);
  const count = rows.length / width;
  for (let r = 0; r < count; r++) {
    const at = r * width + from;
    for (let i = 0; i < size; i++) {
      const value = rows[at + i];
      if (value === 0) continue;
      for (let j = i; j < size; j++) h[i * size + j] += value * rows[at + j];
    }
  }
  return symmetric(h, size, count);
}

function symmetric(h: Float64Array, size: number, count: number): Float64Array {
  let trace = 0;
  for (let i = 0; i < size; i++) {
    for (let j = i; j < size; j++) {
      h[i * size + j] /= count;
      h[j * size + i] = h[i * size + j];
    }
    trace += h[i * size + i];
  }
  const added = trace > 0 ? (damping * trace) / size : 1;
  for (let i = 0; i < size; i++) h[i * size + i] += added;
  return h;
}

/**
 * The upper triangle U of the inverse, H⁻¹ = UᵀU, whose row j says how an error of input j is spread over the inputs
 * behind it once those before it are fixed.
 */
export function inverseFactor(h: Float64Array, size: number): Float64Array {
  const lower = cholesky(h, size);
  return transposed(cholesky(inverseOf(lower, size), size), size);
}

/** L with H = L·Lᵀ. */
function cholesky(h: Float64Array, size: number): Float64Array {
  const l = new Float64Array(size * size);
  for (let i = 0; i < size; i++)
    for (let j = 0; j <= i; j++) {
      let sum = h[i * size + j];
      for (let k = 0; k < j; k++) sum -= l[i * size + k] * l[j * size + k];
      if (i === j) l[i * size + i] = Math.sqrt(Math.max(sum, Number.MIN_VALUE));
      else l[i * size + j] = sum / l[j * size + j];
    }
  return l;
}

/** (L·Lᵀ)⁻¹ = L⁻ᵀ·L⁻¹. */
function inverseOf(l: Float64Array, size: number): Float64Array {
  // Row j of `t` is column j of L⁻¹, so that sums run over memory in order.
  const t = new Float64Array(size * size);
  for (let j = 0; j < size; j++) {
    t[j * size + j] = 1 / l[j * size + j];
    for (let i = j + 1; i < size; i++) {
      let sum = 0;
      for (let k = j; k < i; k++) sum -= l[i * size + k] * t[j * size + k];
      t[j * size + i] = sum / l[i * size + i];
    }
  }
  const inverse = new Float64Array(size * size);
  for (let i = 0; i < size; i++)
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let k = i; k < size; k++) sum += t[i * size + k] * t[j * size + k];
      inverse[i * size + j] = sum;
      inverse[j * size + i] = sum;
    }
  return inverse;
}

function transposed(l: Float64Array, size: number): Float64Array {
  const u = new Float64Array(size * size);
  for (let i = 0; i < size; i++) for (let j = 0; j <= i; j++) u[j * size + i] = l[i * size + j];
  return u;
}
