import { type FoldTable, foldedDesign, unrolledDesign } from '@hbnn/circuit';
import { parseMix } from '@hbnn/core';
import { type CheckedModel, randomModel } from '@hbnn/model';
import { type Verified, type VerifyOptions, verify, verilogFiles } from '@hbnn/verilog';
import { describe, expect, it } from 'vitest';

const dense = randomModel(3, { layer: 'dense:24x6', mix: parseMix('0.7/0.2/0.1') });
/** Few pixels, so that many beats are quick. */
const small = randomModel(3, { layer: 'dense:8x4', mix: parseMix('0.7/0.3') });
const conv = randomModel(2, {
  layer: 'conv:5x5x6,k3x3,o4,s1,p1',
  mix: parseMix('0.7/0.3'),
  mapPer: 'position',
});

type Edit = (text: string) => string;

/** Replace what has to be there. */
const replaced =
  (from: string | RegExp, to: string): Edit =>
  (text) => {
    const edited = text.replace(from, to);
    expect(edited, `${from}`).not.toBe(text);
    return edited;
  };

async function folded(
  model: CheckedModel,
  file: string,
  edit: Edit,
  fold: FoldTable = { layer: { pe: 2, simd: 2 } },
  o: VerifyOptions = { images: 24 },
): Promise<Verified> {
  const design = foldedDesign(model, { folds: fold });
  const files = verilogFiles(design);
  const name = file === 'top' ? `${design.top}.v` : file;
  return verify(model, design, { ...files, [name]: edit(files[name]) }, o);
}

