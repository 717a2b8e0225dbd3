import { type Literal, type Netlist, nodeOf } from '@hbnn/circuit';

/** Nodes in ascending order that a node's table reads, when all between them is in the table. */
interface Cut {
  readonly leaves: readonly number[];
  /** Tables on the longest way up to here. */
  readonly depth: number;
  /** Tables up to here, those that several nodes read shared among them. */
  readonly flow: number;
}

/** Cuts of a node that are kept: so many of the fewest levels, and so many of the fewest tables. */
const maxCuts = 6;
const rounds = 2;

/**
 * Cover a netlist's gates with tables of up to `most` inputs, and count them: as synthesis does it, the fewest levels
 * first, then as few tables as those leave room for.
 *
 * @param roots literals that have to be nets; both a node and its inverse take a table each
 */
export function coverOf(net: Netlist, roots: ReadonlySet<Literal>, max: number): number {
  if (roots.size === 0) return 0;
  const cover = new Cover(net, max);
  let inverses = 0;
  const nodes = new Set<number>();
  for (const literal of roots) {
    const node = nodeOf(literal);
    // An inverter of an input or a sum, or a node's second polarity.
    if (!cover.isGate(node) || nodes.has(node)) inverses++;
    else nodes.add(node);
  }
  return inverses + cover.tables([...nodes]);
}

class Cover {
  private readonly net: Netlist;
  private readonly most: number;
  private readonly cuts: (readonly Cut[])[] = [];
  private readonly readers: Int32Array;
  private readonly gates: Uint8Array;

  constructor(net: Netlist, max: number) {
    this.net = net;
    this.most = max;
    this.readers = new Int32Array(net.size);
    this.gates = new Uint8Array(net.size);
    for (let node = 0; node < net.size; node++) {
      const kind = net.kind(node);
      if (kind === 'constant' || kind === 'input' || kind === 'cell' || kind === 'register')
        continue;
      this.gates[node] = 1;
      for (const operand of net.reads(node)) this.readers[nodeOf(operand)]++;
    }
    for (let node = 0; node < net.size; node++)
      this.cuts.push(this.isGate(node) ? this.cutsOf(node) : []);
  }

  isGate(node: number): boolean {
    return this.gates[node] === 1;
  }

  private cutsOf(node: number): Cut[] {
    let found: Cut[] = [{ leaves: [], depth: 0, flow: 0 }];
    for (const literal of this.net.reads(node)) {
      const operand = nodeOf(literal);
      if (operand === 0) continue;
      const next: Cut[] = [];
      for (const a of found) {
        this.join(a.leaves, [operand], next);
        for (const b of this.cuts[operand]) this.join(a.leaves, b.leaves, next);
      }
      found = keptResult(next);
    }
    // What is kept of two operands may leave no room for the third.
    if (found.length === 0) {
      const operands = new Set(this.net.reads(node).map(nodeOf));
      this.join(
        [],
        [...operands].filter((operand) => operand !== 0).sort((a, b) => a - b),
        found,
      );
    }
    return found.map(({ leaves, depth, flow }) => ({ leaves, depth: depth + 1, flow: flow + 1 }));
  }

  private join(a: readonly number[], b: readonly number[], to: Cut[]): void {
    const leaves = union(a, b, this.most);
    if (leaves === undefined) return;
    let [depth, flow] = [0, 0];
    for (const leaf of leaves) {
      const best = this.cuts[leaf][0];
      if (best === undefined) continue;
      depth = Math.max(depth, best.depth);
      flow += best.flow / Math.max(1, this.readers[leaf]);
    }
    to.push({ leaves, depth, flow });
  }

  /** How many tables the roots need. */
  tables(roots: readonly number[]): number {
    const { size } = this.net;
    const uses = new Int32Array(size);
    const chosen = this.cuts.map((cuts) => cuts[0]);
    const take = (node: number): number => {
      if (uses[node]++ > 0 || this.gates[node] === 0) return 0;
      return through(chosen[node], take) + 1;
    };
    const leave = (node: number): number => {
      if (--uses[node] > 0 || this.gates[node] === 0) return 0;
      return through(chosen[node], leave) + 1;
    };
    const through = (cut: Cut, by: (leaf: number) => number): number => {
      let sum = 0;
      for (const leaf of cut.leaves) sum += by(leaf);
      return sum;
    };
    let count = 0;
    for (const root of roots) count += take(root);
    const deepest = roots.reduce((max, root) => Math.max(max, chosen[root].depth), 0);
    const depths = Int32Array.from(chosen, (cut) => cut?.depth ?? 0);
    const depthOf = (cut: Cut): number => {
      let depth = 0;
      for (const leaf of cut.leaves) depth = Math.max(depth, depths[leaf]);
      return depth + 1;
    };
    for (let round = 0; round < rounds; round++) {
      const latest = this.latest(chosen, uses, deepest);
      for (let node = 0; node < size; node++) {
        if (this.gates[node] === 0) continue;
        if (uses[node] > 0 && this.cuts[node].length > 1) {
          count -= through(chosen[node], leave);
          let least = Number.POSITIVE_INFINITY;
          for (const cut of this.cuts[node]) {
            if (depthOf(cut) > latest[node]) continue;
            const added = through(cut, take);
            through(cut, leave);
            if (added < least) [chosen[node], least] = [cut, added];
          }
          count += through(chosen[node], take);
        }
        depths[node] = depthOf(chosen[node]);
      }
    }
    return count;
  }

  /** Levels by which each node has to be there, so that the whole takes no more. */
  private latest(chosen: readonly Cut[], uses: Int32Array, deepest: number): Int32Array {
    const latest = new Int32Array(this.net.size).fill(deepest);
    for (let node = this.net.size - 1; node > 0; node--) {
      if (this.gates[node] === 0 || uses[node] === 0) continue;
      for (const leaf of chosen[node].leaves)
        latest[leaf] = Math.min(latest[leaf], latest[node] - 1);
    }
    return latest;
  }
}

/** The best, those of the fewest levels first; equal ones once. */
function keptResult(cuts: Cut[]): Cut[] {
  const byDepth = (a: Cut, b: Cut): number =>
    a.depth - b.depth || a.flow - b.flow || a.leaves.length - b.leaves.length;
  const byFlow = (a: Cut, b: Cut): number =>
    a.flow - b.flow || a.depth - b.depth || a.leaves.length - b.leaves.length;
  const found: Cut[] = [];
  const same = (a: Cut, b: Cut): boolean =>
    a.leaves.length === b.leaves.length && a.leaves.every((leaf, i) => leaf === b.leaves[i]);
  for (const order of [byDepth, byFlow]) {
    const end = found.length + maxCuts;
    for (const cut of cuts.sort(order)) {
      if (found.length === end) break;
      if (!found.some((other) => same(cut, other))) found.push(cut);
    }
  }
  return found;
}

/** Two ascending lists as one without doubles; undefined where that is longer than `most`. */
function union(a: readonly number[], b: readonly number[], max: number): number[] | undefined {
  const all: number[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (all.length === max) return undefined;
    if (j === b.length || (i < a.length && a[i] < b[j])) all.push(a[i++]);
    else {
      if (i < a.length && a[i] === b[j]) i++;
      all.push(b[j++]);
    }
  }
  return all;
}
