import { constantOne, constantZero, inverted, type Literal, Netlist, nodeOf } from '@hbnn/circuit';

/** Nodes of diagrams up to which logic is reduced: comparisons take a few for each bit. */
const maxNodes = 20_000;

/** A diagram's node: choices by a variable. 0 and 1 are the constants. */
type Diagram = number;

/** Reduced ordered binary decision diagrams; equal functions are one number. */
class Diagrams {
  /** A node's variable, and the place of a variable: the later ones are chosen by first. */
  private readonly variables = [-1, -1];
  private readonly places: ArrayLike<number>;
  private readonly low: Diagram[] = [0, 1];
  private readonly high: Diagram[] = [0, 1];
  private readonly nodes = new Map<string, Diagram>();
  private readonly choices = new Map<string, Diagram>();

  constructor(places: ArrayLike<number>) {
    this.places = places;
  }

  get size(): number {
    return this.variables.length;
  }

  node(variable: number, high: Diagram, low: Diagram): Diagram {
    if (high === low) return low;
    const key = `${variable},${high},${low}`;
    const known = this.nodes.get(key);
    if (known !== undefined) return known;
    this.variables.push(variable);
    this.high.push(high);
    this.low.push(low);
    this.nodes.set(key, this.size - 1);
    return this.size - 1;
  }

  /** `whenSet` where `select` is 1, else `whenClear`. */
  choice(select: Diagram, whenSet: Diagram, whenClear: Diagram): Diagram {
    if (select === 1 || whenSet === whenClear) return whenSet;
    if (select === 0) return whenClear;
    if (whenSet === 1 && whenClear === 0) return select;
    const key = `${select},${whenSet},${whenClear}`;
    const known = this.choices.get(key);
    if (known !== undefined) return known;
    const parts = [select, whenSet, whenClear];
    let top = -1;
    for (const part of parts) {
      const variable = this.variables[part];
      if (variable >= 0 && (top < 0 || this.places[variable] > this.places[top])) top = variable;
    }
    const [high, low] = [this.high, this.low].map((side) => {
      const [s, a, b] = parts.map((part) => (this.variables[part] === top ? side[part] : part));
      return this.choice(s, a, b);
    });
    const found = this.node(top, high, low);
    this.choices.set(key, found);
    return found;
  }

  inverse(diagram: Diagram): Diagram {
    return this.choice(diagram, 0, 1);
  }

  /** A diagram as logic; `of` says what a variable is. */
  logic(net: Netlist, of: (variable: number) => Literal): (diagram: Diagram) => Literal {
    const built = new Map<Diagram, Literal>([
      [0, constantZero],
      [1, constantOne],
    ]);
    const literal = (diagram: Diagram): Literal => {
      const known = built.get(diagram);
      if (known !== undefined) return known;
      const [high, low] = [literal(this.high[diagram]), literal(this.low[diagram])];
      const made = net.mux(of(this.variables[diagram]), high, low);
      built.set(diagram, made);
      return made;
    };
    return literal;
  }
}

/** Where inputs and registers are among the variables: registers beside the last input that they depend on. */
function placesOf(net: Netlist): Int32Array {
  const last = new Int32Array(net.size);
  const variables: number[] = [];
  for (let node = 1; node < net.size; node++) {
    const kind = net.kind(node);
    if (kind === 'input') last[node] = node;
    for (const literal of net.reads(node)) last[node] = Math.max(last[node], last[nodeOf(literal)]);
    if (kind === 'input' || kind === 'register') variables.push(node);
  }
  const places = new Int32Array(net.size);
  variables.sort((a, b) => last[a] - last[b] || a - b);
  variables.forEach((variable, place) => {
    places[variable] = place;
  });
  return places;
}

/**
 * Leave out of a netlist what its outputs do not depend on: comparisons, and registers of their first bits, that another
 * comparison decides already. Synthesis finds them too.
 *
 * @returns the netlist itself where it has cells, or diagrams of it would be large
 */
export function reducedLogic(net: Netlist): Netlist {
  if (net.cells.length > 0) return net;
  const diagrams = new Diagrams(placesOf(net));
  const of: Diagram[] = [0];
  /** Registers by what goes into them. */
  const registers = new Map<Diagram, number>();
  const into = new Map<number, Diagram>();
  const at = (literal: Literal): Diagram =>
    inverted(literal) ? diagrams.inverse(of[nodeOf(literal)]) : of[nodeOf(literal)];
  const live = net.live();
  for (let node = 1; node < net.size; node++) {
    if (live[node] === 0) continue;
    if (net.kind(node) === 'input') of[node] = diagrams.node(node, 1, 0);
    else if (net.kind(node) === 'register') {
      const input = at(net.operands(node)[0]);
      const register = registers.get(input) ?? node;
      registers.set(input, register);
      into.set(register, input);
      of[node] = input < 2 ? input : diagrams.node(register, 1, 0);
    } else of[node] = gateOf(net, node, diagrams, at);
    if (diagrams.size > maxNodes) return net;
  }
  return rebuilt(net, diagrams, into, net.outputs.map(at));
}

function gateOf(
  net: Netlist,
  node: number,
  diagrams: Diagrams,
  at: (literal: Literal) => Diagram,
): Diagram {
  const operands = net.reads(node).map(at);
  const [a, b, c = 0] = operands;
  const exclusive = (x: Diagram, y: Diagram): Diagram => diagrams.choice(x, diagrams.inverse(y), y);
  switch (net.kind(node)) {
    case 'and':
      return diagrams.choice(a, b, 0);
    case 'xor':
      return exclusive(a, b);
    case 'xor3':
      return exclusive(a, exclusive(b, c));
    case 'majority':
      return diagrams.choice(a, diagrams.choice(b, 1, c), diagrams.choice(b, c, 0));
    default:
      return diagrams.choice(a, b, c);
  }
}

function rebuilt(
  net: Netlist,
  diagrams: Diagrams,
  into: ReadonlyMap<number, Diagram>,
  outputs: readonly Diagram[],
): Netlist {
  const made = new Netlist(net.inputCount);
  const variables = new Map<number, Literal>();
  const literal = diagrams.logic(made, (variable) => {
    const known = variables.get(variable);
    if (known !== undefined) return known;
    const input = into.get(variable);
    const found = input === undefined ? made.input(variable - 1) : made.register(literal(input));
    variables.set(variable, found);
    return found;
  });
  for (const output of outputs) made.outputs.push(literal(output));
  return made;
}
