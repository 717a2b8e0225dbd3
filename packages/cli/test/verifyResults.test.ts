import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hbnn, temporary } from './process.ts';

const folder = temporary();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const settings = '--network fcn4 --widths 4 --limit 60 --test-limit 40 --epochs 1 --recalibrate 0';

beforeAll(() => {
  for (const seed of ['1', '2']) {
    const out = join(folder, 'runs', `seed-${seed}`);
    const words = [...settings.split(' '), '--backend', 'wasm', '--seed', seed, '--out', out, '-q'];
    expect(hbnn('train', ...words).code).toBe(0);
  }
});

interface Result {
  readonly equal: number;
  readonly expected: number;
  readonly differs: number;
  readonly outcomes: readonly { readonly why?: string; readonly again?: string }[];
}

/** Verify runs, and read the result. */
function verified(...args: readonly string[]): Result & { readonly code: number | null } {
  const { code, out, err } = hbnn('verify-results', ...args, '--json', '-q');
  expect(err).toBe('');
  return { code, ...(JSON.parse(out) as Result) };
}

/** Make a model or Verilog again, and read the exit code and the result. */
function madeAgain(path: string): [number | null, Record<string, unknown>] {
  const { code, out } = hbnn('verify-results', path, '--json', '-q');
  return [code, JSON.parse(out) as Record<string, unknown>];
}

/** A copy of a run with a field of one of its files changed. */
function changedRun(file: string, change: (content: Record<string, unknown>) => void): string {
  const copy = join(folder, 'changed');
  rmSync(copy, { recursive: true, force: true });
  cpSync(join(folder, 'runs/seed-1'), copy, { recursive: true });
  const path = join(copy, file);
  const content = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  change(content);
  writeFileSync(path, JSON.stringify(content));
  return copy;
}

