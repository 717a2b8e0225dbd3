/** A net and whether it is inverted: 2 · node + inverted. */
export type Literal = number;

export const constantZero: Literal = 0;
export const constantOne: Literal = 1;
export const inverse = (literal: Literal): Literal => literal ^ 1;
export const nodeOf = (literal: Literal): number => literal >> 1;
export const inverted = (literal: Literal): boolean => (literal & 1) === 1;

/** What drives a net. Gates have up to three operands; the outputs of a cell name the cell and their place in it. */
export const nodeKinds = [
  'constant',
  'input',
  'and',
  'xor',
  'xor3',
  'majority',
  'mux',
  'cell',
  'register',
] as const;
export type NodeKind = (typeof nodeKinds)[number];

const code = Object.fromEntries(nodeKinds.map((kind, i) => [kind, i])) as Record<NodeKind, number>;

/** An instance of one of the primitives of primitives.ts. */
export interface Cell {
  readonly kind: 'count7' | 'add3';
  readonly inputs: readonly Literal[];
  /** Nodes, least significant first. */
  readonly outputs: readonly number[];
}

const sizeAtFirst = 1024;

/**
 * One module's logic: gates whose equals are made once. Inversions are flags of the operands and are pushed
 * to where they cost nothing: xor(¬a, b) = ¬xor(a, b), majority(¬a, ¬b, c) = ¬majority(a, b, ¬c); operands are
 * sorted, so that equal sums met in different neurons become one node.
 */
export class Netlist {
  /** The number of nodes, constant and inputs among them. */
  size = 0;
  private kinds = new Uint8Array(sizeAtFirst);
  private a = new Int32Array(sizeAtFirst);
  private b = new Int32Array(sizeAtFirst);
  private c = new Int32Array(sizeAtFirst);
  private levels = new Int32Array(sizeAtFirst);
  /** Gates by their hash; 0 is a free slot. */
  private table = new Int32Array(4 * sizeAtFirst);
  /** Numbers of cells, each one more, by their hash; 0 is a free slot. */
  private cellTable = new Int32Array(sizeAtFirst);
  readonly cells: Cell[] = [];
  readonly outputs: Literal[] = [];
  /** What a person reads above a node. */
  readonly notes = new Map<number, string>();

  readonly inputCount: number;

  constructor(inputCount: number) {
    this.inputCount = inputCount;
    this.push(code.constant, 0, 0, 0, 0);
    for (let i = 0; i < inputCount; i++) this.push(code.input, i, 0, 0, 0);
  }

  input(i: number): Literal {
    return 2 * (1 + i);
  }

  kind(node: number): NodeKind {
    return nodeKinds[this.kinds[node]];
  }

  /** Operands of a node: literals of a gate; the number of a cell and of its output; an input's number. */
  operands(node: number): readonly [number, number, number] {
    return [this.a[node], this.b[node], this.c[node]];
  }

  /** Gates on the longest way from an input or register; a counter is one, an adder one per four bits. */
  level(literal: Literal): number {
    return this.levels[literal >> 1];
  }

  /** 1 for each node that an output depends on. */
  live(): Uint8Array {
    const live = new Uint8Array(this.size);
    for (const output of this.outputs) live[nodeOf(output)] = 1;
    // A cell's outputs come after what it reads, and so do a gate's.
    for (let node = this.size - 1; node > 0; node--) {
      if (live[node] === 0) continue;
      const kind = this.kinds[node];
      if (kind === code.input) continue;
      if (kind === code.cell) {
        for (const operand of this.cells[this.a[node]].inputs) live[nodeOf(operand)] = 1;
        continue;
      }
      live[nodeOf(this.a[node])] = 1;
      if (kind === code.register) continue;
      live[nodeOf(this.b[node])] = 1;
      if (kind >= code.xor3) live[nodeOf(this.c[node])] = 1;
    }
    return live;
  }

  /** Whether an output depends on a register. */
  hasRegister(): boolean {
    const live = this.live();
    for (let node = 0; node < this.size; node++)
      if (live[node] === 1 && this.kinds[node] === code.register) return true;
    return false;
  }

  /** The literals that a node's value comes from. */
  reads(node: number): readonly Literal[] {
    const [a, b, c] = this.operands(node);
    const kind = this.kind(node);
    switch (kind) {
      case 'constant':
      case 'input':
        return [];
      case 'and':
      case 'xor':
        return [a, b];
      case 'xor3':
      case 'majority':
      case 'mux':
        return [a, b, c];
      case 'cell':
        return this.cells[a].inputs;
      case 'register':
        return [a];
      default:
        return kind satisfies never;
    }
  }

  /** Give back the memory that only further gates need. They can still be made; the first one takes longer then. */
  compact(): void {
    this.table = new Int32Array(0);
    this.cellTable = new Int32Array(0);
    this.kinds = this.kinds.slice(0, this.size);
    this.a = this.a.slice(0, this.size);
    this.b = this.b.slice(0, this.size);
    this.c = this.c.slice(0, this.size);
    this.levels = this.levels.slice(0, this.size);
  }

