import {
  type Bus,
  busWidth,
  constantOne,
  constantZero,
  type Design,
  type DesignLayer,
  describeForm,
  formKey,
  type Instance,
  indexWidth,
  inverted,
  type LayerSource,
  type Leaf,
  type Literal,
  type Module,
  type Netlist,
  nodeOf,
  type OutputPort,
  type Range,
  type Step,
} from '@hbnn/circuit';
import { modelsFile, primitivesFile, xc7Models, xc7Primitives } from './primitives.ts';

/** Write a design as Verilog-2005, one file per layer: the same design gives the same text. */
export function unrolledFiles(design: Design): Record<string, string> {
  const files: Record<string, string> = {};
  for (const layer of design.layers) files[`${layer.module}.v`] = layerFile(layer);
  const scoresLines = [
    "Scores in two's complement of 32 bits",
    ...describeBus('x', design.layers[design.layers.length - 1].output),
  ];
  files[`${design.scores.name}.v`] = file(scoresLines, [leafText(design.scores)]);
  files[`${design.largest.name}.v`] = largestFile(design);
  files[`${design.top}.v`] = topFile(design);
  if (design.style === 'xc7') {
    files[primitivesFile] = xc7Primitives;
    files[modelsFile] = xc7Models;
  }
  return files;
}

export function file(about: readonly string[], modules: readonly string[]): string {
  const head = about.map((line) => `// ${ascii(line)}\n`).join('');
  const lint = '/* verilator lint_off DECLFILENAME */\n';
  const first = `${head}${lint}\`timescale 1ns / 1ps\n\`default_nettype none\n`;
  return [first, ...modules, '`default_nettype wire\n'].join('\n');
}

/** Comments hold what any tool reads, whatever a model's names are. */
export const ascii = (text: string): string => text.replace(/[^\x20-\x7e]|\\/g, '?');

/** Where thresholds and a pool are not in the model's order. */
export function stepText(step: Step): string[] {
  switch (step.kind) {
    case 'layer':
      return [];
    case 'codes':
      return [
        'Thresholds before the max pool, none turned round: a larger value never has a smaller code',
      ];
    case 'codePool':
      return [
        `The largest codes, turned round where the thresholds '${ascii(step.threshold.name)}' are: those thresholds of the largest values`,
      ];
    default:
      return step satisfies never;
  }
}

function layerFile(design: DesignLayer): string {
  const { layer, kind, module, modules, input, output, stages, delayCycles } = design;
  const about = [
    `Layer '${layer}', ${kind}: ${input.shape.join(' x ')} to ${output.shape.join(' x ')}`,
    ...stepText(design.step),
    ...describeBus('x', input),
    ...describeBus('y', output),
    timing(stages, delayCycles),
  ];
  const others = modules.length - 1;
  if (others > 0)
    about.push(
      `${module} has an instance for each place; ${others} module(s) above it do the work`,
    );
  return file(
    about,
    modules.map((eachModule) => moduleText(eachModule, modules)),
  );
}

function timing(stages: number, cycles: number): string {
  if (cycles === 0) return 'Combinational: latency 0 cycles, an image per evaluation';
  const from = stages === cycles ? '' : `, ${cycles} from the pixels`;
  return `Latency ${stages} cycle(s)${from}; an image per cycle`;
}

const maxForms = 8;

/** How elements lie on a bus, by runs of the same form. */
function describeBus(port: string, bus: Bus): string[] {
  const { forms, offsets } = bus;
  const lines = [`${port}: ${forms.length} values in ${busWidth(bus)} bits, channels fastest`];
  const seen = new Map<string, number>();
  forms.forEach((form, i) => {
    const key = formKey(form);
    if (!seen.has(key)) seen.set(key, i);
  });
  const distinct = [...seen.values()];
  for (const i of distinct.slice(0, maxForms)) {
    const bits = forms[i].weights.length === 0 ? 'no bits' : `from bit ${offsets[i]}`;
    lines.push(`  value ${i} (${bits}) and all of the same form: ${describeForm(forms[i])}`);
  }
  if (distinct.length > maxForms) lines.push(`  … and ${distinct.length - maxForms} more forms`);
  return lines.map((line) => line.replace('…', '...'));
}

