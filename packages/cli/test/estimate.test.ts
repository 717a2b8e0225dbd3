import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodeNpy, random } from '@hbnn/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { hbnn, temporary } from './process.ts';

const library = fileURLToPath(new URL('../../estimator/test/small.lib', import.meta.url));

describe('hbnn estimate', () => {
  const dir = temporary();
  const [model, broken] = [join(dir, 'm.hbnn'), join(dir, 'broken.lib')];
  const estimate = (...args: string[]) => hbnn('estimate', '--model', model, ...args);

  beforeAll(() => {
    const layer = ['--layer', 'dense:144x16', '--mix', '0.7/0.2/0.1'];
    expect(hbnn('random', '--seed', '1', ...layer, '--out', model).code).toBe(0);
    copyFileSync(library, broken);
    const text = readFileSync(library, 'utf8');
    writeFileSync(broken, text.replace('area : 5.0;', 'area = 5.0;'));
  });

  it('gives LUTs, rate, power and occupancy of an unrolled design', () => {
    const found = JSON.parse(estimate('--target', 'zc706', '--json').out);
    expect(found).toMatchObject({ target: 'XC7Z045', style: 'unrolled', clockHz: 1e8, fits: true });
    expect(found.luts).toMatchObject({ unit: 'LUT', source: 'calibrated model' });
    expect(found.area.steps.map(({ name }: { name: string }) => name)).toEqual([
      'input',
      'layer',
      'scores',
      'largest',
    ]);
    expect(found.framesPerSecond.value).toBe(1e8);
    expect(found.unknown.clock).toContain('nothing is placed');
    expect(found.note).toContain("luts: tables, 'luts' of hbnn synth; its LUT6 'sites' are fewer");
  });

  it('folds, as asked and as large as fits', () => {
    const given = JSON.parse(estimate('--target', 'pynq', '--fold', '4x12', '--json').out);
    expect(given.folds).toEqual([{ layer: 'layer', pe: 4, simd: 12, cycles: 48 }]);
    expect(given.verilogCyclesPerImage).toMatchObject({ source: 'simulation', unit: 'cycles' });
    expect(given.verilogFramesPerSecond.value).toBe(1e8 / given.verilogCyclesPerImage.value);
    const table = join(dir, 'fold.json');
    writeFileSync(table, JSON.stringify({ layer: { pe: 4, simd: 12 } }));
    const rtl = ['--style', 'folded', '--fold', table, '--out', join(dir, 'folded'), '--json'];
    const made = JSON.parse(hbnn('verilog', '--model', model, ...rtl).out);
    expect(given.verilogCyclesPerImage.value).toBe(made.cyclesPerImage);
    const most = JSON.parse(estimate('--target', 'pynq', '--fold', 'largest', '--json').out);
    expect(most.finnFramesPerSecond.value).toBeGreaterThan(given.finnFramesPerSecond.value);
    const names = Object.keys(given);
    expect(names.indexOf('verilogFramesPerSecond')).toBeLessThan(names.indexOf('finnLuts'));
    expect(names).not.toContain('framesPerSecond');
    expect(names).not.toContain('luts');
    expect(most.finnFits).toBe(true);
    const fast = JSON.parse(estimate('--target', 'pynq', '--fold', 'fps:400000', '--json').out);
    expect(fast.finnFramesPerSecond.value).toBeGreaterThanOrEqual(400_000);
    const cells = JSON.parse(estimate('--target', 'asic:45', '--fold', '4x12', '--json').out);
    expect(cells).toMatchObject({ style: 'folded', memoryBits: { source: 'counted' } });
    expect(cells.finnEnergyPerFrameJ.value).toBeGreaterThan(cells.finnLogicPerFrameJ.value);
    for (const figures of [given, cells])
      expect(
        Object.keys(figures).filter((name) => /^(energy|power|logicPer|frames)/.test(name)),
      ).toEqual([]);
  });

  it('says what the Verilog of the folds takes, layer by layer', () => {
    const of = (...fold: string[]) =>
      JSON.parse(estimate('--target', 'pynq', '--json', '--fold', ...fold).out);
    const found = of('4x12');
    // 'hbnn synth --target xc7 --yosys native' counts 1,792 LUT and 2,228 FF of these folds.
    expect(found.verilogLuts.low).toBeLessThan(1792);
    expect(found.verilogLuts.high).toBeGreaterThan(1792);
    expect(found.verilogFlipFlops.value).toBeCloseTo(2228, -1);
    expect(found.verilogMemoryBlocks.value).toBe(0);
    expect(found.verilogFits).toBe(true);
    const layers: { layer: string; flipFlops: number }[] = found.verilogLayers;
    expect(layers.map(({ layer }) => layer)).toEqual(['input', 'layer', 'scores']);
    expect(layers.reduce((sum, { flipFlops }) => sum + flipFlops, 0)).toBe(
      found.verilogFlipFlops.value,
    );
    const within = of('luts:2400');
    expect(within.verilogLuts.value + within.verilogMemoryLuts.value).toBeLessThanOrEqual(2400);
    expect(within.verilogCyclesPerImage.value).toBeLessThanOrEqual(
      found.verilogCyclesPerImage.value,
    );
    const { code, err } = estimate('--target', 'pynq', '--fold', 'luts:100');
    expect([code, err]).toEqual([2, expect.stringMatching(/expected at least \d+, the LUTs that/)]);
  });

  it('counts the registers of a pipelined design', () => {
    const found = JSON.parse(estimate('--target', 'zc706', '--max-levels', '6', '--json').out);
    // 'hbnn synth --target xc7' counts as many of what 'hbnn verilog --max-levels 6 --target xc7' writes.
    expect(found.flipFlops).toMatchObject({ value: 3439, unit: 'FF', source: 'counted' });
    expect(found.occupancy.flipFlops).toBeCloseTo(3439 / 437_200, 12);
    expect(found.flipFlopsOfSteps.map(({ name }: { name: string }) => name)).toEqual([
      'input',
      'layer',
      'scores',
      'largest',
    ]);
    expect(found.latencyCycles).toBeGreaterThan(0);
    for (const args of [
      ['--target', 'zc706', '--fold', '4x12', '--max-levels', '6'],
      ['--target', 'asic:45', '--max-levels', '6'],
    ])
      expect(estimate(...args).err).toContain('--max-levels: has no effect');
    expect(estimate('--target', 'zc706', '--max-levels', '0').code).toBe(2);
  });

  it('gives no rate and no power of a design that does not fit', () => {
    const large = join(dir, 'large.hbnn');
    hbnn('random', '--seed', '1', '--layer', 'dense:512x128', '--out', large);
    const of = (...args: string[]) =>
      hbnn('estimate', '--model', large, '--target', 'up5k', '--json', ...args);
    const unrolled = JSON.parse(of().out);
    expect([unrolled.fits, unrolled.unknown.rate]).toEqual([
      false,
      expect.stringMatching(/^the design takes about \d+ % of the LUTs of .*; fold it/),
    ]);
    const folded = JSON.parse(of('--fold', '128x512').out);
    expect([folded.finnFits, folded.unknown.rate]).toEqual([
      false,
      expect.stringContaining('take smaller folds (--fold largest)'),
    ]);
    for (const found of [unrolled, folded])
      expect(Object.keys(found).join()).not.toMatch(
        /finnFrames|^framesPer|,framesPer|power|energyPer/i,
      );
  });

  it('says for what largest is, and how to fill a device with what hbnn verilog writes', () => {
    const { note } = JSON.parse(estimate('--target', 'pynq', '--fold', 'largest', '--json').out);
    expect(note).toMatch(
      /largest: folds that fill the device with FINN's engines, .* --fold luts:53200$/,
    );
    expect(hbnn('estimate', '--help').out.replaceAll(/\s+/g, ' ')).toContain(
      "The circuit of 'hbnn verilog' has another size",
    );
  });

  it('gives area and energy in cells, built in and of a Liberty file', () => {
    const builtIn = JSON.parse(estimate('--target', 'asic:45', '--json').out);
    expect(builtIn.areaUm2.value).toBeCloseTo(builtIn.gates.value * 0.798, 6);
    const own = JSON.parse(estimate('--liberty', library, '--rate', '3400', '--json').out);
    expect(own).toMatchObject({ technology: 'small', gates: { unit: 'GE' } });
    expect(own.areaUm2.value).toBe(2 * own.gates.value);
    expect(own.powerW.value).toBeGreaterThan(own.energyPerFrameJ.value * 3400);
    expect([builtIn.ratePerSecond, own.ratePerSecond]).toEqual([1000, 3400]);
    const text = estimate('--target', 'asic:45', '--rate', '3400').out;
    expect(text).toMatch(/^power is at +3,400 images\/s \(--rate\)\npower +\S+ .W/m);
    expect(estimate('--target', 'asic:45', '--fold', '4x12', '--clock', '200').out).toMatch(
      /^clock +200 MHz$/m,
    );
  });

  it('says that leakage is unknown where a library has no unit for it', () => {
    const text = readFileSync(library, 'utf8');
    const unitless = join(dir, 'unitless.lib');
    writeFileSync(unitless, text.replace(/leakage_power_unit.*\n/, ''));
    const known = JSON.parse(estimate('--liberty', library, '--json').out);
    const found = JSON.parse(estimate('--liberty', unitless, '--json').out);
    expect(known.unknown).not.toHaveProperty('leakage');
    expect(found).not.toHaveProperty('leakageW');
    expect(found.unknown.leakage).toMatch(
      /unitless.lib gives leakage without leakage_power_unit, .*: it is not in the power$/,
    );
    expect(known.powerW.value - found.powerW.value).toBeCloseTo(known.leakageW.value, 12);
    expect(estimate('--liberty', unitless).out).toContain('without leakage_power_unit');
  });

  it('counts changes of nets over images', () => {
    const images = join(dir, 'images.npy');
    const noise = random(5, 'images');
    const data = Uint8Array.from({ length: 12 * 144 }, () => noise.below(256));
    writeFileSync(images, encodeNpy({ shape: [12, 1, 1, 144], data }));
    const asic = (...args: string[]) => estimate('--target', 'asic:45', '--json', ...args);
    const usual = JSON.parse(asic().out);
    const found = JSON.parse(asic('--in', images, '--images', '10').out);
    expect(found.activity).toMatchObject({ source: 'counted', unit: 'changes per net' });
    expect(found.activity.from).toMatch(/nets simulated over 9 steps .* images\.npy/);
    const ratio = found.energyPerFrameJ.value / usual.energyPerFrameJ.value;
    expect(ratio).toBeCloseTo(found.activity.value / usual.activity.value, 9);
    expect(found.energyPerFrameFlatJ.value).toBeCloseTo(usual.energyPerFrameJ.value, 20);
    expect(found.energyPerFrameJ.high).toBeGreaterThan(1.5 * found.energyPerFrameJ.value);
    const { code, err } = asic('--in', images, '--activity', '0.3');
    expect([code, err]).toEqual([2, expect.stringContaining('expected no --in beside it')]);
    expect(asic('--in', join(dir, 'none.npy')).code).toBe(2);
  });

  it('folds onto small devices without a platform', () => {
    for (const target of ['up5k', 'hx8k', 'ecp5']) {
      const found = JSON.parse(estimate('--target', target, '--fold', 'largest', '--json').out);
      expect(found).toMatchObject({ finnFits: true, finnDsps: { value: 0 } });
      expect(found.verilogLuts.low).toBeLessThan(found.verilogLuts.value);
      expect(found.verilogLuts.from).toMatch(/hbnn synth counted for (ice40|ecp5)$/);
      expect(found.unknown).not.toHaveProperty('verilog');
      expect(found.unknown.verilogEnergy).toMatch(/^no published figure for family/);
      expect(found.unknown.platform).toContain('not in the figures');
    }
  });

  it('says of an iCE40 whether a design fits only where that is sure', () => {
    const fitsOf = (outputs: number) => {
      const model = join(dir, `fits${outputs}.hbnn`);
      const layer = `dense:64x${outputs}`;
      expect(hbnn('random', '--layer', layer, '--out', model).code).toBe(0);
      const on = ['--target', 'up5k', '--fold', '1x1', '--json'];
      const found = JSON.parse(hbnn('estimate', '--model', model, ...on).out);
      const [luts, flipFlops] = [found.verilogLuts.value, found.verilogFlipFlops.value];
      return { sum: luts + flipFlops, most: Math.max(luts, flipFlops), ...found };
    };
    const small = fitsOf(8);
    expect(small.sum).toBeLessThan(5280);
    expect(small.verilogFits).toBe(true);
    const middle = fitsOf(40);
    expect(middle.sum).toBeGreaterThan(5280);
    expect(middle.most).toBeLessThan(5280);
    expect(middle).not.toHaveProperty('verilogFits');
    expect(middle.unknown.verilogFits).toContain('share a logic cell');
    const large = fitsOf(60);
    expect(large.most).toBeGreaterThan(5280);
    expect(large.verilogFits).toBe(false);
  });

  it('gives no band and no fits where layers are not modelled', () => {
    const network = join(dir, 'network.hbnn');
    expect(hbnn('random', '--seed', '6', '--out', network).code).toBe(0);
    const of = (...args: string[]) =>
      JSON.parse(hbnn('estimate', '--model', network, '--fold', 'fps:1000', '--json', ...args).out);
    for (const target of ['hx8k', 'zc706', 'asic:45']) {
      const found = of('--target', target);
      expect(found).not.toHaveProperty('finnFits');
      expect(found).not.toHaveProperty('finnOccupancy');
      expect(found).not.toHaveProperty('fits');
      expect(found).not.toHaveProperty('occupancy');
      expect(found.unknown.layers).toMatch(
        target === 'hx8k'
          ? /^the figures of the circuit as FINN builds it leave out .*\(sumPool\)\S*: they are lower bounds, and whether that circuit fits was not checked\. The figures of 'hbnn verilog' have all layers$/
          : target === 'zc706'
            ? /^the figures of the circuit as FINN builds it leave out .*: they are lower bounds, and whether that circuit fits was not checked\. The figures of 'hbnn verilog' have all layers, and 'verilog fits' was checked$/
            : /^the figures leave out .*\(sumPool\)\S*: they are lower bounds\. 'hbnn verilog/,
      );
      const count = target === 'asic:45' ? found.gates : found.finnLuts;
      expect(Object.keys(count).sort()).toEqual(['from', 'source', 'unit', 'value']);
      expect(count.from).toMatch(/at least: without .*\(sumPool\)/);
      expect(found.verilogFramesPerSecond).toHaveProperty('low');
    }
    const text = hbnn('estimate', '--model', network, '--fold', 'fps:1000', '--target', 'hx8k').out;
    expect(text).toMatch(/^finn luts +\S+ LUT \(calibrated model: .*at least/m);
    expect(text).not.toMatch(/^(finnF|f)its/m);
  });

  it('prints a readable table', () => {
    const { out, code } = estimate('--target', 'pynq', '--fold', '16x144', '--clock', '50');
    expect(code).toBe(0);
    expect(out).toMatch(/^finn luts +\S+ LUT \(\S+ … \S+; calibrated model: fit to FINN/m);
    expect(out).toMatch(/^verilog luts +\S+ LUT \(\S+ … \S+; calibrated model: each module/m);
    expect(out).toMatch(/^ {2}layer +[\d,]+ LUT, [\d,]+ FF/m);
    expect(out).toMatch(/^fold layer +16x144$/m);
    expect(out).toMatch(/^note +finnLuts: LUTs in use after place and route/m);
    expect(out).toMatch(/^verilog occupancy +luts \S+ %/m);
    expect(out).toMatch(/^finn occupancy +luts \S+ %/m);
    expect(out).toMatch(/^clock +50 MHz$/m);
    expect(out).toMatch(
      /^verilog frames per second +[\d,]+ frames\/s \([\d,]+ … [\d,]+; simulation: /m,
    );
    expect(out.indexOf("As 'hbnn verilog")).toBeLessThan(out.indexOf('As FINN builds them'));
    expect(out).not.toMatch(/(?<!\w)\d{5}|\d\.\d{5}|e-\d/);
    const cells = estimate('--target', 'asic:45').out;
    expect(cells).toMatch(/^energy per frame +[\d.]+ [fpnµ]J \(/m);
    expect(cells).not.toMatch(/(?<!\w)\d{5}|\d\.\d{5}|e-\d/);
  });

  it.each([
    [
      [],
      '--target: expected an FPGA such as zc706, a process such as asic:45, or --liberty FILE, got none',
    ],
    [['--target', 'zx81'], ", or asic:NM such as asic:45, got 'zx81'; give one of these\n"],
    [['--target', 'zc707'], "got 'zc707'; did you mean 'zc706'?"],
    [['--target', 'xc7z45'], "got 'xc7z45'; did you mean 'XC7Z045'?"],
    [['--target', 'pynq', '--dont-use', 'X*'], '--dont-use: has no effect without --liberty'],
    ...['asic:28', 'asic:46', 'asic:', 'asic:x'].map((target): [string[], string] => [
      ['--target', target],
      `--target: expected asic:NM with one of 180, 65, 45, 32, 20, 16, 14, 10, 7 as NM, the processes that scaling factors are published for, got '${target}'; give one of them, as in --target asic:45`,
    ]),
    [
      ['--target', 'asic:45', '--rate', '0'],
      "--rate: expected a number above 0 of images per second, such as 1000, got '0'",
    ],
    [
      ['--target', 'asic:45', '--activity', '-1'],
      "--activity: expected a number above 0 of changes, such as 0.5, got '-1'",
    ],
    [
      ['--target', 'asic:45', '--data', 'folder'],
      '--data folder: expected a folder of images in class folders by --from, got none',
    ],
    [
      ['--target', 'asic:45', '--skip-bad-images'],
      '--skip-bad-images: has no effect without --data',
    ],
    [['--target', 'pynq', '--skip-bad-images'], '--skip-bad-images: has no effect with an FPGA'],
    [
      ['--target', 'pynq', '--fold', '5x5'],
      'expected a fold PExSIMD whose pe divides its 16 outputs',
    ],
    [['--target', 'pynq', '--fold', '4x4,1x1'], 'expected 1 fold, one per layer with weights'],
    [
      ['--target', 'pynq', '--fold', '4y4'],
      '4y4: could not be read: there is no such file; give JSON of folds by layer',
    ],
    [['--target', 'pynq', '--fold', '4y4'], 'luts:N, or PExSIMD'],
    [['--target', 'pynq', '--fold', 'fps:'], '--fold fps: expected a number of frames'],
    [['--target', 'asic:45', '--fold', 'luts:none'], '--fold luts: expected a number of LUTs'],
    [
      ['--target', 'pynq', '--clock', '0'],
      "--clock: expected a number above 0 of MHz, such as 100, got '0'",
    ],
    [
      ['--target', 'pynq', '--clock', '100e6'],
      '--clock: expected at most 10000 MHz, got 100e6; give megahertz',
    ],
    [['--target', 'pynq', '--rate', '5'], '--rate: has no effect with an FPGA'],
    [['--target', 'asic:45', '--fold', 'largest'], '--fold largest: expected PExSIMD per layer or'],
    [
      ['--target', 'asic:45', '--fold', '1x1', '--rate', '5'],
      '--rate: has no effect with a folded',
    ],
    [['--target', 'pynq', '--fold', 'fps:1e9'], 'expected at most 1190476 frames per second'],
    [
      ['--target', 'asic:45', '--clock', '200'],
      '--clock: has no effect with an unrolled design in cells; give --fold',
    ],
    [['--target', 'asic:45', '--images', '5'], '--images: has no effect without images'],
    [
      ['--target', 'asic:45', '--activity', '0.3', '--images', '5'],
      '--images: has no effect without images',
    ],
    [['--target', 'pynq', '--images', '5'], '--images: has no effect with an FPGA'],
    [['--target', 'asic:45', '--from', '/x'], '--from: has no effect without --data'],
    [['--liberty', '/nowhere.lib'], '--liberty: /nowhere.lib: could not be read'],
  ])('refuses %j with one line', (args, message) => {
    const { code, err } = estimate(...args);
    expect([code, err.trim().split('\n').length]).toEqual([2, 1]);
    expect(err).toContain(message);
  });

  it('names the line of a malformed library', () => {
    const { code, err } = estimate('--liberty', broken);
    expect(code).toBe(2);
    expect(err).toMatch(/broken\.lib, line 43: expected ':' or '\(' after 'area', got '='/);
  });
});
