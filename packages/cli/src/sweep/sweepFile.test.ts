import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSweepFile } from './sweepFile.ts';

const folder = mkdtempSync(join(tmpdir(), 'hbnn-sweep-'));
const fileOf = (text: string, name = 'sweep.json'): string => {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
};
const of = (value: unknown): string => fileOf(JSON.stringify(value));

describe('the file of a sweep', () => {
  it('asks for every combination with every seed, as JSON and as YAML', () => {
    const json = of({
      settings: { epochs: 2, limit: 500 },
      configurations: [{ network: 'fcn4', widths: [8, 16, 16] }, { network: 'vgg8' }],
      grid: { weights: [1.4, '0.7/0.2/0.1'], batch: [32] },
      seeds: [3, 1],
    });
    const yaml = fileOf(
      `
settings: { epochs: 2, limit: 500 } # shared
configurations:
  - network: fcn4
    widths: [8, 16, 16]
  - network: vgg8
grid:
  weights: [1.4, 0.7/0.2/0.1]
  batch: [32]
seeds: [3, 1]
`,
      'sweep.yaml',
    );
    const asked = readSweepFile(json);
    expect(asked.seeds).toEqual([3, 1]);
    expect(asked.settings.map(({ values }) => values)).toEqual([
      { network: 'fcn4', widths: [8, 16, 16], weights: 1.4, batch: 32 },
      { network: 'fcn4', widths: [8, 16, 16], weights: '0.7/0.2/0.1', batch: 32 },
      { network: 'vgg8', weights: 1.4, batch: 32 },
      { network: 'vgg8', weights: '0.7/0.2/0.1', batch: 32 },
    ]);
    expect(asked.settings[2].fields).toEqual({
      epochs: 2,
      limit: 500,
      network: 'vgg8',
      weights: 1.4,
      batch: 32,
    });
    const { placeOf } = asked.settings[1];
    expect(['epochs', 'widths.2', 'weights', 'momentum', ''].map(placeOf)).toEqual([
      `${json}: settings.epochs`,
      `${json}: configurations.0.widths.2`,
      `${json}: grid.weights.1`,
      `${json}: momentum`,
      json,
    ]);
    const plain = ({ settings, seeds }: typeof asked) => ({
      seeds,
      settings: settings.map(({ fields, values }) => ({ fields, values })),
    });
    expect(plain(readSweepFile(yaml))).toEqual(plain(asked));
  });

  it('counts seeds from 1, and has one setting and one seed where nothing else is said', () => {
    expect(readSweepFile(of({ seeds: 3 })).seeds).toEqual([1, 2, 3]);
    const { settings, seeds } = readSweepFile(of({ settings: { epochs: 1 } }));
    expect([seeds, settings.length, settings[0].values]).toEqual([[1], 1, {}]);
  });

  it.each([
    [{ gird: { weights: [1, 2] } }, "got 'gird'; did you mean 'grid'?"],
    [{ epochs: 3 }, "got 'epochs'; settings of trainings belong below settings"],
    [[1, 2], 'expected an object with settings'],
    [{ grid: { weights: 1.4 } }, 'grid.weights: expected a list of values, got 1.4'],
    [{ grid: { weights: [] } }, 'grid.weights: expected a list of values, got []'],
    [{ grid: { widths: [[8], [8]] } }, 'grid.widths: expected different values, got [8] twice'],
    [{ grid: { seed: [1, 2] } }, 'grid.seed: expected no seed here'],
    [{ settings: { seed: 1 } }, 'settings.seed: expected no seed here'],
    [{ configurations: [{ seed: 1 }] }, 'configurations.0.seed: expected no seed here'],
    [{ configurations: {} }, 'configurations: expected a list of settings, got {}'],
    [{ configurations: [7] }, 'configurations.0: expected an object of settings, got 7'],
    [
      { configurations: [{ weights: 1 }], grid: { weights: [1, 2] } },
      'configurations.0.weights: expected a field that grid does not vary',
    ],
    [
      { settings: { weights: 1 }, grid: { weights: [1, 2] } },
      'settings.weights: expected a field that grid does not vary',
    ],
    [{ seeds: [1, 1] }, 'seeds: expected different seeds, got 1 twice'],
    [{ seeds: 0 }, 'seeds: expected a list of whole numbers'],
    [{ seeds: 1.5 }, 'seeds: expected a list of whole numbers'],
    [{ seeds: ['1'] }, 'seeds: expected a list of whole numbers'],
    [{ seeds: [] }, 'seeds: expected a list of whole numbers'],
    [
      { grid: { batch: Array.from({ length: 2000 }, (_, i) => i + 1) }, seeds: 100 },
      'expected at most 100000 trainings, got 200000',
    ],
  ])('%j is refused', (value, message) => {
    const file = of(value);
    expect(() => readSweepFile(file)).toThrow(message);
    expect(() => readSweepFile(file)).toThrow(file);
  });

  it.each([
    ['{"seeds": 1', 'sweep.json', 'is not JSON'],
    ['seeds: [1, 2', 'sweep.yml', 'is not YAML'],
    ['seeds: 1\nseeds: 2\n', 'sweep.yaml', 'Map keys must be unique'],
    ['seeds: !count 3\n', 'sweep.yaml', 'Unresolved tag'],
    ['grid: *absent\n', 'sweep.yaml', 'absent'],
  ])('%j in %s is refused in one line', (text, name, message) => {
    const file = fileOf(text, name);
    expect(() => readSweepFile(file)).toThrow(message);
    expect(() => readSweepFile(file)).toThrow(/^[^\n]*$/);
  });

  it('is named where it is not there', () => {
    const file = join(folder, 'none.json');
    expect(() => readSweepFile(file)).toThrow(`${file}: could not be read`);
  });
});
