import { foldedDesign, type MemoryStyle } from '@hbnn/circuit';
import { distFromAverage } from '@hbnn/core';
import { randomModel } from '@hbnn/model';
import { synthesisTarget, synthesize, verify, verilogFiles } from '@hbnn/verilog';
import { describe, expect, it } from 'vitest';

const model = randomModel(5, {
  layer: 'conv:6x5x4,k3x3,o8',
  mix: distFromAverage(1.4),
  mapPer: 'position',
  scalePer: 'output',
});
const designOf = (memories: Partial<MemoryStyle>) =>
  foldedDesign(model, { folds: { layer: { pe: 2, simd: 4 } }, memories });

const ways: readonly Partial<MemoryStyle>[] = [
  { rom: 'hex' },
  { lines: 'block' },
  { rom: 'hex', lines: 'distributed' },
];

describe('memories of a folded design', () => {
  it.each(ways)('compute the same: %o', async (memories) => {
    const design = designOf(memories);
    const result = await verify(model, design, verilogFiles(design), { images: 16 });
    expect(result.difference).toBeUndefined();
    expect(result.equal).toBe(true);
    expect(design.cyclesPerImage).toBe(designOf({}).cyclesPerImage);
  });

  it('are in the text, or in files that it names', () => {
    const [text, files] = [designOf({}), designOf({ rom: 'hex' })].map(verilogFiles);
    expect(Object.keys(text).some((name) => name.endsWith('.hex'))).toBe(false);
    const rom = files['layer_matrix_weight_word.hex'];
    expect(files['layer.v']).toContain('$readmemh("layer_matrix_weight_word.hex", weight_words);');
    expect(files['layer.v']).toMatch(
      /\(\* rom_style = "\w+" \*\) reg \[7:0\] weight_words \[0:\d+\];/,
    );
    expect(rom.trim().split('\n')).toHaveLength(
      Number(/weight_words \[0:(\d+)\]/.exec(files['layer.v'])?.[1]) + 1,
    );
    expect(text['layer.v']).toMatch(/\(\* rom_style = "\w+" \*\) reg \[7:0\] weight_word;/);
  });

  it('say how synthesis is to build line buffers', () => {
    const of = (memories: Partial<MemoryStyle>) => verilogFiles(designOf(memories))['layer.v'];
    expect(of({})).toMatch(/ram_style = "distributed" \*\) reg \[\d+:0\] lines/);
    expect(of({ lines: 'block' })).toMatch(/ram_style = "block" \*\) reg \[\d+:0\] lines/);
    const wide = randomModel(1, { layer: 'conv:3x80x1,k3x3,o2' });
    expect(verilogFiles(foldedDesign(wide))['layer.v']).toMatch(/"block" \*\) reg \[\d+:0\] lines/);
    const narrow = foldedDesign(randomModel(1, { layer: 'conv:5x1x2,k3x1,o2' }), {
      memories: { lines: 'block' },
    });
    expect(verilogFiles(narrow)['layer.v']).toContain('"distributed"');
  });

  it('are found where a bit of a file is another', async () => {
    const design = designOf({ rom: 'hex' });
    const files = verilogFiles(design);
    const name = 'layer_matrix_weight_word.hex';
    const broken = files[name].replace(/[0-9a-f]\n/, (end) => (end[0] === '0' ? '1\n' : '0\n'));
    const result = await verify(model, design, { ...files, [name]: broken }, { images: 32 });
    expect(result).toMatchObject({ equal: false, difference: { layer: 'layer' } });
  });

  it('are synthesized from files as from text', async () => {
    const target = synthesisTarget('ice40', () => {
      throw new Error('expected a target without a library');
    });
    const [text, files] = await Promise.all(
      [designOf({}), designOf({ rom: 'hex' })].map((design) =>
        synthesize(verilogFiles(design), design.top, target, { workers: 1 }),
      ),
    );
    expect(files.flipFlops).toBe(text.flipFlops);
    expect(files.luts).toBeGreaterThan(0.9 * text.luts);
    expect(files.luts).toBeLessThan(1.1 * text.luts);
  });
});
