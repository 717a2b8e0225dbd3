import type { Design, FoldedDesign } from '@hbnn/circuit';
import { unrolledFiles } from './emit.ts';
import { foldedFiles } from './emitFolded.ts';
import { modelsFile, primitivesFile } from './primitives.ts';

/** Write a design as Verilog-2005, one file per layer: the same design gives the same text. */
export function verilogFiles(design: Design | FoldedDesign): Record<string, string> {
  const files = design.kind === 'folded' ? foldedFiles(design) : unrolledFiles(design);
  if (design.prefix === '') return files;
  const suffix = suffixOf(design);
  return Object.fromEntries(
    Object.entries(files).map(([name, text]) => [
      name === primitivesFile ? primitivesName(design) : name,
      text.replace(/\bhbnn_(count7|add3)\b/g, `hbnn_$1${suffix}`),
    ]),
  );
}

/** The names of a design's Verilog files, without their texts: these can take seconds. */
export function verilogNames(design: Design | FoldedDesign): string[] {
  const last = design.kind === 'folded' ? [design.scores.unit] : [design.scores, design.largest];
  const modules = [...design.layers.map(({ module }) => module), ...last.map(({ name }) => name)];
  return [
    ...[...modules, design.top].map((module) => `${module}.v`),
    ...(design.style === 'xc7' ? [primitivesName(design), modelsFile] : []),
  ];
}

/** Counters and adders are modules of the design too; their names begin with hbnn_ and have the prefix behind them. */
const suffixOf = ({ prefix }: Design | FoldedDesign): string =>
  prefix === '' ? '' : `_${prefix.slice(0, -1)}`;

const primitivesName = (design: Design | FoldedDesign): string =>
  primitivesFile.replace('.v', `${suffixOf(design)}.v`);
