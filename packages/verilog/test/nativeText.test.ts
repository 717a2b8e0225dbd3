import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { foldedDesign, type MemoryStyle } from '@hbnn/circuit';
import { parseMix } from '@hbnn/core';
import { randomModel } from '@hbnn/model';
import { verilogFiles } from '@hbnn/verilog';
import { expect, it } from 'vitest';

const native = spawnSync('yosys', ['-V'], { encoding: 'utf8' }).error === undefined;
if (!native) console.log('yosys is not installed: its tests are skipped');

const model = randomModel(3, { layer: 'conv:5x5x4,k3x3,o4', mix: parseMix('0.7/0.3') });

// Yosys's own scripts refuse a style of memory that a family does not have.
it.skipIf(!native).each([
  ['xilinx', { rom: 'hex' }],
  ['xilinx', { rom: 'case', lines: 'block' }],
  ['ice40', { rom: 'hex' }],
  ['ecp5', { rom: 'hex' }],
] as [string, Partial<MemoryStyle>][])('synth_%s takes memories of %o', (family, memories) => {
  const design = foldedDesign(model, { folds: { layer: { pe: 2, simd: 4 } }, memories });
  const cwd = mkdtempSync(join(tmpdir(), 'hbnn-native-'));
  try {
    const files = verilogFiles(design);
    for (const [name, text] of Object.entries(files)) writeFileSync(join(cwd, name), text);
    const script = `read_verilog layer.v; synth_${family} -top layer -run begin:map_ffram; check`;
    const { status, stderr } = spawnSync('yosys', ['-q', '-p', script], { cwd, encoding: 'utf8' });
    expect([status, stderr.match(/ERROR.*/)?.[0]]).toEqual([0, undefined]);
  } finally {
    rmSync(cwd, { recursive: true });
  }
});
