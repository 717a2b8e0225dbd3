import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeMadeManifest } from '@hbnn/cli/madeManifest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hbnn, temporary } from './process.ts';

const folder = temporary();
const [run, results, ledgers] = ['run', 'results', 'ledger'].map((name) => join(folder, name));
const ledger = join(ledgers, 'own.jsonl');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const readJson = (file: string): Record<string, unknown> =>
  JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;

/** The line that a ledger has of the training. */
function ledgerLine(): Record<string, unknown> {
  const { config, ...rest } = readJson(join(run, 'result.json'));
  const { dataSha256, node, commit, cpu } = readJson(join(run, 'manifest.json'));
  const data = { label: 'the embedded subset', sha256: dataSha256 };
  return { ...rest, config, data, node, commit, machine: `${String(cpu)}, 2 threads` };
}

const report = `${JSON.stringify({ profile: 'quick', stages: [] })}\n`;
let line: Record<string, unknown>;

/** Write the results again, of trainings with these weights. */
function writeResults(weightsSha256: readonly unknown[]): void {
  writeFileSync(join(results, 'results.json'), report);
  const stages = { figure2b: { ledgers: '../ledger', weightsSha256 } };
  writeMadeManifest(results, { stages }, { 'results.json': report });
}

const writeLedger = (...lines: readonly object[]): void =>
  writeFileSync(ledger, lines.map((each) => `${JSON.stringify(each)}\n`).join(''));

beforeAll(() => {
  const words =
    '--network fcn4 --widths 4 --limit 60 --test-limit 40 --epochs 1 --recalibrate 0 --backend wasm';
  expect(hbnn('train', ...words.split(' '), '--out', run, '-q').code).toBe(0);
  mkdirSync(results);
  mkdirSync(ledgers);
  line = ledgerLine();
  writeLedger(line);
  writeResults([line.weightsSha256]);
});

/** Verify, and read the exit code and the result. */
function verified(...args: readonly string[]): [number | null, Record<string, unknown>] {
  const { code, out, err } = hbnn('verify-results', results, ...args, '--json', '-q');
  expect(err).toBe('');
  return [code, JSON.parse(out) as Record<string, unknown>];
}

describe('hbnn verify-results of a reproduction', () => {
  it('does trainings of its ledger again', () => {
    const again = line.weightsSha256;
    const outcomes = [{ outcome: 'equal', again, weightsSha256: again }];
    expect(verified()).toMatchObject([0, { outcome: 'equal', trainings: 1, outcomes }]);
  });

  it('tells another score with the same sources from one of another backend', () => {
    writeLedger({ ...line, top1: 0.5123 });
    const [code, result] = verified();
    expect([code, result.outcome]).toEqual([3, 'differs']);
    writeLedger({ ...line, top1: 0.5123, backend: 'cpu' });
    const [, other] = verified('--backend', 'wasm');
    expect(other).toMatchObject({
      outcome: 'expected',
      outcomes: [{ why: 'backend cpu then, wasm now' }],
    });
    writeLedger(line);
  });

  it('says without training what was changed or is lost', () => {
    writeFileSync(join(results, 'results.json'), report.replace('quick', 'cifar10'));
    const why = 'results.json was changed after it was written';
    expect(verified()).toMatchObject([3, { outcome: 'differs', why, outcomes: [] }]);
    writeFileSync(join(results, 'results.json'), '{');
    expect(verified()).toMatchObject([3, { why }]);
    writeResults([line.weightsSha256, '0'.repeat(64)]);
    expect(verified()).toMatchObject([
      3,
      { why: expect.stringMatching(/the ledger has not 1 of its/) },
    ]);
    writeResults([]);
    expect(verified()).toMatchObject([0, { outcome: 'unchanged', trainings: 0 }]);
    writeResults([line.weightsSha256]);
    writeLedger({ ...line, data: { label: 'others', sha256: '1'.repeat(64) } });
    const images = expect.stringMatching(/images here are not those of others/);
    expect(verified()).toMatchObject([3, { outcomes: [{ outcome: 'differs', why: images }] }]);
    rmSync(ledger);
    expect(verified()).toMatchObject([
      0,
      { outcome: 'unchanged', why: 'its ledger is not there any more' },
    ]);
    writeLedger(line);
  });

  it('refuses damaged files by their name', () => {
    const refused = (): string => {
      const { code, err } = hbnn('verify-results', results, '-q');
      expect(code).toBe(2);
      return err;
    };
    writeFileSync(ledger, `${JSON.stringify(line)}\n{"config":\n`);
    expect(refused()).toMatch(/own\.jsonl:2: expected a finished training/);
    writeLedger(line);
    writeResults(['../../etc']);
    expect(refused()).toMatch(/expected a manifest with the trainings of each stage/);
    rmSync(join(results, 'manifest.json'));
    expect(refused()).toMatch(/expected .*manifest\.json.*make it again with pnpm bench:reproduce/);
    writeResults([line.weightsSha256]);
    expect(hbnn('verify-results', results, '--sample', '2').err).toMatch(
      /--sample: expected at most the 1 trainings/,
    );
    expect(hbnn('verify-results', run, '--from', folder).err).toMatch(
      /--from: has an effect on a reproduction's results alone/,
    );
  });
});
