// This file is compiled as TypeScript and, for assembly/training/binarize.ts, as AssemblyScript: it holds constants alone.

/** Codes of the ways to rank a sample's elements: by | |x| - mean |x| |, by |x|, and by |x| from the largest down. */
export const MIDDLE_OUT = 0;
export const BOTTOM_UP = 1;
export const TOP_DOWN = 2;
