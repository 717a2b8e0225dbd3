import { unrolledDesign } from '@hbnn/circuit';
import { distFromAverage } from '@hbnn/core';
import { randomModel } from '@hbnn/model';
import { prove, verify, verilogFiles } from '@hbnn/verilog';
import { describe, expect, it } from 'vitest';

const model = randomModel(3, { layer: 'dense:20x3', mix: distFromAverage(1.4) });

/** `pnpm --filter @hbnn/verilog proofs`: both styles, not one. */
const all = process.env.HBNN_PROOFS === 'all';

describe.each(all ? (['gates', 'xc7'] as const) : (['xc7'] as const))(
  'a pipelined design of style %s',
  (style) => {
    const design = unrolledDesign(model, { style, maxLevels: 3 });
    const files = verilogFiles(design);
    const proofOf = (changed: Record<string, string>) =>
      prove(model, design, { ...files, ...changed });
    const edit = (name: string, from: string | RegExp, to: string): Record<string, string> => {
      const text = files[name].replace(from, to);
      expect(text).not.toBe(files[name]);
      return { [name]: text };
    };

    it('is proved, its registers and latency counted', async () => {
      const proof = await proofOf({});
      expect(proof.layers.map(({ registers = 0 }) => registers)).toEqual(
        design.layers.map(({ stages }) => stages),
      );
      expect(proof.layers[1]).toMatchObject({ method: 'adders', proved: 3 });
      expect(proof.wires).toMatchObject({ proved: true, latencyCycles: design.latencyCycles });
      expect(proof.proved).toBe(true);
    });

    it('is not proved with a register taken out of one path', async () => {
      const [, register, from] = /(n\d+) <= (n\d+|c\d+\[\d+\]);/.exec(files['layer.v']) ?? [];
      const text = files['layer.v']
        .replace(`  reg ${register};`, `  wire ${register} = ${from};`)
        .replace(`    ${register} <= ${from};\n`, '');
      const proof = await proofOf({ 'layer.v': text });
      expect(proof.proved).toBe(false);
      expect(proof.layers[1]).toMatchObject({ layer: 'layer', proved: 0 });
      expect(proof.layers[1].reason).toMatch(/mixes what has passed|its outputs have passed/);
      const checked = await verify(model, design, { ...files, 'layer.v': text });
      expect(checked).toMatchObject({ equal: false, difference: { layer: 'layer' } });
    });

    it('is disproved with an inverter more', async () => {
      const proof = await proofOf(edit('layer.v', /(n\d+) <= /, '$1 <= ~'));
      expect(proof).toMatchObject({ proved: false, disproof: { layer: 'layer' } });
    });

    it.each([
      ['an enable', 'if (x[0]) begin', /a register with an enable|feeds back to itself/],
      ['another edge', '', /a register with an enable, a reset or another edge/],
    ])('is not proved with %s', async (_, when, reason) => {
      const change =
        when === '' ? '  always @(negedge clk) begin' : `  always @(posedge clk) ${when}`;
      const proof = await proofOf(edit('layer.v', '  always @(posedge clk) begin', change));
      expect(proof.proved).toBe(false);
      expect(proof.layers[1].reason).toMatch(reason);
    });

    it('is not proved against another latency', async () => {
      const latencyCycles = design.latencyCycles + 1;
      const proof = await prove(model, design, files, { latencyCycles });
      expect(proof.proved).toBe(false);
      expect(proof.wires?.reason).toBe(
        `its latency is ${design.latencyCycles} cycles, not ${latencyCycles} as is claimed`,
      );
    });
  },
);

describe('around the layers', () => {
  const design = unrolledDesign(model);
  const files = verilogFiles(design);
  const top = `${design.top}.v`;
  const proofOf = (name: string, from: string | RegExp, to: string) => {
    const text = files[name].replace(from, to);
    expect(text).not.toBe(files[name]);
    return prove(model, design, { ...files, [name]: text });
  };

  it('proves scores, the number of the largest, and wires', async () => {
    const proof = await prove(model, design, files);
    expect(proof).toMatchObject({
      proved: true,
      scores: { proved: 3, outputs: 3 },
      largest: { proved: 1, outputs: 1 },
      wires: { proved: true, latencyCycles: 0 },
    });
  });

  it('takes the last of equal scores for wrong', async () => {
    const proof = await proofOf('largest.v', / < /, ' <= ');
    expect(proof).toMatchObject({ proved: false, disproof: { layer: 'largest' } });
    const [a, b, c] = proof.disproof?.values ?? [];
    expect(new Set([a, b, c]).size).toBeLessThan(3);
  });

  it('finds a score that is another', async () => {
    const proof = await proofOf('scores.v', /\n {6}([^\n]*)\n {2}\};/, '\n      ~$1\n  };');
    expect(proof).toMatchObject({ proved: false, disproof: { layer: 'scores' } });
  });

  it.each([
    [
      'swapped',
      /\.x\(m_input_y\)/,
      '.x({m_input_y[0], m_input_y[19:1]})',
      'bit 0 of port x of layer is not that bit',
    ],
    ['inverted', /\.x\(layer_y\)/, '.x(~layer_y)', 'bit 0 of port x of scores is not that bit'],
  ])('sees wires that are %s', async (_, from, to, reason) => {
    const proof = await proofOf(top, from, to);
    expect(proof.proved).toBe(false);
    expect(proof.wires?.reason).toContain(reason);
  });

  it('reads modules with the parameters that they are used with', async () => {
    const inverter =
      'module flip #(parameter ON = 0) (input wire a, output wire y); assign y = a ^ (ON == 1); endmodule\n';
    const text = files['layer.v'].replace(
      /wire (n\d+) = (.*);/,
      'wire $1_before = $2;\n  wire $1;\n  flip #(.ON(1)) flipped (.a($1_before), .y($1));',
    );
    const proof = await prove(model, design, {
      ...files,
      'layer.v': inverter + text.replace(/^/, ''),
    });
    expect(proof).toMatchObject({ proved: false, disproof: { layer: 'layer' } });
  });

  it('proves nothing of a module with one more input', async () => {
    const proof = await proofOf('layer.v', /module layer \(/, 'module layer (input wire more,');
    expect(proof.proved).toBe(false);
    expect(proof.layers[1].reason).toBe('port more is no port of the design');
  });

  it('proves nothing of a counter whose ports do not fit it', async () => {
    const boxed = unrolledDesign(model, { style: 'xc7' });
    const own = verilogFiles(boxed);
    const text = own['layer.v'].replace(/(hbnn_\w+ #\(.*\.x\(\{)[^,]*, /, '$1');
    expect(text).not.toBe(own['layer.v']);
    const proof = await prove(model, boxed, { ...own, 'layer.v': text });
    expect(proof.proved).toBe(false);
    expect(proof.layers[1].reason).toMatch(/comes from a cell hbnn_(add3|count7)/);
  });

  it('proves nothing of a net that is driven twice', async () => {
    const proof = await proofOf(
      'layer.v',
      /wire (n\d+) = (.*);/,
      'wire $1 = $2;\n  assign $1 = x[0] & x[1];',
    );
    expect(proof.proved).toBe(false);
  });
});
