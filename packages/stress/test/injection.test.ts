import { foldedDesign, unrolledDesign } from '@hbnn/circuit';
import { escapeHtml } from '@hbnn/cli/drawing';
import { checkModel, decodeModel, encodeModel, type IntegerModel, randomModel } from '@hbnn/model';
import { testbenchFiles, verilogFiles } from '@hbnn/verilog';
import { describe, expect, it } from 'vitest';

/** Names that would end a comment, a string, a module or a tag, each with a mark that must not come out whole. */
const hostile = [
  'a\nendmodule\nmodule evil; initial $system("MARK"); endmodule',
  '*/ MARK() /*',
  '`include "MARK"',
  '\\MARK ',
  'MARK\\',
  '"; $finish; // MARK',
  '(* MARK *)',
  '<script>MARK</script>',
  '../../MARK',
];

/** A model whose own name and those of its layers and classes are hostile. */
function named(name: string) {
  const model = randomModel('names', { layer: 'dense:4x2' });
  const layers = model.layers.map((layer, i) => ({ ...layer, name: `${name}${i}` }));
  const classes = model.classes?.map((_, i) => `${name}${i}`);
  return checkModel({ ...model, name, layers, classes } as IntegerModel);
}

describe('names in a model', () => {
  it.each(hostile)('%j begin no code in Verilog and name no file elsewhere', (name) => {
    const model = decodeModel(encodeModel(named(name)));
    for (const design of [unrolledDesign(model, {}), foldedDesign(model, {})]) {
      const files = { ...verilogFiles(design), ...testbenchFiles(model, design, { images: 1 }) };
      for (const [file, text] of Object.entries(files)) {
        expect(file).toMatch(/^[A-Za-z0-9_.]+$/);
        const code = text
          .replaceAll(/\/\/[^\n]*|\/\*[\s\S]*?\*\//g, '')
          .replaceAll(/"(?:[^"\\\n]|\\.)*"/g, '""');
        expect(code, file).not.toMatch(/`include|\$system|evil\s*;|<script|\\MARK/);
        // A backslash at the end would join the next line to a comment of C++.
        for (const comment of text.match(/\/\/[^\n]*/g) ?? []) expect(comment).not.toMatch(/\\$/);
      }
    }
  });

  it.each(hostile)('%j begin no tag in a page', (name) => {
    expect(escapeHtml(name)).not.toMatch(/[<>"]/);
  });
});
