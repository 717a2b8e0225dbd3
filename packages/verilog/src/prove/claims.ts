import type { Form } from '@hbnn/circuit';
import {
  type Bus,
  type CodePoolStep,
  type Design,
  type DesignLayer,
  indexWidth,
} from '@hbnn/circuit';
import { type CheckedModel, featureCount, type LayerStep, layerStep } from '@hbnn/model';
import type { YosysBit } from '../yosys/yosys.ts';
import type { Claim } from './claim.ts';
import { dependencies, type PlacedLayer, sumsOf, type Terms } from './modelSums.ts';
import type { FlatModule } from './netlist.ts';
import { wantedOf } from './statements.ts';

/** A module computes what the interpreter does for its step. */
export function stepClaim(layer: DesignLayer): Claim {
  const { step } = layer;
  switch (step.kind) {
    case 'layer':
      return layerClaim(step.plan, layer);
    case 'codes':
      return layerClaim(step, layer);
    case 'codePool':
      return codePoolClaim(step, layer);
    default:
      return step satisfies never;
  }
}

/** The largest value of each window, its negative where the thresholds are turned round. */
function codePoolClaim(step: CodePoolStep, layer: DesignLayer): Claim {
  const claim = layerClaim(step, layer);
  const { flips } = step.threshold;
  const turned = (o: number): boolean => flips[o % flips.length] === 1;
  return {
    ...claim,
    step: (values) => claim.step(values).map((value, o) => (turned(o) ? -value : value)),
    wanted: (o, elements) => {
      const pooled = claim.wanted(o, elements);
      if (!turned(o)) return pooled;
      return (width) => {
        const wanted = pooled(width);
        return { ...wanted, value: `-(${wanted.value})` };
      };
    },
  };
}

function layerClaim(plan: PlacedLayer, layer: DesignLayer): Claim {
  const terms = sumsOf(plan);
  const { input } = layer;
  return {
    layer: layer.layer,
    module: layer.module,
    port: 'y',
    input,
    output: layer.output,
    step: joinedStep(plan),
    dependencies: dependencies(plan),
    ...(terms !== undefined && { terms }),
    wanted: (o, elements) => wantedOf(plan, input, o, elements, terms?.[o]),
    shown: (_, value) => value,
  };
}

/** The step of a layer over one list of values: those of all that it reads, one after the other. */
function joinedStep(plan: PlacedLayer): LayerStep {
  const step = layerStep(plan);
  const { inputs = [] } = plan;
  if (inputs.length < 2) return step;
  return (values) => {
    let from = 0;
    return step(
      ...inputs.map((shape) => {
        const to = from + featureCount(shape);
        const part = values.subarray(from, to);
        from = to;
        return part;
      }),
    );
  };
}

/** Two's complement of so many bits. */
const signedForm = (width: number): Form => ({
  base: 0,
  low: -(2 ** (width - 1)),
  high: 2 ** (width - 1) - 1,
  weights: Array.from({ length: width }, (_, j) => (j === width - 1 ? -(2 ** j) : 2 ** j)),
});

const busOfWords = (forms: readonly Form[], width: number): Bus => ({
  shape: [1, 1, forms.length],
  forms,
  offsets: Int32Array.from({ length: forms.length + 1 }, (_, i) => width * i),
});

const scoreBits = 32;

/** A score as the value that its offset is added to: the offset is the form's base. */
export const scoreForm = (low: number, high: number, offset: number): Form => ({
  ...signedForm(scoreBits),
  low,
  high,
  base: -offset,
});

/** A score is the last layer's output and its offset, in two's complement. */
export function scoresClaim(model: CheckedModel, { layers, scores }: Design): Claim {
  const input = layers[layers.length - 1].output;
  const terms = input.forms.map((_, k): Terms => [[k, 1]]);
  const { scoreOffsets: offsets } = model;
  const forms = input.forms.map(({ low, high }, k) => scoreForm(low, high, offsets[k]));
  return {
    layer: 'scores',
    module: scores.name,
    port: 'scores',
    input,
    terms,
    output: busOfWords(forms, scoreBits),
    step: (values) => Int32Array.from(values),
    dependencies: input.forms.map((_, k) => [k]),
    wanted: (o, elements) => (width) => ({
      lines: [],
      value: `e${elements.indexOf(o)} + ${width}'sd0`,
      max: Math.max(Math.abs(input.forms[o].low), Math.abs(input.forms[o].high)),
    }),
    shown: (o, value) => value + offsets[o],
  };
}

/** The number of the largest score, the first of equal ones, for all scores of as many bits as theirs can have. */
export function largestClaim(model: CheckedModel, { layers, largest }: Design): Claim {
  const { forms } = layers[layers.length - 1].output;
  const words = forms.map(({ low, high }, k) => {
    const offset = model.scoreOffsets[k];
    let width = 1;
    while (low + offset < -(2 ** (width - 1)) || high + offset >= 2 ** (width - 1)) width++;
    return signedForm(width);
  });
  const bits = indexWidth(words.length);
  const index = {
    base: 0,
    low: 0,
    high: words.length - 1,
    weights: Array.from({ length: bits }, (_, j) => 2 ** j),
  };
  return {
    layer: 'largest',
    module: largest.name,
    port: 'largest',
    input: busOfWords(words, scoreBits),
    output: busOfWords([index], bits),
    step: (values) =>
      Int32Array.of(values.reduce((best, score, k) => (score > values[best] ? k : best), 0)),
    dependencies: [words.map((_, k) => k)],
    wanted: (_, elements) => (width) => ({
      lines: words.flatMap((__, k) => largestLines(k, `e${elements.indexOf(k)}`, width)),
      value: `at${words.length - 1}`,
      max: words.reduce((max, { high }) => Math.max(max, high + 1), words.length),
    }),
    shown: (_, value) => value,
  };
}

/** Score after score: a larger one takes the place of the best so far. */
export const largestLines = (k: number, score: string, width: number): string[] =>
  k === 0
    ? [
        `wire signed [W-1:0] score0 = ${score};`,
        `wire signed [W-1:0] best0 = score0;`,
        `wire signed [W-1:0] at0 = ${width}'sd0;`,
      ]
    : [
        `wire signed [W-1:0] score${k} = ${score};`,
        `wire more${k} = score${k} > best${k - 1};`,
        `wire signed [W-1:0] best${k} = more${k} ? score${k} : best${k - 1};`,
        `wire signed [W-1:0] at${k} = more${k} ? ${width}'sd${k} : at${k - 1};`,
      ];

/**
 * A module whose input bits above each word's are its sign: the module before it was shown to make them so.
 *
 * @param words as many bits as each word has, `stride` bits from one to the next
 */
export function signExtended(module: FlatModule, { forms, offsets }: Bus): FlatModule {
  const x = module.inputs.x ?? [];
  const same = new Map<YosysBit, YosysBit>();
  forms.forEach(({ weights }, k) => {
    for (let at = offsets[k] + weights.length; at < offsets[k + 1]; at++)
      same.set(x[at], x[offsets[k] + weights.length - 1]);
  });
  const settled = (bits: readonly YosysBit[]): YosysBit[] =>
    bits.map((bit) => same.get(bit) ?? bit);
  const ports = (all: FlatModule['inputs']): FlatModule['inputs'] =>
    Object.fromEntries(Object.entries(all).map(([name, bits]) => [name, settled(bits)]));
  const cells = module.cells.map((cell) => ({ ...cell, connections: ports(cell.connections) }));
  return { ...module, cells, inputs: ports(module.inputs), outputs: ports(module.outputs) };
}
