import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Design, type FoldedDesign, foldedDesign, unrolledDesign } from '@hbnn/circuit';
import { parseMix } from '@hbnn/core';
import { randomModel } from '@hbnn/model';
import {
  prove,
  synthesisTarget,
  synthesize,
  testbenchFiles,
  verify,
  verilogFiles,
} from '@hbnn/verilog';
import { afterAll, describe, expect, it } from 'vitest';
import { sourcesOf } from '../src/simulate/simulate.ts';
import { yosys } from '../src/yosys/yosys.ts';

const has = (program: string, flag: string): boolean =>
  spawnSync(program, [flag], { encoding: 'utf8' }).error === undefined;
const icarus = has('iverilog', '-V');
const verilator = has('verilator', '--version');
if (!icarus) console.log('iverilog is not installed: its tests are skipped');
if (!verilator) console.log('verilator is not installed: its tests are skipped');

// Models whose layers are called alike.
const models = [3, 4].map((seed) =>
  randomModel(seed, {
    layer: 'conv:4x4x3,k3x3,o4,s1,p1',
    mix: parseMix('0.7/0.3'),
    mapPer: 'position',
  }),
);
const prefixes = ['left', 'right_'];
const folds = { layer: { pe: 2, simd: 9 } };

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** `pnpm --filter @hbnn/verilog designs`: all kinds, not one of each architecture. */
const all = process.env.HBNN_DESIGNS === 'all';
const more = [
  ['unrolled', 'xc7'],
  ['pipelined', 'xc7'],
  ['folded', 'xc7'],
] as const;

describe.each([['unrolled', 'gates'] as const, ['folded', 'gates'] as const, ...(all ? more : [])])(
  'two %s networks of style %s in one project',
  (kind, style) => {
    const designs = models.map((model, i): Design | FoldedDesign => {
      const prefix = prefixes[i];
      if (kind === 'folded')
        return foldedDesign(model, { style, prefix, folds, memories: { rom: 'hex' } });
      return unrolledDesign(model, {
        style,
        prefix,
        ...(kind === 'pipelined' && { maxLevels: 6 }),
      });
    });
    const files = designs.map((design, i) => ({
      ...verilogFiles(design),
      ...testbenchFiles(models[i], design, { images: 3 }),
    }));

    it('have no module and no file in common, but the models of vendor cells', () => {
      const [left, right] = files.map((own) => new Set(Object.keys(own)));
      const common = [...left].filter((name) => right.has(name));
      expect(common).toEqual(style === 'xc7' ? ['xc7_models.v', 'Makefile'] : ['Makefile']);
      for (const [i, own] of files.entries())
        for (const [name, text] of Object.entries(own))
          for (const [, module] of name.endsWith('.v') ? text.matchAll(/^module (\w+)/gm) : [])
            expect(module, name).toMatch(
              new RegExp(`^${['left', 'right'][i]}_|_${['left', 'right'][i]}$|^LUT6_2$|^CARRY4$`),
            );
    });

    it('pass yosys check together', async () => {
      const both = sourcesOf({ ...files[0], ...files[1] });
      const names = Object.keys(both).filter((name) => name.endsWith('.v'));
      const tops = designs.map(({ top }) => `hierarchy -check -top ${top}\nproc\ncheck -assert\n`);
      for (const top of tops) await yosys(`read_verilog ${names.join(' ')}\n${top}`, both);
    });

    it('are verified each by itself', async () => {
      for (const [i, design] of designs.entries()) {
        const result = await verify(models[i], design, files[i], { images: 8 });
        expect(result).toMatchObject({ equal: true, text: 'unchanged', testbench: 'unchanged' });
      }
    });

    /** Both in one folder. */
    const folder = (): string => {
      const dir = mkdtempSync(join(tmpdir(), 'hbnn-prefix-'));
      folders.push(dir);
      for (const own of files)
        for (const [name, text] of Object.entries(own)) writeFileSync(join(dir, name), text);
      return dir;
    };
    const sources = [...new Set(files.flatMap((own) => Object.keys(own)))].filter((name) =>
      name.endsWith('.v'),
    );

    it.skipIf(!icarus)('are simulated together in Icarus', () => {
      const cwd = folder();
      const tops = ['left', 'right'].flatMap((name) => ['-s', `testbench_${name}`]);
      const args = ['-g2005', '-Wall', ...tops, '-o', 'both.vvp', ...sources];
      const built = spawnSync('iverilog', args, { cwd, encoding: 'utf8' });
      expect([built.status, built.stderr]).toEqual([0, '']);
      for (const name of ['left', 'right']) {
        const own = ['-g2005', '-s', `testbench_${name}`, '-o', `${name}.vvp`, ...sources];
        spawnSync('iverilog', own, { cwd, encoding: 'utf8' });
        const { stdout } = spawnSync('vvp', ['-n', `${name}.vvp`], { cwd, encoding: 'utf8' });
        expect(stdout).toContain('PASS 3 images');
      }
    });

    it.skipIf(!verilator)('are clean together under verilator -Wall', () => {
      const cwd = folder();
      const own = sources.filter((name) => !name.startsWith('testbench'));
      for (const { top } of designs) {
        const args = ['--lint-only', '-Wall', '-Wno-MULTITOP', '--top-module', top, ...own];
        const { status, stderr } = spawnSync('verilator', args, { cwd, encoding: 'utf8' });
        expect([status, stderr]).toEqual([0, '']);
      }
    });
  },
);

it.runIf(all)('prefixed counters and adders are proved and counted as others are', async () => {
  const model = randomModel(4, { layer: 'dense:24x2', mix: parseMix('0.7/0.3') });
  const target = synthesisTarget('xc7', () => ({ text: '', dontUse: [] }));
  const results = [];
  for (const prefix of ['', 'left']) {
    const design = unrolledDesign(model, { style: 'xc7', prefix });
    const files = verilogFiles(design);
    const { proved, primitives } = await prove(model, design, files);
    const { luts, sites } = await synthesize(files, design.top, target);
    results.push({ proved, primitives, luts, sites });
  }
  expect(results[0].proved).toBe(true);
  expect(results[0].primitives).toBeGreaterThan(0);
  expect(results[1]).toEqual(results[0]);
});