  /** Copy what the outputs need onto a netlist that has the inputs `kept` alone. */
  withInputs(kept: readonly number[]): Netlist {
    const copy = new Netlist(kept.length);
    const live = this.live();
    const map = new Int32Array(this.size);
    kept.forEach((i, to) => {
      map[nodeOf(this.input(i))] = copy.input(to);
    });
    const at = (literal: Literal): Literal => map[nodeOf(literal)] ^ (literal & 1);
    for (let node = 1 + this.inputCount; node < this.size; node++) {
      if (live[node] === 0) continue;
      const note = this.notes.get(node);
      if (note !== undefined) copy.notes.set(copy.size, note);
      map[node] = this.copyOf(node, copy, at);
    }
    copy.outputs.push(...this.outputs.map(at));
    return copy;
  }

  /** Make a node again in another netlist, of operands there. */
  copyOf(node: number, to: Netlist, at: (literal: Literal) => Literal): Literal {
    const [a, b, c] = this.operands(node);
    const kind = this.kind(node);
    switch (kind) {
      case 'and':
        return to.and(at(a), at(b));
      case 'xor':
        return to.xor(at(a), at(b));
      case 'xor3':
        return to.xor3(at(a), at(b), at(c));
      case 'majority':
        return to.majority(at(a), at(b), at(c));
      case 'mux':
        return to.mux(at(a), at(b), at(c));
      case 'cell': {
        const { inputs, outputs, kind: cell } = this.cells[a];
        return to.cell(cell, inputs.map(at), outputs.length)[b];
      }
      case 'register':
        return to.register(at(a));
      case 'constant':
      case 'input':
        return constantZero;
      default:
        return kind satisfies never;
    }
  }

  and(a: Literal, b: Literal): Literal {
    if (a === constantZero || b === constantZero || a === inverse(b)) return constantZero;
    if (a === constantOne || a === b) return b;
    if (b === constantOne) return a;
    return a < b ? this.gate(code.and, a, b, 0) : this.gate(code.and, b, a, 0);
  }

  or(a: Literal, b: Literal): Literal {
    return inverse(this.and(inverse(a), inverse(b)));
  }

  xor(a: Literal, b: Literal): Literal {
    const flip = (a ^ b) & 1;
    const [low, high] = [Math.min(a & ~1, b & ~1), Math.max(a & ~1, b & ~1)];
    if (low === high) return flip;
    if (low === constantZero) return high ^ flip;
    return this.gate(code.xor, low, high, 0) ^ flip;
  }

  xor3(a: Literal, b: Literal, c: Literal): Literal {
    const flip = (a ^ b ^ c) & 1;
    const [x, y, z] = sorted(a & ~1, b & ~1, c & ~1);
    if (x === y) return z ^ flip;
    if (y === z) return x ^ flip;
    if (x === constantZero) return this.xor(y, z) ^ flip;
    return this.gate(code.xor3, x, y, z) ^ flip;
  }

  majority(a: Literal, b: Literal, c: Literal): Literal {
    const [x, y, z] = sorted(a, b, c);
    // Sorted literals of one node are neighbours.
    if (x === y || y === z) return y;
    if (x === inverse(y)) return z;
    if (y === inverse(z)) return x;
    if (x === constantZero) return this.and(y, z);
    if (x === constantOne) return this.or(y, z);
    const flip = (x & 1) + (y & 1) + (z & 1) >= 2 ? 1 : 0;
    return this.gate(code.majority, x ^ flip, y ^ flip, z ^ flip) ^ flip;
  }

  /** `whenSet` where `select` is 1, else `whenClear`. */
  mux(select: Literal, whenSet: Literal, whenClear: Literal): Literal {
    if (inverted(select)) return this.mux(inverse(select), whenClear, whenSet);
    if (whenSet === whenClear || select === constantZero) return whenClear;
    if (whenSet === inverse(whenClear)) return this.xor(select, whenClear);
    if (whenSet === constantOne || whenSet === select) return this.or(select, whenClear);
    if (whenSet === constantZero || whenSet === inverse(select))
      return this.and(inverse(select), whenClear);
    if (whenClear === constantZero || whenClear === select) return this.and(select, whenSet);
    if (whenClear === constantOne || whenClear === inverse(select))
      return this.or(inverse(select), whenSet);
    const flip = whenSet & 1;
    return this.gate(code.mux, select, whenSet ^ flip, whenClear ^ flip) ^ flip;
  }

  /** A register: its output is its operand one cycle later. Constants need none. */
  register(d: Literal): Literal {
    if (nodeOf(d) === 0) return d;
    return this.gate(code.register, d & ~1, 0, 0) ^ (d & 1);
  }

