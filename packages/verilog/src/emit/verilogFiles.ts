import type { Design, FoldedDesign } from '@hbnn/circuit';
import { unrolledFiles } from './emit.ts';
import { foldedFiles } from './emitFolded.ts';
import { primitivesFile } from './primitives.ts';

/** Write a design as Verilog-2005, one file per layer: the same design gives the same text. */
export function verilogFiles(design: Design | FoldedDesign): Record<string, string> {
  const files = design.kind === 'folded' ? foldedFiles(design) : unrolledFiles(design);
  if (design.prefix === '') return files;
  // Counters and adders are modules of the design too; their names begin with hbnn_ and have the prefix behind them.
  const suffix = `_${design.prefix.slice(0, -1)}`;
  return Object.fromEntries(
    Object.entries(files).map(([name, text]) => [
      name === primitivesFile ? primitivesFile.replace('.v', `${suffix}.v`) : name,
      text.replace(/\bhbnn_(count7|add3)\b/g, `hbnn_$1${suffix}`),
    ]),
  );
}
