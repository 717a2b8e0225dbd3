import {
  type AdderStyle,
  type CodePoolStep,
  type Fabric,
  type Form,
  FormNumbers,
  fabrics,
  linearSums,
  maximumOf,
  Netlist,
  orderedSteps,
  pixelForm,
  planSums,
  pooledCode,
  requantized,
  requantizeOf,
  type Step,
  type SumPart,
  scoreBits,
  stepLayer,
  sumOfValues,
  thresholdBits,
  unrolledReorder,
  type Value,
  weightedSum,
} from '@hbnn/circuit';
import { HbnnError } from '@hbnn/core';
import {
  type CheckedLayer,
  type CheckedModel,
  channelThresholds,
  featureCount,
  joinTerms,
  windowOf,
  windowTaps,
} from '@hbnn/model';
import { withFewGates } from './decisionDiagram.ts';
import { thresholdKey, thresholdsOf } from './elementThresholds.ts';
import { heapCounts } from './heapCounts.ts';
import { type CountedElement, EstimateMemo } from './memo.ts';
import {
  invertersOf,
  type LogicCounts,
  netlistCounts,
  noLogic,
  type Tally,
  tallyUp,
} from './netlistCounts.ts';
import { beyondFewest } from './pixelComparisons.ts';
import { type Place, placesOf, slicesOf } from './places.ts';
import { groupOf, type StepCounts } from './steps.ts';
import { tournamentArea } from './tournaments.ts';

type PlacedLayer = Pick<CheckedLayer, 'layer' | 'input' | 'output'> &
  Partial<Pick<CheckedLayer, 'inputs'>>;

/** How a circuit's logic is made and counted. */
interface Making {
  readonly style: AdderStyle;
  /** The number of look-up tables; 0 in gates. */
  readonly tableInputs: number;
  readonly memo: EstimateMemo;
}

/**
 * Count what a fully unrolled design is made of: every weight has its own logic, every place of a feature map its own
 * copy, one image per evaluation.
 *
 * @param memo what other estimates have worked out
 */
export function unrolledCounts(
  model: CheckedModel,
  circuit: Fabric,
  memo: EstimateMemo = new EstimateMemo(),
): StepCounts[] {
  const making = { style: fabrics[circuit].style, tableInputs: fabrics[circuit].tableInputs, memo };
  const pixels = pixelForms(model.input.zeros);
  const pixelValues: readonly Form[] = Array.from(
    { length: featureCount(model.input.shape) },
    (_, i) => pixels[i % pixels.length],
  );
  const outputs: (readonly Form[])[] = [];
  const steps = orderedSteps(model, unrolledReorder).map((step): StepCounts => {
    const { name, kind } = stepLayer(step).layer;
    const inputs = step.sources.map((source) => outputs[source] ?? pixelValues);
    // The values of branches lie one after the other.
    const before = inputs.length === 1 ? inputs[0] : inputs.flat();
    const built = countedStep(step, before, making);
    outputs.push(built.forms);
    return { name, kind, ...built.tally };
  });
  const forms = outputs[outputs.length - 1];
  const scores = new Elements('scores', making);
  forms.forEach((form, k) => {
    const offset = model.scoreOffsets[k];
    scores.add(`${offset}`, [form], (net, [value], style) => {
      const bits = scoreBits(net, value, offset, style);
      return { form, bits };
    });
  });
  const width = scores.widest;
  return [
    ...steps,
    { name: 'scores', kind: 'scores', ...scores.tally() },
    {
      name: 'largest',
      kind: 'largest',
      ...noLogic,
      tournament: tournamentArea(circuit, forms.length, width),
    },
  ];
}

function countedStep(step: Step, before: readonly Form[], making: Making): Counted {
  switch (step.kind) {
    case 'layer':
      return 'weights' in step.plan.layer
        ? productCounts(step.plan, before, making)
        : elementCounts(step.plan, before, making);
    case 'codes':
      return elementCounts(step, before, making);
    case 'codePool':
      return codePoolCounts(step, before, making);
    default:
      return step satisfies never;
  }
}

