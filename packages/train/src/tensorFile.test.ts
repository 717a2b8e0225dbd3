import { mkdtempSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  checkFolderOf,
  readTensorFile,
  removeFile,
  writeTensorFile,
  writeWhole,
} from './tensorFile.ts';

const folder = (): string => mkdtempSync(join(tmpdir(), 'hbnn-tensor-file-'));
const arrays = [
  { name: 'a/kernel', shape: [2, 3], data: Float32Array.of(1, -2, 3.5, 0, 1e-30, -0) },
  { name: 'a/map', shape: [3], data: Uint8Array.of(1, 2, 3) },
  { name: 'empty', shape: [0], data: new Float32Array(0) },
];

describe('tensor files', () => {
  it('gives back what was written', () => {
    const file = join(folder(), 'x.bin');
    writeTensorFile(file, arrays, { step: 7 });
    const read = readTensorFile(file);
    expect(read.state).toEqual({ step: 7 });
    expect([...read.arrays.values()]).toEqual(arrays);
  });

  it('names the file when it is truncated, changed, of another kind or missing', () => {
    const dir = folder();
    const file = join(dir, 'x.bin');
    writeTensorFile(file, arrays, {});
    const whole = readFileSync(file);
    for (const length of [0, 5, 20, whole.length - 33, whole.length - 1]) {
      writeFileSync(file, whole);
      truncateSync(file, length);
      expect(() => readTensorFile(file)).toThrow(new RegExp(`${file}: .*delete it`));
    }
    const changed = Buffer.from(whole);
    changed[whole.length - 40] ^= 1;
    writeFileSync(file, changed);
    expect(() => readTensorFile(file)).toThrow('checksum differs');
    expect(() => readTensorFile(join(dir, 'none.bin'))).toThrow('could not be read');
  });

  it('leaves the old file alone when the new one cannot be written', () => {
    const dir = folder();
    expect(() => writeWhole(join(dir, 'missing', 'x.bin'), 'text')).toThrow(
      `the folder ${join(dir, 'missing')} does not exist`,
    );
    expect(() => writeWhole(dir, 'text')).toThrow(`${dir}: could not be written: it is a folder`);
    expect(() => checkFolderOf(dir)).toThrow('it is a folder; give the name of a file');
    expect(() => checkFolderOf(join(dir, 'x'))).not.toThrow();
    writeWhole(join(dir, 'x'), 'old');
    expect(() => writeWhole(join(dir, 'x'), [{ length: 4 } as unknown as Uint8Array])).toThrow();
    expect(readFileSync(join(dir, 'x'), 'utf8')).toBe('old');
    expect(readdirSync(dir)).toEqual(['x']);
  });

  it('removes a file if it is there, and says why it cannot', () => {
    const dir = folder();
    writeWhole(join(dir, 'x'), 'text');
    removeFile(join(dir, 'x'));
    removeFile(join(dir, 'x'));
    expect(readdirSync(dir)).toEqual([]);
    expect(() => removeFile(dir)).toThrow(`${dir}: could not be removed: it is a folder`);
  });
});
