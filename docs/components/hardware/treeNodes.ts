import {
  type Design,
  type DesignLayer,
  decodeForm,
  type FoldedDesign,
  type Form,
  inverse,
  inverted,
  type Leaf,
  type Literal,
  literalBit,
  type MatrixUnit,
  type Netlist,
  netlistBits,
  nodeOf,
} from '@hbnn/circuit';
import { random } from '@hbnn/core';
import type { CheckedModel } from '@hbnn/model';
import {
  type AdderDrawing,
  type GateKind,
  type GateSample,
  sampleCount,
} from './hardwareChoice.ts';
import { sumWords } from './sumWords.ts';

/** More gates than these are not drawn. */
const maxNodes = 700;

/** The side of the kernel that the page's layer stands for. */
const kernel = 3;

/** A netlist whose gates are drawn. */
interface Drawn {
  readonly net: Netlist;
  /** The literals of the number that the gates make. */
  readonly number: readonly Literal[];
  /** What the number is: the sum of this. */
  readonly of: AdderDrawing['of'];
  readonly file: string;
  /** The line of each name in the file, from 1 on. */
  readonly lines: ReadonlyMap<string, number>;
  /** What an input of the netlist is, in words. */
  input(bit: number): string;
  /** How the bits of the number stand for it. */
  readonly form: Form;
}

/** The gates of the layer's first output, with their lines in the Verilog; undefined where they are too many to draw. */
export function adderTree(
  model: CheckedModel,
  design: Design,
  files: Readonly<Record<string, string>>,
): AdderDrawing | undefined {
  const layer = design.layers.find(({ layer: name }) => name === 'layer');
  const leaf = layer?.modules.find((module): module is Leaf => module.kind === 'leaf');
  if (!layer || !leaf) return undefined;
  const { offsets, forms } = layer.output;
  const file = `${layer.module}.v`;
  return drawingOf({
    net: leaf.net,
    number: leaf.net.outputs.slice(offsets[0], offsets[1]),
    of: 'the first output',
    file,
    lines: linesOf(files[file].split('\n'), 0),
    input: inputWords(model, layer),
    form: forms[0],
  });
}

/** The gates of the lanes of one PE of a folded layer: what they add up in a cycle. */
export function laneTree(
  { layers }: FoldedDesign,
  files: Readonly<Record<string, string>>,
): AdderDrawing | undefined {
  const layer = layers.find(({ layer: name }) => name === 'layer');
  const matrix = layer?.units.find((unit): unit is MatrixUnit => unit.kind === 'matrix');
  if (!layer || !matrix || matrix.tables.schedule.atOnce !== undefined) return undefined;
  const { lane, inputs, tables } = matrix;
  const file = `${layer.module}.v`;
  const text = files[file].split('\n');
  const from = text.findIndex((line) => line.startsWith(`module ${lane.name} (`));
  const to = text.findIndex((line, i) => i > from && line.startsWith('endmodule'));
  return drawingOf({
    net: lane.net,
    number: lane.net.outputs,
    of: 'the lanes of one PE',
    file,
    lines: linesOf(text.slice(from, to), from),
    input: (bit) => laneInput(bit, tables.schedule.fold.simd, inputs.width),
    form: unsignedForm(lane.net.outputs.length),
  });
}

/** A number in binary. */
const unsignedForm = (bits: number): Form => ({
  base: 0,
  weights: Array.from({ length: bits }, (_, i) => 2 ** i),
  low: 0,
  high: 2 ** bits - 1,
});

/** What each bit is that lanes read: their inputs, the signs of their weights, and what says which weights count. */
function laneInput(bit: number, simd: number, width: number): string {
  const inputs = simd * width;
  if (bit < inputs) {
    const of = `the input of lane ${Math.floor(bit / width)}`;
    return width > 1 ? `bit ${bit % width} of ${of}` : of;
  }
  if (bit < inputs + simd) return `the sign of the weight of lane ${bit - inputs}`;
  return 'a bit that says which weights count in this cycle, and how much';
}