/** Count a pool of codes: thresholds were taken before it. */
function codePoolCounts(step: CodePoolStep, before: readonly Form[], making: Making): Counted {
  const { layer, threshold, output } = step;
  const { bits, flips } = threshold;
  const elements = new Elements(layer.kind, making);
  const forms = Array.from({ length: featureCount(output) }, (_, i) =>
    elements.add(
      `${bits[i]},${flips[i % flips.length]}`,
      pooledForms(step, i, before),
      (net, window) => pooledCode(net, window, threshold, i),
    ),
  );
  return { tally: elements.tally(), forms };
}

/** The form of each channel's pixels. Channels with equal zeros share one object, so the memo can compare by identity. */
function pixelForms(zeros: Iterable<number>): Form[] {
  const cache = new Map<number, Form>();
  return Array.from(zeros, (zero) => {
    const form = cache.get(zero) ?? pixelForm(zero);
    cache.set(zero, form);
    return form;
  });
}

type Build = (net: Netlist, values: readonly Value[], style: AdderStyle) => Value;

/** Elements of a layer, each made of some others; those that are made alike of equal forms are counted once. */
class Elements {
  /** Bits of the widest. */
  widest = 0;
  private readonly times = new Map<CountedElement, number>();
  /** Elements of one input each, by its form and their keys. */
  private readonly own = new Map<Form, Map<string, CountedElement>>();
  private readonly making: Making;
  private readonly kind: StepCounts['kind'];
  private readonly prefix: string;

  constructor(kind: StepCounts['kind'], making: Making) {
    this.making = making;
    this.kind = kind;
    this.prefix = `${kind},${making.style},${making.tableInputs}`;
  }

  /**
   * Count one.
   *
   * @param key all that it is made by, but for the forms and the kind of step
   * @returns its form
   */
  add(
    key: string,
    forms: readonly Form[],
    build: Build,
    as: (counts: LogicCounts) => LogicCounts = (counts) => counts,
  ): Form {
    const own = this.ownOf(forms[0]);
    // With one input the form itself is the key, which saves putting one together.
    let found = forms.length === 1 ? own.get(key) : undefined;
    if (found === undefined) {
      found = this.known(key, forms, build, as);
      if (forms.length === 1) own.set(key, found);
    }
    this.times.set(found, (this.times.get(found) ?? 0) + 1);
    this.widest = Math.max(this.widest, found.width);
    return found.form;
  }

  private ownOf(form: Form): Map<string, CountedElement> {
    let own = this.own.get(form);
    if (own === undefined) {
      own = new Map();
      this.own.set(form, own);
    }
    return own;
  }

  private known(
    key: string,
    forms: readonly Form[],
    build: Build,
    as: (counts: LogicCounts) => LogicCounts,
  ): CountedElement {
    const { making, kind } = this;
    let whole = `${this.prefix};${key}`;
    for (const form of forms) whole += `;${making.memo.formKey(form)}`;
    return making.memo.element(whole, () => {
      const { counts, values } = built(forms, (...given) => [build(...given)], making, kind);
      return { counts: as(counts), form: values[0].form, width: values[0].bits.length };
    });
  }

  /** What all of them take. */
  tally(): LogicCounts {
    const all: Tally = { ...noLogic };
    for (const [{ counts }, times] of this.times) tallyUp(all, counts, times);
    return all;
  }
}

/** Logic of so many inputs is looked at as a whole, without its adders … */
const fewInputs = 8;
/** … of steps with a logic for each output of less, where there can be thousands. */
const fewerInputs = 6;

/** Make a place's netlist as the generator does, and count it. */
function built(
  forms: readonly Form[],
  build: (net: Netlist, values: readonly Value[], style: AdderStyle) => readonly Value[],
  { style, tableInputs }: Making,
  kind: StepCounts['kind'],
): { counts: LogicCounts; values: readonly Value[] } {
  const net = new Netlist(forms.reduce((sum, { weights }) => sum + weights.length, 0));
  let at = 0;
  const inputs = forms.map((form): Value => {
    const bits = form.weights.map((_, j) => net.input(at + j));
    at += bits.length;
    return { form, bits };
  });
  const values = build(net, inputs, style);
  net.outputs.push(...values.flatMap(({ bits }) => [...bits]));
  if (style === 'xc7' || net.inputCount > fewInputs)
    return { counts: netlistCounts(net, tableInputs), values };
  const small = smaller(net, tableInputs, kind);
  const { halfAdders, ...rest } = netlistCounts(small, tableInputs);
  const inverters =
    rest.inverters + (groupOf(kind) === 'layer' && tableInputs === 0 ? invertersOf(small) : 0);
  if (small === net) return { counts: { ...rest, halfAdders, inverters }, values };
  // What is left of adders is gates among others.
  const [ands, xors] = [rest.ands + halfAdders, rest.xors + halfAdders];
  return { counts: { ...rest, halfAdders: 0, inverters, ands, xors }, values };
}

