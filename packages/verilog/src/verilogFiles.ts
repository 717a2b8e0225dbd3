import type { Design } from './design.ts';
import { unrolledFiles } from './emit.ts';
import { foldedFiles } from './emitFolded.ts';
import type { FoldedDesign } from './folded.ts';

/** Write a design as Verilog-2005, one file per layer: the same design gives the same text. */
export const verilogFiles = (design: Design | FoldedDesign): Record<string, string> =>
  design.kind === 'folded' ? foldedFiles(design) : unrolledFiles(design);
