import { appendFileSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HbnnError } from '@hbnn/core';
import { runConfig } from '@hbnn/train';
import { describe, expect, it } from 'vitest';
import { finishedTrainings, storedResults } from '../runner.ts';
import { ledgerDifferences } from './differences.ts';
import { appendLine, type LedgerLine, readLedger, readLedgers, trainingKey } from './ledger.ts';
import { drawLines, linesByWeights } from './verify.ts';

const code = {
  core: 'c'.repeat(12),
  train: 'a'.repeat(12),
  wasm: 'b'.repeat(12),
  datasets: 'd'.repeat(12),
};

function line(seed: number, change: Partial<LedgerLine> = {}): LedgerLine {
  return {
    config: runConfig({ network: 'alexnet-bn', from: '/some/where', seed }),
    data: { label: 'CIFAR-10', sha256: '1'.repeat(64) },
    trainImages: 50000,
    testImages: 10000,
    top1: 0.5 + seed / 1000,
    top5: 0.9,
    testLoss: 1.25,
    trainLoss: 1.5,
    epochs: [{ epoch: 0, loss: 1.75, accuracy: 0.25 }],
    steps: 782,
    parameters: 39601,
    weightsSha256: seed.toString(16).padStart(64, 'abcdef'),
    seconds: 10,
    imagesPerSecond: 5000,
    backend: 'wasm',
    code,
    commit: 'f'.repeat(40),
    machine: 'a machine',
    node: 'v20.20.2',
    tensorflow: '4.22.0',
    ended: '2026-01-01T00:00:00.000Z',
    ...change,
  };
}

const newFolder = (): string => mkdtempSync(join(tmpdir(), 'hbnn-ledger-'));

describe('the ledger', () => {
  it('gives back what was added, without where data lay', () => {
    const folder = newFolder();
    const lines = [line(1), line(2, { weightBits: 1.585 })];
    for (const each of lines) appendLine(join(folder, 'below', 'a.jsonl'), each);
    const { from: _, ...config } = lines[0].config;
    const found = readLedgers(join(folder, 'below'));
    expect(found).toEqual(
      lines.map((each, i) => ({ ...each, config: { ...config, seed: i + 1 } })),
    );
    expect(readFileSync(join(folder, 'below', 'a.jsonl'), 'utf8')).not.toContain('/some/where');
    expect(readLedger(join(folder, 'none.jsonl'))).toEqual([]);
    expect(readLedgers(join(folder, 'none'))).toEqual([]);
  });

  it('loses nothing but a line that a crash cut off, and mends it at the next', () => {
    const file = join(newFolder(), 'a.jsonl');
    appendLine(file, line(1));
    const whole = readFileSync(file, 'utf8');
    appendFileSync(file, whole.slice(0, 100));
    expect(readLedger(file)).toHaveLength(1);
    appendLine(file, line(2));
    expect(readLedger(file).map(({ config }) => config.seed)).toEqual([1, 2]);
    // A last line whose end an editor took away is whole.
    writeFileSync(file, whole.trimEnd());
    appendLine(file, line(3));
    expect(readLedger(file).map(({ config }) => config.seed)).toEqual([1, 3]);
  });

  it.each([
    ['text', 'a.jsonl:2: expected a finished training'],
    ['{"top1":1}', 'a.jsonl:2'],
    [JSON.stringify({ ...line(1), colour: 'red' }), 'colour'],
    [JSON.stringify({ ...line(1), config: { network: 'huge' } }), 'a.jsonl:2, config.network'],
    [JSON.stringify({ ...line(1), top1: 63.5 }), 'top1'],
  ])('refuses a line that is none: %s', (text, named) => {
    const file = join(newFolder(), 'a.jsonl');
    appendLine(file, line(1));
    appendFileSync(file, `${text}\n`);
    expect(() => readLedger(file)).toThrow(HbnnError);
    expect(() => readLedger(file)).toThrow(named);
  });

  it('names a training by configuration, seed and images, wherever they lie', () => {
    const { config } = line(1);
    const key = trainingKey(config, '1');
    expect(trainingKey({ ...config, from: '/else/where' }, '1')).toBe(key);
    expect(trainingKey({ ...config, seed: 2 }, '1')).not.toBe(key);
    expect(trainingKey(config, '2')).not.toBe(key);
  });

  it('gives trainings of other code only when told to, and of equals the latest', () => {
    const other = line(1, { code: { ...code, core: '0'.repeat(12) } });
    const key = trainingKey(other.config, other.data.sha256);
    expect(finishedTrainings([other], code).size).toBe(0);
    expect(finishedTrainings([other], 'any').get(key)).toBe(other);
    const later = line(1, { top1: 0.75 });
    expect(finishedTrainings([line(1), later], code).get(key)).toBe(later);
  });

  it('makes results without training, and mixes no images', () => {
    const { seed: _, ...config } = line(1).config;
    const settings = [{ id: 's', config, seeds: [1, 2, 3] }];
    const found = storedResults(settings, [line(1), line(3), line(4)]).get('s');
    expect(found?.map((run) => [run.config.seed, run.top1])).toEqual([
      [1, 0.501],
      [3, 0.503],
    ]);
    const others = line(2, { data: { label: 'CIFAR-10', sha256: '2'.repeat(64) } });
    expect(() => storedResults(settings, [line(1), others])).toThrow('same images');
  });

  it('draws by a seed and finds trainings by their weights', () => {
    const lines = Array.from({ length: 20 }, (_, i) => line(i + 1));
    const drawn = drawLines(lines, 5, 7);
    expect(new Set(drawn).size).toBe(5);
    expect(drawLines(lines, 5, 7)).toEqual(drawn);
    expect(drawLines(lines, 5, 8)).not.toEqual(drawn);
    expect(() => drawLines(lines, 21, 7)).toThrow('at most the 20');
    expect(linesByWeights([line(1)], ['abcdefab'])).toEqual([line(1)]);
    expect(() => linesByWeights(lines, ['abcdefab'])).toThrow('20 trainings');
    expect(() => linesByWeights(lines, ['abc'])).toThrow('6 or more');
  });

  it('says where own trainings differ from committed ones', () => {
    const changed = line(2, { weightsSha256: '0'.repeat(64), top1: 0.25 });
    const found = ledgerDifferences([line(1), changed, line(3)], [line(1), line(2)]);
    expect(found[0]).toBe(
      '3 trainings here: 1 have the weights of the committed ones, 1 have others, 1 are not among the committed ones',
    );
    expect(found.slice(1).join()).toContain('top-1 25.00 % here, 50.20 % committed');
  });
});