function drawingOf({ net, number, of, file, lines, input, form }: Drawn): AdderDrawing | undefined {
  const roots = number.map(nodeOf);
  const nodes = nodesUnder(net, roots);
  if (nodes.length > maxNodes) return undefined;
  const words = new NodeWords(net, number, input, of);
  const places = new Map(nodes.map((node, i) => [node, i]));
  const columns = columnsOf(net, nodes);
  const sampleOf = (seed: number): GateSample => {
    const rng = random(seed, 'bits of a drawing');
    const inputs = Uint8Array.from({ length: net.inputCount }, () => rng.below(2));
    const bits = netlistBits(net, inputs);
    const sumBits = number.map((literal) => literalBit(bits, literal));
    return {
      bits: Uint8Array.from(nodes, (node) => bits[node]),
      sum: decodeForm(form, (i) => sumBits[i] === 1),
      words: sumWords(form, sumBits),
    };
  };
  return {
    of,
    file,
    nodes: nodes.map((node) => ({
      kind: gateKind(net, node),
      level: columns.get(node) ?? 0,
      reads: net.reads(node).flatMap((read) => {
        const place = places.get(nodeOf(read));
        return place === undefined ? [] : [{ node: place, inverted: inverted(read) }];
      }),
      label: words.of(node),
      line: lines.get(verilogName(net, node)),
    })),
    samples: Array.from({ length: sampleCount }, (_, i) => sampleOf(i + 1)),
  };
}

/** The column of each node: behind all that it reads, by its levels of logic; registers too, whose own level is 0. */
function columnsOf(net: Netlist, nodes: readonly number[]): Map<number, number> {
  const columns = new Map<number, number>();
  for (const node of nodes) {
    const reads = net
      .reads(node)
      .map(nodeOf)
      .filter((read) => columns.has(read));
    const levels = net.level(2 * node) - Math.max(0, ...reads.map((read) => net.level(2 * read)));
    const last = Math.max(-1, ...reads.map((read) => columns.get(read) ?? 0));
    columns.set(node, last < 0 ? 0 : last + Math.max(1, levels));
  }
  return columns;
}

/** What some nodes depend on, themselves too, in the order of the netlist. Constants are read everywhere: they are left out. */
function nodesUnder(net: Netlist, roots: readonly number[]): number[] {
  const seen = new Set(roots);
  const queue = [...roots];
  for (let node = queue.pop(); node !== undefined; node = queue.pop())
    for (const read of net.reads(node)) {
      if (seen.has(nodeOf(read))) continue;
      seen.add(nodeOf(read));
      queue.push(nodeOf(read));
    }
  return [...seen].filter((node) => net.kind(node) !== 'constant').sort((a, b) => a - b);
}

function gateKind(net: Netlist, node: number): GateKind {
  const kind = net.kind(node);
  if (kind !== 'cell') return kind;
  return net.cells[net.operands(node)[0]].kind === 'count7' ? 'counter' : 'adder';
}

/** What a node is called in the Verilog: an input's bit, a wire, or the instance that makes it. */
function verilogName(net: Netlist, node: number): string {
  const [a] = net.operands(node);
  const kind = net.kind(node);
  if (kind === 'input') return `x[${a}]`;
  return kind === 'cell' ? `u${a}` : `n${node}`;
}

/**
 * The line of each name in a module's text, from 1 on: of a gate where it is made, of an input where it is first read.
 *
 * @param before how many lines of the file come before the text
 */
