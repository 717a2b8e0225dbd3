import { type IntegerWeights, type PlaneWeights, weightValues } from '@hbnn/model';

/** The largest magnitude of int8 weights. */
const most8 = 127;

/** A product's weights as its kernels take them: whole numbers over a divisor for each output. */
export interface ProductWeights {
  readonly layer: IntegerWeights;
  readonly outputs: number;
  /** A common divisor of each output's weights, which goes into the factor of its sum. */
  readonly divisors: Int32Array;
  /** Whether all weights over their divisors fit into int8. */
  readonly fit: boolean;
  /** The mean of |w| over its divisor, nearly. */
  readonly mean: number;
  /** To be kept as assembly/model/packed.ts has them. */
  readonly packed: boolean;
  /** The weights, not divided, row-major. */
  values(): Int16Array;
}

const mostPackedPlanes = 3;

/** Weights that can be packed: one to three planes, and no weight of 0 bits. */
const canPack = (weights: IntegerWeights): weights is PlaneWeights =>
  weights.kind === 'planes' &&
  weights.multiples.length >= 1 &&
  weights.multiples.length <= mostPackedPlanes &&
  !weights.bits.includes(0);

/** Look through a product's weights. @param pack keep them packed if possible */
export function productWeights(layer: IntegerWeights, pack: boolean): ProductWeights {
  let values: Int16Array | undefined;
  const known = () => {
    values ??= weightValues(layer);
    return values;
  };
  if (pack && canPack(layer)) {
    const packed = packedWeights(layer);
    if (packed.fit) return { ...packed, layer, packed: true, values: known };
  }
  const outputs = layer.shape[0];
  return { ...divided(known(), outputs), layer, outputs, packed: false, values: known };
}

/** Over the greatest common divisor of each output's scales: all planes can be divided by it. */
function packedWeights({ multiples, shape }: PlaneWeights) {
  const outputs = shape[0];
  const divisors = new Int32Array(outputs);
  let fit = true;
  let mean = 0;
  for (let o = 0; o < outputs; o++) {
    const scales = multiples.map((plane) => plane[plane.length === 1 ? 0 : o]);
    divisors[o] = scales.reduce(greatestDivisor, 0) || 1;
    if (scales.reduce((sum, k) => sum + k, 0) / divisors[o] > most8) fit = false;
    // Later planes add and take away about as often.
    mean += Math.max(...scales) / divisors[o] / outputs;
  }
  return { outputs, divisors, fit, mean };
}

/** Over the greatest common divisor of each output's weights; 1 where all are 0. */
function divided(values: Int16Array, outputs: number) {
  const row = values.length / outputs;
  const divisors = new Int32Array(outputs);
  let fit = true;
  let mean = 0;
  for (let o = 0; o < outputs; o++) {
    let divisor = 0;
    let most = 0;
    let sum = 0;
    for (let i = o * row; i < (o + 1) * row; i++) {
      const w = Math.abs(values[i]);
      if (w > most) most = w;
      sum += w;
      if (divisor !== 1 && w !== 0) divisor = greatestDivisor(w, divisor);
    }
    divisors[o] = divisor || 1;
    mean += sum / divisors[o] / values.length;
    if (most / divisors[o] > most8) fit = false;
  }
  return { divisors, fit, mean };
}

function greatestDivisor(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}