describe('accumulators one bit too narrow', () => {
  /** Narrow a PE's accumulator: the bit above is 0 then. */
  const narrow: Edit = (text) => {
    const [, width] = /reg \[(\d+):0\] sum_0;/.exec(text) ?? [];
    return replaced(`reg [${width}:0] sum_0;`, `reg [${Number(width) - 1}:0] sum_0;`)(text);
  };

  it.each([
    ['dense', dense],
    ['conv', conv],
  ] as const)('of a %s layer are found by the signs of its weights', async (_, model) => {
    const { difference } = await folded(model, 'layer.v', narrow);
    expect(difference?.layer).toBe('layer');
    expect(difference?.expected).not.toBe(difference?.got);
  });

  it.each([
    ['dense', dense],
    ['conv', conv],
  ] as const)('of an unrolled %s layer are found too', async (_, model) => {
    const design = unrolledDesign(model);
    const files = verilogFiles(design);
    // The top bit of the first sum of the file that has more than one.
    const cut: Edit = (text) => {
      const at = text.search(/assign y = \{\n/);
      const from = at + 'assign y = {\n'.length;
      const lines = text.slice(from, text.indexOf('};', from));
      return (
        text.slice(0, from) +
        lines.replace(/\S+?(?=[,\n])/, "1'b0") +
        text.slice(from + lines.length)
      );
    };
    const { equal, difference } = await verify(model, design, {
      ...files,
      'layer.v': cut(files['layer.v']),
    });
    expect([equal, difference?.layer]).toEqual([false, 'layer']);
  });
});

describe('streams', () => {
  it('that take back what they offered are found at the end and between layers', async () => {
    const drop = (file: string): Promise<Verified> =>
      folded(dense, file, (text) =>
        file === 'top'
          ? text
              .replace('.m_axis_tvalid(m_axis_tvalid)', '.m_axis_tvalid(offered)')
              .replace(
                '\n  wire ',
                '\n  wire offered;\n  reg tick;\n  always @(posedge aclk) tick <= aresetn & ~tick;\n  assign m_axis_tvalid = offered & tick;\n  wire ',
              )
          : replaced(
              'assign m_axis_tvalid = full;',
              'assign m_axis_tvalid = full & ~tick;\n  reg tick;\n  always @(posedge aclk) tick <= aresetn & ~tick;',
            )(text),
      );
    for (const file of ['top', 'layer.v']) {
      const { difference } = await drop(file);
      expect(difference?.found, file).toMatch(/stay until|stands|nothing moved|moves/);
    }
  });

  it('whose data change while they wait are found', async () => {
    const edit = replaced(
      'assign m_axis_tdata = pixel;',
      'reg tick;\n  always @(posedge aclk) tick <= aresetn & full & ~m_axis_tready;\n  assign m_axis_tdata = tick ? pixel ^ 1 : pixel;',
    );
    const { difference } = await folded(dense, 'layer.v', edit);
    expect(difference).toMatchObject({ layer: 'layer', output: expect.anything() });
  });

  it('whose valid waits for ready are found', async () => {
    const edit = replaced(
      'assign m_axis_tvalid = full;',
      'assign m_axis_tvalid = full & m_axis_tready;',
    );
    const { difference } = await folded(dense, 'layer.v', edit);
    expect(difference?.found).toContain('must not change with');
  });

  // `pnpm --filter @hbnn/verilog designs` counts to 65,536 too.
  it.each(process.env.HBNN_DESIGNS === 'all' ? [4096, 65536] : [4096])(
    'that stand still after %d beats are found',
    async (after) => {
      const stop = "& ~&{1'b1, late}";
      const bits = Math.log2(after);
      const counter = `reg [${bits}:0] seen;\n  wire late = seen[${bits}];\n  always @(posedge aclk) if (!aresetn) seen <= 0; else if (m_axis_tvalid & m_axis_tready & ~late) seen <= seen + 1;\n  `;
      const edit = replaced(
        /assign m_axis_tvalid = full\[\d+\];/,
        `${counter}assign m_axis_tvalid = full[0] ${stop};`,
      );
      const { difference } = await folded(small, 'm_input.v', edit);
      expect(difference?.layer).toBe('input');
      expect(difference?.found).toContain('nothing moved');
    },
  );

  it('that give wrong data after 65,536 beats are found', async () => {
    const counter =
      'reg [16:0] seen;\n  always @(posedge aclk) if (!aresetn) seen <= 0; else if (m_axis_tvalid & m_axis_tready & ~seen[16]) seen <= seen + 1;\n  ';
    const edit: Edit = (text) =>
      replaced(
        /\.m_axis_tdata\(m_axis_tdata\)/,
        '.m_axis_tdata(right)',
      )(
        replaced(
          /( {2}m_input_logic unit_0)/,
          `${counter}wire [7:0] right;\n  assign m_axis_tdata = right ^ seen[16];\n$1`,
        )(text),
      );
    const { difference } = await folded(small, 'm_input.v', edit);
    expect(difference).toMatchObject({
      layer: 'input',
      found: expect.stringContaining('beat 655'),
    });
  });
});

it('a fault that 200 images bring about is found in a row of 300', async () => {
  const counter =
    'reg [7:0] images;\n  always @(posedge aclk) if (!aresetn) images <= 0; else if (m_axis_tvalid & m_axis_tready & images != 200) images <= images + 1;\n  ';
  const edit: Edit = (text) =>
    replaced(
      '.m_axis_tdata(m_axis_tdata)',
      '.m_axis_tdata(right)',
    )(
      replaced(
        /\n {2}wire /,
        `\n  ${counter}wire [191:0] right;\n  assign m_axis_tdata = images == 200 ? ~right : right;\n  wire `,
      )(text),
    );
  const { difference, imagesInARow } = await folded(dense, 'top', edit);
  expect(imagesInARow).toBe(300);
  expect(difference?.found).toContain('300 images in a row');
});

it('comparisons of equal scores are found wherever they are', async () => {
  const design = unrolledDesign(dense);
  const files = verilogFiles(design);
  const text = files['largest.v'].replace(/= value_0_2 < value_0_3;/, '= value_0_2 <= value_0_3;');
  expect(text).not.toBe(files['largest.v']);
  const { difference } = await verify(
    dense,
    design,
    { ...files, 'largest.v': text },
    { images: 1 },
  );
  expect(difference?.layer).toBe('largest');
});

it('text that tools read in different ways is refused with its place', async () => {
  const design = unrolledDesign(dense);
  const files = verilogFiles(design);
  const name = `${design.top}.v`;
  const given = (line: string) =>
    verify(dense, design, { ...files, [name]: `${line}\n${files[name]}` });
  for (const [line, message] of [
    [
      '`ifdef YOSYS\n`endif',
      `${name}, line 1: expected text that all tools read alike, got the compiler directive \`ifdef`,
    ],
    ['`define A 1', 'compiler directive `define'],
    ['`include "x.v"', 'compiler directive `include'],
    ['// synthesis translate_off', "a comment that tools obey, 'translate_off'"],
    [
      '/* pragma\n synthesis_off */',
      "line 2: expected text that all tools read alike, got a comment that tools obey, 'synthesis_off'",
    ],
    ["module a; wire b = 1'bx; endmodule", 'a constant with x or z'],
    ['module a; (* full_case *) wire b; endmodule', 'an attribute that lets synthesis change'],
  ] as const)
    await expect(given(line), line).rejects.toThrow(message);
  // What stands in comments and strings says nothing.
  expect((await given("// `ifdef is a directive, 1'bx a constant")).equal).toBe(true);
});

it('says what was tried on edited parts, and leaves those alone that are as generated', async () => {
  const result = await folded(small, 'layer.v', (text) => `// changed\n${text}`);
  expect(result).toMatchObject({ equal: true, text: 'edited', sumEnds: true, imagesInARow: 300 });
  expect(result.vectorsPerLayer).toBeGreaterThanOrEqual(128);
  expect(result.beatsInARow).toBeGreaterThan(1000);
});
