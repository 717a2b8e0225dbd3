import type { Family } from '@hbnn/circuit';

/** A memory, as deep as it has words. */
export interface MemoryUse {
  readonly depth: number;
  readonly width: number;
  /** Its words never change, so that it is tables where it is small. */
  readonly rom: boolean;
  /** Whether a register follows what is read, so that it can be block RAM. */
  readonly registered: boolean;
  /** Whether what is read goes to a register alone, so that distributed RAM reads and writes at one port. */
  readonly onePort?: boolean;
}

/** What a memory is built of. */
export interface BuiltMemory {
  /** Blocks as `hbnn synth` counts them: of xc7 halves of 18 kbit. */
  readonly blocks: number;
  /** Tables that are distributed RAM. */
  readonly memoryLuts: number;
  /** Whether it is look-up tables and registers beside them. */
  readonly tables: boolean;
  /** Two-way choices behind it: among its banks, or between what is read and what is written in the same cycle. */
  readonly choices: number;
  /** Registers beside a block that is written and read in the same cycle: they keep what was written, and that it was. */
  readonly bypass: number;
}

interface BlockShape {
  readonly width: number;
  readonly addressWidth: number;
}

/** How a family's tools choose what a memory is built of: their own costs, from Yosys's descriptions of the family. */
interface MemoryRules {
  /** Bits of a memory that is only read and made of tables, to a table. */
  readonly tableBits: number;
  /** Kinds of blocks, the smallest first; a memory is made of one kind. */
  readonly blocks: readonly BlockKind[];
  /** Distributed RAM of a memory that is read within the cycle; where the family has none, it is a block or registers. */
  readonly distributed?: {
    /** Words of one bank: of several, one is chosen. */
    readonly bank: number;
    /** Whether a memory becomes blocks where these cost less than its tables. */
    readonly orBlocks: boolean;
    tables(depth: number, width: number, onePort: boolean): number;
  };
}

/** A kind of block RAM. */
interface BlockKind {
  /** Words that it can hold, from the narrowest. */
  readonly shapes: readonly BlockShape[];
  /** Blocks as `hbnn synth` counts them. */
  readonly counted: number;
  /** What it costs, in tables. */
  readonly luts: number;
}

const shapesOf = (...list: readonly (readonly [width: number, addressWidth: number])[]) =>
  list.map(([width, addressWidth]): BlockShape => ({ width, addressWidth }));

const rules: Readonly<Partial<Record<Family, MemoryRules>>> = {
  xc7: {
    tableBits: 64,
    blocks: [
      {
        shapes: shapesOf([1, 14], [2, 13], [4, 12], [9, 11], [18, 10], [36, 9]),
        counted: 1,
        luts: 129,
      },
      {
        shapes: shapesOf([1, 15], [2, 14], [4, 13], [9, 12], [18, 11], [36, 10], [72, 9]),
        counted: 2,
        luts: 257,
      },
    ],
    // Four tables are six bits of 32 words, or eight where one port reads and writes.
    distributed: {
      bank: Number.POSITIVE_INFINITY,
      orBlocks: false,
      tables: (depth, width, onePort) =>
        depth <= 32
          ? 4 * Math.ceil(width / (onePort ? 8 : 6))
          : 4 * Math.ceil(width / (onePort ? 4 : 3)) * Math.ceil(depth / 64),
    },
  },
  ecp5: {
    tableBits: 16,
    blocks: [
      {
        shapes: shapesOf([1, 14], [2, 13], [4, 12], [9, 11], [18, 10], [36, 9]),
        counted: 1,
        luts: 128,
      },
    ],
    // Four tables are four bits of 16 words.
    distributed: {
      bank: 16,
      orBlocks: true,
      tables: (depth, width) => 4 * Math.ceil(width / 4) * Math.ceil(depth / 16),
    },
  },
  ice40: {
    tableBits: 16,
    blocks: [{ shapes: shapesOf([2, 11], [4, 10], [8, 9], [16, 8]), counted: 1, luts: 64 }],
  },
};

const nothing: BuiltMemory = { blocks: 0, memoryLuts: 0, tables: false, choices: 0, bypass: 0 };

/**
 * The fewest blocks of a kind that hold a memory's bits side by side: blocks of different widths may stand beside each
 * other, such as 18 and 2 bits for words of 20.
 */
function blocksOf({ shapes }: BlockKind, width: number, addressWidth: number): number {
  const least = [0];
  for (let bits = 1; bits <= width; bits++)
    least.push(
      shapes.reduce(
        (best, shape) =>
          Math.min(
            best,
            least[Math.max(0, bits - shape.width)] +
              2 ** Math.max(0, addressWidth - shape.addressWidth),
          ),
        Number.POSITIVE_INFINITY,
      ),
    );
  return least[width];
}

/** The cheapest block RAM of a memory: of equally cheap kinds the smaller. */
function cheapestBlocks(kinds: readonly BlockKind[], width: number, addressWidth: number) {
  let best = { blocks: 0, luts: Number.POSITIVE_INFINITY };
  for (const kind of kinds) {
    const count = blocksOf(kind, width, addressWidth);
    if (count * kind.luts < best.luts)
      best = { blocks: count * kind.counted, luts: count * kind.luts };
  }
  return best;
}

/** Say what a memory is built of. */
export function builtMemory(
  { depth, width, rom, registered, onePort = false }: MemoryUse,
  on: Family,
): BuiltMemory {
  const own = rules[on];
  if (own === undefined || width === 0) return nothing;
  const addressWidth = Math.max(1, Math.ceil(Math.log2(Math.max(2, depth))));
  const { blocks, luts } = cheapestBlocks(own.blocks, width, addressWidth);
  if (registered) {
    const isBlock = !rom || luts * own.tableBits < width * 2 ** addressWidth;
    if (isBlock) return { ...nothing, blocks };
  }
  if (rom || depth === 1) return { ...nothing, tables: true };
  // What is read in the cycle of its address goes to a register, which a block has inside.
  const block = { ...nothing, blocks, choices: width, bypass: width + 1 };
  if (own.distributed === undefined)
    return luts < width * depth ? block : { ...nothing, tables: true };
  const { bank, orBlocks, tables } = own.distributed;
  const memoryLuts = tables(depth, width, onePort);
  if (orBlocks && luts < memoryLuts) return block;
  const choices = width * Math.max(0, Math.ceil(depth / bank) - 1);
  return { ...nothing, memoryLuts, choices };
}
