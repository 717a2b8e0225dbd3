import { checkOptions, chosenName, HbnnError } from '@hbnn/core';
import { type CheckedModel, type FeatureShape, featureCount } from '@hbnn/model';
import { type AdderStyle, adderStyles } from '../netlist/fabrics.ts';
import { FormNumbers } from '../netlist/keyNumbers.ts';
import { checkedPrefix, Names } from '../netlist/names.ts';
import { type Literal, Netlist, nodeOf } from '../netlist/netlist.ts';
import { checkLevels, endLevel, pipelined, scheduleOf } from '../netlist/pipeline.ts';
import { type Form, pixelForm, type Value } from '../netlist/value.ts';
import { extendedBits, scoreBits } from '../netlist/values.ts';
import { SumMemo } from '../sums/sumShapes.ts';
import { checkBudget } from './budget.ts';
import { type Site, stepSites } from './sites.ts';
import { orderedSteps, type Step, stepLayer, unrolledReorder } from './steps.ts';

/** A module of gates. Ports: x, y, and what `extra` names beside y. */
export interface Leaf {
  readonly kind: 'leaf';
  readonly name: string;
  readonly net: Netlist;
  readonly ports: readonly OutputPort[];
  readonly about: readonly string[];
  /** It has registers, and with them a port clk; `enabled` ones move where a port ce is 1. */
  readonly clock?: 'always' | 'enabled';
}

export interface OutputPort {
  readonly name: string;
  readonly width: number;
}

/** Bits [from, from + width) of a layer's bus. */
export interface Range {
  readonly from: number;
  readonly width: number;
}

export interface Instance {
  readonly module: string;
  readonly name: string;
  readonly x: readonly Range[];
  /** Bits it makes; those of the instances in order are the layer's output. */
  readonly width: number;
}

/** A layer's module made of its sites' modules. */
interface Wrapper {
  readonly kind: 'wrapper';
  readonly name: string;
  readonly inputWidth: number;
  readonly outputWidth: number;
  readonly instances: readonly Instance[];
  readonly about: readonly string[];
}

export type Module = Leaf | Wrapper;

/** How the elements of a feature map lie on a bus: element i at bits offsets[i] … offsets[i + 1] − 1. */
export interface Bus {
  readonly shape: FeatureShape;
  readonly forms: readonly Form[];
  readonly offsets: Int32Array;
}

/** The bits of a bus; one, always 0, where no element has any. */
export const busWidth = ({ offsets }: Bus): number => Math.max(1, offsets[offsets.length - 1]);

export interface DesignLayer {
  /** As in the model. */
  readonly layer: string;
  readonly kind: string;
  /** What it computes: the layer's own values, or thresholds and a pool in the other order. */
  readonly step: Step;
  /** Its module, and the modules its file holds, itself last. */
  readonly module: string;
  readonly modules: readonly Module[];
  /** Where its input comes from: the buses of some layers, one after the other from the lowest bit on. */
  readonly sources: readonly LayerSource[];
  readonly input: Bus;
  readonly output: Bus;
  /** Registers from its input to its output, and from the pixels to its output. */
  readonly stages: number;
  readonly delayCycles: number;
}

/** A layer's bus, in front of another layer. */
export interface LayerSource {
  /** The layer's number; −1 is the pixels. */
  readonly layer: number;
  /** Registers on the way, for a branch that is faster than the others that meet there. */
  readonly delayCycles: number;
}

/** Hardware of a whole model: pixels in, scores and the largest one's number out. */
export interface Design {
  readonly kind: 'unrolled';
  readonly top: string;
  /** What the names of all modules begin with, underscore included; '' where nothing was asked for. */
  readonly prefix: string;
  readonly style: AdderStyle;
  readonly input: Bus;
  readonly layers: readonly DesignLayer[];
  readonly scores: Leaf;
  readonly largest: Largest;
  readonly classes: readonly string[];
  /** Clock edges from an image to its scores; 0 is hardware without a clock. An image goes in each cycle. */
  readonly latencyCycles: number;
  /** The budget it was pipelined by, and the levels of its deepest stage. */
  readonly maxLevels?: number;
  readonly deepestLevels?: number;
}

