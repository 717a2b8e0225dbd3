/** A piece of a line of Verilog with the class that colours it; plain text has none. */
export interface VerilogPart {
  readonly text: string;
  readonly kind?: 'keyword' | 'literal' | 'comment';
}

const keywords =
  'always|assign|begin|case|casez|default|else|end|endcase|endfunction|endgenerate|endmodule|for|function|generate|' +
  'genvar|if|initial|inout|input|integer|localparam|module|negedge|or|output|parameter|posedge|reg|signed|wire';
/** A comment or an attribute, a text or number, a keyword, or another word: numbers within names are no literals. */
const piece = new RegExp(
  `(//.*|/\\*.*?\\*/|\\(\\*.*?\\*\\))|("[^"]*"|\\d*'s?[bdh][0-9a-fxz_]+|\\b\\d[\\d_]*\\b)|\\b(${keywords})\\b`,
  'gi',
);

/** The pieces of a line of Verilog; together they are the line. */
export function verilogParts(line: string): VerilogPart[] {
  const parts: VerilogPart[] = [];
  let from = 0;
  for (const found of line.matchAll(piece)) {
    if (found.index > from) parts.push({ text: line.slice(from, found.index) });
    const kind = found[1] ? 'comment' : found[2] ? 'literal' : 'keyword';
    parts.push({ text: found[0], kind });
    from = found.index + found[0].length;
  }
  if (from < line.length) parts.push({ text: line.slice(from) });
  return parts;
}