  /** An instance with so many outputs; an equal one is made once. */
  cell(kind: Cell['kind'], inputs: readonly Literal[], outputs: number): readonly Literal[] {
    if (this.cellTable.length === 0) this.growCells();
    const slot = this.cellSlot(kind, inputs);
    const cached = this.cells[this.cellTable[slot] - 1];
    if (cached !== undefined) return cached.outputs.map((node) => 2 * node);
    const latest = inputs.reduce((max, input) => Math.max(max, this.level(input)), 0);
    const level = latest + (kind === 'add3' ? 1 + Math.ceil(outputs / 4) : 1);
    const nodes = Array.from({ length: outputs }, (_, i) =>
      this.push(code.cell, this.cells.length, i, 0, level),
    );
    const built: Cell = { kind, inputs, outputs: nodes };
    this.cellTable[slot] = this.cells.push(built);
    if (4 * this.cells.length > this.cellTable.length) this.growCells();
    return nodes.map((node) => 2 * node);
  }

  /** Where a cell is in the table, or would be. */
  private cellSlot(kind: Cell['kind'], inputs: readonly Literal[]): number {
    const { cellTable, cells } = this;
    let hash = kind.length;
    for (const input of inputs) hash = mixed(hash, input);
    let slot = (hash ^ (hash >>> 16)) & (cellTable.length - 1);
    while (cellTable[slot] !== 0) {
      const cell = cells[cellTable[slot] - 1];
      if (cell.kind === kind && sameInputs(cell.inputs, inputs)) return slot;
      slot = (slot + 1) & (cellTable.length - 1);
    }
    return slot;
  }

  private growCells(): void {
    let slots = Math.max(sizeAtFirst, 4 * this.cellTable.length);
    while (slots < 4 * this.cells.length) slots *= 4;
    this.cellTable = new Int32Array(slots);
    this.cells.forEach(({ kind, inputs }, i) => {
      this.cellTable[this.cellSlot(kind, inputs)] = i + 1;
    });
  }

  private gate(kind: number, a: number, b: number, c: number): Literal {
    if (4 * (this.size + 1) > this.table.length) this.grow();
    let slot = this.slotOf(kind, a, b, c);
    while (this.table[slot] !== 0) {
      const node = this.table[slot];
      const same = this.kinds[node] === kind && this.a[node] === a && this.b[node] === b;
      if (same && this.c[node] === c) return 2 * node;
      slot = (slot + 1) & (this.table.length - 1);
    }
    const latest = Math.max(this.level(a), this.level(b), this.level(c));
    const node = this.push(kind, a, b, c, kind === code.register ? 0 : latest + 1);
    this.table[slot] = node;
    return 2 * node;
  }

  private slotOf(kind: number, a: number, b: number, c: number): number {
    let hash = Math.imul(kind + 1, 0x9e3779b1) ^ Math.imul(a, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35) ^ Math.imul(b, 0x27d4eb2f);
    hash = Math.imul(hash ^ (hash >>> 13), 0x165667b1) ^ Math.imul(c, 0x9e3779b1);
    return (hash ^ (hash >>> 16)) & (this.table.length - 1);
  }

  private grow(): void {
    let slots = Math.max(sizeAtFirst, 4 * this.table.length);
    while (slots < 4 * (this.size + 1)) slots *= 4;
    this.table = new Int32Array(slots);
    for (let node = 0; node < this.size; node++) {
      const kind = this.kinds[node];
      if (kind < code.and || kind === code.cell) continue;
      let slot = this.slotOf(kind, this.a[node], this.b[node], this.c[node]);
      while (this.table[slot] !== 0) slot = (slot + 1) & (this.table.length - 1);
      this.table[slot] = node;
    }
  }

  private push(kind: number, a: number, b: number, c: number, level: number): number {
    if (this.size === this.kinds.length) this.makeRoom();
    const node = this.size++;
    this.kinds[node] = kind;
    this.a[node] = a;
    this.b[node] = b;
    this.c[node] = c;
    this.levels[node] = level;
    return node;
  }

  private makeRoom(): void {
    const nodes = Math.max(sizeAtFirst, 2 * this.size);
    this.kinds = grown(this.kinds, new Uint8Array(nodes));
    this.a = grown(this.a, new Int32Array(nodes));
    this.b = grown(this.b, new Int32Array(nodes));
    this.c = grown(this.c, new Int32Array(nodes));
    this.levels = grown(this.levels, new Int32Array(nodes));
  }
}

function grown<T extends Uint8Array | Int32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

const mixed = (hash: number, literal: Literal): number => {
  const next = Math.imul(hash ^ literal, 0x85ebca6b);
  return next ^ (next >>> 13);
};

const sameInputs = (a: readonly Literal[], b: readonly Literal[]): boolean =>
  a.length === b.length && a.every((literal, i) => literal === b[i]);

function sorted(a: number, b: number, c: number): [number, number, number] {
  const low = Math.min(a, b, c);
  const high = Math.max(a, b, c);
  return [low, a + b + c - low - high, high];
}