/** The module that picks the largest score: numbers of so many bits of each score, in two's complement. */
interface Largest {
  readonly name: string;
  readonly width: number;
  /** Rounds of the tournament behind which registers stand. */
  readonly registered: readonly number[];
}

/** Bits of the number of the largest score. */
export const indexWidth = (classes: number): number => Math.max(1, Math.ceil(Math.log2(classes)));

export interface DesignOptions {
  /** `xc7`: counters of LUT6 and CARRY4; `gates`: full adders as plain gates, for anything else. Default `gates`. */
  readonly style?: AdderStyle;
  /** Refuse a design of more adders than this; default 2,000,000. */
  readonly maxAdders?: number;
  /** Put registers so that no stage has more levels of gates; without it there are none. */
  readonly maxLevels?: number;
  /** What the names of all modules begin with, so that several networks fit in one project. */
  readonly prefix?: string;
}

/**
 * Make a model's hardware, fully unrolled: every weight has its own logic, every place of a feature map its own
 * module instance; one image per evaluation or, pipelined, per cycle.
 *
 * @throws BudgetError when its estimate is over the budget
 */
export function unrolledDesign(model: CheckedModel, o: DesignOptions = {}): Design {
  checkOptions('unrolledDesign', o, ['style', 'maxAdders', 'maxLevels', 'prefix']);
  const { style = 'gates' } = o;
  chosenName(style, adderStyles, 'unrolledDesign: style');
  if (o.maxAdders !== undefined && !(o.maxAdders > 0))
    throw new HbnnError(
      `unrolledDesign: expected a number above 0 as maxAdders, got ${o.maxAdders}; give more, or leave it out`,
    );
  checkBudget(model.checkedLayers, o.maxAdders);
  const prefix = checkedPrefix(o.prefix ?? '');
  const names = new Names(prefix);
  const top = names.top(model.name, 'network');
  const { shape, zeros } = model.input;
  const pixelForms = [...zeros].map(pixelForm);
  const size = featureCount(shape);
  const input = busOf(
    shape,
    Array.from({ length: size }, (_, i) => pixelForms[i % shape[2]]),
  );
  const pipe = new Pipe(o.maxLevels);
  const memo = new SumMemo();
  const layers: DesignLayer[] = [];
  const ends: PipeEnd[] = [];
  for (const step of orderedSteps(model, unrolledReorder)) {
    const { layer, output } = stepLayer(step);
    const delays = pipe.enter(step.sources.map((source) => ends[source] ?? pipeStart));
    const bus = joinedBus(step.sources.map((source) => layers[source]?.output ?? input));
    const module = names.of(layer.name, layer.kind);
    const sites = stepSites(step, memo);
    const built = buildLayer(module, sites, bus, output, { style, names, pipe });
    const about = [`Layer '${layer.name}' (${layer.kind})`];
    layers.push({
      layer: layer.name,
      kind: layer.kind,
      step,
      module,
      sources: step.sources.map((source, k) => ({ layer: source, delayCycles: delays[k] })),
      input: bus,
      ...built(about),
      stages: pipe.stages,
      delayCycles: pipe.cycles,
    });
    ends.push(pipe.end);
  }
  const bus = layers[layers.length - 1].output;
  const { leaf, width } = scoresModule(names.of('scores', 'scores'), bus, model, style);
  const scores = pipe.leaves([leaf])[0];
  const largest = {
    name: names.of('largest', 'largest'),
    width,
    registered: pipe.rounds(model.classes.length, width),
  };
  return {
    kind: 'unrolled',
    top,
    prefix,
    style,
    input,
    layers,
    scores,
    largest,
    classes: model.classes,
    latencyCycles: pipe.cycles + largest.registered.length,
    ...(o.maxLevels !== undefined && { maxLevels: o.maxLevels, deepestLevels: pipe.deepest }),
  };
}

/** How far a layer's outputs have come: registers up to them, and levels of gates since the last one. */
interface PipeEnd {
  readonly cycles: number;
  readonly level: number;
}

const pipeStart: PipeEnd = { cycles: 0, level: 0 };

/** Registers so far: what comes next goes on in the stage that was begun. */
class Pipe {
  private readonly maxLevels: number | undefined;
  private level = 0;
  /** Registers up to the last leaves, and to all outputs. */
  stages = 0;
  cycles = 0;
  deepest = 0;

