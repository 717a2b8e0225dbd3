import type { IntegerWeights } from '@hbnn/model';
import type { AdderStyle } from '../netlist/fabrics.ts';
import { digitCount } from '../netlist/signedDigits.ts';
import {
  digitPools,
  missesOutputs,
  ofOnePlace,
  ofSameInputs,
  type Pool,
  planePools,
  type SumPart,
  valuesOf,
} from './planeRows.ts';
import type { Addition, Term } from './rowGrouping.ts';
import { type Matrix, pooledColumns, pooledRows, type Way } from './spans.ts';
import { SumMemo } from './sumShapes.ts';

/** Sources that are added up once for all that use them. */
interface SumClass {
  readonly terms: readonly Term[];
  /** Bits of other heaps that each of its bits becomes. */
  readonly uses: number;
}

/** What one site of a layer adds up: some outputs' weights of some inputs, and how they are put together. */
export interface SumPlan {
  readonly outputs: number;
  readonly inputs: number;
  /** [outputs, inputs]. */
  readonly values: Int16Array;
  /** Each takes inputs and classes before it. */
  readonly classes: readonly SumClass[];
  readonly additions: readonly Addition[];
}

/**
 * Take a part of a layer's weights and find the grouping that leaves the fewest bits to add.
 *
 * @param memo what earlier plans have worked out; the plan is the same without it, but takes longer
 */
export function planSums(
  weights: IntegerWeights,
  { from, outputs, taps }: SumPart,
  style: AdderStyle,
  memo: SumMemo = new SumMemo(),
): SumPlan {
  const inputs = taps.length;
  const planes = weights.kind === 'planes' ? planePools(weights, { from, outputs, taps }) : [];
  const values = valuesOf(weights, planes, { from, outputs, taps });
  const way = bestWay(planes, values, { outputs, inputs, style, memo });
  const terms: (readonly Term[])[] = [];
  const additions: Addition[] = [];
  way.write({
    class: (of) => inputs + terms.push(of) - 1,
    add: (addition) => additions.push(addition),
  });
  const uses = usesOf(inputs, terms, additions);
  const classes = terms.map((of, c) => ({ terms: of, uses: uses[c] }));
  return { outputs, inputs, values, classes, additions };
}

/** Find the cheapest of the ways that can be best for these weights. */
function bestWay(planes: readonly Pool[], values: Int16Array, matrix: Matrix): Way {
  const digits = (): Pool[] => digitPools(values, matrix);
  if (planes.length === 0) {
    const places = digits();
    const rows = pooledRows(places, matrix);
    return lesser(rows, pooledColumns(places, matrix, rows.cost));
  }
  // Columns are for multiples that are the same in all outputs, and take more where those have several digits.
  if (!planes.every(ofOnePlace))
    return lesser(pooledRows(planes, matrix), pooledRows(digits(), matrix));
  if (planes.every(ofSameInputs)) return pooledColumns(planes, matrix);
  const rows = pooledRows(planes, matrix);
  const way = lesser(rows, pooledColumns(planes, matrix, rows.cost));
  // An output of fewer planes may share more with the digits of the others.
  return planes.some(missesOutputs) ? lesser(way, pooledRows(digits(), matrix)) : way;
}

const lesser = (a: Way, b: Way): Way => (b.cost < a.cost ? b : a);

function usesOf(
  inputs: number,
  classes: readonly (readonly Term[])[],
  additions: readonly Addition[],
): number[] {
  const uses = new Array<number>(classes.length).fill(0);
  for (const terms of classes)
    for (const { source, factor } of terms)
      if (source >= inputs) uses[source - inputs] += digitCount(factor);
  for (const { source, factor } of additions)
    if (source >= inputs) uses[source - inputs] += digitCount(factor);
  return uses;
}
