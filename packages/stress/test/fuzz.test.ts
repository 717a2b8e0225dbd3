import { random } from '@hbnn/core';
import { describe, expect, it } from 'vitest';
import { countedReader } from '../src/fuzz/coverage.ts';
import { fuzz } from '../src/fuzz/fuzz.ts';
import { mutate } from '../src/fuzz/mutations.ts';
import { bytesOfText, type Reader } from '../src/fuzz/reader.ts';
import { fuzzedReaders } from '../src/fuzz/readerNames.ts';

/** Inputs of readers that are bundled fast; `pnpm fuzz` takes all readers, with as many as one likes. */
const quickInputs: Readonly<Record<string, number>> = {
  npy: 5000,
  hbnn: 3000,
  'hbnn-body': 3000,
  liberty: 2000,
  idx: 500,
  config: 300,
  archive: 60,
  picture: 60,
  tfjs: 300,
};

describe('readers of changed files', () => {
  it.each(Object.entries(quickInputs))('%s refuse or load them whole', async (name, inputs) => {
    const { file, checksums } = fuzzedReaders[name];
    const report = await fuzz(await countedReader(file, { checksums }), { seed: 1, inputs });
    expect(report.findings.map(({ what }) => what)).toEqual([]);
    expect(report.inputs).toBeGreaterThanOrEqual(inputs);
    expect(report.loaded).toBeGreaterThan(0);
    expect(report.refused).toBeGreaterThan(0);
  });
});

describe('fuzzing', () => {
  const broken: Reader<number> = {
    form: 'bytes',
    seeds: [bytesOfText('a fair beginning')],
    words: ['bad'],
    read(bytes) {
      if (Buffer.from(bytes).includes('bad')) throw new TypeError('cannot read it');
      return bytes.length;
    },
    check(length) {
      if (length === 3) throw new Error('a wrong load');
    },
  };

  it('finds what is thrown and what is loaded wrongly, with an input that shows it', async () => {
    const coverage = { take: () => false, places: 0 };
    const { findings } = await fuzz({ reader: broken, coverage }, { seed: 1, inputs: 5000 });
    expect(findings.map(({ what }) => what.replace(/ \[.*/, '')).sort()).toEqual([
      'Error: a wrong load',
      'TypeError: cannot read it',
    ]);
    for (const { input, what } of findings)
      expect(() => broken.check(broken.read(input) as number, input)).toThrow(
        /: (.*) \[/.exec(what)?.[1],
      );
  });

  it('changes inputs the same way for the same seed, and leaves them as they were', () => {
    const input = bytesOfText('{"layers": [{"name": "a", "units": 3}, {"name": "b"}]}');
    const material = { form: 'json', corpus: [input], words: [bytesOfText('word')] } as const;
    const changed = (): string[] => {
      const rng = random(7, 'changes');
      return Array.from({ length: 300 }, () =>
        Buffer.from(mutate(input, material, rng)).toString('latin1'),
      );
    };
    const before = Buffer.from(input).toString();
    expect(changed()).toEqual(changed());
    expect(new Set(changed()).size).toBeGreaterThan(150);
    expect(Buffer.from(input).toString()).toBe(before);
  });
});