  constructor(maxLevels: number | undefined) {
    if (maxLevels !== undefined) checkLevels(maxLevels);
    this.maxLevels = maxLevels;
  }

  get end(): PipeEnd {
    return { cycles: this.cycles, level: this.level };
  }

  /** Go on from where some layers end; returns the registers that each of them waits for the slowest. */
  enter(sources: readonly PipeEnd[]): number[] {
    this.cycles = sources.reduce((max, { cycles }) => Math.max(max, cycles), 0);
    const delays = sources.map(({ cycles }) => this.cycles - cycles);
    this.level = sources.reduce(
      (max, { level }, k) => (delays[k] > 0 ? max : Math.max(max, level)),
      0,
    );
    return delays;
  }

  /** Leaves side by side, all of the same stages. */
  leaves(leaves: readonly Leaf[]): Leaf[] {
    const { maxLevels } = this;
    if (maxLevels === undefined) return [...leaves];
    const schedules = leaves.map(({ net }) => scheduleOf(net, maxLevels, this.level));
    const depth = schedules.reduce((max, schedule) => Math.max(max, schedule.depth), 0);
    this.level = schedules.reduce(
      (maximum, eachSchedule, i) => Math.max(maximum, endLevel(leaves[i].net, eachSchedule, depth)),
      0,
    );
    this.deepest = schedules.reduce((upper, each) => Math.max(upper, each.deepest), this.deepest);
    this.stages = depth;
    this.cycles += depth;
    return leaves.map((leaf, i): Leaf => {
      const net = pipelined(leaf.net, schedules[i], depth);
      return net.hasRegister() ? { ...leaf, net, clock: 'always' } : { ...leaf, net };
    });
  }

  /** The rounds of a tournament behind which a register stands. A comparison is counted like an adder. */
  rounds(count: number, width: number): number[] {
    const { maxLevels } = this;
    if (maxLevels === undefined) return [];
    const found: number[] = [];
    const each = 2 + Math.ceil(width / 4);
    for (let round = 0, left = count; left > 1; round++, left = Math.ceil(left / 2)) {
      if (this.level > 0 && this.level + each > maxLevels) {
        found.push(round);
        this.level = 0;
      }
      this.level += each;
      this.deepest = Math.max(this.deepest, this.level);
    }
    return found;
  }
}

function busOf(shape: FeatureShape, forms: readonly Form[]): Bus {
  const offsets = new Int32Array(forms.length + 1);
  forms.forEach((form, i) => {
    offsets[i + 1] = offsets[i] + form.weights.length;
  });
  return { shape, forms, offsets };
}

/** Buses one after the other, as a layer at which branches meet reads them. */
function joinedBus(buses: readonly Bus[]): Bus {
  if (buses.length === 1) return buses[0];
  const [{ shape }] = buses;
  const channels = buses.reduce((sum, bus) => sum + bus.shape[2], 0);
  return busOf(
    [shape[0], shape[1], channels],
    buses.flatMap(({ forms }) => [...forms]),
  );
}

/** A variant of a layer's sites: its module and what its outputs look like. */
interface Variant {
  readonly name: string;
  readonly leaf: Leaf;
  readonly forms: readonly Form[];
  /** Which of the site's input bits it reads. */
  readonly reads: readonly number[];
}

interface Making {
  readonly style: AdderStyle;
  readonly names: Names;
  readonly pipe: Pipe;
}

