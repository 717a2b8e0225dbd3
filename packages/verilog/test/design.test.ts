import { foldedDesign, unrolledDesign } from '@hbnn/circuit';
import { distFromAverage, parseMapPer, parseMix } from '@hbnn/core';
import { randomModel } from '@hbnn/model';
import { simulate, testbenchFiles, verify, verilogFiles } from '@hbnn/verilog';
import { describe, expect, it } from 'vitest';
import { sourcesOf } from '../src/simulate/simulate.ts';
import { yosys } from '../src/yosys/yosys.ts';

/** Long runs are the subject of verifyFaults.test.ts. */
const quick = { images: 32, effort: 0.02 };
const styles = ['gates', 'xc7'] as const;
/** `pnpm --filter @hbnn/verilog designs`: larger layers and more networks. */
const all = process.env.HBNN_DESIGNS === 'all';

describe.each(styles)('a design of style %s', (style) => {
  // Seed 87 has a layer of one place that reads its bus in another order.
  it.each(all ? [11, 12, 36, 87] : [36, 87])(
    'computes what the interpreter does, seed %i',
    async (seed) => {
      const model = randomModel(seed);
      const design = unrolledDesign(model, { style });
      const result = await verify(model, design, verilogFiles(design), { images: 128, seed });
      expect(result.difference, `seed ${seed}`).toBeUndefined();
      expect(result).toMatchObject({ equal: true, images: 128 });
    },
  );

  it.each([
    ['dense:70x9', 'element', 1],
    ['dense:33x12', 'position', 1.4],
    ['dense:40x5', 'element', 2.5],
    [all ? 'conv:4x5x3,k3x3,o5,s1,p1' : 'conv:3x4x2,k3x3,o3,s1,p1', 'position', 1.4],
    ['depthwise:5x5x2,k3x3,o4,s2,p1', 'output', 2],
  ] as const)('of %s, maps per %s, %d bits', async (layer, mapPer, average) => {
    const mix = distFromAverage(average);
    const model = randomModel(5, { layer, mapPer, mix, inputMix: distFromAverage(1.4) });
    const design = unrolledDesign(model, { style });
    const result = await verify(model, design, verilogFiles(design));
    expect(result.difference).toBeUndefined();
  });

  it('passes yosys check -assert', async () => {
    const design = unrolledDesign(randomModel(36), { style });
    const files = sourcesOf(verilogFiles(design));
    const read = `read_verilog ${Object.keys(files).join(' ')}`;
    await yosys(`${read}\nhierarchy -check -top ${design.top}\nproc\ncheck -assert\n`, files);
  });

  it('has the same text each time', () => {
    const files = () => verilogFiles(unrolledDesign(randomModel(36), { style }));
    expect(files()).toEqual(files());
  });
});

