import type { Family } from '@hbnn/circuit';

/** A memory, as deep as it has words. */
export interface MemoryUse {
  readonly depth: number;
  readonly width: number;
  /** Its words never change, so that it is tables where it is small. */
  readonly rom: boolean;
  /** Whether a register follows what is read, so that it can be block RAM. */
  readonly registered: boolean;
}

/** What a memory is built of. */
export interface BuiltMemory {
  /** Blocks as `hbnn synth` counts them: of xc7 halves of 18 kbit. */
  readonly blocks: number;
  /** Tables that are distributed RAM. */
  readonly memoryLuts: number;
  /** Whether it is look-up tables and registers beside them. */
  readonly tables: boolean;
}

interface BlockShape {
  readonly width: number;
  readonly addressWidth: number;
}

/** How a family's tools choose what a memory is built of: their own costs, from Yosys's descriptions of the family. */
interface MemoryRules {
  readonly shapes: readonly BlockShape[];
  /** The cost of a block, in bits of a memory of tables. */
  readonly blockBits: number;
  /** Tables of distributed RAM of a memory that is read within the cycle; undefined where the family has none. */
  readonly distributed?: (depth: number, width: number) => number;
}

const shapesOf = (...list: readonly (readonly [width: number, addressWidth: number])[]) =>
  list.map(([width, addressWidth]): BlockShape => ({ width, addressWidth }));

const rules: Readonly<Partial<Record<Family, MemoryRules>>> = {
  xc7: {
    shapes: shapesOf([1, 14], [2, 13], [4, 12], [9, 11], [18, 10], [36, 9]),
    // 129 look-up tables of 64 bits.
    blockBits: 129 * 64,
    distributed: (depth, width) =>
      depth <= 32 ? 4 * Math.ceil(width / 6) : 4 * Math.ceil(width / 3) * Math.ceil(depth / 64),
  },
};

const nothing: BuiltMemory = { blocks: 0, memoryLuts: 0, tables: false };

/** Say what a memory is built of. */
export function builtMemory({ depth, width, rom, registered }: MemoryUse, on: Family): BuiltMemory {
  const own = rules[on];
  if (own === undefined || width === 0) return nothing;
  const addressWidth = Math.max(1, Math.ceil(Math.log2(Math.max(2, depth))));
  if (registered) {
    const blocks = own.shapes.reduce(
      (least, shape) =>
        Math.min(
          least,
          Math.ceil(width / shape.width) * 2 ** Math.max(0, addressWidth - shape.addressWidth),
        ),
      Number.POSITIVE_INFINITY,
    );
    const isBlock = !rom || blocks * own.blockBits < width * 2 ** addressWidth;
    if (isBlock) return { blocks, memoryLuts: 0, tables: false };
  }
  if (rom || depth === 1 || own.distributed === undefined)
    return { blocks: 0, memoryLuts: 0, tables: true };
  return { blocks: 0, memoryLuts: own.distributed(depth, width), tables: false };
}
