import { type FileLoops, type PlaneWeights, plainLoops, type SignLayout } from '@hbnn/model';
import { builtin, inNode } from '../runtime.ts';
import { moduleOn, type RawKernels, type WasmModule } from '../webAssembly.ts';
import { newMemory } from './placing.ts';
import { Regions, roundUp } from './regions.ts';
import {
  areCoded,
  type CodeValue,
  factsOf,
  greatestDivisor,
  perOutput,
  tableBytes,
  tableOf,
  valuesByCode,
} from './weightCodes.ts';

/** Weights that are worked on together. Calls are short, so that an engine soon takes its better code for them. */
const partWeights = 2 ** 15;
/** Rows that are worked on together. */
const maxRows = 1024;
/** Kernels read and write up to this many bytes past a part. */
const overrun = 64;
/** Inputs whose codes lie in 16 bytes. */
export const chunk = 32;

/** The bit of the code of unsound weights. */
const unsound = 1 << 15;

/** What is found in the rows of a matrix of weights. */
export interface RowFacts {
  /** Σ |w|. */
  readonly sums: Float64Array;
  readonly largest: Int32Array;
  /** The greatest common divisor; 0 where all are 0. */
  readonly divisors: Int32Array;
}

/** The runs of tables: see `planRuns` of assembly/inference/packing.ts. */
export interface TableRuns {
  /** [groups][runCount]: { uint32 length, uint8 starts[4] }, with runs of no tables up to `runCount`. */
  readonly runs: Uint8Array;
  readonly runCount: number;
  /** The largest span of an output's sum. */
  readonly span: number;
  /** The sum of each output's negative weights, as a positive number; outputs are filled up to whole groups. */
  readonly negatives: Int32Array;
}

/** The order in which quads take the channels of each position. */
export interface QuadOrder {
  readonly positions: number;
  /** Channels in order; those that never add anything may be left out. */
  readonly channels: Int32Array;
}

/** The loops over all weights of a model that is loaded: kernels in a small memory of their own. */
export class LoadingKernels implements FileLoops {
  readonly #raw: RawKernels;
  readonly #bytes: Uint8Array;
  readonly #words: Int32Array;
  readonly #at: LoadingPlaces;

  private constructor(raw: RawKernels, buffer: ArrayBufferLike, at: LoadingPlaces) {
    this.#raw = raw;
    this.#bytes = new Uint8Array(buffer);
    this.#words = new Int32Array(buffer);
    this.#at = at;
    raw.writeRanks(at.ranks);
  }

  /**
   * Put them on a memory.
   *
   * @param shared whether the code is for a memory that threads share
   * @param groupBytes of the weights of four outputs that they lay out, and of their quads
   */
  static async on(module: WasmModule, shared = false, groupBytes = 0): Promise<LoadingKernels> {
    const at = loadingPlaces(groupBytes);
    const memory = newMemory('loadModel', at.bytes, shared);
    return new LoadingKernels(await moduleOn(module, memory), memory.buffer, at);
  }

  crc32(bytes: Uint8Array): number {
    // Node.js has it since 20.15, many times faster than any code of WebAssembly.
    const { crc32 } = inNode ? builtin('node:zlib') : { crc32: undefined };
    return (crc32 ?? plainLoops.crc32)(bytes);
  }

