/** How a layer's error falls with its average bits. */
export interface Sensitivity {
  readonly layer: string;
  readonly weights: number;
  /** Averages, ascending, and the error measured at each. */
  readonly averages: readonly number[];
  readonly errors: readonly number[];
}

interface Step {
  readonly layer: number;
  /** Average bits behind the step, and the error saved per bit that it costs. */
  readonly to: number;
  readonly cost: number;
  readonly worth: number;
}

/**
 * Share a budget of bits among layers: each starts at its lowest average, and the steps that save most error per bit are
 * bought first. Only steps on the lower convex hull of a layer's errors are offered, so that the choice minimizes the sum
 * of errors (of the hulls) under the budget. The last step is bought as far as the budget goes.
 *
 * @param average bits per weight over all layers, from the lowest to the highest of the measured ones
 * @returns the average bits of each layer
 */
export function shareBudget(table: readonly Sensitivity[], average: number): number[] {
  const averages = table.map((row) => row.averages[0]);
  const weights = table.reduce((sum, row) => sum + row.weights, 0);
  let left = average * weights - table.reduce((sum, row) => sum + row.averages[0] * row.weights, 0);
  const steps = table.flatMap((row, layer) => hullSteps(row, layer));
  // The sort keeps the order of a layer's steps, which are worth less and less.
  steps.sort((a, b) => b.worth - a.worth);
  for (const { layer, to, cost } of steps) {
    if (left <= 0) break;
    const share = Math.min(1, left / cost);
    averages[layer] += share * (to - averages[layer]);
    left -= share * cost;
  }
  return averages;
}

/** The steps from each point of the lower convex hull to the next. */
function hullSteps({ weights, averages, errors }: Sensitivity, layer: number): Step[] {
  const hull = [0];
  for (let i = 1; i < averages.length; i++) {
    while (hull.length > 1) {
      const [a, b] = hull.slice(-2);
      const slope = (errors[b] - errors[a]) / (averages[b] - averages[a]);
      if ((errors[i] - errors[b]) / (averages[i] - averages[b]) > slope) break;
      hull.pop();
    }
    hull.push(i);
  }
  return hull.slice(1).map((to, k) => {
    const from = hull[k];
    const cost = (averages[to] - averages[from]) * weights;
    return { layer, to: averages[to], cost, worth: (errors[from] - errors[to]) / cost };
  });
}
