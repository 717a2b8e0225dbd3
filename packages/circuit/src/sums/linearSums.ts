import { addValue, BitHeap, type LooseSum } from '../netlist/bitHeap.ts';
import type { AdderStyle } from '../netlist/fabrics.ts';
import type { Netlist } from '../netlist/netlist.ts';
import type { Form, Value } from '../netlist/value.ts';
import type { SumPlan } from './sumPlan.ts';

/** Some sources' sum in a netlist, with the range of its values. */
interface SourceSum extends LooseSum {
  readonly low: number;
  readonly high: number;
}

/**
 * Make the sums Σ_i w[o, i] · in[i] of every output.
 *
 * Rows of ±1 are taken a few at a time: their signs part the inputs into classes, each added up once and then added to
 * or subtracted from every row's sum; the classes' sums again, fewer rows at a time, where that leaves less to add.
 */
export function linearSums(
  net: Netlist,
  inputs: readonly Value[],
  plan: SumPlan,
  style: AdderStyle,
): Value[] {
  const heaps = Array.from({ length: plan.outputs }, () => new BitHeap());
  const sums: SourceSum[] = [];
  const rangeOf = (source: number): readonly [low: number, high: number] => {
    const { low, high } =
      source < inputs.length ? inputs[source].form : sums[source - inputs.length];
    return [low, high];
  };
  const put = (heap: BitHeap, source: number, factor: number): void => {
    if (source < inputs.length) addValue(heap, inputs[source], factor);
    else addSum(heap, sums[source - inputs.length], factor);
  };
  for (const { terms, uses } of plan.classes) {
    const heap = new BitHeap();
    let [low, high] = [0, 0];
    for (const { source, factor } of terms) {
      put(heap, source, factor);
      const [least, max] = rangeOf(source);
      low += factor * (factor > 0 ? least : max);
      high += factor * (factor > 0 ? max : least);
    }
    sums.push({ ...heap.reduced(net, style, BigInt(high), uses), low, high });
  }
  for (const { output, source, factor } of plan.additions) put(heaps[output], source, factor);
  return heaps.map((heap, o) => {
    const [low, high] = bounds(
      inputs.map(({ form }) => form),
      (i) => plan.values[o * plan.inputs + i],
    );
    net.notes.set(net.size, `sum ${o}`);
    const { base, shift, bits } = heap.sum(net, style, BigInt(high));
    const weights = bits.map((_, j) => 2 ** (shift + j));
    return { form: { base: Number(base), weights, low, high }, bits };
  });
}

function addSum(heap: BitHeap, { base, weights, bits }: SourceSum, factor: number): void {
  heap.base += BigInt(factor) * base;
  bits.forEach((bit, j) => {
    heap.add(factor * weights[j], bit);
  });
}

function bounds(forms: readonly Form[], weight: (i: number) => number): [number, number] {
  let low = 0;
  let high = 0;
  forms.forEach((form, i) => {
    const w = weight(i);
    low += w * (w > 0 ? form.low : form.high);
    high += w * (w > 0 ? form.high : form.low);
  });
  return [low, high];
}
