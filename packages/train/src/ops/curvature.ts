/** Weight of the newest gradient in the running mean. */
const newest = 0.01;

/**
 * How much the loss bends along each weight, as training finds it: the running mean of the squared gradient,
 *
 *     h ← (1 − β)·h + β·g²,  β = 0.01,
 *
 * with g the gradient of the batch's mean loss by the binarized weight, before the straight-through rule. It is the
 * diagonal of the empirical Fisher matrix but for a factor, which does not change how weights rank. The first gradient is
 * taken whole.
 */
export class Curvature {
  readonly values: Float32Array;

  constructor(count: number) {
    this.values = new Float32Array(count);
  }

  /** Take in the gradient of one step. */
  add(gradient: Float32Array): void {
    const { values } = this;
    const share = this.importance() === undefined ? 1 : newest;
    for (let i = 0; i < values.length; i++)
      values[i] += share * (gradient[i] * gradient[i] - values[i]);
  }

  /** What each weight counts; undefined (all alike) as long as every gradient was 0. */
  importance(): Float32Array | undefined {
    return this.values.some((value) => value > 0) ? this.values : undefined;
  }
}