function moduleText(module: Module, layer: readonly Module[]): string {
  if (module.kind === 'leaf') return leafText(module);
  const { name, inputWidth, outputWidth, instances } = module;
  const y = [{ name: 'y', width: outputWidth }];
  const clocked = new Set(layer.filter(isClocked).map((each) => each.name));
  const lines = [header(name, inputWidth, y, clocked.size > 0 ? 'always' : undefined)];
  for (const instance of instances)
    lines.push(...instanceText(instance, clocked.has(instance.module)));
  lines.push(
    ...assembled(
      'y',
      instances.map(({ name: at }) => `y_${at}`),
    ),
  );
  const read = new Uint8Array(inputWidth);
  for (const { x } of instances) for (const { from, width } of x) read.fill(1, from, from + width);
  lines.push(...sink(unread(inputWidth, (i) => read[i] === 1).map((i) => `x[${i}]`)));
  return `${lines.join('\n')}\nendmodule\n`;
}

function unread(count: number, isRead: (i: number) => boolean): number[] {
  return Array.from({ length: count }, (_, i) => i).filter((i) => !isRead(i));
}

/** Say what is not read on purpose. */
const sink = (names: readonly string[]): string[] =>
  names.length === 0 ? [] : [`  wire unused = &{1'b0, ${names.join(', ')}};`];

const isClocked = (module: Module): boolean => module.kind === 'leaf' && module.clock !== undefined;

function header(
  name: string,
  inputWidth: number,
  ports: readonly OutputPort[],
  clock?: Leaf['clock'],
): string {
  const list = [
    ...(clock === undefined ? [] : ['input  wire clk']),
    ...(clock === 'enabled' ? ['input  wire ce'] : []),
    `input  wire [${Math.max(1, inputWidth) - 1}:0] x`,
    ...ports.map((port) => `output wire [${Math.max(1, port.width) - 1}:0] ${port.name}`),
  ];
  return `module ${name} (\n    ${list.join(',\n    ')}\n);`;
}

const rangeText = (bus: string, { from, width }: Range): string =>
  width === 1 ? `${bus}[${from}]` : `${bus}[${from + width - 1}:${from}]`;

/** Parts of a bus, least significant first, as one operand. */
function concatenation(bus: string, parts: readonly Range[]): string {
  if (parts.length === 0) return "1'b0";
  const texts = parts.map((part) => rangeText(bus, part)).reverse();
  return texts.length === 1 ? texts[0] : `{${texts.join(', ')}}`;
}

const clockPort = (clocked: boolean): string => (clocked ? '.clk(clk), ' : '');

const instanceText = ({ module, name, x, width }: Instance, clocked: boolean): string[] => [
  `  wire [${width - 1}:0] y_${name};`,
  `  ${module} ${name} (${clockPort(clocked)}.x(${concatenation('x', x)}), .y(y_${name}));`,
];

/**
 * Drive a port with parts in order, least significant first, in one piece: simulators that wake every reader of a
 * vector for each of its drivers get slow otherwise.
 */
function assembled(port: string, parts: readonly string[]): string[] {
  if (parts.length === 0) return [`  assign ${port} = 1'b0;`];
  const high = [...parts].reverse();
  const lines: string[] = [];
  for (let i = 0; i < high.length; i += perLine)
    lines.push(`      ${high.slice(i, i + perLine).join(', ')}`);
  return [`  assign ${port} = {`, `${lines.join(',\n')}`, '  };'];
}

const perLine = 8;

/** How many lines are kept apart before they become one text. */
const linesApart = 1024;

/** Lines that become one text now and then: a module may have a million, which take far more memory apart. */
class Lines {
  private readonly texts: string[] = [];
  private few: string[] = [];

  push(...lines: readonly string[]): void {
    this.few.push(...lines);
    if (this.few.length < linesApart) return;
    this.texts.push(this.few.join('\n'));
    this.few = [];
  }