  decodeStates(code: Uint8Array, shares: readonly number[], out: Uint8Array): boolean {
    const { table, facts, code: window, widths } = this.#at;
    this.#words.set(shares, facts / 4);
    this.#raw.writeSlots(facts, shares.length, table);
    const word = facts / 4;
    this.#words[word] = (code[0] << 16) | (code[1] << 24) | code[2] | (code[3] << 8);
    this.#words[word + 2] = 0;
    let taken = 4;
    for (let i = 0; i < out.length; i += partWeights) {
      const count = Math.min(partWeights, out.length - i);
      const ahead = code.subarray(taken, taken + 2 * count);
      this.#bytes.set(ahead, window);
      this.#raw.decodeWidths(facts, table, window, ahead.length, widths, count);
      if (this.#words[word + 2] !== 0) return false;
      taken += this.#words[word + 1];
      out.set(this.#bytes.subarray(widths, widths + count), i);
    }
    return this.#words[word] === 2 ** 16 && taken === code.length;
  }

  unpackSigns(packed: Uint8Array, { bits, planes, counts }: SignLayout): Uint8Array {
    const { ranks, facts, code, widths, signs: to } = this.#at;
    const signs = new Uint8Array(bits.length);
    const next = this.#planeStarts(bits, planes, counts);
    this.#eachPart(bits.length, (first, count) => {
      const filled = this.#putWidths(bits, first, count);
      this.#bytes.fill(0, to, to + filled);
      for (let n = 0; n < planes; n++) {
        const byte = Math.floor(next[n] / 8);
        const bit = next[n] - 8 * byte;
        this.#bytes.set(packed.subarray(byte, byte + partWeights / 8 + 8), code);
        this.#raw.addSigns(widths, count, n, code, bit, ranks, to, facts);
        next[n] += this.#words[facts / 4] - bit;
      }
      signs.set(this.#bytes.subarray(to, to + count), first);
    });
    return signs;
  }

  largestRowSum(weights: PlaneWeights): number | undefined {
    if (!areCoded(weights)) return undefined;
    const { sums, seen } = this.#sumCodes(weights, Math.abs);
    if (seen.some((codes) => (codes & unsound) !== 0)) return undefined;
    return sums.reduce((largest, sum) => Math.max(largest, sum), 0);
  }

  /** The sums of each output's weights, which have codes. */
  planeSums = (weights: PlaneWeights): Int32Array =>
    Int32Array.from(this.#sumCodes(weights, (value) => value).sums);

  /** What is found in weights that have codes. */
  planeFacts(weights: PlaneWeights): RowFacts {
    const { sums, seen } = this.#sumCodes(weights, Math.abs);
    const largest = new Int32Array(sums.length);
    const divisors = new Int32Array(sums.length);
    const shared = weights.scalePer === 'tensor' ? valuesByCode(weights, 0) : undefined;
    const known = new Map<number, { readonly largest: number; readonly divisor: number }>();
    for (const [o, codes] of seen.entries()) {
      const found =
        (shared && known.get(codes)) ?? factsOf(shared ?? valuesByCode(weights, o), codes);
      known.set(codes, found);
      largest[o] = found.largest;
      divisors[o] = found.divisor;
    }
    return { sums, largest, divisors };
  }

  /** What is found in weights of 8 bits. */
  byteFacts(values: Int8Array, outputs: number): RowFacts {
    const { facts, values: at } = this.#at;
    const found: RowFacts = {
      sums: new Float64Array(outputs),
      largest: new Int32Array(outputs),
      divisors: new Int32Array(outputs),
    };
    const row = values.length / outputs;
    this.#eachRows(outputs, row, (first, rows, from, length) => {
      this.#bytes.set(bytesOf(values.subarray(from, from + rows * length)), at);
      this.#raw.lookThrough(at, rows, length, facts);
      for (let r = 0, word = facts / 4; r < rows; r++, word += 3) {
        const o = first + r;
        found.sums[o] += this.#words[word];
        found.largest[o] = Math.max(found.largest[o], this.#words[word + 1]);
        found.divisors[o] = greatestDivisor(found.divisors[o], this.#words[word + 2]);
      }
    });
    return found;
  }

  /** The codes of weights, as assembly/inference/codes.ts reads them: the weights of each output in their own order. */
  codes(weights: PlaneWeights): Uint8Array {
    const { bits, shape } = weights;
    const { widths, signs, limits, codes: at } = this.#at;
    const outputs = shape[0];
    const row = bits.length / outputs;
    const size = roundUp(row, chunk) / 2;
    const codes = new Uint8Array(roundUp(outputs, 4) * size);
    this.#putLimits(weights);
    this.#eachRows(outputs, row, (first, rows, from, length) => {
      this.#putWeights(weights, from, rows * length);
      this.#raw.packCodes(widths, signs, rows, length, limits, at);
      const made = rows * (roundUp(length, chunk) / 2);
      codes.set(this.#bytes.subarray(at, at + made), first * size + (from - first * row) / 2);
    });
    return codes;
  }

  /** Weights that have codes, over the divisor of their output: whole numbers that fit into int8. */
  dividedValues(weights: PlaneWeights, divisors: Int32Array): Int8Array {
    const { bits, shape } = weights;
    const { widths, signs, limits, table, values: at } = this.#at;
    const values = new Int8Array(bits.length);
    const outputs = shape[0];
    const tables = divisors.every((divisor) => divisor === divisors[0])
      ? this.#tables(weights, (value) => value / divisors[0])
      : perOutput(outputs, (o) =>
          tableOf(valuesByCode(weights, o), (value) => value / divisors[o]),
        );
    this.#putLimits(weights);
    this.#eachRows(outputs, bits.length / outputs, (first, rows, from, length) => {
      this.#putWeights(weights, from, rows * length);
      const step = this.#putTables(tables, first, rows);
      this.#raw.readCodes(widths, signs, rows, length, limits, table, step, at);
      values.set(new Int8Array(this.#bytes.buffer, at, rows * length), from);
    });
    return values;
  }

  /** Sums of each output's weights times inputs, which are repeated where they are fewer. */
  products(values: Int8Array, outputs: number, inputs: Int16Array): Int32Array<ArrayBuffer> {
    const { facts, values: at, inputs: place } = this.#at;
    const sums = new Int32Array(outputs);
    const row = values.length / outputs;
    const repeated = new Int16Array(this.#bytes.buffer, place, partWeights + 16);
    let shown = -1;
    this.#eachRows(outputs, row, (first, rows, from, length) => {
      const start = from - first * row;
      if (start !== shown || length !== row) {
        repeated.fill(0);
        for (let k = 0; k < length; k++) repeated[k] = inputs[(start + k) % inputs.length];
        shown = start;
      }
      this.#bytes.set(bytesOf(values.subarray(from, from + rows * length)), at);
      this.#raw.sumProducts(at, rows, length, place, facts);
      for (let r = 0; r < rows; r++) sums[first + r] += this.#words[facts / 4 + r];
    });
    return sums;
  }

