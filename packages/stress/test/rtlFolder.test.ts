import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { foldedDesign, unrolledDesign } from '@hbnn/circuit';
import { designOf, readRtl, writeRtl } from '@hbnn/cli/readers';
import { HbnnError } from '@hbnn/core';
import { encodeModel, randomModel } from '@hbnn/model';
import { verilogFiles } from '@hbnn/verilog';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';

const root = mkdtempSync(join(tmpdir(), 'hbnn-rtl-'));
afterAll(() => rmSync(root, { recursive: true }));

const model = randomModel('folder', { layer: 'conv:4x4x2,k2x2,o4' });
const folder = join(root, 'rtl');
const modelFile = join(root, 'net.hbnn');
writeFileSync(modelFile, encodeModel(model));
const from = { modelFile, projectFiles: [] };

const write = (
  design: ReturnType<typeof unrolledDesign> | ReturnType<typeof foldedDesign>,
): void => {
  writeRtl(folder, model, design, verilogFiles(design), from);
};

beforeEach(() => {
  rmSync(folder, { recursive: true, force: true });
  write(foldedDesign(model, {}));
});

describe('a folder of Verilog', () => {
  it('whose writing broke off is refused, and written over', () => {
    const design = unrolledDesign(model, {});
    // A name that no file can have stops the writing behind the first files.
    const files = { ...verilogFiles(design), 'no/such/folder.v': '' };
    expect(() => writeRtl(folder, model, design, files, from)).toThrow(HbnnError);
    expect(() => readRtl(folder)).toThrow(
      /expected the whole Verilog of a design, got a part of it/,
    );
    write(design);
    expect(Object.keys(readRtl(folder).files).sort()).toEqual(
      Object.keys(verilogFiles(design))
        .filter((name) => /\.(v|hex)$/.test(name))
        .sort(),
    );
  });

  it('loses what a killed process left beside its files', () => {
    for (const name of ['layer.v.123.tmp', 'hbnn.json.4.tmp', 'Makefile.5.tmp'])
      writeFileSync(join(folder, name), 'half');
    write(foldedDesign(model, {}));
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('of somebody else is left as it is', () => {
    rmSync(join(folder, 'hbnn.json'));
    const before = readdirSync(folder);
    expect(() => write(foldedDesign(model, {}))).toThrow(/expected an empty folder/);
    expect(readdirSync(folder)).toEqual(before);
  });

  it.each([
    ['folds', null],
    ['folds', []],
    ['folds', { layer: null }],
    ['folds', { layer: { pe: 1 } }],
    ['maxLevels', 'three'],
    ['maxLevels', -1],
    ['architecture', 'rolled'],
    ['memories', null],
    ['memories', 'block'],
  ])('whose manifest has %s of %j is refused', (field, value) => {
    const file = join(folder, 'hbnn.json');
    const manifest: unknown = { ...JSON.parse(readFileSync(file, 'utf8')), [field]: value };
    writeFileSync(file, JSON.stringify(manifest));
    expect(() => designOf(folder, readRtl(folder).manifest, model)).toThrow(HbnnError);
  });

  it('whose manifest is no object is refused', () => {
    for (const text of ['null', '3', '[]', '"x"', '{}']) {
      writeFileSync(join(folder, 'hbnn.json'), text);
      expect(() => readRtl(folder)).toThrow(HbnnError);
    }
  });
});