function smaller(net: Netlist, tableInputs: number, kind: StepCounts['kind']): Netlist {
  if (groupOf(kind) === 'layer') return withFewGates(net, 'some');
  // Tables cover other steps better as they are written, and a comparison by itself is as small as it can be.
  if (tableInputs > 0) return net;
  if (kind === 'threshold') return net.outputs.length < 2 ? net : withFewGates(net, 'last');
  return net.inputCount > fewerInputs ? net : withFewGates(net, 'some');
}

interface Counted {
  readonly tally: LogicCounts;
  readonly forms: readonly Form[];
}

/** Count a layer without weights element by element, each with its own input or window. */
function elementCounts(plan: PlacedLayer, before: readonly Form[], making: Making): Counted {
  const { layer, output } = plan;
  const elements = new Elements(layer.kind, making);
  const channels = output[2];
  const isJoin = layer.kind === 'add' || layer.kind === 'concat';
  const termsOf = isJoin ? joinTerms(layer, plan.inputs ?? []) : undefined;
  const forms = Array.from({ length: featureCount(output) }, (_, i): Form => {
    const c = i % channels;
    switch (layer.kind) {
      case 'threshold':
        return elements.add(
          thresholdKey(layer, i, c),
          [before[i]],
          (net, [value], style) =>
            thresholdBits(net, value, thresholdsOf(layer, i, c, before[i]), style),
          layer.bits[i] === 1
            ? (counts) => asComparison(counts, before[i], channelThresholds(layer, c)[0], making)
            : undefined,
        );
      case 'requantize':
        return elements.add(
          JSON.stringify(requantizeOf(layer, c)),
          [before[i]],
          (net, [value], style) => requantized(net, value, requantizeOf(layer, c), style),
        );
      case 'maxPool':
        return elements.add('', pooledForms(plan, i, before), maximumOf);
      case 'sumPool':
        return elements.add('', pooledForms(plan, i, before), sumOfValues);
      case 'add': {
        const terms = termsOf?.(i) ?? [];
        const weights = terms.map(([, weight]) => weight);
        return elements.add(
          weights.join(),
          terms.map(([element]) => before[element]),
          (net, values, style) => weightedSum(net, values, weights, style),
        );
      }
      case 'concat':
        return before[termsOf?.(i)[0][0] ?? i];
      case 'dense':
      case 'conv':
      case 'depthwise':
        throw new HbnnError(`${layer.name}: expected a layer without weights`);
      default:
        return layer satisfies never;
    }
  });
  return { tally: elements.tally(), forms };
}

/** A comparison by itself, which nothing is shared with. */
function asComparison(
  { tables, ands, ...rest }: LogicCounts,
  form: Form,
  threshold: number,
  { tableInputs }: Making,
): LogicCounts {
  const beyond = tableInputs === 4 ? beyondFewest(form, threshold) : 0;
  const comparisons = tableInputs > 0 ? tables + beyond : ands;
  return { ...rest, tables: 0, ands: 0, comparisons };
}

/** The forms of the elements that a pool's output is made of. */
function pooledForms(
  { layer, input, output }: PlacedLayer,
  i: number,
  before: readonly Form[],
): Form[] {
  if (layer.kind !== 'maxPool' && layer.kind !== 'sumPool')
    throw new HbnnError(`${layer.name}: expected a pool`);
  const channels = output[2];
  const place = Math.floor(i / channels);
  const [y, x] = [Math.floor(place / output[1]), place % output[1]];
  return windowTaps(windowOf(layer), input, y, x).map(
    ({ pixel }) => before[pixel * channels + (i % channels)],
  );
}