  get isEmpty(): boolean {
    return this.texts.length + this.few.length === 0;
  }

  text(): string {
    return [...this.texts, ...this.few].join('\n');
  }
}

/** A module of gates and registers. */
export function leafText({ name, net, ports, clock }: Leaf): string {
  const lines = new Lines();
  const edges = new Lines();
  lines.push(header(name, net.inputCount, ports, clock));
  const live = net.live();
  const namer = new NetNames(net);
  const cells = new Set<number>();
  for (let node = 1 + net.inputCount; node < net.size; node++) {
    if (live[node] === 0) continue;
    const note = net.notes.get(node);
    if (note !== undefined) lines.push(`  // ${note}`);
    if (net.kind(node) === 'register') {
      lines.push(`  reg n${node};`);
      edges.push(`    n${node} <= ${namer.text(net.operands(node)[0])};`);
    } else if (net.kind(node) !== 'cell') lines.push(`  ${namer.gate(node)}`);
    else {
      const [cell] = net.operands(node);
      if (cells.has(cell)) continue;
      cells.add(cell);
      lines.push(...namer.cell(cell, live));
    }
  }
  if (!edges.isEmpty) {
    const when = clock === 'enabled' ? 'if (ce) begin' : 'begin';
    lines.push(`  always @(posedge clk) ${when}`, edges.text(), '  end');
  }
  let at = 0;
  for (const port of ports) {
    const bits = net.outputs.slice(at, at + port.width).map((bit) => namer.text(bit));
    lines.push(...assembled(port.name, bits));
    at += port.width;
  }
  const dead = unread(net.inputCount, (i) => live[1 + i] === 1).map((i) => `x[${i}]`);
  if (net.inputCount === 0) dead.push('x[0]');
  lines.push(...sink([...dead, ...namer.unreadOutputs]));
  lines.push('endmodule', '');
  return lines.text();
}

/** Writes literals and what drives them. */
class NetNames {
  private readonly net: Netlist;
  readonly unreadOutputs: string[] = [];

  constructor(net: Netlist) {
    this.net = net;
  }

  text(literal: Literal): string {
    if (literal === constantZero) return "1'b0";
    if (literal === constantOne) return "1'b1";
    const name = this.name(nodeOf(literal));
    return inverted(literal) ? `~${name}` : name;
  }

  private name(node: number): string {
    const [a, b] = this.net.operands(node);
    const kind = this.net.kind(node);
    if (kind === 'input') return `x[${a}]`;
    return kind === 'cell' ? `c${a}[${b}]` : `n${node}`;
  }

  gate(node: number): string {
    const [a, b, c] = this.net.reads(node).map((literal) => this.text(literal));
    const to = `wire n${node} = `;
    switch (this.net.kind(node)) {
      case 'and':
        return `${to}${a} & ${b};`;
      case 'xor':
        return `${to}${a} ^ ${b};`;
      case 'xor3':
        return `${to}${a} ^ ${b} ^ ${c};`;
      case 'majority':
        // The majority of three: where two differ the third decides.
        return `${to}(${a} ^ ${b}) ? ${c} : ${a};`;
      case 'mux':
        return `${to}${a} ? ${b} : ${c};`;
      default:
        throw new Error(`node ${node} is no gate`);
    }
  }

  cell(number: number, live: Uint8Array): string[] {
    const { kind, inputs, outputs } = this.net.cells[number];
    outputs.forEach((node, i) => {
      if (live[node] === 0) this.unreadOutputs.push(`c${number}[${i}]`);
    });
    // Inversions that a LUT takes in; the last two inputs go past the LUTs.
    const inLut = kind === 'count7' ? 5 : inputs.length - 2;
    const flips = inputs.map((input, i) => i < inLut && inverted(input) && input !== constantOne);
    const x = inputs.map((input, i) => this.text(flips[i] ? input ^ 1 : input));
    const bits = flips.map((flip) => (flip ? '1' : '0')).reverse();
    const parameters = [`.INVERT(${inputs.length}'b${bits.join('')})`];
    if (kind === 'add3')
      parameters.unshift(`.COLUMNS(${(inputs.length - 2) / 3})`, `.OUTPUTS(${outputs.length})`);
    const port = kind === 'count7' ? 'count' : 'sum';
    const ports = `.x({${x.reverse().join(', ')}}), .${port}(c${number})`;
    return [
      `  wire [${outputs.length - 1}:0] c${number};`,
      `  hbnn_${kind} #(${parameters.join(', ')}) u${number} (${ports});`,
    ];
  }
}

