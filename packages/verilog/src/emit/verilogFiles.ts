import type { Design, FoldedDesign } from '@hbnn/circuit';
import { unrolledFiles } from './emit.ts';
import { foldedFiles } from './emitFolded.ts';

/** Write a design as Verilog-2005, one file per layer: the same design gives the same text. */
export const verilogFiles = (design: Design | FoldedDesign): Record<string, string> =>
  design.kind === 'folded' ? foldedFiles(design) : unrolledFiles(design);