  /** Quads: int8 [outputs / 4][rows][position][4 outputs][4 channels]. */
  quads(
    values: Int8Array,
    outputs: number,
    { positions, channels }: QuadOrder,
  ): Int8Array<ArrayBuffer> {
    const { quads: to, rowValues, order } = this.#at;
    const row = values.length / outputs;
    const size = quadBytes({ positions, channels });
    const quads = new Int8Array(Math.ceil(outputs / 4) * size);
    const inputs = row / positions;
    const plain = isPlain(channels, inputs);
    this.#words.set(plain ? [] : channels, order / 4);
    const list = plain ? 0 : order;
    const together = 4 * groupsTogether(Math.max(size, 4 * row));
    for (let o = 0; o < outputs; o += together) {
      const rows = Math.min(together, outputs - o);
      const bytes = Math.ceil(rows / 4) * size;
      this.#bytes.set(bytesOf(values.subarray(o * row, (o + rows) * row)), rowValues);
      this.#bytes.fill(0, to, to + bytes);
      this.#raw.layQuads(rowValues, rows, positions, inputs, list, channels.length, to);
      quads.set(new Int8Array(this.#bytes.buffer, to, bytes), (o >> 2) * size);
    }
    return quads;
  }

  /** Bits of the weights of more than `plane` bits, and of those with sign +1 in it: [outputs][rowBytes]. */
  planeBits(
    { bits, signs, shape }: PlaneWeights,
    { positions, channels }: QuadOrder,
    plane: number,
    rowBytes: number,
  ): { readonly members: Uint8Array; readonly positives: Uint8Array } {
    const { rowValues, quads, order, runs: first } = this.#at;
    const outputs = shape[0];
    const row = bits.length / outputs;
    const inputs = row / positions;
    const plain = isPlain(channels, inputs);
    this.#words.set(plain ? [] : channels, order / 4);
    const members = new Uint8Array(outputs * rowBytes);
    const positives = new Uint8Array(outputs * rowBytes);
    const together = Math.min(maxRows / 4, Math.max(1, Math.floor(partWeights / row)));
    const second = first + together * rowBytes + 8;
    const list = plain ? 0 : order;
    const taken = plain ? inputs : channels.length;
    for (let o = 0; o < outputs; o += together) {
      const rows = Math.min(together, outputs - o);
      const made = rows * rowBytes;
      this.#bytes.set(bits.subarray(o * row, (o + rows) * row), rowValues);
      this.#bytes.set(signs.subarray(o * row, (o + rows) * row), quads);
      this.#bytes.fill(0, first, second + made);
      const sizes = [rows, positions, inputs, list, taken, plane];
      this.#raw.packBits(rowValues, quads, ...sizes, first, second, rowBytes);
      members.set(this.#bytes.subarray(first, first + made), o * rowBytes);
      positives.set(this.#bytes.subarray(second, second + made), o * rowBytes);
    }
    return { members, positives };
  }

  /** Plan the runs of the first places of each group of quads; undefined where a table or a whole sum spans too much. */
  runs(quads: Int8Array, groups: number, places: number): TableRuns | undefined {
    const { runs: to, facts } = this.#at;
    const negatives = new Int32Array(4 * groups);
    let runCount = 0;
    let span = 0;
    let fit = true;
    this.#eachGroups(quads, groups, (first, count, at, size) => {
      this.#raw.planRuns(at, count, size, places, 0, 0, facts);
      for (let g = 0, word = facts / 4; g < count; g++, word += 6) {
        if (this.#words[word] < 0) fit = false;
        runCount = Math.max(runCount, this.#words[word]);
        span = Math.max(span, this.#words[word + 1]);
        for (let o = 0; o < 4; o++) negatives[4 * (first + g) + o] = this.#words[word + 2 + o];
      }
    });
    if (!fit) return undefined;
    const runs = new Uint8Array(groups * runCount * 8);
    const pitch = runCount * 8;
    this.#eachGroups(quads, groups, (first, count, at, size) => {
      this.#bytes.fill(0, to, to + count * pitch);
      this.#raw.planRuns(at, count, size, places, to, pitch, facts);
      runs.set(this.#bytes.subarray(to, to + count * pitch), first * pitch);
    });
    return { runs, runCount, span, negatives };
  }

  /** Bring quads here, some groups at a time. */
  #eachGroups(
    quads: Int8Array,
    groups: number,
    visit: (first: number, count: number, at: number, size: number) => void,
  ): void {
    const { quads: at } = this.#at;
    const size = quads.length / groups;
    const together = groupsTogether(size);
    for (let first = 0; first < groups; first += together) {
      const count = Math.min(together, groups - first);
      this.#bytes.set(bytesOf(quads.subarray(first * size, (first + count) * size)), at);
      visit(first, count, at, size);
    }
  }

  #eachPart(length: number, visit: (first: number, count: number) => void): void {
    for (let first = 0; first < length; first += partWeights)
      visit(first, Math.min(partWeights, length - first));
  }

  /** Visit rows, several together or one in parts: each part is of whole chunks but for the last one of a row. */
  #eachRows(
    outputs: number,
    row: number,
    visit: (first: number, rows: number, from: number, length: number) => void,
  ): void {
    if (row > partWeights) {
      for (let o = 0; o < outputs; o++)
        this.#eachPart(row, (first, count) => visit(o, 1, o * row + first, count));
      return;
    }
    const together = Math.min(maxRows, Math.floor(partWeights / row));
    for (let o = 0; o < outputs; o += together)
      visit(o, Math.min(together, outputs - o), o * row, row);
  }

  /** Bring bitwidths here, filled up with 0. @returns how many there are then */
  #putWidths(bits: Uint8Array, first: number, count: number): number {
    const { widths } = this.#at;
    this.#bytes.set(bits.subarray(first, first + count), widths);
    const filled = roundUp(count, 16);
    this.#bytes.fill(0, widths + count, widths + filled);
    return filled;
  }

