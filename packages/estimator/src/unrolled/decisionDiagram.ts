import { constantOne, constantZero, type Literal, Netlist, nodeOf } from '@hbnn/circuit';

/** About how many gates of two inputs each kind of node is. */
const gatesOf = { and: 1, xor: 2, mux: 2, majority: 2.5, xor3: 4 };

const sizeOf = (net: Netlist): number => {
  const live = net.live();
  let sum = 0;
  for (let node = 1 + net.inputCount; node < net.size; node++) {
    const kind = net.kind(node);
    if (live[node] === 1 && kind in gatesOf) sum += gatesOf[kind as keyof typeof gatesOf];
  }
  return sum;
};

/**
 * Logic of a few inputs as synthesis leaves it: sums of a few bits that count several times are fewer gates than their
 * adders. Outputs are made anew of choices by one input after the other, equal ones once (a reduced ordered binary
 * decision diagram), and what is smaller than the netlist takes its place.
 *
 * @param net gates alone, without cells and registers
 * @param orders how inputs may be chosen by: from the last to the first, or in some orders more
 */
export function withFewGates(net: Netlist, orders: 'last' | 'some'): Netlist {
  const { inputCount: n } = net;
  const tables = tablesOf(net);
  let [best, least] = [net, sizeOf(net)];
  for (const order of orders === 'last' ? [undefined] : ordersOf(n)) {
    const turned = order === undefined ? tables : tables.map((table) => inOrder(table, n, order));
    const built = byChoices(turned, n, order);
    const size = sizeOf(built);
    if (size < least) [best, least] = [built, size];
  }
  return best;
}

/** An output's value for every combination of inputs, input i at bit i of the combination, 32 of them in a word. */
type Table = Int32Array;

const wordBits = 5;
const wordCount = (n: number): number => 2 ** Math.max(0, n - wordBits);

/** The truth table of input i < 5, whatever the others are. */
const patterns = [0xaaaa_aaaa, 0xcccc_cccc, 0xf0f0_f0f0, 0xff00_ff00, 0xffff_0000];

function tablesOf(net: Netlist): Table[] {
  const words = wordCount(net.inputCount);
  const live = net.live();
  const tables: Table[] = new Array(net.size);
  tables[0] = new Int32Array(words);
  for (let i = 0; i < net.inputCount; i++)
    tables[nodeOf(net.input(i))] = Int32Array.from({ length: words }, (_, w) =>
      i < wordBits ? patterns[i] : -((w >> (i - wordBits)) & 1),
    );
  for (let node = 1 + net.inputCount; node < net.size; node++) {
    if (live[node] === 0) continue;
    const [a, b, c] = net.operands(node);
    const kind = net.kind(node);
    const table = new Int32Array(words);
    for (let w = 0; w < words; w++) {
      const x = tables[nodeOf(a)][w] ^ -(a & 1);
      const y = tables[nodeOf(b)][w] ^ -(b & 1);
      const z = kind === 'and' || kind === 'xor' ? 0 : tables[nodeOf(c)][w] ^ -(c & 1);
      if (kind === 'and') table[w] = x & y;
      else if (kind === 'xor' || kind === 'xor3') table[w] = x ^ y ^ z;
      else if (kind === 'majority') table[w] = (x & y) | (z & (x | y));
      else table[w] = (x & y) | (~x & z);
    }
    tables[node] = table;
  }
  return net.outputs.map((literal) => tables[nodeOf(literal)].map((word) => word ^ -(literal & 1)));
}

/** Orders that inputs are chosen by: as they are, from each one round, and the other way. */
function ordersOf(n: number): number[][] {
  const turned = Array.from({ length: n }, (_, by) =>
    Array.from({ length: n }, (_, i) => (i + by) % n),
  );
  return [...turned, ...turned.map((order) => [...order].reverse())];
}

/** A table with input order[i] where input i was. */
function inOrder(table: Table, n: number, order: readonly number[]): Table {
  const turned = new Int32Array(table.length);
  for (let row = 0; row < 2 ** n; row++) {
    let from = 0;
    for (let i = 0; i < n; i++) from |= ((row >> i) & 1) << order[i];
    if ((table[from >> wordBits] >>> (from & 31)) & 1) turned[row >> wordBits] |= 1 << (row & 31);
  }
  return turned;
}

/** Choices by the last input first. */
function byChoices(tables: readonly Table[], n: number, order: readonly number[] = []): Netlist {
  const net = new Netlist(n);
  const inputAt = (i: number): Literal => net.input(order[i] ?? i);
  const cache = Array.from({ length: n + 1 }, () => new Map<number | string, Literal>());
  /** Of 2^inputs bits, at most 32. */
  const ofWord = (word: number, inputs: number): Literal => {
    const all = inputs === wordBits ? -1 : 2 ** (2 ** inputs) - 1;
    const flip = word & 1;
    const own = flip === 1 ? ~word & all : word;
    if (own === 0) return constantZero ^ flip;
    let built = cache[inputs].get(own);
    if (built === undefined) {
      const half = 2 ** (inputs - 1);
      const clear = own & (2 ** half - 1);
      const set = (own >>> half) & (2 ** half - 1);
      built = net.mux(inputAt(inputs - 1), ofWord(set, inputs - 1), ofWord(clear, inputs - 1));
      cache[inputs].set(own, built);
    }
    return built ^ flip;
  };
  const ofWords = (words: Table, inputs: number): Literal => {
    if (inputs <= wordBits)
      return ofWord(inputs === wordBits ? words[0] : words[0] & (2 ** (2 ** inputs) - 1), inputs);
    if (words.every((word) => word === words[0]) && (words[0] === 0 || words[0] === -1))
      return words[0] === 0 ? constantZero : constantOne;
    const flip = words[0] & 1;
    const own = flip === 1 ? words.map((word) => ~word) : words;
    const key = own.join();
    let result = cache[inputs].get(key);
    if (result === undefined) {
      const half = own.length / 2;
      result = net.mux(
        inputAt(inputs - 1),
        ofWords(own.subarray(half), inputs - 1),
        ofWords(own.subarray(0, half), inputs - 1),
      );
      cache[inputs].set(key, result);
    }
    return result ^ flip;
  };
  for (const table of tables) net.outputs.push(ofWords(table, n));
  return net;
}