function buildLayer(
  module: string,
  sites: readonly Site[],
  input: Bus,
  shape: FeatureShape,
  { style, names, pipe }: Making,
): (about: string[]) => { modules: Module[]; output: Bus } {
  const numbers = new FormNumbers();
  const variants = new Map<string, Variant>();
  const alone = sites.length === 1;
  const placed = sites.map((site) => {
    const key = `${site.key};${site.inputs.map((i) => numbers.of(input.forms[i])).join()}`;
    let variant = variants.get(key);
    if (variant === undefined) {
      const name = alone ? module : names.of(`${module}_${variants.size}`, module);
      variant = buildVariant(name, site, input, style, alone);
      variants.set(key, variant);
    }
    return { site, variant };
  });
  const forms: Form[] = [];
  for (const { site, variant } of placed)
    site.outputs.forEach((element, i) => {
      forms[element] = variant.forms[i];
    });
  const output = busOf(shape, forms);
  const leaves = pipe.leaves([...variants.values()].map(({ leaf }) => leaf));
  return (about) => {
    if (alone) return { modules: [{ ...leaves[0], about }], output };
    const instances = placed
      .filter(({ variant }) => variant.leaf.net.outputs.length > 0)
      .map(
        ({ site, variant }, i): Instance => ({
          module: variant.name,
          name: `at_${i}`,
          x: ranges(readBits(site, input, variant)),
          width: variant.leaf.net.outputs.length,
        }),
      );
    const used = new Set(instances.map(({ module: name }) => name));
    const [inputWidth, outputWidth] = [busWidth(input), busWidth(output)];
    const wrapper: Wrapper = {
      kind: 'wrapper',
      name: module,
      inputWidth,
      outputWidth,
      instances,
      about,
    };
    return { modules: [...leaves.filter(({ name }) => used.has(name)), wrapper], output };
  };
}

function buildVariant(
  name: string,
  site: Site,
  input: Bus,
  style: AdderStyle,
  alone: boolean,
): Variant {
  const widths = site.inputs.map((element) => input.forms[element].weights.length);
  const count = widths.reduce((sum, width) => sum + width, 0);
  const net = new Netlist(alone ? busWidth(input) : count);
  let at = 0;
  const values = site.inputs.map((element, i): Value => {
    // A layer's only place has the whole bus, whose order need not be that in which it reads.
    const first = alone ? input.offsets[element] : at;
    const bits = Array.from({ length: widths[i] }, (_, j) => net.input(first + j));
    at += widths[i];
    return { form: input.forms[element], bits };
  });
  const built = site.build(net, values, style);
  net.outputs.push(...built.flatMap(({ bits }) => [...bits]));
  const forms = built.map(({ form }) => form);
  const ports = [{ name: 'y', width: net.outputs.length }];
  const about = [`A place of the layer: ${built.length} values`];
  const all = Array.from({ length: count }, (_, i) => i);
  if (alone) return { name, forms, reads: all, leaf: { kind: 'leaf', name, net, ports, about } };
  const { narrow, reads } = withoutUnread(net, count);
  return { name, forms, reads, leaf: { kind: 'leaf', name, net: narrow, ports, about } };
}

/** The bus bits that a site's module reads. */
function readBits(site: Site, input: Bus, { reads }: Variant): number[] {
  const all = site.inputs.flatMap((element) => bitsOf(input, element));
  return reads.map((i) => all[i]);
}

const bitsOf = ({ offsets }: Bus, element: number): number[] =>
  Array.from({ length: offsets[element + 1] - offsets[element] }, (_, j) => offsets[element] + j);

/** Bits in order, as runs of neighbours. */
function ranges(bits: readonly number[]): Range[] {
  const found: { from: number; width: number }[] = [];
  for (const bit of bits) {
    const last = found.at(-1);
    if (last !== undefined && last.from + last.width === bit) last.width++;
    else found.push({ from: bit, width: 1 });
  }
  return found;
}

/** The same logic without the inputs that nothing reads. */
function withoutUnread(net: Netlist, count: number): { narrow: Netlist; reads: number[] } {
  const live = net.live();
  const reads = Array.from({ length: count }, (_, i) => i).filter(
    (i) => live[nodeOf(net.input(i))] === 1,
  );
  return { narrow: net.withInputs(reads), reads };
}

function scoresModule(
  name: string,
  input: Bus,
  { scoreOffsets: offsets }: CheckedModel,
  style: AdderStyle,
): { leaf: Leaf; width: number } {
  const net = new Netlist(busWidth(input));
  const scores = input.forms.map((form, k): Literal[] => {
    const bits = Array.from({ length: form.weights.length }, (_, j) =>
      net.input(input.offsets[k] + j),
    );
    return scoreBits(net, { form, bits }, offsets[k], style);
  });
  net.outputs.push(...scores.flatMap((bits) => extendedBits(bits, 32)));
  const ports = [{ name: 'scores', width: 32 * scores.length }];
  const leaf: Leaf = { kind: 'leaf', name, net, ports, about: [] };
  return { leaf, width: scores.reduce((max, bits) => Math.max(max, bits.length), 0) };
}