/** A tournament of scores; of two that are equal the one of the lower number goes on. */
function largestFile({ largest: { name, width, registered }, classes }: Design): string {
  const count = classes.length;
  const bits = indexWidth(count);
  const about = [
    `The number of the largest of ${count} scores, the first of equal ones`,
    `Scores differ in their low ${width} bits alone: the others repeat the sign`,
  ];
  if (registered.length > 0) about.push(timing(registered.length, registered.length));
  const ports = [{ name: 'largest', width: bits }];
  const lines = [header(name, 32 * count, ports, registered.length > 0 ? 'always' : undefined)];
  const entry = (k: number): Entry => ({
    value: `x[${32 * k + width - 1}:${32 * k}]`,
    index: `${bits}'d${k}`,
  });
  let left = classes.map((_, k) => k);
  const edges: string[] = [];
  for (const k of left) lines.push(...entryLines(`0_${k}`, entry(k), width, bits));
  let round = 0;
  for (; left.length > 1; round++) {
    const suffix = registered.includes(round) ? '_q' : '';
    if (suffix !== '')
      for (const k of left) lines.push(...registerEntry(`${round}_${k}`, width, bits, edges));
    const next: number[] = [];
    for (const k of left.filter((k) => k % 2 === 0)) {
      next.push(k / 2);
      const match = matched(`${round}_${k}${suffix}`, `${round}_${k + 1}${suffix}`);
      const alone = {
        value: `value_${round}_${k}${suffix}`,
        index: `index_${round}_${k}${suffix}`,
      };
      const goesOn = k + 1 === left.length ? alone : match.winner;
      if (goesOn === match.winner) lines.push(match.line);
      lines.push(...entryLines(`${round + 1}_${k / 2}`, goesOn, width, bits));
    }
    left = next;
  }
  if (edges.length > 0) lines.push('  always @(posedge clk) begin', ...edges, '  end');
  lines.push(`  assign largest = index_${round}_0;`);
  const signs = classes.map((_, k) => `x[${32 * k + 31}:${32 * k + width}]`);
  const rest = [...(width < 32 ? signs : []), `value_${round}_0`];
  lines.push(...sink(rest));
  return file(about, [`${lines.join('\n')}\nendmodule\n`]);
}

/** A score and its number on their way through the tournament. */
interface Entry {
  readonly value: string;
  readonly index: string;
}

const entryLines = (
  name: string,
  { value, index }: Entry,
  width: number,
  bits: number,
): string[] => [
  `  wire signed [${width - 1}:0] value_${name} = ${value};`,
  `  wire [${bits - 1}:0] index_${name} = ${index};`,
];

function registerEntry(name: string, width: number, bits: number, edges: string[]): string[] {
  edges.push(`    value_${name}_q <= value_${name};`, `    index_${name}_q <= index_${name};`);
  return [
    `  reg signed [${width - 1}:0] value_${name}_q;`,
    `  reg [${bits - 1}:0] index_${name}_q;`,
  ];
}

function matched(a: string, b: string): { readonly line: string; readonly winner: Entry } {
  return {
    line: `  wire less_${a} = value_${a} < value_${b};`,
    winner: {
      value: `less_${a} ? value_${b} : value_${a}`,
      index: `less_${a} ? index_${b} : index_${a}`,
    },
  };
}