function linesOf(text: readonly string[], before: number): Map<string, number> {
  const lines = new Map<string, number>();
  text.forEach((line, i) => {
    const made = /^ *(?:wire|reg) (n\d+)\b/.exec(line) ?? / (u\d+) \(/.exec(line);
    const inputs = line.startsWith('//') ? [] : (line.match(/\bx\[\d+\]/g) ?? []);
    for (const name of made ? [made[1], ...inputs] : inputs)
      if (!lines.has(name)) lines.set(name, before + i + 1);
  });
  return lines;
}

/** What each bit of the layer's input is: where it comes from, and the bits of the first output's weight for it. */
function inputWords(model: CheckedModel, { input }: DesignLayer): (bit: number) => string {
  const layer = model.layers.find(({ name }) => name === 'layer');
  const weights = layer !== undefined && 'weights' in layer ? layer.weights : undefined;
  const channels = input.forms.length / kernel ** 2;
  return (bit) => {
    const i = input.offsets.findLastIndex((offset) => offset <= bit);
    const width = input.offsets[i + 1] - input.offsets[i];
    const [row, column] = [Math.floor(i / (kernel * channels)), Math.floor(i / channels) % kernel];
    const place = `input ${i} (row ${row}, column ${column}, channel ${i % channels})`;
    const bits = weights?.kind === 'planes' ? weights.bits[i] : undefined;
    const weight =
      bits === undefined ? '' : `; its weight has ${bits} ${bits === 1 ? 'bit' : 'bits'}`;
    return `${width > 1 ? `bit ${bit - input.offsets[i]} of ` : ''}${place}${weight}`;
  };
}

/** Says what nodes are. */
class NodeWords {
  private readonly net: Netlist;
  private readonly input: (bit: number) => string;
  private readonly whole: string;
  /** What the bits of the sum are made from. */
  private readonly sum: readonly Literal[];

  constructor(
    net: Netlist,
    sum: readonly Literal[],
    input: (bit: number) => string,
    whole: string,
  ) {
    this.net = net;
    this.sum = sum;
    this.input = input;
    this.whole = whole;
  }

  of(node: number): string {
    const place = (literal: Literal): number[] =>
      this.sum.flatMap((one, bit) => (one === literal ? [bit] : []));
    const [asItIs, flipped] = [place(2 * node), place(inverse(2 * node))];
    const isSum = asItIs.length > 0 ? `; ${this.bitsOfSum(asItIs)}` : '';
    const isInverse = flipped.length > 0 ? `; inverted it is ${this.bitsOfSum(flipped)}` : '';
    return `${this.words(node)}${isSum}${isInverse}`;
  }

  private bitsOfSum(bits: readonly number[]): string {
    const numbers = new Intl.ListFormat('en').format(bits.map(String));
    return `${bits.length === 1 ? 'bit' : 'bits'} ${numbers} of the sum of ${this.whole}`;
  }

  private words(node: number): string {
    const { net } = this;
    const [a, b] = net.operands(node);
    const name = verilogName(net, node);
    const kind = gateKind(net, node);
    switch (kind) {
      case 'input':
        return `${name}: ${this.input(a)}`;
      case 'counter':
        return `counter ${name}, bit ${b} of its count of ones among ${inputCount(net.cells[a].inputs)}`;
      case 'adder':
        return `adder ${name}, bit ${b} of its sum of three numbers`;
      default:
        return `${name}: ${kindWords[kind]}`;
    }
  }
}

/** How many inputs a counter has, and how many of them are constants. */
function inputCount(inputs: readonly Literal[]): string {
  const wired = inputs.filter((input) => nodeOf(input) !== 0).length;
  const ones = inputs.filter((input) => input === 1).length;
  return `${wired} inputs${ones > 0 ? ` and a constant 1` : ''}`;
}

const kindWords: Readonly<Record<Exclude<GateKind, 'input' | 'counter' | 'adder'>, string>> = {
  constant: 'constant',
  and: 'AND of two bits',
  xor: 'exclusive OR, the sum of two bits',
  xor3: 'exclusive OR of three, the sum of a full adder',
  majority: 'majority, the carry of a full adder',
  mux: 'multiplexer',
  register: 'register',
};