  #putWeights({ bits, signs }: PlaneWeights, first: number, count: number): void {
    this.#bytes.set(bits.subarray(first, first + count), this.#at.widths);
    this.#bytes.set(signs.subarray(first, first + count), this.#at.signs);
  }

  /** Bring here what is above the signs of each bitwidth. */
  #putLimits({ multiples }: PlaneWeights): void {
    const { limits } = this.#at;
    for (let width = 0; width < 16; width++)
      this.#bytes[limits + width] = width <= multiples.length ? 2 ** width : 0;
  }

  #tables(weights: PlaneWeights, of: CodeValue): Uint8Array {
    if (weights.scalePer === 'tensor') return tableOf(valuesByCode(weights, 0), of);
    return perOutput(weights.shape[0], (o) => tableOf(valuesByCode(weights, o), of));
  }

  /** Bring the tables of some rows here, or the one of all. @returns the bytes from row to row */
  #putTables(tables: Uint8Array, first: number, rows: number): number {
    const { table } = this.#at;
    const shared = tables.length === tableBytes;
    const own = shared ? tables : tables.subarray(first * tableBytes, (first + rows) * tableBytes);
    this.#bytes.set(own, table);
    return shared ? 0 : tableBytes;
  }

  /** Sums over each output, and a bit for each code that it has. */
  #sumCodes(weights: PlaneWeights, of: CodeValue): { sums: Float64Array; seen: Int32Array } {
    const { widths, signs, limits, table, facts } = this.#at;
    const outputs = weights.shape[0];
    const sums = new Float64Array(outputs);
    const seen = new Int32Array(outputs);
    const tables = this.#tables(weights, of);
    this.#putLimits(weights);
    this.#eachRows(outputs, weights.bits.length / outputs, (first, rows, from, length) => {
      this.#putWeights(weights, from, rows * length);
      const step = this.#putTables(tables, first, rows);
      this.#raw.sumCodes(widths, signs, rows, length, limits, table, step, facts);
      for (let r = 0; r < rows; r++) {
        sums[first + r] += this.#words[facts / 4 + 2 * r];
        seen[first + r] |= this.#words[facts / 4 + 2 * r + 1];
      }
    });
    return { sums, seen };
  }

  /** Where the signs of each plane begin, in bits. */
  #planeStarts(bits: Uint8Array, planes: number, counts?: readonly number[]): number[] {
    const { facts, widths } = this.#at;
    const members = new Array<number>(planes).fill(0);
    if (counts !== undefined)
      for (let n = 0; n < planes; n++)
        members[n] = counts.reduce((sum, count, width) => sum + (width > n ? count : 0), 0);
    else
      this.#eachPart(bits.length, (first, count) => {
        this.#putWidths(bits, first, count);
        for (let n = 0; n < planes; n++) {
          this.#raw.countAbove(widths, count, n, facts);
          members[n] += this.#words[facts / 4];
        }
      });
    let start = 0;
    return members.map((count) => {
      const here = start;
      start += count;
      return here;
    });
  }
}