describe('hbnn verify-results', () => {
  it('finds the runs below a folder, and gives the same bytes', () => {
    const result = verified(join(folder, 'runs'), '--sample', '2');
    expect(result).toMatchObject({ code: 0, equal: 2, expected: 0, differs: 0 });
  });

  it('says of another backend that a difference is to be expected', () => {
    const result = verified(join(folder, 'runs/seed-1'), '--backend', 'cpu');
    expect(result.code).toBe(0);
    expect(result.equal + result.expected).toBe(1);
    if (result.expected === 1)
      expect(result.outcomes[0].why).toContain('backend wasm then, cpu now');
  });

  it('says of other images, and of weights of another run, that they differ, without training', () => {
    const images = changedRun('manifest.json', (manifest) => {
      manifest.dataSha256 = '00';
    });
    const data = verified(images);
    expect(data).toMatchObject({ code: 3, differs: 1 });
    expect(data.outcomes[0].why).toContain('the data set has other images now');
    expect(data.outcomes[0].again).toBeUndefined();
    cpSync(join(folder, 'runs/seed-2/weights.bin'), join(images, 'weights.bin'));
    expect(verified(images).outcomes[0].why).toContain('weights.bin holds other weights');
  });

  it('says of a score that was written by hand that it differs', () => {
    const run = changedRun('result.json', (result) => {
      result.top1 = 1;
    });
    expect(verified(run)).toMatchObject({ code: 3, differs: 1 });
  });

  it('says of a run of another version that a difference is to be expected', () => {
    const run = changedRun('manifest.json', (manifest) => {
      manifest.hbnn = '0.0.1';
    });
    const file = join(run, 'result.json');
    writeFileSync(file, readFileSync(file, 'utf8').replace(/"top1": ?[\d.]+/, '"top1":0.5123'));
    const result = verified(run);
    expect(result).toMatchObject({ code: 0, expected: 1 });
    expect(result.outcomes[0].why).toContain('hbnn 0.0.1 then');
  });

  it('makes a model again from its run, and tells a changed file from another run', () => {
    const file = join(folder, 'net.hbnn');
    const lower = ['lower', '--run', join(folder, 'runs/seed-1'), '--out', file];
    const lowered = hbnn(...lower, '--no-evaluate', '--backend', 'wasm', '-q');
    expect(lowered.code, lowered.err).toBe(0);
    expect(madeAgain(file)).toEqual([0, { path: file, outcome: 'equal' }]);
    const bytes = readFileSync(file);
    const [last] = bytes.subarray(-1);
    writeFileSync(file, Buffer.concat([bytes.subarray(0, -1), Buffer.of(last ^ 1)]));
    const why = 'net.hbnn was changed after it was written';
    expect(madeAgain(file)).toEqual([3, { path: file, outcome: 'differs', why }]);
    writeFileSync(file, bytes);
    const manifest = `${file}.manifest.json`;
    const said = JSON.parse(readFileSync(manifest, 'utf8')) as { from: Record<string, unknown> };
    const other = { ...said, from: { ...said.from, weightsFileSha256: '00' } };
    writeFileSync(manifest, JSON.stringify(other));
    expect(madeAgain(file)[1]).toMatchObject({ outcome: 'expected' });
    // The same version would have made another file of these bits.
    const coarse = { ...said, from: { ...said.from, scaleBits: 2 } };
    writeFileSync(manifest, JSON.stringify(coarse));
    expect(madeAgain(file)).toMatchObject([3, { outcome: 'differs' }]);
    writeFileSync(manifest, JSON.stringify({ ...coarse, hbnn: '0.0.1' }));
    expect(madeAgain(file)).toMatchObject([0, { outcome: 'expected' }]);
    rmSync(manifest);
    expect(hbnn('verify-results', file).err).toMatch(/expected .*manifest\.json/);
  });

  it('makes Verilog again from its model, and tells edits from another model', () => {
    const [model, rtl] = [join(folder, 'm.hbnn'), join(folder, 'rtl')];
    const write = ['verilog', '--model', model, '--out', rtl, '--vectors', '3', '--project-files'];
    const random = (seed: string) =>
      hbnn('random', '--layer', 'dense:12x3', '--seed', seed, '--out', model);
    expect(random('1').code).toBe(0);
    expect(hbnn(...write).code).toBe(0);
    expect(madeAgain(rtl)).toEqual([0, { path: rtl, outcome: 'equal' }]);
    const top = readdirSync(rtl).find((name) => /^(?!testbench).*\.v$/.test(name)) as string;
    const text = readFileSync(join(rtl, top), 'utf8');
    writeFileSync(join(rtl, top), `${text}\n`);
    writeFileSync(join(rtl, 'more.v'), 'module more; endmodule\n');
    const changed = `${top} was changed after it was written`;
    expect(madeAgain(rtl)).toEqual([3, { path: rtl, outcome: 'differs', why: changed }]);
    writeFileSync(join(rtl, top), text);
    expect(madeAgain(rtl)).toMatchObject([3, { why: 'more.v came after hbnn verilog' }]);
    rmSync(join(rtl, 'more.v'));
    expect(random('2').code).toBe(0);
    expect(madeAgain(rtl)).toMatchObject([0, { outcome: 'expected' }]);
    rmSync(model);
    expect(madeAgain(rtl)).toMatchObject([0, { outcome: 'unchanged' }]);
  });

  it.each([
    [['none'], /none: could not be read: there is no such file or folder; name the --out/],
    [['.', '--sample', '0'], /--sample: expected at least 1/],
    [['.', '--sample', '9'], /--sample: expected at most the \d runs/],
    [['.', '--sample', 'x'], /--sample: expected a whole number/],
  ])('refuses %j', ([place, ...words], message) => {
    const { code, err } = hbnn('verify-results', join(folder, place), ...words);
    expect(err).toMatch(message);
    expect(code).toBe(2);
  });

  it('refuses a damaged manifest by its name', () => {
    const run = changedRun('manifest.json', (manifest) => {
      delete manifest.format;
    });
    const { code, err } = hbnn('verify-results', run);
    expect(err).toMatch(/manifest\.json: expected HBNN run, version 1/);
    expect(code).toBe(2);
  });
});