describe('verify', () => {
  const model = randomModel(3, { layer: 'dense:30x4', mix: distFromAverage(1.4) });
  const design = unrolledDesign(model);
  const files = verilogFiles(design);

  it('names the layer of a flipped constant', async () => {
    const text = files['input.v'] ?? files['m_input.v'];
    const name = files['input.v'] === undefined ? 'm_input.v' : 'input.v';
    const broken = text.replace(/ & x\[/, ' | x[');
    expect(broken).not.toBe(text);
    const result = await verify(model, design, { ...files, [name]: broken });
    expect(result.equal).toBe(false);
    expect(result.difference?.layer).toBe('input');
    expect(result.difference?.expected).not.toBe(result.difference?.got);
  });

  it('names the layer of a flipped wire', async () => {
    const broken = files['layer.v'].replace(/ = n(\d+) \^ n/, ' = ~n$1 ^ n');
    expect(broken).not.toBe(files['layer.v']);
    const result = await verify(model, design, { ...files, 'layer.v': broken });
    expect(result).toMatchObject({ equal: false, difference: { layer: 'layer' } });
  });

  it('names the layer where the models of vendor cells were edited', async () => {
    const own = unrolledDesign(model, { style: 'xc7' });
    const text = verilogFiles(own);
    const edited = (from: string, to: string) => {
      const models = text['xc7_models.v'].replace(from, to);
      expect(models).not.toBe(text['xc7_models.v']);
      return verify(model, own, { ...text, 'xc7_models.v': models }, quick);
    };
    expect(await edited('O = S ^ {', 'O = S & {')).toMatchObject({
      equal: false,
      difference: { layer: 'layer' },
    });
    expect((await edited('wire c1 =', '  wire c1 =')).equal).toBe(true);
  });

  it('finds a net that nothing drives, where an output depends on it', async () => {
    const unrolled = unrolledDesign(model, { style: 'xc7' });
    const folded = foldedDesign(model, { style: 'xc7', folds: { layer: 'constant' } });
    for (const own of [unrolled, folded]) {
      const text = verilogFiles(own);
      const primitives = text['hbnn_xc7.v'].replace("          assign abc = 3'b0;\n", '');
      expect(primitives).not.toBe(text['hbnn_xc7.v']);
      const result = await verify(model, own, { ...text, 'hbnn_xc7.v': primitives }, quick);
      expect(result).toMatchObject({
        equal: false,
        difference: { layer: 'layer', output: 'net without a driver' },
      });
      expect(result.difference?.found).toMatch(/^drivers of \S+abc\[\d\] of /);
      // What no output depends on may be anything.
      const unread = text['hbnn_xc7.v'].replace('[2:0] abc;', '[2:0] abc, unread, same = unread;');
      const held = await verify(model, own, { ...text, 'hbnn_xc7.v': unread }, quick);
      expect(held).toMatchObject({ equal: true });
    }
  });

  it('finds an edited choice of the largest score that only near scores show', async () => {
    const layer = { layer: 'dense:24x4', mix: parseMix('0.5/0.5'), mapPer: parseMapPer('output') };
    const near = randomModel(74, layer);
    const folds = { layer: 'constant' } as const;
    const own = foldedDesign(near, { style: 'xc7', folds });
    const text = verilogFiles(own);
    const scores = text['scores_logic.v'].replace(/= (~x\[\d+\]) & (n\d+);/, '= $1 | $2;');
    expect(scores).not.toBe(text['scores_logic.v']);
    const result = await verify(near, own, { ...text, 'scores_logic.v': scores });
    expect(result).toMatchObject({ equal: false, difference: { layer: 'largest' } });
    // A further pass found it: its seed finds it as the first one.
    const found = result.difference?.found ?? '';
    const seed = Number(/\(images of seed (\d+)\)$/.exec(found)?.[1]);
    expect(seed).toBeGreaterThan(1);
    expect(result.images).toBe(256 * seed);
    const again = await verify(near, own, { ...text, 'scores_logic.v': scores }, { seed });
    expect(again).toMatchObject({ equal: false, difference: result.difference, images: 256 });
  });

  it('names the testbench where its vectors are not of the model', async () => {
    for (const tested of [design, foldedDesign(model)]) {
      const text = { ...verilogFiles(tested), ...testbenchFiles(model, tested, { images: 3 }) };
      expect(await verify(model, tested, text, quick)).toMatchObject({
        equal: true,
        testbench: 'unchanged',
      });
      const blind = text['testbench.v'].replace('failures = failures + 1', 'failures = 0');
      expect(await verify(model, tested, { ...text, 'testbench.v': blind }, quick)).toMatchObject({
        equal: true,
        testbench: 'edited',
      });
      const last = text['testbench_scores.hex'].trimEnd();
      const other = `${last.slice(0, -1)}${last.endsWith('1') ? '0' : '1'}\n`;
      const edited = { ...text, 'testbench_scores.hex': other };
      const result = await verify(model, tested, edited, quick);
      expect(result).toMatchObject({
        equal: false,
        difference: { layer: 'testbench', output: 'image 2, score 0' },
      });
    }
  });

  it('takes text that says the same in other words', async () => {
    const other = files['layer.v'].replace(/= (n\d+) \^ (n\d+);/, '= ($1 | $2) & ~($1 & $2);');
    expect(other).not.toBe(files['layer.v']);
    const result = await verify(model, design, { ...files, 'layer.v': other });
    expect(result).toMatchObject({ equal: true, vectorsPerLayer: 2176 });
  });

  it('says which net is missing', async () => {
    const top = `${design.top}.v`;
    const broken = files[top].replaceAll('layer_y', 'renamed');
    await expect(verify(model, design, { ...files, [top]: broken })).rejects.toThrow('layer_y');
  });
});

describe('simulate', () => {
  it('takes any number of images', async () => {
    const model = randomModel(11);
    const simulation = await simulate(model, unrolledDesign(model));
    const size = model.input.shape.reduce((product, n) => product * n, 1);
    expect(simulation.run(new Uint8Array(0))).toHaveLength(0);
    const scores = simulation.run(new Uint8Array(129 * size).fill(7));
    const classes = model.classes.length;
    expect([...scores.subarray(128 * classes)]).toEqual([...scores.subarray(0, classes)]);
    expect(() => simulation.run(new Uint8Array(size + 1))).toThrow('whole images');
  });
});

describe('the budget', () => {
  it('refuses a large model with its estimate', () => {
    const model = randomModel(1, { layer: 'dense:100x50' });
    expect(() => unrolledDesign(model, { maxAdders: 1000 })).toThrow(
      /layer: expected at most 1,000 adders.* got about [\d,]+.*; make a foldedDesign of it.*maxAdders: \d+/,
    );
  });
});