function topFile(design: Design): string {
  const { top, input, layers, scores, largest, classes, latencyCycles, deepestLevels } = design;
  const about = [
    `A network of ${layers.length} layers: ${layers.map(({ layer }) => layer).join(', ')}`,
    `pixels: ${input.shape.join(' x ')} of 8 bits, row by row, channels fastest`,
    `scores: ${classes.length} of 32 bits in two's complement; largest: the number of the largest`,
    timing(latencyCycles, latencyCycles),
  ];
  if (latencyCycles > 0) about.push(`At most ${deepestLevels} levels of gates between registers`);
  const width = indexWidth(classes.length);
  const lines = [
    `module ${top} (`,
    ...(latencyCycles > 0 ? ['    input  wire clk,'] : []),
    `    input  wire [${busWidth(input) - 1}:0] pixels,`,
    `    output wire [${32 * classes.length - 1}:0] scores,`,
    `    output wire [${width - 1}:0] largest`,
    ');',
  ];
  for (const [i, { module, modules, sources, output }] of layers.entries()) {
    const wire = `${module}_y`;
    const clock = clockPort(modules.some(isClocked));
    const x = sourcesText(design, sources);
    lines.push(
      `  ${isUnread(design, i) ? '(* keep *) ' : ''}wire [${busWidth(output) - 1}:0] ${wire};`,
    );
    lines.push(`  ${module} ${module}_layer (${clock}.x(${x}), .y(${wire}));`);
    const waits = layers.flatMap((layer) =>
      layer.sources.map((source) => (source.layer === i ? source.delayCycles : 0)),
    );
    lines.push(...delayed(wire, Math.max(0, ...waits), busWidth(output)));
  }
  const before = `${layers[layers.length - 1].module}_y`;
  const rounds = largest.registered.length;
  const built = rounds > 0 ? 'scores_0' : 'scores';
  if (rounds > 0) lines.push(`  wire [${32 * classes.length - 1}:0] scores_0;`);
  lines.push(
    `  ${scores.name} ${scores.name}_layer (${clockPort(isClocked(scores))}.x(${before}), .scores(${built}));`,
    `  ${largest.name} ${largest.name}_layer (${clockPort(rounds > 0)}.x(${built}), .largest(largest));`,
  );
  if (rounds > 0)
    lines.push(
      ...delayed('scores', rounds, 32 * classes.length, 'scores_0'),
      `  assign scores = scores_${rounds};`,
    );
  return file(about, [`${lines.join('\n')}\nendmodule\n`]);
}

/** Whether a layer has no bits, and those that read it have others beside. */
const isUnread = ({ layers }: Design, layer: number): boolean =>
  widthOf(layers[layer].output) === 0 &&
  layer < layers.length - 1 &&
  layers.every(({ sources }) => sources.length > 1 || sources[0].layer !== layer);

/** The bits that the values of a bus have. */
const widthOf = ({ offsets }: Bus): number => offsets[offsets.length - 1];

/** What a layer reads: a bus, or those of several layers, the first one lowest. */
function sourcesText({ layers }: Design, sources: readonly LayerSource[]): string {
  const wires = sources.flatMap(({ layer, delayCycles }) => {
    if (layer < 0) return ['pixels'];
    const { module, output } = layers[layer];
    // A bus of no bits has a wire all the same, which stands for nothing.
    if (sources.length > 1 && widthOf(output) === 0) return [];
    return [delayCycles === 0 ? `${module}_y` : `${module}_y_${delayCycles}`];
  });
  if (wires.length === 0) return "1'b0";
  return wires.length === 1 ? wires[0] : `{${wires.reverse().join(', ')}}`;
}

/** Values that wait: those of `name` after n cycles are `name`_n. */
function delayed(name: string, cycles: number, width: number, start = name): string[] {
  if (cycles === 0) return [];
  const places = Array.from({ length: cycles }, (_, i) => i + 1);
  return [
    ...places.map((i) => `  reg [${width - 1}:0] ${name}_${i};`),
    '  always @(posedge clk) begin',
    ...places.map((i) => `    ${name}_${i} <= ${i === 1 ? start : `${name}_${i - 1}`};`),
    '  end',
  ];
}
