import { type AccumulateUnit, baseAt, beats, type FoldedLayer } from '@hbnn/circuit';
import type { YosysNetlist } from '../../yosys/yosys.ts';
import { flatModule } from '../netlist.ts';
import { isSum, type Products, type WithLanes } from './laneFunction.ts';
import { SymbolicModule } from './symbolicModule.ts';
import { oneTerm, type Term, type Terms } from './terms.ts';

/** What each channel's sum is with one more pixel, over the leaf's inputs: the beat's bits and those of the sums so far. */
function grownSums(
  { inputWidth }: AccumulateUnit,
  { input, output }: Pick<FoldedLayer, 'input' | 'output'>,
  x: readonly Term[],
): readonly Products[] {
  const pixels = beats(input);
  return output.forms.map((sum, c) => {
    if (sum.weights.length === 0) return { bits: [], weights: [] };
    const [unit] = sum.weights;
    let base = sum.base;
    for (let place = 0; place < pixels; place++) base -= baseAt(input, place, c);
    const parts: (readonly [Term, number])[] = [
      ...sum.weights.map((weight, j) => [x[inputWidth + output.offsets[c] + j], weight] as const),
      ...input.forms[c].weights.map((weight, j) => [x[input.offsets[c] + j], weight] as const),
      // Each pixel adds a constant that the sum's base takes away.
      ...(base < 0 ? [[oneTerm, -base / pixels] as const] : []),
    ];
    return { bits: parts.map(([bit]) => bit), weights: parts.map(([, weight]) => weight / unit) };
  });
}

/**
 * Show that the logic of a unit that adds up pixels is one addition per channel, for all inputs, and put that in its
 * place. Then the sum of an image is a sum of such additions, however they are built.
 *
 * @returns undefined where it is not shown: the additions are gates like all others then
 */
export function withSums(
  netlist: YosysNetlist,
  unit: AccumulateUnit,
  layer: Pick<FoldedLayer, 'input' | 'output'>,
  terms: Terms,
): WithLanes | undefined {
  const { leaf, name, inputWidth, outputWidth } = unit;
  const own = flatModule(netlist, leaf.name);
  const module = flatModule(netlist, name, new Set([leaf.name]));
  if (own === undefined || module === undefined) return undefined;
  const symbols = Array.from({ length: inputWidth + outputWidth }, (_, i) => terms.symbol(0, i));
  if (own.inputs.x?.length !== symbols.length || own.outputs.y?.length !== outputWidth)
    return undefined;
  const computed = new SymbolicModule(own, terms, 'x', new Map());
  computed.put('x', symbols);
  computed.evaluate();
  const y = computed.at('y');
  const { forms, offsets } = layer.output;
  const isShown = grownSums(unit, layer, symbols).every(
    (sum, c) =>
      forms[c].weights.length === 0 ||
      isSum(terms, y.slice(offsets[c], offsets[c] + forms[c].weights.length), sum),
  );
  if (!isShown) return undefined;
  const made = (x: readonly Term[]): readonly Term[] =>
    grownSums(unit, layer, x).flatMap(({ bits, weights }, c) =>
      terms.sum(bits, weights, forms[c].weights.length),
    );
  return { module, functions: new Map([[leaf.name, made]]) };
}