/** Groups of four outputs that are worked on together. @param bytes of one of them */
const groupsTogether = (bytes: number): number =>
  Math.min(maxRows / 4, Math.max(1, Math.floor(partWeights / Math.max(1, bytes))));

/** Whether all channels come as they lie. */
const isPlain = (channels: Int32Array, inputs: number): boolean =>
  channels.length === inputs && channels.every((channel, i) => channel === i);

/** Bytes of the quads of four outputs. */
const quadBytes = ({ positions, channels }: QuadOrder): number =>
  16 * positions * Math.ceil(channels.length / 4);

/** Where the data of the kernels lie in their memory. */
type LoadingPlaces = ReturnType<typeof loadingPlaces>;

function loadingPlaces(groupBytes: number) {
  const regions = new Regions(64);
  const part = partWeights + overrun;
  const group = Math.max(groupBytes, partWeights) + overrun;
  return {
    ranks: regions.place(256 * 8),
    limits: regions.place(16),
    facts: regions.place(12 * maxRows),
    table: regions.place(tableBytes * maxRows),
    code: regions.place(2 * part),
    widths: regions.place(part),
    signs: regions.place(part),
    values: regions.place(part),
    inputs: regions.place(2 * part),
    codes: regions.place(part + 16 * maxRows),
    quads: regions.place(group),
    rowValues: regions.place(group),
    // A quad of sixteen bytes is at most one run, and has four channels at one of the positions.
    runs: regions.place(group / 2 + 16 * maxRows),
    order: regions.place(group),
    bytes: regions.end,
  };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Int8Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
