// This file is compiled as TypeScript and, for assembly/inference/packed.ts, as AssemblyScript: it holds constants alone.

/** Bytes of the table of ranks, uint8 [256][8], with which packed weights begin. */
export const RANK_BYTES = 2048;
/** Bytes of the header of one output's packed weights, of which there is one for each output after the ranks. */
export const PACKED_ROW_BYTES = 24;
/** In a header: five int32 offsets, then the multiples k_1 to k_3 as bytes. */
export const PACKED_MULTIPLES = 20;