/** Count what the sums of all places of a product take, and give the forms that they have. */
function productCounts(plan: CheckedLayer, before: readonly Form[], making: Making): Counted {
  const { layer, output } = plan;
  const forms: Form[] = new Array(featureCount(output));
  const tally: Tally = { ...noLogic };
  const keys = new FormNumbers();
  const groups = placesOf(plan);
  for (const group of groups) {
    // Where forms differ from place to place, some stand for all.
    const all = variantsOf(group.places, before, keys);
    const [first] = group.places;
    const max = Math.max(4, Math.floor(maxWork / (first.outputs * first.taps.length + 1)));
    const some = evenly(all, max);
    const ratio = group.places.length / some.reduce((sum, places) => sum + places.length, 0);
    for (const slice of slicesOf(first)) {
      const sums = sumsOf(weighted(layer), slice, making, groups.length * some.length);
      const built = some.map((places) => {
        const counted = sums(places[0].inputs.map((i) => before[i]));
        tallyUp(tally, counted.counts, slice.stands * ratio * places.length);
        return counted.forms;
      });
      all.forEach((places, v) => {
        const own = built[Math.floor((v * some.length) / all.length)];
        for (const { at } of places)
          for (let o = 0; o < slice.stands * slice.outputs; o++)
            forms[at + slice.from + o] = own[o % slice.outputs];
      });
    }
  }
  return { tally, forms };
}

/** Places whose inputs have the same forms. */
function variantsOf(
  places: readonly Place[],
  before: readonly Form[],
  keys: FormNumbers,
): (readonly Place[])[] {
  if (places.length === 1) return [places];
  const variants = new Map<string, Place[]>();
  for (const place of places) {
    const key = place.inputs.map((i) => keys.of(before[i])).join();
    const list = variants.get(key);
    if (list === undefined) variants.set(key, [place]);
    else list.push(place);
  }
  return [...variants.values()];
}

/** Weights of a place times variants that are counted one by one. */
const maxWork = 6000;
/** Bits that a layer's places add, where they are made as netlists and not counted by the heights of their heaps. */
const maxMade = 400;

/** How the sums of a part of a layer's weights are counted, for inputs of any forms and about so many places. */
function sumsOf(layer: WeightedLayer, part: SumPart, making: Making, places: number) {
  const plan = planSums(layer.weights, part, making.style, making.memo.sums);
  const additions = plan.classes.reduce(
    (sum, { terms }) => sum + terms.length,
    plan.additions.length,
  );
  return (forms: readonly Form[]): { counts: LogicCounts; forms: readonly Form[] } => {
    if (places * additions * widthOf(forms) <= maxMade) {
      // Adders are counted, or the tables that cover them.
      const inputs = forms.reduce((sum, { weights }) => sum + weights.length, 0);
      const covered = making.tableInputs > 0 && (making.style === 'xc7' || inputs <= fewInputs);
      const { counts, values } = built(
        forms,
        (net, values, style) => linearSums(net, values, plan, style),
        covered ? making : { ...making, tableInputs: 0 },
        layer.kind,
      );
      const own = covered ? withoutAdders(counts, making) : counts;
      return { counts: own, forms: values.map(({ form }) => form) };
    }
    const { sums, ...counts } = heapCounts(plan, forms, making.style, making.memo);
    return { counts: { ...noLogic, ...counts }, forms: sums };
  };
}

/** Where tables cover adders, in plain gates all else too. */
const withoutAdders = (counts: LogicCounts, { style }: Making): LogicCounts =>
  style === 'xc7' ? { ...counts, fullAdders: 0 } : { ...noLogic, tables: counts.tables };

const widthOf = (forms: readonly Form[]): number =>
  forms.reduce((sum, { weights }) => sum + weights.length, 0) / Math.max(1, forms.length);

function evenly<T>(list: readonly T[], max: number): T[] {
  if (list.length <= max) return [...list];
  return Array.from({ length: max }, (_, i) => list[Math.floor(((i + 0.5) * list.length) / max)]);
}

type WeightedLayer = Extract<CheckedLayer['layer'], { weights: unknown }>;

function weighted(layer: CheckedLayer['layer']): WeightedLayer {
  if (!('weights' in layer)) throw new HbnnError(`${layer.name}: expected weights`);
  return layer;
}
